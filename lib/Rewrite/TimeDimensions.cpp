//===- TimeDimensions.cpp - where time is in the values of a function -----===//

#include "TimeDimensions.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace seqc;

FailureOr<TimeDimensions> TimeDimensions::compute(
    func::FuncOp function, ArrayRef<std::optional<unsigned>> arguments,
    ArrayRef<std::optional<unsigned>> results, SymbolTableCollection &symbols,
    Refuse refuse, LastTime lastTime) {
  FunctionRelation relation(function, symbols);
  Operation *end = function.getBody().front().getTerminator();
  for (auto [argument, dim] : llvm::zip(function.getArguments(), arguments))
    if (dim)
      relation.addTime(argument, *dim);
  for (auto [result, dim] : llvm::zip(end->getOperands(), results))
    if (dim)
      relation.addTime(result, *dim);
  relation.finish();

  WalkResult attentions = function.walk([&](seq::AttentionOp op) {
    auto timeOf = [&](Value sequence) {
      return relation.classOf(relation.pairsOf(sequence)[1]);
    };
    if (!op.canStream() || timeOf(op.getQuery()) == timeOf(op.getKey()))
      return WalkResult::advance();
    refuse(op) << "queries and keys are not known to have one time";
    return WalkResult::interrupt();
  });
  if (attentions.wasInterrupted())
    return failure();

  DenseSet<unsigned> timeClasses = relation.getTimeClasses();
  TimeDimensions found;
  std::optional<DimensionRelation::Pair> second;
  for (auto [number, pair] : llvm::enumerate(relation.getPairs()))
    if (timeClasses.contains(relation.classOf(number)) &&
        !found.dims.try_emplace(pair.value, pair.dim).second && !second)
      second = pair;
  if (lastTime == LastTime::allowed)
    found.findLastTimes(function, relation);
  for (auto [number, op, reason] : relation.getObstacles()) {
    if (!timeClasses.contains(relation.classOf(number)))
      continue;
    // The part that is cut out is no sequence; the whole stays one.
    auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
    bool isAllowed =
        slice ? found.isLastTime(op) &&
                    relation.getPairs()[number].value == slice.getSource()
              : found.counts.contains(op);
    if (!isAllowed)
      return refuse(op) << "the time dimension " << reason;
  }
  if (second) {
    Operation *op = second->value.getDefiningOp();
    return refuse(op ? op : function)
           << "dimensions " << found.dims[second->value] << " and "
           << second->dim << " of a " << second->value.getType()
           << " are both time";
  }
  return found;
}

/// Whether `value` is `times` - 1.
static bool isOneLess(Value value, Value times) {
  if (auto sub = value.getDefiningOp<arith::SubIOp>())
    return sub.getLhs() == times && isConstantIntValue(sub.getRhs(), 1);
  if (auto add = value.getDefiningOp<arith::AddIOp>())
    return add.getLhs() == times && isConstantIntValue(add.getRhs(), -1);
  if (auto apply = value.getDefiningOp<affine::AffineApplyOp>())
    return apply.getMapOperands() == ValueRange(times) &&
           apply.getAffineMap().getNumResults() == 1 &&
           apply.getAffineMap().getResult(0) ==
               (apply.getAffineMap().getNumDims()
                    ? getAffineDimExpr(0, apply.getContext())
                    : getAffineSymbolExpr(0, apply.getContext())) -
                   1;
  return false;
}

/// Finds slices of one time at T - 1, and the operations that give a T of which
/// nothing else is asked but whether there is any time at all.
void TimeDimensions::findLastTimes(func::FuncOp function,
                                   FunctionRelation &relation) {
  function.walk([&](tensor::ExtractSliceOp slice) {
    std::optional<unsigned> time = of(slice.getSource());
    if (!time || !isConstantIntValue(slice.getMixedSizes()[*time], 1))
      return;
    OpFoldResult offset = slice.getMixedOffsets()[*time];
    int64_t known = slice.getSourceType().getDimSize(*time);
    if (std::optional<int64_t> constant = getConstantIntValue(offset)) {
      if (!ShapedType::isDynamic(known) && *constant == known - 1)
        lastTimes.insert(slice);
      return;
    }
    unsigned cls = relation.classOf(relation.pairsOf(slice.getSource())[*time]);
    Operation *less = cast<Value>(offset).getDefiningOp();
    if (!less || less->getNumOperands() == 0 ||
        llvm::count(slice->getOperands(), cast<Value>(offset)) > 1)
      return;
    auto dim = less->getOperand(0).getDefiningOp<tensor::DimOp>();
    if (dim && dim.getConstantIndex() && of(dim.getSource()) &&
        *of(dim.getSource()) == *dim.getConstantIndex() &&
        relation.classOf(relation.pairsOf(
            dim.getSource())[*dim.getConstantIndex()]) == cls &&
        isOneLess(cast<Value>(offset), dim))
      lastTimes.insert(slice);
  });
  function.walk([&](tensor::DimOp dim) {
    auto isAllowed = [&](Operation *user) {
      if (isa<tensor::EmptyOp, tensor::ExtractSliceOp, tensor::InsertSliceOp,
              tensor::ExpandShapeOp>(user))
        return true;
      if (isa<arith::CmpIOp>(user))
        return llvm::all_of(user->getUsers(), llvm::IsaPred<cf::AssertOp>);
      return user->getNumResults() == 1 && isOneLess(user->getResult(0), dim) &&
             llvm::all_of(user->getUsers(), [&](Operation *slice) {
               return lastTimes.contains(slice);
             });
    };
    if (llvm::all_of(dim->getUsers(), isAllowed))
      counts.insert(dim);
  });
}

std::optional<unsigned> TimeDimensions::of(Value value) const {
  auto it = dims.find(value);
  return it == dims.end() ? std::nullopt : std::optional(it->second);
}

TimeDims TimeDimensions::of(ValueRange values) const {
  return llvm::map_to_vector(values, [&](Value value) { return of(value); });
}

bool TimeDimensions::touches(Operation *op) const {
  auto hasTime = [&](Value value) { return of(value).has_value(); };
  return llvm::any_of(op->getOperands(), hasTime) ||
         llvm::any_of(op->getResults(), hasTime);
}
