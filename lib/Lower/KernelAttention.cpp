//===- KernelAttention.cpp - softmax attention becomes kernel.attention ---===//

#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
#define GEN_PASS_DEF_KERNELATTENTION
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// `bias`, with as many keys as there are where it has one value for all.
Value spreadOverKeys(ImplicitLocOpBuilder &b, Value bias, Value key) {
  auto type = cast<RankedTensorType>(bias.getType());
  int64_t rank = type.getRank();
  int64_t keys = cast<RankedTensorType>(key.getType()).getDimSize(1);
  if (type.getShape().back() != 1 || keys == 1)
    return bias;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), bias);
  sizes.back() = tensor::getMixedSize(b, b.getLoc(), key, 1);
  Value empty = tensor::EmptyOp::create(b, sizes, type.getElementType());
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineExpr> first(all.getResults());
  first.back() = b.getAffineConstantExpr(0);
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, empty.getType(), bias, empty,
             ArrayRef{AffineMap::get(rank, 0, first, b.getContext()), all},
             parallel,
             [](OpBuilder &builder, Location loc, ValueRange args) {
               linalg::YieldOp::create(builder, loc, args[0]);
             })
      .getResult(0);
}

struct KernelAttention : seqc::impl::KernelAttentionBase<KernelAttention> {
  void runOnOperation() override {
    // A cache is memory with a hole for the new keys and values.
    SmallVector<seq::CachedAttentionOp> cached;
    getOperation()->walk([&](seq::CachedAttentionOp op) {
      if (op.getQuery().getType().getElementType().isF32())
        cached.push_back(op);
    });
    for (seq::CachedAttentionOp op : cached) {
      OpBuilder builder(op);
      SmallVector<seq::AttentionOp> attentions;
      SmallVector<Value> states;
      SmallVector<Value> values{op.attend(builder, attentions, states)};
      values.append(states);
      op.replaceAllUsesWith(values);
      op.erase();
    }

    SmallVector<seq::AttentionOp> layers;
    getOperation()->walk([&](seq::AttentionOp op) {
      if (op.getNormaliser() == seq::Normaliser::softmax &&
          op.getQuery().getType().getElementType().isF32())
        layers.push_back(op);
    });
    for (seq::AttentionOp op : layers) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      RankedTensorType type = op.getOutput().getType();
      SmallVector<OpFoldResult> sizes =
          tensor::getMixedSizes(b, b.getLoc(), op.getQuery());
      sizes[3] = b.getIndexAttr(type.getDimSize(3));
      Value empty = tensor::EmptyOp::create(b, sizes, type.getElementType());
      // The type may know a number of queries that the query's does not.
      if (empty.getType() != type)
        empty = tensor::CastOp::create(b, type, empty);
      Value bias = op.getBias();
      if (bias)
        bias = spreadOverKeys(b, bias, op.getKey());
      auto kernel = kernel::AttentionOp::create(
          b, type, op.getQuery(), op.getKey(), op.getValue(), op.getKeyMask(),
          bias, empty, op.getMaskAttr(), op.getScaleAttr());
      op.replaceAllUsesWith(kernel.getResult(0));
      op.erase();
    }
  }
};
} // namespace
