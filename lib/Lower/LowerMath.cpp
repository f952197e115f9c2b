//===- LowerMath.cpp - elementary functions as arithmetic
//----------------------------===//

#include "seqc/Lower/Passes.h"

#include "MathFunctions.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERMATH
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
bool isMath(Operation *op) {
  return isa_and_nonnull<math::MathDialect>(op->getDialect());
}

/// Lets products and sums fuse.
void allowContraction(Operation *op) {
  if (!isa<arith::AddFOp, arith::MulFOp, arith::SubFOp>(op))
    return;
  auto fast = cast<arith::ArithFastMathInterface>(op);
  op->setAttr(fast.getFastMathAttrName(),
              arith::FastMathFlagsAttr::get(
                  op->getContext(), fast.getFastMathFlagsAttr().getValue() |
                                        arith::FastMathFlags::contract));
}

/// Computes an operation on bf16 or f16 in f32.
void widen(Operation *op) {
  auto isNarrow = [](Type type) {
    auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
    return element && element.getWidth() < 32;
  };
  // These touch the sign only.
  if (isa<math::AbsFOp, math::CopySignOp>(op) ||
      llvm::none_of(op->getOperandTypes(), isNarrow))
    return;
  ImplicitLocOpBuilder b(op->getLoc(), op);
  for (OpOperand &operand : op->getOpOperands())
    if (Type type = operand.get().getType(); isNarrow(type))
      operand.set(arith::ExtFOp::create(b, withElements(type, b.getF32Type()),
                                        operand.get()));
  b.setInsertionPointAfter(op);
  for (Value result : op->getResults()) {
    Type type = result.getType();
    if (!isNarrow(type))
      continue;
    result.setType(withElements(type, b.getF32Type()));
    auto narrow = arith::TruncFOp::create(b, type, result);
    result.replaceAllUsesExcept(narrow, narrow);
  }
}

/// Whether the value is exp(-|…|), which lies in [0, 1] or is NaN.
bool isFraction(Value value) {
  auto exp = value.getDefiningOp<math::ExpOp>();
  auto negated =
      exp ? exp.getOperand().getDefiningOp<arith::NegFOp>() : nullptr;
  return negated && negated.getOperand().getDefiningOp<math::AbsFOp>();
}

/// log2(e) · (the operand of `exp`), if that is a product: one factor is
/// scaled, which takes two operations less than scaling the product exactly,
/// and none where the scaled factor serves several products or comes from
/// outside a loop. Like contraction it rounds at another place.
Value scaledProduct(MathBuilder &b, math::ExpOp exp) {
  double log2E = 0x1.715476p+0;
  Value operand = exp.getOperand();
  if (auto negated = operand.getDefiningOp<arith::NegFOp>()) {
    operand = negated.getOperand();
    log2E = -log2E;
  }
  auto product = operand.getDefiningOp<arith::MulFOp>();
  if (!product)
    return Value();
  auto cost = [&](Value factor) {
    return std::pair(factor.getParentRegion() == exp->getParentRegion(),
                     -std::distance(factor.use_begin(), factor.use_end()));
  };
  Value scaled = product.getLhs(), other = product.getRhs();
  if (cost(other) < cost(scaled))
    std::swap(scaled, other);
  return b.mul(b.mul(scaled, b.real(log2E)), other);
}

/// Upstream's way for the functions that have none here.
void populateUpstream(RewritePatternSet &patterns) {
  populateMathAlgebraicSimplificationPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"clampf", "cosh", "fpowi", "tan"});
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
    return llvm::is_contained({"math.acos", "math.asin", "math.atan",
                               "math.atan2", "math.cbrt", "math.erfc"},
                              name);
  });
}

struct LowerMath : seqc::impl::LowerMathBase<LowerMath> {
  using LowerMathBase::LowerMathBase;

  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      allowContraction(op);
      if (isMath(op))
        widen(op);
    });
    RewritePatternSet patterns(&getContext());
    populateUpstream(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();

    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isMath(op) && op->getNumOperands() &&
          getElementTypeOrSelf(op->getOperand(0).getType()).isF32())
        ops.push_back(op);
    });
    // Users first: they look at what computes their operands.
    for (Operation *op : llvm::reverse(ops))
      lower(op);
  }

  void lower(Operation *op) {
    ImplicitLocOpBuilder builder(op->getLoc(), op);
    MathBuilder b(builder, op->getResult(0).getType());
    Value x = op->getOperand(0);
    if (auto both = dyn_cast<math::SincosOp>(op)) {
      both.getSin().replaceAllUsesWith(emitSin(b, x));
      both.getCos().replaceAllUsesWith(emitCos(b, x));
      op->erase();
      return;
    }
    Value result =
        llvm::TypeSwitch<Operation *, Value>(op)
            .Case([&](math::ExpOp exp) {
              Value product = scaledProduct(b, exp);
              return product ? emitExp2(b, product, avx512)
                             : emitExp(b, x, avx512);
            })
            .Case([&](math::Exp2Op) { return emitExp2(b, x, avx512); })
            .Case([&](math::ExpM1Op) { return emitExpM1(b, x); })
            .Case([&](math::TanhOp) { return emitTanh(b, x); })
            .Case([&](math::SinhOp) { return emitSinh(b, x); })
            .Case([&](math::AsinhOp) { return emitAsinh(b, x); })
            .Case([&](math::AcoshOp) { return emitAcosh(b, x); })
            .Case([&](math::AtanhOp) { return emitAtanh(b, x); })
            .Case([&](math::ErfOp) { return emitErf(b, x, avx512); })
            .Case([&](math::LogOp) { return emitLog(b, x); })
            .Case([&](math::Log2Op) { return emitLog2(b, x); })
            .Case([&](math::Log10Op) { return emitLog10(b, x); })
            .Case([&](math::Log1pOp) {
              return isFraction(x) ? emitLog1pOfFraction(b, x)
                                   : emitLog1p(b, x);
            })
            .Case([&](math::SinOp) { return emitSin(b, x); })
            .Case([&](math::CosOp) { return emitCos(b, x); })
            .Case([&](math::RsqrtOp) {
              return b.div(b.real(1), math::SqrtOp::create(builder, x));
            })
            .Case([&](math::PowFOp pow) { return emitPow(b, x, pow.getRhs()); })
            .Default(Value());
    if (!result)
      return;
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }
};
} // namespace
