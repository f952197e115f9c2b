//===- SeqQuadratic.cpp - recurrences as masked products ------------------------------===//

#include "ChunkForm.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQQUADRATIC
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
struct SeqQuadratic : seqc::impl::SeqQuadraticBase<SeqQuadratic> {
  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences)
      if (std::optional<NoForm> why = rewriteAsQuadratic(op))
        emitRemark(why->cause)
            << "no quadratic form: the recurrence " << why->reason;
  }
};
} // namespace
