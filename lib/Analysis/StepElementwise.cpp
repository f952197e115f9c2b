//===- StepElementwise.cpp - sums of terms through elementwise operations -===//

#include "StepEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

StepForm StepForm::nonlinear(Operation *op, const Twine &reason) {
  StepForm form;
  form.kind = StepForm::Nonlinear;
  form.cause = op;
  form.reason = reason.str();
  return form;
}

StepForm StepForm::unknown(Operation *op) {
  return nonlinear(op, "goes through " + op->getName().getStringRef());
}

StepForm StepForm::insidePayload(Operation *op) {
  return nonlinear(op, "meets a value that only the payload of " +
                           op->getParentOp()->getName().getStringRef() +
                           " knows");
}

StepForm StepAnalysis::Evaluator::product(Operation *op, const StepForm &a,
                                          const StepForm &b) {
  if (a.kind == StepForm::Affine && b.kind == StepForm::Affine)
    return StepForm::nonlinear(op,
                               "multiplies two values that depend on states");
  StepForm form;
  form.kind = a.kind == StepForm::Affine ? a.kind : b.kind;
  if (a.isOpaque || b.isOpaque) {
    if (form.kind == StepForm::Affine)
      return StepForm::insidePayload(op);
    form.isOpaque = true;
    return form;
  }
  for (const Term &left : a.terms.terms)
    for (const Term &right : b.terms.terms)
      form.terms.terms.push_back(terms::multiply(left, right));
  return form;
}

StepForm StepAnalysis::Evaluator::sum(Operation *op, const StepForm &a,
                                      const StepForm &b, double scale) {
  for (const StepForm *form : {&a, &b})
    if (form->kind == StepForm::Nonlinear)
      return *form;
  StepForm form = a;
  if (b.kind == StepForm::Affine)
    form.kind = StepForm::Affine;
  form.isOpaque |= b.isOpaque;
  if (form.isOpaque && form.kind == StepForm::Affine)
    return StepForm::insidePayload(op);
  for (Term term : b.terms.terms) {
    term.scale *= scale;
    form.terms.terms.push_back(std::move(term));
  }
  if (form.kind == StepForm::Free && form.terms.terms.size() > 1)
    form.isOpaque = true;
  return form;
}

StepForm StepAnalysis::Evaluator::select(Operation *op, const StepForm &mask,
                                         const StepForm &yes,
                                         const StepForm &no) {
  if (mask.kind == StepForm::Affine)
    return StepForm::nonlinear(op, "decides a select");
  bool isAffine = yes.kind == StepForm::Affine || no.kind == StepForm::Affine;
  bool isOpaque = mask.isOpaque || yes.isOpaque || no.isOpaque ||
                  mask.terms.terms.size() != 1;
  StepForm form;
  if (isOpaque ||
      (!isAffine && !yes.terms.terms.empty() && !no.terms.terms.empty())) {
    if (isAffine)
      return StepForm::insidePayload(op);
    form.isOpaque = true;
    return form;
  }
  form.kind = isAffine ? StepForm::Affine : StepForm::Free;
  const Term &condition = mask.terms.terms.front();
  for (auto [branch, kind] :
       {std::pair(&yes, Factor::Where), std::pair(&no, Factor::WhereNot)})
    for (const Term &term : branch->terms.terms) {
      Term factor = condition;
      factor.factors.front().kind = kind;
      form.terms.terms.push_back(terms::multiply(term, factor));
    }
  return form;
}

StepForm StepAnalysis::Evaluator::combine(Operation *op,
                                          ArrayRef<StepForm> operands,
                                          ArrayRef<int64_t> sizes) {
  bool isAffine = false;
  for (const StepForm &operand : operands) {
    if (operand.kind == StepForm::Nonlinear)
      return operand;
    isAffine |= operand.kind == StepForm::Affine;
  }
  StepForm zero, opaque;
  opaque.isOpaque = true;
  return llvm::TypeSwitch<Operation *, StepForm>(op)
      .Case<arith::AddFOp>(
          [&](auto) { return sum(op, operands[0], operands[1], 1.0); })
      .Case<arith::SubFOp>(
          [&](auto) { return sum(op, operands[0], operands[1], -1.0); })
      .Case<arith::NegFOp>(
          [&](auto) { return sum(op, zero, operands[0], -1.0); })
      .Case<arith::MulFOp>(
          [&](auto) { return product(op, operands[0], operands[1]); })
      .Case<math::FmaOp>([&](auto) {
        StepForm scaled = product(op, operands[0], operands[1]);
        return sum(op, scaled, operands[2], 1.0);
      })
      .Case<arith::DivFOp>([&](auto) {
        const StepForm &divisor = operands[1];
        if (divisor.kind == StepForm::Affine)
          return StepForm::nonlinear(op, "is a divisor");
        std::optional<Term> inverse;
        if (!divisor.isOpaque && divisor.terms.terms.size() == 1)
          inverse = terms::invert(divisor.terms.terms.front());
        if (!inverse)
          return isAffine ? StepForm::insidePayload(op) : opaque;
        StepForm factor;
        factor.terms.terms.push_back(*inverse);
        return product(op, operands[0], factor);
      })
      .Case<arith::SelectOp>([&](auto) {
        return select(op, operands[0], operands[1], operands[2]);
      })
      .Case<arith::ExtFOp, arith::TruncFOp>(
          [&](auto) { return isAffine ? operands[0] : opaque; })
      .Default([&](Operation *) {
        return isAffine ? StepForm::unknown(op) : opaque;
      });
}
