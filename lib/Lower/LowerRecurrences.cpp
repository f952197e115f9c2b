//===- LowerRecurrences.cpp - recurrences on memrefs to vector code -----------------===//

#include "seqc/Lower/Passes.h"

#include "RecurrenceAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERRECURRENCES
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct LowerRecurrences : seqc::impl::LowerRecurrencesBase<LowerRecurrences> {
  using LowerRecurrencesBase::LowerRecurrencesBase;
  void runOnOperation() override {
    SmallVector<kernel::RecurrenceOp> recurrences;
    getOperation().walk(
        [&](kernel::RecurrenceOp op) { recurrences.push_back(op); });
    for (kernel::RecurrenceOp op : recurrences) {
      if (failed(op.getCoupled() ? seqc::lowerCoupled(op, lanes)
                                 : seqc::lowerSeparable(op, lanes))) {
        op.emitError("this arrangement does not fit the recurrence's body");
        return signalPassFailure();
      }
    }
  }
};
} // namespace
