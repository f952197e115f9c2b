//===- SeqSelectForm.cpp - a form for each recurrence --------------------===//

#include "seqc/Rewrite/FormChoice.h"
#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQSELECTFORM
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
struct SeqSelectForm : seqc::impl::SeqSelectFormBase<SeqSelectForm> {
  using SeqSelectFormBase::SeqSelectFormBase;
  SeqSelectForm(const Machine &machine, llvm::StringRef name)
      : machine(machine) {
    form = name.str();
  }

  void runOnOperation() override {
    std::optional<Form> forced = getForm(form);
    if (!forced && form != "auto") {
      getOperation()->emitError("seq-select-form: there is no form '")
          << form << "'; known are auto, sequential, chunked, scan, quadratic";
      return signalPassFailure();
    }
    if (!targetFile.empty()) {
      auto read = readMachine(targetFile);
      if (!read) {
        getOperation()->emitError(llvm::toString(read.takeError()));
        return signalPassFailure();
      }
      machine = std::move(*read);
    }
    if (forced == Form::Sequential)
      return;
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk([&](seq::RecurrenceOp op) {
      // Those inside of others are parts of these.
      if (!op->getParentOfType<seq::RecurrenceOp>())
        recurrences.push_back(op);
    });
    for (seq::RecurrenceOp op : recurrences) {
      if (!mayHaveForms(op))
        continue;
      SmallVector<FormRange> ranges;
      if (forced)
        ranges.push_back({0, *forced});
      else
        llvm::append_range(ranges, chooseForm(op, machine).ranges);
      if (failed(applyForms(op, ranges)))
        return signalPassFailure();
    }
  }

  Machine machine = getBuiltInMachine("avx512");
};
} // namespace

std::unique_ptr<Pass> seqc::createSeqSelectForm(const Machine &machine,
                                                llvm::StringRef form) {
  return std::make_unique<SeqSelectForm>(machine, form);
}
