//===- StepMaxima.cpp - running maxima and what is relative to them -------===//

#include "StepEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

namespace {
/// An operation on elements: itself on tensors, or the payload of a linalg
/// operation in normal form.
struct ElementOperation {
  Operation *scalar = nullptr;
  SmallVector<Value> operands;
};
} // namespace

static ElementOperation elementOperation(Value value) {
  ElementOperation result;
  Operation *op = value.getDefiningOp();
  if (!op)
    return result;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp) {
    result.scalar = op;
    result.operands.assign(op->operand_begin(), op->operand_end());
    return result;
  }
  if (op->getNumResults() != 1)
    return result;
  Operation *scalar =
      linalgOp.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!scalar || scalar->getBlock() != linalgOp.getBlock())
    return result;
  for (Value operand : scalar->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    bool isElement = argument && argument.getOwner() == linalgOp.getBlock();
    result.operands.push_back(
        isElement ? linalgOp.getMatchingOpOperand(argument)->get() : operand);
  }
  result.scalar = scalar;
  return result;
}

/// v of v == -∞ ? 0 : v, which keeps -∞ - -∞ from being NaN; else the value.
static Value withoutGuard(Value value) {
  ElementOperation select = elementOperation(value);
  if (!isa_and_nonnull<arith::SelectOp>(select.scalar))
    return value;
  ElementOperation compare = elementOperation(select.operands[0]);
  if (!isa_and_nonnull<arith::CmpFOp>(compare.scalar) ||
      compare.operands[0] != select.operands[2])
    return value;
  auto predicate = cast<arith::CmpFOp>(compare.scalar).getPredicate();
  bool isEqual = predicate == arith::CmpFPredicate::OEQ ||
                 predicate == arith::CmpFPredicate::UEQ;
  bool isGuard = isEqual &&
                 matchPattern(select.operands[1], m_AnyZeroFloat()) &&
                 matchPattern(compare.operands[1], m_NegInfFloat());
  return isGuard ? select.operands[2] : value;
}

static bool isMaximumOperation(Operation *op) {
  return isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op);
}

/// x - y of exp(x - y).
static std::optional<std::pair<Value, Value>> asExponential(Value value) {
  ElementOperation exp = elementOperation(value);
  if (!isa_and_nonnull<math::ExpOp>(exp.scalar))
    return std::nullopt;
  ElementOperation difference = elementOperation(exp.operands[0]);
  if (!isa_and_nonnull<arith::SubFOp>(difference.scalar))
    return std::nullopt;
  return std::pair(difference.operands[0], difference.operands[1]);
}

void StepAnalysis::findMaxima() {
  auto nexts = recurrence.getYieldedStates();
  // s, or s + f.
  auto isShifted = [&](Value value, unsigned number) {
    const StepForm &form = evaluator->get(value, /*readout=*/false);
    unsigned count = 0;
    for (const Term &term : form.terms.terms)
      if (term.state) {
        ++count;
        if (term.state != number || term.scale != 1.0 ||
            !term.factors.empty() || !term.stateMap.isIdentity() ||
            !term.ranges.empty())
          return false;
      }
    return form.kind == StepForm::Affine && count == 1;
  };
  for (auto [number, next] : llvm::enumerate(nexts)) {
    ElementOperation op = elementOperation(next);
    if (states[number].cls != StepClass::Nonlinear ||
        !isMaximumOperation(op.scalar))
      continue;
    for (unsigned side : {0, 1})
      if (isShifted(op.operands[side], number) &&
          evaluator->isFree(op.operands[1 - side]))
        states[number].isMaximum = true;
  }

  for (StateInfo &info : states) {
    if (!info.whenGiven || info.given.size() != 1 ||
        info.whenGiven->cls != StepClass::Diagonal ||
        !states[info.given.front()].isMaximum)
      continue;
    unsigned maximum = info.given.front();
    // exp(x - m') with an x of the kind asked for, or a product of it and v.
    auto isExponential = [&](Value value, bool toState) {
      auto exponential = asExponential(value);
      if (!exponential || withoutGuard(exponential->second) != nexts[maximum])
        return false;
      Value x = exponential->first;
      return toState ? isShifted(x, maximum) : evaluator->isFree(x);
    };
    auto hasExponential = [&](Value value, bool toState) {
      if (isExponential(value, toState))
        return true;
      ElementOperation product = elementOperation(value);
      return isa_and_nonnull<arith::MulFOp>(product.scalar) &&
             llvm::any_of(product.operands, [&](Value operand) {
               return isExponential(operand, toState);
             });
    };
    auto isRelative = [&](const Term &term, bool toState) {
      return llvm::any_of(term.factors, [&](const Factor &factor) {
        return factor.kind == Factor::Times &&
               hasExponential(factor.value, toState);
      });
    };
    const StateInfo &given = *info.whenGiven;
    auto allRelative = [&](ArrayRef<unsigned> terms, bool toState) {
      return llvm::all_of(terms, [&](unsigned index) {
        return isRelative(given.next.terms[index], toState);
      });
    };
    if (allRelative(given.diagonal, true) && allRelative(given.added, false))
      info.maximum = maximum;
  }
}
