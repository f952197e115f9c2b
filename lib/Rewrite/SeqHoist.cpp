//===- SeqHoist.cpp - what is free of the state leaves the recurrence ----------------===//

#include "TimeLifter.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace seqc {
#define GEN_PASS_DEF_SEQHOIST
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

/// Sizes of slices are sizes of the sequences: ask those.
static void askOperandsForSizes(seq::RecurrenceOp op) {
  SmallVector<tensor::DimOp> dims;
  op.getBody().walk([&](tensor::DimOp dim) { dims.push_back(dim); });
  for (tensor::DimOp dim : dims) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!argument || argument.getOwner() != &op.getBody().front() || !index)
      continue;
    unsigned number = argument.getArgNumber();
    bool isSequence = number < op.getInputs().size() + op.getOutputs().size();
    int64_t shift = isSequence && *index >= static_cast<int64_t>(op.getDim());
    OpBuilder builder(op);
    Value size = tensor::DimOp::create(builder, dim.getLoc(),
                                       op->getOperand(number), *index + shift);
    dim.replaceAllUsesWith(size);
    dim.erase();
  }
}

static void eraseDead(Block &body) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

static bool isReduction(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && linalgOp.getNumReductionLoops() > 0;
}

/// A sum of tensors, as an elementwise operation or a linalg one.
static bool isSum(Operation *op) {
  if (isa<arith::AddFOp, arith::AddIOp>(op))
    return isa<RankedTensorType>(op->getResult(0).getType());
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && linalgOp.getNumReductionLoops() == 0 &&
         !linalgOp.getBlock()->without_terminator().empty() &&
         llvm::all_of(linalgOp.getBlock()->without_terminator(),
                      [](Operation &scalar) {
                        return isa<arith::AddFOp, arith::AddIOp>(scalar);
                      });
}

//===----------------------------------------------------------------------===//
// In front of the loop: time-invariant values, and products for all times
//===----------------------------------------------------------------------===//

static void moveInvariantsOut(seq::RecurrenceOp op) {
  DimensionAnalysis analysis(op);
  OpBuilder builder(op);
  TimeLifter lifter(op, analysis, builder);
  for (Operation &body : op.getBody().front().without_terminator()) {
    if (isDataMovement(&body) || body.getNumResults() == 0 ||
        !lifter.canMoveOut(body.getResult(0)))
      continue;
    for (Value result : body.getResults())
      result.replaceAllUsesWith(lifter.moveOut(result));
  }
  eraseDead(op.getBody().front());
}

static void moveFreeOfStateOut(seq::RecurrenceOp op, bool elementwise) {
  DimensionAnalysis analysis(op);
  OpBuilder builder(op);
  TimeLifter lifter(op, analysis, builder);
  Block &body = op.getBody().front();

  DenseSet<Value> moved;
  auto isBiasOfMoved = [&](Operation *add) {
    bool ofMoved = false;
    for (OpOperand &operand : add->getOpOperands()) {
      auto linalgOp = dyn_cast<linalg::LinalgOp>(add);
      if (linalgOp && linalgOp.isDpsInit(&operand) &&
          !linalgOp.payloadUsesValueFromOperand(&operand))
        continue;
      if (moved.contains(operand.get()))
        ofMoved = true;
      else if (analysis.dependsOnTime(operand.get()))
        return false;
    }
    return ofMoved;
  };
  for (Operation &inner : body.without_terminator()) {
    if (inner.getNumResults() == 0)
      continue;
    Value result = inner.getResult(0);
    if (analysis.dependsOnState(result) || !analysis.dependsOnTime(result) ||
        isDataMovement(&inner) || !lifter.canLift(result))
      continue;
    if (!elementwise && !isReduction(&inner) &&
        !(isSum(&inner) && isBiasOfMoved(&inner)))
      continue;
    (void)lifter.lift(result);
    moved.insert_range(inner.getResults());
  }

  // What stays reads slices of the new sequences.
  SmallVector<Operation *> leaving;
  for (Operation &inner : body.without_terminator())
    if (inner.getNumResults() &&
        lifter.getSequences().contains(inner.getResult(0)))
      leaving.push_back(&inner);
  for (Operation *inner : leaving)
    for (Value result : inner->getResults()) {
      bool isRead = llvm::any_of(result.getUsers(), [&](Operation *user) {
        return !llvm::is_contained(leaving, body.findAncestorOpInBlock(*user));
      });
      if (!isRead)
        continue;
      Value slice = body.insertArgument(op.getInputs().size(),
                                        result.getType(), result.getLoc());
      op.getInputsMutable().append(lifter.lift(result));
      result.replaceAllUsesWith(slice);
    }
  eraseDead(body);
}

//===----------------------------------------------------------------------===//
// After the loop: products with a weight that only the outputs need
//===----------------------------------------------------------------------===//

/// The state-dependent factor of a product v·W in which each element of v meets
/// many of a time-invariant W: a loop of W is none of v. (Without one, such as
/// in a sum over the rows of a matrix state, v is larger than the product and
/// storing it for all times would not pay.)
static Value getReadoutFactor(linalg::LinalgOp op,
                              const DimensionAnalysis &analysis) {
  if (!linalg::isaContractionOpInterface(op) || op.getNumDpsInputs() != 2)
    return {};
  OpOperand *lhs = op.getDpsInputOperand(0), *rhs = op.getDpsInputOperand(1);
  if (analysis.dependsOnTime(lhs->get()))
    std::swap(lhs, rhs);
  if (analysis.dependsOnTime(lhs->get()) ||
      !analysis.dependsOnState(rhs->get()))
    return {};
  AffineMap weight = op.getMatchingIndexingMap(lhs);
  AffineMap factor = op.getMatchingIndexingMap(rhs);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (weight.isFunctionOfDim(loop) && !factor.isFunctionOfDim(loop))
      return rhs->get();
  return {};
}

/// Moves the body over to a recurrence with these outputs; the terminator and
/// the arguments must fit them already. Results are left to the caller.
static seq::RecurrenceOp rebuild(seq::RecurrenceOp op, ValueRange outputs) {
  OpBuilder builder(op);
  auto rebuilt = seq::RecurrenceOp::create(
      builder, op.getLoc(), op.getDimAttr(), op.getReverseAttr(),
      op.getInputs(), outputs, op.getStates());
  rebuilt->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  rebuilt.getBody().takeBody(op.getBody());
  return rebuilt;
}

/// Makes the last output `value`, written to `destination`.
static seq::RecurrenceOp addOutput(seq::RecurrenceOp op, Value value,
                                   Value destination) {
  unsigned numOutputs = op.getOutputs().size();
  Block &body = op.getBody().front();
  body.getTerminator()->insertOperands(numOutputs, value);
  body.insertArgument(op.getInputs().size() + numOutputs, value.getType(),
                      value.getLoc());
  SmallVector<Value> outputs(op.getOutputs());
  outputs.push_back(destination);
  seq::RecurrenceOp rebuilt = rebuild(op, outputs);
  for (auto [before, after] :
       llvm::zip(op.getOutputResults(), rebuilt.getOutputResults()))
    before.replaceAllUsesWith(after);
  for (auto [before, after] :
       llvm::zip(op.getStateResults(), rebuilt.getStateResults()))
    before.replaceAllUsesWith(after);
  op.erase();
  return rebuilt;
}

/// Drops outputs that nobody reads and whose slices the body does not use.
static seq::RecurrenceOp dropOutputs(seq::RecurrenceOp op,
                                     ArrayRef<unsigned> dropped) {
  Block &body = op.getBody().front();
  SmallVector<Value> outputs(op.getOutputs()), remaining;
  for (OpResult result : op.getResults())
    if (!llvm::is_contained(dropped, result.getResultNumber()))
      remaining.push_back(result);
  for (unsigned i : llvm::reverse(dropped)) {
    body.getTerminator()->eraseOperand(i);
    body.eraseArgument(op.getInputs().size() + i);
    outputs.erase(outputs.begin() + i);
  }
  seq::RecurrenceOp rebuilt = rebuild(op, outputs);
  for (auto [before, after] : llvm::zip(remaining, rebuilt.getResults()))
    before.replaceAllUsesWith(after);
  op.erase();
  return rebuilt;
}

/// The product and what follows from it in the body.
static SetVector<Operation *> getFollowing(Operation *product) {
  SetVector<Operation *> following;
  ForwardSliceOptions options;
  options.filter = [&](Operation *user) {
    return user->getBlock() == product->getBlock() && !isa<seq::YieldOp>(user);
  };
  getForwardSlice(product, &following, options);
  following.insert(product);
  return following;
}

/// Moves one product, and all that follows from it, after the loop; null if
/// there is none to move.
static seq::RecurrenceOp moveReadoutOut(seq::RecurrenceOp op) {
  DimensionAnalysis analysis(op);
  Block &body = op.getBody().front();
  OpBuilder builder(op);
  for (Operation &inner : body.without_terminator()) {
    auto product = dyn_cast<linalg::LinalgOp>(inner);
    Value factor = product ? getReadoutFactor(product, analysis) : Value();
    if (!factor)
      continue;
    SetVector<Operation *> following = getFollowing(product);
    SmallVector<unsigned> computed;
    for (auto [i, value] : llvm::enumerate(op.getYieldedOutputs()))
      if (Operation *def = value.getDefiningOp();
          def && following.contains(def))
        computed.push_back(i);

    // Sequences known after the loop: destinations, and outputs that stay.
    auto setKnown = [&](TimeLifter &lifter, seq::RecurrenceOp op) {
      for (auto [i, slice] : llvm::enumerate(op.getOutputSlices()))
        lifter.setSequence(slice, op.getOutputs()[i]);
      for (auto [i, value] : llvm::enumerate(op.getYieldedOutputs()))
        if (!llvm::is_contained(computed, i))
          lifter.setSequence(value, op.getOutputResults()[i]);
    };
    {
      // Asks only: the factor stands for its sequence to come.
      builder.setInsertionPoint(op);
      TimeLifter lifter(op, analysis, builder);
      setKnown(lifter, op);
      bool isOutput = lifter.getSequences().contains(factor);
      lifter.setSequence(factor, factor);
      bool canLeave = llvm::all_of(following, [&](Operation *user) {
        return llvm::all_of(user->getResults(), [&](Value result) {
          return lifter.canLift(result) &&
                 !llvm::is_contained(op.getYieldedStates(), result);
        });
      });
      if (computed.empty() || !canLeave ||
          !cast<RankedTensorType>(factor.getType()).hasStaticShape())
        continue;
      if (!isOutput)
        op = addOutput(op, factor, lifter.createEmptySequence(factor));
    }

    builder.setInsertionPointAfter(op);
    TimeLifter lifter(op, analysis, builder);
    setKnown(lifter, op);
    SmallVector<unsigned> dropped;
    for (unsigned i : computed) {
      Value result = op.getOutputResults()[i];
      Value sequence = lifter.lift(op.getYieldedOutputs()[i]);
      if (sequence.getType() != result.getType())
        sequence = tensor::CastOp::create(builder, op.getLoc(),
                                          result.getType(), sequence);
      result.replaceAllUsesWith(sequence);
      // Frees the product; what is left over is yielded as it came.
      body.getTerminator()->setOperand(i, op.getOutputSlices()[i]);
    }
    eraseDead(op.getBody().front());
    for (unsigned i : computed)
      if (op.getOutputSlices()[i].hasOneUse())
        dropped.push_back(i);
    return dropOutputs(op, dropped);
  }
  return {};
}

namespace {
struct SeqHoist : seqc::impl::SeqHoistBase<SeqHoist> {
  using SeqHoistBase::SeqHoistBase;

  void runOnOperation() override {
    // Inner recurrences first: what leaves them may leave the outer one too.
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences) {
      askOperandsForSizes(op);
      moveInvariantsOut(op);
      moveFreeOfStateOut(op, elementwise);
      while (seq::RecurrenceOp rest = moveReadoutOut(op))
        op = rest;
    }
  }
};
} // namespace
