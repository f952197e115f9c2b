//===- TimeLifter.cpp - a step's values for all times at once -----------------------===//

#include "TimeLifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

bool seqc::isDataMovement(Operation *op) {
  return isa<tensor::EmptyOp, tensor::SplatOp, tensor::CastOp,
             tensor::ExtractSliceOp, tensor::InsertSliceOp,
             tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ConcatOp,
             linalg::FillOp, linalg::BroadcastOp, linalg::TransposeOp,
             arith::ConstantOp>(op);
}

static bool isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>() && op->getNumRegions() == 0 &&
         op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

/// Whether the reshape leaves the first `count` dimensions alone.
static bool keepsLeading(ArrayRef<ReassociationIndices> groups,
                         unsigned count) {
  return groups.size() >= count &&
         llvm::all_of(groups.take_front(count),
                      [](const auto &group) { return group.size() == 1; });
}

/// The groups of the reshape that leaves a further dimension `dim` alone.
static SmallVector<ReassociationIndices>
insertGroup(ArrayRef<ReassociationIndices> groups, int64_t dim) {
  SmallVector<ReassociationIndices> inserted;
  for (const ReassociationIndices &group : groups) {
    auto &shifted = inserted.emplace_back(group);
    for (int64_t &i : shifted)
      i += i >= dim;
  }
  inserted.insert(inserted.begin() + dim, ReassociationIndices{dim});
  return inserted;
}

TimeLifter::TimeLifter(seq::RecurrenceOp recurrence,
                       const DimensionAnalysis &analysis, OpBuilder &builder)
    : recurrence(recurrence), analysis(analysis), builder(builder),
      time(recurrence.getDim()) {
  Value source = recurrence.getTimeSource();
  staticTimes = cast<RankedTensorType>(source.getType()).getDimSize(time);
  for (auto [slice, sequence] :
       llvm::zip(recurrence.getInputSlices(), recurrence.getInputs()))
    sequences[slice] = sequence;
}

OpFoldResult TimeLifter::getTimes() {
  if (!times)
    times = tensor::getMixedSize(builder, recurrence.getLoc(),
                                 recurrence.getTimeSource(), time);
  return times;
}

bool TimeLifter::isOutside(Value value) {
  return !recurrence.getBody().isAncestor(value.getParentRegion());
}

RankedTensorType TimeLifter::getSequenceType(RankedTensorType slice) {
  SmallVector<int64_t> shape(slice.getShape());
  shape.insert(shape.begin() + time, staticTimes);
  return slice.clone(shape);
}

bool TimeLifter::hasKnownSizes(Value value) {
  return cast<RankedTensorType>(value.getType()).hasStaticShape() ||
         isOutside(value) ||
         llvm::is_contained(recurrence.getBody().getArguments(), value);
}

SmallVector<OpFoldResult> TimeLifter::getSliceSizes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Location loc = recurrence.getLoc();
  if (type.hasStaticShape())
    return getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  if (isOutside(value))
    return tensor::getMixedSizes(builder, loc, value);
  unsigned number = cast<BlockArgument>(value).getArgNumber();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(
      builder, loc, recurrence->getOperand(number));
  if (sizes.size() > static_cast<size_t>(type.getRank()))
    sizes.erase(sizes.begin() + time);
  return sizes;
}

Value TimeLifter::createEmpty(Value like) {
  return tensor::EmptyOp::create(
      builder, like.getLoc(), getSliceSizes(like),
      cast<RankedTensorType>(like.getType()).getElementType());
}

Value TimeLifter::createEmptySequence(Value slice) {
  SmallVector<OpFoldResult> sizes = getSliceSizes(slice);
  sizes.insert(sizes.begin() + time, getTimes());
  return tensor::EmptyOp::create(
      builder, slice.getLoc(), sizes,
      cast<RankedTensorType>(slice.getType()).getElementType());
}

//===----------------------------------------------------------------------===//
// Time-invariant values
//===----------------------------------------------------------------------===//

static bool isUnreadDestination(OpOperand &operand) {
  auto op = dyn_cast<linalg::LinalgOp>(operand.getOwner());
  return op && op.isDpsInit(&operand) &&
         !op.payloadUsesValueFromOperand(&operand);
}

bool TimeLifter::canMoveOut(Value value) {
  if (isOutside(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || analysis.dependsOnTime(value) || !isPure(op))
    return false;
  // What nested regions read must be outside already: operands are replaced,
  // captures are not.
  WalkResult captures = op->walk([&](Operation *nested) {
    if (nested == op)
      return WalkResult::advance();
    for (Value operand : nested->getOperands())
      if (!op->isAncestor(operand.getParentRegion()->getParentOp()) &&
          !isOutside(operand))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return !captures.wasInterrupted() &&
         llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
           return canMoveOut(operand.get()) ||
                  (isUnreadDestination(operand) &&
                   hasKnownSizes(operand.get()));
         });
}

Value TimeLifter::moveOut(Value value) {
  if (isOutside(value))
    return value;
  if (Value known = outside.lookup(value))
    return known;
  Operation *op = value.getDefiningOp();
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands())
    mapping.map(operand.get(), canMoveOut(operand.get())
                                   ? moveOut(operand.get())
                                   : createEmpty(operand.get()));
  Operation *copy = builder.clone(*op, mapping);
  for (auto [inner, outer] : llvm::zip(op->getResults(), copy->getResults()))
    outside[inner] = outer;
  return outside[value];
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

bool TimeLifter::canLift(Value value) {
  if (sequences.contains(value))
    return true;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() < time)
    return false;
  if (!analysis.dependsOnTime(value))
    return canMoveOut(value) && hasKnownSizes(value);
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  auto [it, isNew] = liftable.try_emplace(value, false);
  if (isNew) {
    bool can = canLiftOperation(op);
    liftable[value] = can;
    return can;
  }
  return it->second;
}

bool TimeLifter::canLiftOperation(Operation *op) {
  if (!isPure(op))
    return false;
  // A tensor that has a time of its own, or one for all times.
  auto isAvailable = [&](Value value) {
    return analysis.dependsOnTime(value) ? canLift(value) : canMoveOut(value);
  };
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    WalkResult captures = op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (nested != op && !isOutside(operand) &&
            !op->isAncestor(operand.getParentRegion()->getParentOp()))
          return WalkResult::interrupt();
      return WalkResult::advance();
    });
    return !captures.wasInterrupted() && linalgOp.getNumLoops() >= time &&
           llvm::all_of(linalgOp.getDpsInputs(), isAvailable) &&
           llvm::all_of(
               linalgOp.getDpsInitsMutable(), [&](OpOperand &operand) {
                 auto type = cast<RankedTensorType>(operand.get().getType());
                 return type.getRank() >= time &&
                        (canLift(operand.get()) ||
                         (isUnreadDestination(operand) &&
                          hasKnownSizes(operand.get())));
               });
  }
  if (isElementwise(op))
    return llvm::all_of(op->getOperands(), isAvailable);
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<tensor::CastOp>(
          [&](auto cast) { return canLift(cast.getSource()); })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp slice) {
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        for (unsigned dim = 0; dim < time; ++dim)
          if (dropped.test(dim))
            return false;
        return canLift(slice.getSource()) &&
               llvm::all_of(slice->getOperands().drop_front(),
                            [&](Value v) { return canMoveOut(v); });
      })
      .Case<tensor::ExpandShapeOp>([&](tensor::ExpandShapeOp reshape) {
        return reshape.getType().hasStaticShape() &&
               canLift(reshape.getSrc()) &&
               keepsLeading(reshape.getReassociationIndices(), time);
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp reshape) {
        return canLift(reshape.getSrc()) &&
               keepsLeading(reshape.getReassociationIndices(), time);
      })
      .Case<tensor::ConcatOp>([&](tensor::ConcatOp concat) {
        return llvm::all_of(concat.getInputs(),
                            [&](Value input) { return canLift(input); });
      })
      .Default(false);
}

Value TimeLifter::lift(Value value) {
  if (Value known = sequences.lookup(value)) {
    // The number of times may be known of one sequence and not of another.
    Type type = getSequenceType(cast<RankedTensorType>(value.getType()));
    if (known.getType() != type)
      sequences[value] =
          tensor::CastOp::create(builder, value.getLoc(), type, known);
    return sequences[value];
  }
  if (!analysis.dependsOnTime(value))
    return liftDestination(value, /*isRead=*/true);
  Operation *op = value.getDefiningOp();
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    liftLinalg(linalgOp);
  else if (isElementwise(op))
    liftElementwise(op);
  else
    liftOperation(op);
  return sequences[value];
}

/// A sequence to be written, holding the destination's elements if they are
/// read. Values that are the same at all times are not remembered as sequences.
Value TimeLifter::liftDestination(Value destination, bool isRead) {
  if (!isRead)
    return createEmptySequence(destination);
  if (analysis.dependsOnTime(destination))
    return lift(destination);
  if (auto fill = destination.getDefiningOp<linalg::FillOp>())
    return linalg::FillOp::create(builder, fill.getLoc(),
                                  moveOut(fill.getInputs().front()),
                                  createEmptySequence(destination))
        .getResult(0);
  if (auto constant = destination.getDefiningOp<arith::ConstantOp>())
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
        splat && !ShapedType::isDynamic(staticTimes))
      return arith::ConstantOp::create(
          builder, constant.getLoc(),
          splat.resizeSplat(getSequenceType(
              cast<RankedTensorType>(destination.getType()))));
  return linalg::BroadcastOp::create(
             builder, destination.getLoc(), moveOut(destination),
             createEmptySequence(destination),
             SmallVector<int64_t>{static_cast<int64_t>(time)})
      .getResults()
      .front();
}

void TimeLifter::liftLinalg(linalg::LinalgOp op) {
  MLIRContext *context = builder.getContext();
  unsigned loops = op.getNumLoops();
  // Loop `time` is new; the loops from there on move up by one.
  SmallVector<AffineExpr> shifted;
  for (unsigned loop = 0; loop < loops; ++loop)
    shifted.push_back(getAffineDimExpr(loop + (loop >= time), context));
  auto liftMap = [&](OpOperand &operand, bool hasTime) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<AffineExpr> exprs;
    for (AffineExpr expr : map.getResults())
      exprs.push_back(expr.replaceDims(shifted));
    if (hasTime)
      exprs.insert(exprs.begin() + time, getAffineDimExpr(time, context));
    return AffineMap::get(loops + 1, 0, exprs, context);
  };
  SmallVector<Value> inputs, inits;
  SmallVector<AffineMap> maps;
  for (OpOperand *input : op.getDpsInputOperands()) {
    bool varies = analysis.dependsOnTime(input->get());
    inputs.push_back(varies ? lift(input->get()) : moveOut(input->get()));
    maps.push_back(liftMap(*input, varies));
  }
  for (OpOperand &init : op.getDpsInitsMutable()) {
    inits.push_back(
        liftDestination(init.get(), op.payloadUsesValueFromOperand(&init)));
    maps.push_back(liftMap(init, /*hasTime=*/true));
  }
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.insert(iterators.begin() + time, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, op.getLoc(), ValueRange(inits).getTypes(), inputs, inits, maps,
      iterators);
  IRMapping mapping;
  op->getRegion(0).cloneInto(&generic.getRegion(), mapping);
  generic.walk([&](linalg::IndexOp index) {
    if (index.getDim() >= time)
      index.setDim(index.getDim() + 1);
  });
  for (auto [slice, sequence] :
       llvm::zip(op->getResults(), generic.getResults()))
    sequences[slice] = sequence;
}

/// As it is if every operand has a time, otherwise as a linalg.generic, whose
/// maps leave out the time of the operands that have none.
void TimeLifter::liftElementwise(Operation *op) {
  Value result = op->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  bool allVary = llvm::all_of(op->getOperands(), [&](Value operand) {
    return analysis.dependsOnTime(operand);
  });
  IRMapping mapping;
  if (allVary) {
    for (Value operand : op->getOperands())
      mapping.map(operand, lift(operand));
    Operation *copy = builder.clone(*op, mapping);
    auto sequence = cast<RankedTensorType>(copy->getOperand(0).getType());
    copy->getResult(0).setType(sequence.clone(type.getElementType()));
    sequences[result] = copy->getResult(0);
    return;
  }
  MLIRContext *context = builder.getContext();
  unsigned rank = type.getRank() + 1;
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, context);
  AffineMap withoutTime = identity.dropResult(time);
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  Value like;
  for (Value operand : op->getOperands()) {
    if (analysis.dependsOnTime(operand)) {
      inputs.push_back(like = lift(operand));
      maps.push_back(identity);
    } else {
      inputs.push_back(moveOut(operand));
      bool isTensor = isa<RankedTensorType>(operand.getType());
      maps.push_back(isTensor ? withoutTime : AffineMap::get(rank, 0, context));
    }
  }
  maps.push_back(identity);
  Value empty = tensor::EmptyOp::create(
      builder, op->getLoc(), tensor::getMixedSizes(builder, op->getLoc(), like),
      type.getElementType());
  auto generic = linalg::GenericOp::create(
      builder, op->getLoc(), empty.getType(), inputs, empty, maps,
      SmallVector(rank, utils::IteratorType::parallel),
      [&](OpBuilder &nested, Location loc, ValueRange scalars) {
        OperationState state(loc, op->getName(),
                             scalars.take_front(op->getNumOperands()),
                             type.getElementType(), op->getAttrs());
        linalg::YieldOp::create(nested, loc,
                                nested.create(state)->getResults());
      });
  sequences[result] = generic.getResult(0);
}

void TimeLifter::liftOperation(Operation *op) {
  Location loc = op->getLoc();
  Value result = op->getResult(0);
  auto type = getSequenceType(cast<RankedTensorType>(result.getType()));
  auto outsideSizes = [&](ArrayRef<OpFoldResult> sizes) {
    return llvm::map_to_vector(sizes, [&](OpFoldResult size) {
      auto value = dyn_cast<Value>(size);
      return value ? OpFoldResult(moveOut(value)) : size;
    });
  };
  sequences[result] =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case<tensor::CastOp>([&](tensor::CastOp op) {
            return tensor::CastOp::create(builder, loc, type,
                                          lift(op.getSource()));
          })
          .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp op) {
            auto offsets = outsideSizes(op.getMixedOffsets());
            auto sizes = outsideSizes(op.getMixedSizes());
            auto strides = outsideSizes(op.getMixedStrides());
            offsets.insert(offsets.begin() + time, builder.getIndexAttr(0));
            sizes.insert(sizes.begin() + time, getTimes());
            strides.insert(strides.begin() + time, builder.getIndexAttr(1));
            return tensor::ExtractSliceOp::create(builder, loc, type,
                                                  lift(op.getSource()), offsets,
                                                  sizes, strides);
          })
          .Case<tensor::ExpandShapeOp>([&](tensor::ExpandShapeOp op) {
            auto sizes = getAsIndexOpFoldResult(builder.getContext(),
                                                op.getType().getShape());
            sizes.insert(sizes.begin() + time, getTimes());
            return tensor::ExpandShapeOp::create(
                builder, loc, type, lift(op.getSrc()),
                insertGroup(op.getReassociationIndices(), time), sizes);
          })
          .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp op) {
            return tensor::CollapseShapeOp::create(
                builder, loc, type, lift(op.getSrc()),
                insertGroup(op.getReassociationIndices(), time));
          })
          .Case<tensor::ConcatOp>([&](tensor::ConcatOp op) {
            SmallVector<Value> inputs;
            for (Value input : op.getInputs())
              inputs.push_back(lift(input));
            return tensor::ConcatOp::create(builder, loc, type,
                                            op.getDim() + (op.getDim() >= time),
                                            inputs);
          });
}
