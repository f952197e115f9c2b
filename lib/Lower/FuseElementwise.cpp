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

/// Whether each element that the operand's producer computes would be computed
/// again and again: by a product that reads it for several places.
bool repeats(OpOperand *operand) {
  auto user = cast<linalg::LinalgOp>(operand->getOwner());
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  if (!producer || user.getNumReductionLoops() == 0 ||
      producer.getBlock()->without_terminator().empty())
    return false;
  AffineMap map = user.getMatchingIndexingMap(operand);
  for (auto [loop, size] : llvm::enumerate(user.getStaticLoopRanges()))
    if (size != 1 && !map.isFunctionOfDim(loop))
      return true;
  return false;
}

struct FuseElementwise : seqc::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [](OpOperand *operand) {
          Operation *producer = operand->get().getDefiningOp();
          return producer->hasOneUse() && !isInFormula(producer) &&
                 !repeats(operand);
        });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
