//===- Dimensions.cpp - the dimensions of a recurrence ----------------------------===//

#include "seqc/Analysis/Dimensions.h"

#include "seqc/Analysis/DimensionRelation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace seqc;

namespace {
/// The relation in the body of a recurrence; sums into output slices are no
/// obstacles.
class BodyRelation : public DimensionRelation {
public:
  /// A dimension that is summed into output slice `output`.
  struct Sum {
    unsigned pair;
    unsigned output;
  };

  explicit BodyRelation(seq::RecurrenceOp recurrence)
      : recurrence(recurrence) {}

  SmallVector<Sum> sums;

private:
  bool relateOther(Operation &op) override {
    auto yield = dyn_cast<seq::YieldOp>(op);
    if (!yield)
      return false;
    auto targets = recurrence.getBody().front().getArguments().drop_front(
        recurrence.getInputs().size());
    for (auto [value, target] : llvm::zip(yield.getValues(), targets))
      uniteAll(value, target);
    return true;
  }

  void reduce(linalg::LinalgOp op, Pair pair) override {
    if (std::optional<unsigned> output = outputSummedInto(op))
      sums.push_back({pairsOf(pair.value)[pair.dim], *output});
    else
      DimensionRelation::reduce(op, pair);
  }

  std::optional<unsigned> outputSummedInto(linalg::LinalgOp op);

  seq::RecurrenceOp recurrence;
};
} // namespace

/// The output slice into which `op` sums, if it does so as reductionOnly asks.
std::optional<unsigned> BodyRelation::outputSummedInto(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1)
    return std::nullopt;
  auto slice = dyn_cast<BlockArgument>(op.getDpsInitOperand(0)->get());
  auto outputs = recurrence.getOutputSlices();
  if (!slice || !llvm::is_contained(outputs, slice) || !slice.hasOneUse())
    return std::nullopt;
  unsigned output = slice.getArgNumber() - outputs.front().getArgNumber();
  OpResult result = op->getResult(0);
  if (!result.hasOneUse() || recurrence.getYieldedOutputs()[output] != result)
    return std::nullopt;
  BlockArgument accumulator = op.getRegionOutputArgs().front();
  Operation *add =
      op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add) ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != add)
    return std::nullopt;
  return output;
}

/// Adds to `dependent` the values of `body` computed from those in it.
static void propagateDependence(Block &body, DenseSet<Value> &dependent) {
  for (Operation &op : body) {
    if (isa<tensor::DimOp>(op))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    bool depends = false;
    op.walk([&](Operation *nested) {
      for (OpOperand &operand : nested->getOpOperands()) {
        bool isUnreadDestination =
            nested == &op && linalgOp && linalgOp.isDpsInit(&operand) &&
            !linalgOp.payloadUsesValueFromOperand(&operand);
        depends |= !isUnreadDestination && dependent.contains(operand.get());
      }
    });
    if (depends)
      dependent.insert_range(op.getResults());
  }
}

DimensionAnalysis::DimensionAnalysis(seq::RecurrenceOp recurrence)
    : recurrence(recurrence) {
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(recurrence.getBody(), used);
  llvm::copy_if(used, std::back_inserter(captures), [](Value value) {
    return isa<RankedTensorType>(value.getType());
  });

  BodyRelation relation(recurrence);
  auto outputs = recurrence.getOutputSlices();
  auto states = recurrence.getStateArguments();
  auto inputs = recurrence.getInputSlices();
  for (auto arguments : {states, outputs, inputs})
    for (Value argument : arguments)
      (void)relation.pairsOf(argument);
  for (Value capture : captures)
    (void)relation.pairsOf(capture);
  for (Operation &op : recurrence.getBody().front())
    relation.relate(op);

  relation.finish();
  SmallVector<unsigned> twice;
  classes.resize(relation.getNumClasses());
  for (auto [number, pair] : llvm::enumerate(relation.getPairs())) {
    unsigned cls = relation.classOf(number);
    SmallVector<unsigned> &ofValue = classesOfValue[pair.value];
    if (llvm::is_contained(ofValue, cls))
      twice.push_back(cls);
    ofValue.push_back(cls);
    classes[cls].members.push_back({pair.value, pair.dim});
    int64_t size =
        cast<RankedTensorType>(pair.value.getType()).getDimSize(pair.dim);
    if (!ShapedType::isDynamic(size))
      classes[cls].size = size;
  }
  for (auto [pair, op, reason] : relation.getObstacles()) {
    DimensionClass &cls = classes[relation.classOf(pair)];
    if (cls.obstacle)
      continue;
    cls.obstacle = op;
    cls.reason = reason;
  }
  for (unsigned cls : twice)
    if (!classes[cls].obstacle) {
      classes[cls].obstacle = recurrence;
      classes[cls].reason = "is met twice in one value";
    }

  for (auto [index, cls] : llvm::enumerate(classes)) {
    auto has = [&, index = index](Value value) {
      return dimOf(value, index).has_value();
    };
    cls.inStates = llvm::any_of(states, has);
    cls.inOutputs = llvm::any_of(outputs, has);
    cls.inInputs = llvm::any_of(inputs, has);
    cls.inCaptures = llvm::any_of(captures, has);
    llvm::SmallBitVector summed(outputs.size());
    for (auto [pair, output] : relation.sums)
      if (relation.classOf(pair) == index)
        summed.set(output);
    bool inAllOutputs = true;
    for (auto [output, slice] : llvm::enumerate(outputs))
      inAllOutputs &= has(slice) || summed.test(output);
    if (!cls.obstacle && !(llvm::all_of(states, has) && inAllOutputs)) {
      cls.obstacle = recurrence;
      cls.reason = "is missing in a state or an output";
    }
    cls.separable = !cls.obstacle && summed.none();
    cls.reductionOnly = !cls.obstacle && summed.any();
  }

  stateful.insert_range(outputs);
  stateful.insert_range(states);
  timeVarying.insert_range(recurrence.getBody().getArguments());
  for (DenseSet<Value> *dependent : {&stateful, &timeVarying})
    propagateDependence(recurrence.getBody().front(), *dependent);
}

SmallVector<unsigned> DimensionAnalysis::getSeparableClasses() const {
  SmallVector<unsigned> found;
  for (auto [index, cls] : llvm::enumerate(classes))
    if (cls.separable)
      found.push_back(index);
  return found;
}

SmallVector<unsigned> DimensionAnalysis::getReductionClasses() const {
  SmallVector<unsigned> found;
  for (auto [index, cls] : llvm::enumerate(classes))
    if (cls.reductionOnly)
      found.push_back(index);
  return found;
}

/// The region argument of an operand of the recurrence and, for sequences, the
/// dimension there; none for time.
static std::optional<unsigned> sliceDim(seq::RecurrenceOp op, bool isSequence,
                                        unsigned dim) {
  unsigned time = op.getDim();
  if (!isSequence || dim < time)
    return dim;
  return dim == time ? std::nullopt : std::optional(dim - 1);
}

std::optional<unsigned> DimensionAnalysis::classOf(Value value,
                                                   unsigned dim) const {
  auto result = dyn_cast<OpResult>(value);
  if (result && result.getOwner() == recurrence) {
    auto recurrence = this->recurrence;
    return classOf(
        recurrence.getDpsInitsMutable()[result.getResultNumber()], dim);
  }
  auto it = classesOfValue.find(value);
  if (it == classesOfValue.end() || dim >= it->second.size())
    return std::nullopt;
  return it->second[dim];
}

std::optional<unsigned> DimensionAnalysis::classOf(OpOperand &operand,
                                                   unsigned dim) const {
  unsigned index = operand.getOperandNumber();
  auto recurrence = this->recurrence;
  bool isSequence = index < recurrence.getInputs().size() +
                                recurrence.getOutputs().size();
  std::optional<unsigned> inSlice = sliceDim(recurrence, isSequence, dim);
  if (!inSlice)
    return std::nullopt;
  return classOf(recurrence.getBody().getArgument(index), *inSlice);
}

std::optional<unsigned> DimensionAnalysis::dimOf(Value value,
                                                 unsigned cls) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (unsigned dim = 0; type && dim < type.getRank(); ++dim)
    if (classOf(value, dim) == cls)
      return dim;
  return std::nullopt;
}

std::optional<unsigned> DimensionAnalysis::dimOf(OpOperand &operand,
                                                 unsigned cls) const {
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  for (unsigned dim = 0; type && dim < type.getRank(); ++dim)
    if (classOf(operand, dim) == cls)
      return dim;
  return std::nullopt;
}
