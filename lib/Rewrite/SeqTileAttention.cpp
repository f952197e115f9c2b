//===- SeqTileAttention.cpp - attention as a recurrence over keys ---------===//

#include "seqc/Rewrite/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

namespace seqc {
#define GEN_PASS_DEF_SEQTILEATTENTION
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct SeqTileAttention : seqc::impl::SeqTileAttentionBase<SeqTileAttention> {
  using SeqTileAttentionBase::SeqTileAttentionBase;

  void runOnOperation() override {
    if (keys < 1) {
      getOperation()->emitError(
          "seq-tile-attention: a tile has at least 1 key, "
          "not ")
          << keys.getValue();
      return signalPassFailure();
    }
    SmallVector<seq::AttentionOp> layers;
    getOperation()->walk([&](seq::AttentionOp op) {
      if (op.getNormaliser() == seq::Normaliser::softmax)
        layers.push_back(op);
    });
    for (seq::AttentionOp op : layers) {
      OpBuilder builder(op);
      op.replaceAllUsesWith(op.generalizeInTiles(builder, keys));
      op.erase();
    }
  }
};
} // namespace
