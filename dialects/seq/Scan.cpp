//===- Scan.cpp - seq.scan ------------------------------------------------------===//

#include "seq/Seq.h"

using namespace mlir;
using namespace mlir::seq;

RankedTensorType ScanOp::getSliceType(RankedTensorType sequence) {
  SmallVector<int64_t> shape(sequence.getShape());
  shape.erase(shape.begin() + getDim());
  return RankedTensorType::get(shape, sequence.getElementType());
}

ResultRange ScanOp::getSequenceResults() {
  return getResults().take_front(getInputs().size());
}

ResultRange ScanOp::getTotalResults() {
  return getResults().drop_front(getInputs().size());
}

Block::BlockArgListType ScanOp::getEarlier() {
  return getCombiner().getArguments().take_front(getInputs().size());
}

Block::BlockArgListType ScanOp::getLater() {
  return getCombiner().getArguments().drop_front(getInputs().size());
}

LogicalResult ScanOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getInputs().getTypes());
  llvm::append_range(types, adaptor.getInitials().getTypes());
  return success();
}

LogicalResult ScanOp::verify() {
  int64_t dim = getDim();
  int64_t times = ShapedType::kDynamic;
  if (getInputs().empty())
    return emitOpError("C1: needs at least one sequence");
  for (Value sequence : getInputs()) {
    auto type = cast<RankedTensorType>(sequence.getType());
    if (dim < 0 || dim >= type.getRank())
      return emitOpError("C1: no dimension ")
             << dim << " in sequence of type " << type;
    int64_t size = type.getDimSize(dim);
    if (ShapedType::isDynamic(size))
      continue;
    if (!ShapedType::isDynamic(times) && times != size)
      return emitOpError("C1: sequences of ")
             << times << " and of " << size << " times";
    times = size;
  }
  if (getInitials().empty()) {
    if (getExclusive())
      return emitOpError("C2: exclusive without init");
    return success();
  }
  if (getInitials().size() != getInputs().size())
    return emitOpError("C2: ") << getInitials().size() << " initial tensors for "
                               << getInputs().size() << " sequences";
  for (auto [sequence, initial] : llvm::zip(getInputs(), getInitials())) {
    Type slice = getSliceType(cast<RankedTensorType>(sequence.getType()));
    if (initial.getType() != slice)
      return emitOpError("C2: initial tensor is ")
             << initial.getType() << ", expected " << slice;
  }
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  Block &block = getCombiner().front();
  SmallVector<Type> slices;
  for (Type type : getInputs().getTypes())
    slices.push_back(getSliceType(cast<RankedTensorType>(type)));
  SmallVector<Type> expected(slices);
  expected.append(slices);
  if (block.getArgumentTypes() != TypeRange(expected))
    return emitOpError("C3: the combiner takes ")
           << block.getArgumentTypes() << ", expected " << TypeRange(expected);
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("C3: the combiner must end with seq.yield");
  if (yield.getOperandTypes() != TypeRange(slices))
    return emitOpError("C3: the combiner yields ")
           << yield.getOperandTypes() << ", expected " << TypeRange(slices);
  return success();
}
