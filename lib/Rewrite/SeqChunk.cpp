//===- SeqChunk.cpp - recurrences in chunks of time ----------------------------------===//

#include "ChunkForm.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQCHUNK
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
struct SeqChunk : seqc::impl::SeqChunkBase<SeqChunk> {
  using SeqChunkBase::SeqChunkBase;

  void runOnOperation() override {
    if (chunk < 1 || (chunk > 16 && chunk % 16 != 0)) {
      getOperation()->emitError("seq-chunk: a chunk has 1 to 16 times, or a "
                                "multiple of 16, not ")
          << chunk.getValue();
      return signalPassFailure();
    }
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences)
      if (std::optional<NoForm> why = rewriteInChunks(op, chunk))
        emitRemark(why->cause)
            << "no chunkwise form: the recurrence " << why->reason;
  }
};
} // namespace
