//===- RecurrenceBody.cpp - a recurrence's body as linalg.generic --------------------===//

#include "RecurrenceBody.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

/// A slice, with unit strides and the rank kept, of what a generic computes: the
/// generic on sliced operands. The slices that this makes go to `made`.
static LogicalResult
sliceOperands(RewriterBase &rewriter, tensor::ExtractSliceOp slice,
              SmallVectorImpl<tensor::ExtractSliceOp> &made) {
  rewriter.setInsertionPoint(slice);
  auto fill = slice.getSource().getDefiningOp<linalg::FillOp>();
  if (fill || slice.getSource().getDefiningOp<tensor::EmptyOp>()) {
    Value empty = tensor::EmptyOp::create(rewriter, slice.getLoc(),
                                          slice.getMixedSizes(),
                                          slice.getType().getElementType());
    if (empty.getType() != slice.getType())
      return failure();
    if (!fill) {
      rewriter.replaceOp(slice, empty);
      return success();
    }
    rewriter.replaceOp(slice,
                       linalg::FillOp::create(rewriter, slice.getLoc(),
                                              fill.getInputs(), empty));
    return success();
  }
  auto generic = slice.getSource().getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumResults() != 1 ||
      generic.hasIndexSemantics() ||
      slice.getSourceType().getRank() != slice.getType().getRank() ||
      !slice.hasUnitStride() || !slice.getType().hasStaticShape())
    return failure();
  AffineMap written =
      generic.getIndexingMapMatchingResult(generic->getResult(0));
  SmallVector<std::optional<std::pair<int64_t, int64_t>>> cut(
      generic.getNumLoops());
  for (auto [result, offset, size] :
       llvm::zip(written.getResults(), slice.getStaticOffsets(),
                 slice.getStaticSizes())) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim || ShapedType::isDynamic(offset) || ShapedType::isDynamic(size))
      return failure();
    cut[dim.getPosition()] = {offset, size};
  }
  SmallVector<Value> operands;
  for (OpOperand &operand : generic->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type) {
      operands.push_back(operand.get());
      continue;
    }
    SmallVector<OpFoldResult> offsets, sizes;
    bool whole = true;
    AffineMap map = generic.getMatchingIndexingMap(&operand);
    for (auto [dim, expression] : llvm::enumerate(map.getResults())) {
      int64_t offset = 0, size = type.getDimSize(dim);
      if (auto loop = dyn_cast<AffineDimExpr>(expression)) {
        if (cut[loop.getPosition()])
          std::tie(offset, size) = *cut[loop.getPosition()];
      } else if (!isa<AffineConstantExpr>(expression)) {
        return failure();
      }
      if (ShapedType::isDynamic(size))
        return failure();
      whole &= size == type.getDimSize(dim);
      offsets.push_back(rewriter.getIndexAttr(offset));
      sizes.push_back(rewriter.getIndexAttr(size));
    }
    SmallVector<OpFoldResult> strides(offsets.size(), rewriter.getIndexAttr(1));
    operands.push_back(operand.get());
    if (whole)
      continue;
    auto part = tensor::ExtractSliceOp::create(
        rewriter, slice.getLoc(), operand.get(), offsets, sizes, strides);
    operands.back() = part;
    made.push_back(part);
  }
  Operation *sliced = clone(rewriter, generic.getOperation(), slice.getType(),
                            operands);
  rewriter.replaceOp(slice, sliced->getResults());
  return success();
}

/// Moves out what depends on nothing inside.
static void hoistInvariants(seq::RecurrenceOp op) {
  Block &body = op.getBody().front();
  for (Operation &inner :
       llvm::make_early_inc_range(body.without_terminator())) {
    // Constants are formulas; outside they would become captured buffers.
    if (inner.hasTrait<OpTrait::ConstantLike>() ||
        isa<tensor::EmptyOp, linalg::FillOp>(inner) ||
        !isPure(&inner))
      continue;
    bool invariant = true;
    inner.walk([&](Operation *nested) {
      for (Value operand : nested->getOperands()) {
        Operation *definition = operand.getDefiningOp();
        bool inside = operand.getParentRegion() == &op.getBody();
        bool cheap = definition && (definition->hasTrait<OpTrait::ConstantLike>() ||
                                    isa<tensor::EmptyOp>(definition));
        invariant &= !inside || cheap;
      }
    });
    if (!invariant)
      continue;
    for (Value operand : inner.getOperands())
      if (operand.getParentRegion() == &op.getBody()) {
        Operation *copy = operand.getDefiningOp()->clone();
        op->getBlock()->getOperations().insert(op->getIterator(), copy);
        inner.replaceUsesOfWith(operand, copy->getResult(0));
      }
    inner.moveBefore(op);
  }
}

void seqc::normalizeBody(seq::RecurrenceOp op) {
  MLIRContext *context = op.getContext();
  IRRewriter rewriter(context);
  SmallVector<Operation *> inner;
  for (Operation &operation : op.getBody().front().without_terminator())
    inner.push_back(&operation);
  {
    RewritePatternSet patterns(context);
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    (void)applyOpPatternsGreedily(inner, std::move(patterns), config);
  }
  SmallVector<linalg::LinalgOp> named;
  op.getBody().walk([&](linalg::LinalgOp linalgOp) {
    if (!isa<linalg::GenericOp, linalg::FillOp>(linalgOp.getOperation()))
      named.push_back(linalgOp);
  });
  for (linalg::LinalgOp linalgOp : named) {
    rewriter.setInsertionPoint(linalgOp);
    (void)linalg::generalizeNamedOp(rewriter, linalgOp);
  }
  SmallVector<tensor::ExtractSliceOp> slices;
  op.getBody().walk(
      [&](tensor::ExtractSliceOp slice) { slices.push_back(slice); });
  while (!slices.empty())
    (void)sliceOperands(rewriter, slices.pop_back_val(), slices);
  hoistInvariants(op);
  // What lost its last reader.
  Block &body = op.getBody().front();
  SmallVector<Operation *> left;
  for (Operation &operation : body.without_terminator())
    left.push_back(&operation);
  for (Operation *operation : llvm::reverse(left))
    if (isOpTriviallyDead(operation))
      operation->erase();
}
