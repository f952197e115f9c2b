//===- SeqOnlineSoftmax.cpp - attention as a recurrence over keys ---------===//

#include "seqc/Rewrite/Passes.h"

#include "seq/AttentionTiles.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace seqc {
#define GEN_PASS_DEF_SEQONLINESOFTMAX
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct SeqOnlineSoftmax : seqc::impl::SeqOnlineSoftmaxBase<SeqOnlineSoftmax> {
  using SeqOnlineSoftmaxBase::SeqOnlineSoftmaxBase;

  void runOnOperation() override {
    struct Bound {
      StringRef what;
      int64_t value, least, most;
    };
    constexpr int64_t any = std::numeric_limits<int32_t>::max();
    for (const Bound &bound :
         {Bound{"keys", keys, 1, any}, Bound{"queries", queries, 0, any},
          Bound{"splits", splits, 1, 1024}}) {
      if (bound.least <= bound.value && bound.value <= bound.most)
        continue;
      getOperation()->emitError("seq-online-softmax: ")
          << bound.what << " must be from " << bound.least << " to "
          << bound.most << ", is " << bound.value;
      return signalPassFailure();
    }
    SmallVector<seq::CachedAttentionOp> cached;
    getOperation()->walk(
        [&](seq::CachedAttentionOp op) { cached.push_back(op); });
    for (seq::CachedAttentionOp op : cached) {
      OpBuilder builder(op);
      SmallVector<Value> states;
      SmallVector<seq::AttentionOp> attentions;
      SmallVector<Value> values{op.attend(builder, attentions, states)};
      values.append(states);
      op.replaceAllUsesWith(values);
      op.erase();
    }
    SmallVector<seq::AttentionOp> layers;
    getOperation()->walk([&](seq::AttentionOp op) {
      if (op.getNormaliser() == seq::Normaliser::softmax)
        layers.push_back(op);
    });
    for (seq::AttentionOp op : layers) {
      OpBuilder builder(op);
      op.replaceAllUsesWith(seq::generalizeInTiles(
          op, builder, {/*keys=*/keys, /*queries=*/queries, splits}));
      op.erase();
    }
  }
};
} // namespace
