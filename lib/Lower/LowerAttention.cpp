//===- LowerAttention.cpp - kernel.attention to vector loops --------------===//

#include "AttentionEmitter.h"

#include "seqc/Lower/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERATTENTION
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// Up to so many queries are taken one by one.
constexpr int64_t kFewQueries = 4;
/// Queries of a block: more of them share what they read of keys and values.
constexpr int64_t kBlock = 64;

void lower(kernel::AttentionOp op, AttentionEmitter &emitter) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  emitter.begin(b);
  int64_t queries = cast<MemRefType>(op.getQuery().getType()).getDimSize(1);
  if (!ShapedType::isDynamic(queries)) {
    if (queries <= kFewQueries)
      emitter.emitRows(b, kFewQueries);
    else
      emitter.emitBlocks(b, kBlock);
    return;
  }
  Value few =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, emitter.getQueries(),
                            arith::ConstantIndexOp::create(b, kFewQueries));
  auto branch = scf::IfOp::create(b, few, /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  emitter.emitRows(b, kFewQueries);
  b.setInsertionPointToStart(branch.elseBlock());
  emitter.emitBlocks(b, kBlock);
}

struct LowerAttention : seqc::impl::LowerAttentionBase<LowerAttention> {
  using LowerAttentionBase::LowerAttentionBase;

  void runOnOperation() override {
    SmallVector<kernel::AttentionOp> ops;
    getOperation()->walk([&](kernel::AttentionOp op) { ops.push_back(op); });
    for (kernel::AttentionOp op : ops) {
      if (op.getNumResults()) {
        op.emitOpError("must be bufferized before it is lowered");
        return signalPassFailure();
      }
      AttentionEmitter emitter(op, lanes, registers);
      if (failed(emitter.check()))
        return signalPassFailure();
      lower(op, emitter);
      op.erase();
    }
  }
};
} // namespace
