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

/// Runs one of two pieces of code: `few` where there are at most `limit`
/// queries.
void choose(ImplicitLocOpBuilder &b, const AttentionEmitter &emitter,
            int64_t queries, int64_t limit,
            function_ref<void(ImplicitLocOpBuilder &)> few,
            function_ref<void(ImplicitLocOpBuilder &)> many) {
  if (!ShapedType::isDynamic(queries))
    return queries <= limit ? few(b) : many(b);
  Value isFew =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, emitter.getQueries(),
                            arith::ConstantIndexOp::create(b, limit));
  auto branch = scf::IfOp::create(b, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  few(b);
  b.setInsertionPointToStart(branch.elseBlock());
  many(b);
}

void lower(kernel::AttentionOp op, AttentionEmitter &emitter, int64_t lanes) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  emitter.begin(b);
  int64_t queries = cast<MemRefType>(op.getQuery().getType()).getDimSize(1);
  choose(
      b, emitter, queries, kFewQueries,
      [&](auto &b) {
        emitter.emitRows(b, ShapedType::isDynamic(queries) ? kFewQueries
                                                           : queries);
      },
      [&](auto &b) {
        // Lanes beyond the last query compute for nobody: blocks are narrow
        // where one would be hardly filled.
        choose(
            b, emitter, queries, kBlock - lanes,
            [&](auto &b) { emitter.emitBlocks(b, lanes); },
            [&](auto &b) { emitter.emitBlocks(b, kBlock); });
      });
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
      lower(op, emitter, lanes);
      op.erase();
    }
  }
};
} // namespace
