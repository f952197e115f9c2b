//===- Recurrence.cpp - seq.recurrence, seq.weight
//----------------------------===//

#include "seq/Seq.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;

/// The type of one time slice: `sequence` without dimension `dim`.
static RankedTensorType dropDim(RankedTensorType sequence, int64_t dim) {
  SmallVector<int64_t> shape(sequence.getShape());
  shape.erase(shape.begin() + dim);
  return RankedTensorType::get(shape, sequence.getElementType());
}

RankedTensorType RecurrenceOp::getSliceType(RankedTensorType sequence) {
  return dropDim(sequence, getDim());
}

Block::BlockArgListType RecurrenceOp::getInputSlices() {
  return getBody().getArguments().take_front(getInputs().size());
}

Block::BlockArgListType RecurrenceOp::getOutputSlices() {
  return getBody().getArguments().slice(getInputs().size(),
                                        getOutputs().size());
}

Block::BlockArgListType RecurrenceOp::getStateArguments() {
  return getBody().getArguments().take_back(getStates().size());
}

OperandRange RecurrenceOp::getYieldedOutputs() {
  return getBody().front().getTerminator()->getOperands().take_front(
      getOutputs().size());
}

OperandRange RecurrenceOp::getYieldedStates() {
  return getBody().front().getTerminator()->getOperands().take_back(
      getStates().size());
}

ResultRange RecurrenceOp::getOutputResults() {
  return getResults().take_front(getOutputs().size());
}

ResultRange RecurrenceOp::getStateResults() {
  return getResults().take_back(getStates().size());
}

Value RecurrenceOp::getTimeSource() {
  return getInputs().empty() ? getOutputs().front() : getInputs().front();
}

MutableOperandRange RecurrenceOp::getDpsInitsMutable() {
  return MutableOperandRange(getOperation(), getInputs().size(),
                             getOutputs().size() + getStates().size());
}

LogicalResult RecurrenceOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location>,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getOutputs().getTypes());
  llvm::append_range(types, adaptor.getStates().getTypes());
  return success();
}

LogicalResult RecurrenceOp::verify() {
  int64_t dim = getDim();
  int64_t times = ShapedType::kDynamic;
  if (getInputs().empty() && getOutputs().empty())
    return emitOpError(
        "C1: needs a sequence, in ins or outs, to tell the number "
        "of times");
  for (Value sequence : llvm::concat<Value>(llvm::to_vector(getInputs()),
                                            llvm::to_vector(getOutputs()))) {
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
  return success();
}

SmallVector<Value> RecurrenceOp::getSequences() {
  SmallVector<Value> sequences(getInputs());
  llvm::append_range(sequences, getOutputs());
  llvm::append_range(sequences, getOutputResults());
  return sequences;
}

SmallVector<CarriedState> RecurrenceOp::getCarriedStates() {
  SmallVector<CarriedState> states;
  for (auto [initial, last] :
       llvm::zip(getStatesMutable(), getStateResults()))
    states.push_back({"state", &initial, last});
  return states;
}

int64_t RecurrenceOp::getTimeDim() { return getDim(); }

LogicalResult RecurrenceOp::verifyRegions() {
  Block &block = getBody().front();
  SmallVector<Type> expected;
  for (Type type : getInputs().getTypes())
    expected.push_back(getSliceType(cast<RankedTensorType>(type)));
  for (Type type : getOutputs().getTypes())
    expected.push_back(getSliceType(cast<RankedTensorType>(type)));
  llvm::append_range(expected, getStates().getTypes());
  if (block.getNumArguments() != expected.size())
    return emitOpError("C2: the region has ")
           << block.getNumArguments() << " arguments, expected "
           << expected.size();
  for (auto [index, argument, type] :
       llvm::enumerate(block.getArguments(), expected))
    if (argument.getType() != type)
      return emitOpError("C2: region argument ")
             << index << " is " << argument.getType() << ", expected " << type;
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("C3: the region must end with seq.yield");
  ArrayRef<Type> yielded = ArrayRef(expected).drop_front(getInputs().size());
  if (yield.getNumOperands() != yielded.size())
    return emitOpError("C3: seq.yield hands over ")
           << yield.getNumOperands() << " values, expected " << yielded.size();
  for (auto [index, value, type] :
       llvm::enumerate(yield.getOperands(), yielded))
    if (value.getType() != type)
      return emitOpError("C3: yielded value ")
             << index << " is " << value.getType() << ", expected " << type;
  return success();
}

LogicalResult WeightOp::verify() {
  bool hasHole = getTensor().contains("{}");
  if (hasHole != static_cast<bool>(getIndex()))
    return emitOpError(hasHole ? "C1: the name holds {}, an index is missing"
                               : "C1: an index, but no {} in the name");
  if (!cast<RankedTensorType>(getResult().getType()).hasStaticShape())
    return emitOpError("C2: the type must have a static shape");
  return success();
}
