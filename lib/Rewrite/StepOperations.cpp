//===- StepOperations.cpp - one time of pointwise operations ---------------------------===//

#include "StepCloner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

/// A linalg.generic without the loop that runs through time. (TimeDimensions
/// has made sure that the loop is parallel, and read as a dimension only.)
void StepCloner::cloneLinalg(Operation *operation, OpBuilder &builder) {
  auto op = cast<linalg::LinalgOp>(operation);
  MLIRContext *context = builder.getContext();
  unsigned loops = op.getNumLoops();
  unsigned timeLoop =
      cast<AffineDimExpr>(op.getMatchingIndexingMap(op.getDpsInitOperand(0))
                              .getResult(*times.of(op->getResult(0))))
          .getPosition();
  SmallVector<AffineExpr> shifted;
  for (unsigned loop = 0; loop < loops; ++loop)
    shifted.push_back(getAffineDimExpr(loop - (loop > timeLoop), context));
  SmallVector<AffineMap> maps;
  SmallVector<Value> inputs, inits;
  for (OpOperand &operand : op->getOpOperands()) {
    SmallVector<AffineExpr> exprs;
    for (auto [dim, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (times.of(operand.get()) != dim)
        exprs.push_back(expr.replaceDims(shifted));
    maps.push_back(AffineMap::get(loops - 1, 0, exprs, context));
    (op.isDpsInit(&operand) ? inits : inputs)
        .push_back(mapping.lookup(operand.get()));
  }
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.erase(iterators.begin() + timeLoop);
  auto generic = linalg::GenericOp::create(builder, op.getLoc(),
                                           ValueRange(inits).getTypes(), inputs,
                                           inits, maps, iterators);
  op->getRegion(0).cloneInto(&generic.getRegion(), mapping);
  generic.walk([&](linalg::IndexOp index) {
    if (index.getDim() > timeLoop)
      index.setDim(index.getDim() - 1);
  });
  mapping.map(op->getResults(), generic.getResults());
}

/// The groups of a reshape without dimension `dim` of the longer shape. Unit
/// dimensions that were in its group go to the group beside.
static SmallVector<ReassociationIndices>
dropFromGroups(ArrayRef<ReassociationIndices> groups, int64_t dim) {
  SmallVector<ReassociationIndices> kept;
  ReassociationIndices units;
  for (const ReassociationIndices &group : groups) {
    ReassociationIndices shifted;
    for (int64_t i : group)
      if (i != dim)
        shifted.push_back(i - (i > dim));
    if (llvm::is_contained(group, dim)) {
      if (kept.empty())
        units = shifted;
      else
        kept.back().append(shifted);
      continue;
    }
    shifted.insert(shifted.begin(), units.begin(), units.end());
    units.clear();
    kept.push_back(shifted);
  }
  return kept;
}

static SmallVector<OpFoldResult> dropAt(ArrayRef<OpFoldResult> values,
                                        unsigned dim) {
  SmallVector<OpFoldResult> kept(values);
  kept.erase(kept.begin() + dim);
  return kept;
}

/// The last time so far is this one: the slice at T - 1 is what there is.
LogicalResult StepCloner::cloneLastTime(Operation *op, OpBuilder &builder) {
  auto slice = cast<tensor::ExtractSliceOp>(op);
  unsigned time = *times.of(slice.getSource());
  auto drop = [&](ArrayRef<OpFoldResult> values) {
    SmallVector<OpFoldResult> kept = dropAt(values, time);
    for (OpFoldResult &value : kept)
      if (auto inner = dyn_cast<Value>(value))
        value = mapping.lookupOrNull(inner);
    return kept;
  };
  auto offsets = drop(slice.getMixedOffsets());
  auto sizes = drop(slice.getMixedSizes());
  if (llvm::is_contained(offsets, OpFoldResult()) ||
      llvm::is_contained(sizes, OpFoldResult()))
    return op->emitError("no step can be derived: the operation depends on the "
                         "number of times");
  // The time of the slice, one index, if it is kept.
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  std::optional<unsigned> kept;
  if (!dropped.test(time)) {
    kept = time;
    for (unsigned dim = 0; dim < time; ++dim)
      *kept -= dropped.test(dim);
  }
  RankedTensorType type = slice.getType();
  SmallVector<int64_t> shape(type.getShape());
  if (kept)
    shape.erase(shape.begin() + *kept);
  Value part = tensor::ExtractSliceOp::create(
      builder, op->getLoc(), type.clone(shape),
      mapping.lookup(slice.getSource()), offsets, sizes,
      dropAt(slice.getMixedStrides(), time));
  if (kept) {
    SmallVector<ReassociationIndices> groups;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      bool joinsBefore = dim == *kept ? !groups.empty()
                                      : dim == 1 && *kept == 0;
      if (joinsBefore)
        groups.back().push_back(dim);
      else
        groups.push_back({dim});
    }
    if (shape.empty())
      groups.clear();
    SmallVector<OpFoldResult> whole =
        tensor::getMixedSizes(builder, op->getLoc(), part);
    whole.insert(whole.begin() + *kept, builder.getIndexAttr(1));
    part = tensor::ExpandShapeOp::create(builder, op->getLoc(), type, part,
                                         groups, whole);
  }
  mapping.map(slice.getResult(), part);
  return success();
}

LogicalResult StepCloner::cloneWithTime(Operation *op, OpBuilder &builder) {
  Location loc = op->getLoc();
  auto timeOf = [&](Value value) { return times.of(value); };
  bool complete = true;
  auto mapped = [&](Value value) -> Value {
    Value found = mapping.lookupOrNull(value);
    complete &= found != nullptr;
    return found;
  };
  auto mappedAll = [&](ArrayRef<OpFoldResult> values) {
    return llvm::map_to_vector(values, [&](OpFoldResult value) {
      auto inner = dyn_cast<Value>(value);
      return inner ? OpFoldResult(mapped(inner)) : value;
    });
  };
  auto incomplete = [&]() {
    return op->emitError("no step can be derived: the operation depends on the "
                         "number of times");
  };

  // The number of times has no counterpart; other sizes have.
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    int64_t index = *dim.getConstantIndex(),
            time = *timeOf(dim.getSource());
    if (index != time)
      mapping.map(dim.getResult(),
                  tensor::DimOp::create(builder, loc, mapped(dim.getSource()),
                                        index - (index > time))
                      .getResult());
    return success();
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    auto sizes = mappedAll(
        dropAt(empty.getMixedSizes(), *timeOf(empty.getResult())));
    if (!complete)
      return incomplete();
    mapping.map(empty.getResult(),
                tensor::EmptyOp::create(builder, loc, sizes,
                                        empty.getType().getElementType())
                    .getResult());
    return success();
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = cast<SplatElementsAttr>(constant.getValue());
    mapping.map(constant.getResult(),
                arith::ConstantOp::create(
                    builder, loc,
                    elements.resizeSplat(withoutTime(constant.getResult())))
                    .getResult());
    return success();
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    unsigned time = *timeOf(slice.getSource());
    auto offsets = mappedAll(dropAt(slice.getMixedOffsets(), time));
    auto sizes = mappedAll(dropAt(slice.getMixedSizes(), time));
    auto strides = mappedAll(dropAt(slice.getMixedStrides(), time));
    if (!complete)
      return incomplete();
    mapping.map(slice.getResult(),
                tensor::ExtractSliceOp::create(
                    builder, loc, withoutTime(slice.getResult()),
                    mapped(slice.getSource()), offsets, sizes, strides)
                    .getResult());
    return success();
  }
  if (auto slice = dyn_cast<tensor::InsertSliceOp>(op)) {
    unsigned time = *timeOf(slice.getDest());
    auto offsets = mappedAll(dropAt(slice.getMixedOffsets(), time));
    auto sizes = mappedAll(dropAt(slice.getMixedSizes(), time));
    auto strides = mappedAll(dropAt(slice.getMixedStrides(), time));
    if (!complete)
      return incomplete();
    mapping.map(slice.getResult(),
                tensor::InsertSliceOp::create(
                    builder, loc, mapped(slice.getSource()),
                    mapped(slice.getDest()), offsets, sizes, strides)
                    .getResult());
    return success();
  }
  if (auto reshape = dyn_cast<tensor::ExpandShapeOp>(op)) {
    unsigned time = *timeOf(reshape.getResult());
    auto sizes = mappedAll(dropAt(reshape.getMixedOutputShape(), time));
    if (!complete)
      return incomplete();
    mapping.map(reshape.getResult(),
                tensor::ExpandShapeOp::create(
                    builder, loc, withoutTime(reshape.getResult()),
                    mapped(reshape.getSrc()),
                    dropFromGroups(reshape.getReassociationIndices(), time),
                    sizes)
                    .getResult());
    return success();
  }
  if (!hasOperands(op))
    return incomplete();
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    mapping.map(fill.getResult(0),
                linalg::FillOp::create(builder, loc,
                                       mapped(fill.getInputs().front()),
                                       mapped(fill.getOutputs().front()))
                    .getResult(0));
    return success();
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    // One time may be broadcast (a length of 1, read at index 0).
    for (auto [result, init] :
         llvm::zip(op->getResults(), linalgOp.getDpsInitsMutable())) {
      std::optional<unsigned> dim = timeOf(result);
      if (!dim || !isa<AffineDimExpr>(
                      linalgOp.getMatchingIndexingMap(&init).getResult(*dim)))
        return op->emitError("no step can be derived: the result has no time, "
                             "but an operand has");
    }
    cloneLinalg(op, builder);
    return success();
  }
  if (auto reshape = dyn_cast<tensor::CollapseShapeOp>(op)) {
    unsigned time = *timeOf(reshape.getSrc());
    mapping.map(reshape.getResult(),
                tensor::CollapseShapeOp::create(
                    builder, loc, withoutTime(reshape.getResult()),
                    mapped(reshape.getSrc()),
                    dropFromGroups(reshape.getReassociationIndices(), time))
                    .getResult());
    return success();
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    unsigned time = *timeOf(concat.getResult());
    SmallVector<Value> inputs;
    for (Value input : concat.getInputs())
      inputs.push_back(mapped(input));
    mapping.map(concat.getResult(),
                tensor::ConcatOp::create(
                    builder, loc, withoutTime(concat.getResult()),
                    concat.getDim() - (concat.getDim() > time), inputs)
                    .getResult());
    return success();
  }
  if (isa<tensor::CastOp>(op) || op->hasTrait<OpTrait::Elementwise>()) {
    Operation *copy = builder.clone(*op, mapping);
    for (auto [before, after] : llvm::zip(op->getResults(), copy->getResults()))
      if (isa<RankedTensorType>(before.getType()))
        after.setType(withoutTime(before));
    return success();
  }
  return op->emitError("no step can be derived: the operation is not known "
                       "for one time");
}
