//===- FuseElementwise.cpp - elementwise operations share loops -----------------------===//

#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace seqc {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// Whether the operation belongs to a formula, which its emitter reads as it is.
bool isInFormula(Operation *op) {
  return op->getParentOfType<kernel::RecurrenceOp>() ||
         op->getParentOfType<seq::RecurrenceOp>();
}

struct FuseElementwise : seqc::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [](OpOperand *operand) {
          Operation *producer = operand->get().getDefiningOp();
          return producer->hasOneUse() && !isInFormula(producer);
        });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
