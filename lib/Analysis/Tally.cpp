//===- Tally.cpp - what one element takes --------------------------------===//

#include "CostCounter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

/// An addition of a product that nothing else reads: one instruction with it.
static bool isEndOfMultiplyAdd(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp>(op) &&
         llvm::any_of(op->getOperands(), [](Value operand) {
           Operation *product = operand.getDefiningOp();
           return isa_and_nonnull<arith::MulFOp>(product) &&
                  operand.hasOneUse();
         });
}

Tally seqc::getScalarTally(Operation *op) {
  // Times of functions are those of lower-math's code in exponentials,
  // divisions and roots those of a vector unit in multiply-adds.
  auto arithmetic = [](double work, double slots) {
    return Tally{work, slots, 0};
  };
  auto function = [](double exponentials) { return Tally{0, 0, exponentials}; };
  return llvm::TypeSwitch<Operation *, Tally>(op)
      .Case<arith::AddFOp, arith::SubFOp>([&](Operation *sum) {
        return arithmetic(1, isEndOfMultiplyAdd(sum) ? 0 : 2);
      })
      .Case<arith::MulFOp, arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
            arith::MaxNumFOp, arith::MinNumFOp, math::AbsFOp, math::FloorOp,
            math::CeilOp, math::RoundEvenOp>(
          [&](Operation *) { return arithmetic(1, 2); })
      .Case<arith::CmpFOp, arith::SelectOp, arith::ExtFOp, arith::TruncFOp,
            arith::SIToFPOp>([&](Operation *) { return arithmetic(0, 2); })
      .Case([&](math::FmaOp) { return arithmetic(2, 2); })
      .Case<arith::DivFOp, math::SqrtOp>(
          [&](Operation *) { return arithmetic(1, 16); })
      .Case([&](math::RsqrtOp) { return arithmetic(1, 8); })
      .Case<math::ExpOp, math::Exp2Op>([&](Operation *) { return function(1); })
      .Case<math::LogOp, math::Log2Op, math::Log10Op>(
          [&](Operation *) { return function(1.2); })
      .Case<math::PowFOp>([&](Operation *) { return function(6); })
      .Default([&](Operation *) {
        bool isFunction =
            isa<math::MathDialect>(op->getDialect()) && op->getNumResults() &&
            isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
        return isFunction ? function(2) : Tally();
      });
}

Tally seqc::getPayloadTally(Block &payload) {
  Tally sum;
  for (Operation &op : payload.without_terminator())
    sum += getScalarTally(&op);
  return sum;
}

Tally seqc::getTally(Operation *op, Sizes &sizes) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    Expression volume(1);
    for (const Expression &loop : sizes.ofLoops(linalgOp))
      volume *= loop;
    return getPayloadTally(*linalgOp.getBlock()) * volume;
  }
  if (op->getNumResults() == 1 &&
      isa<RankedTensorType>(op->getResult(0).getType()) &&
      OpTrait::hasElementwiseMappableTraits(op))
    return getScalarTally(op) * sizes.ofElements(op->getResult(0));
  return {};
}

bool seqc::isElementwise(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return linalgOp.getNumReductionLoops() == 0 &&
           linalgOp->getNumResults() == 1 &&
           linalgOp.getIndexingMapsArray().back().isPermutation();
  return op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType()) &&
         OpTrait::hasElementwiseMappableTraits(op);
}

bool seqc::isView(Operation *op) {
  if (isa<tensor::EmptyOp, tensor::DimOp, tensor::ExtractSliceOp,
          tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
          tensor::FromElementsOp, tensor::ExtractOp, affine::AffineApplyOp>(op))
    return true;
  return op->hasTrait<OpTrait::ConstantLike>() ||
         llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
}
