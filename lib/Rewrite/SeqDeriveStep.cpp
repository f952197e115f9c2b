//===- SeqDeriveStep.cpp - the step of a function over a sequence ---------------------===//

#include "StepCloner.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace seqc {
#define GEN_PASS_DEF_SEQDERIVESTEP
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
struct SeqDeriveStep : seqc::impl::SeqDeriveStepBase<SeqDeriveStep> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    StepDeriver deriver(module);
    for (auto function :
         llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (!function.isPublic() || function.isExternal())
        continue;
      FailureOr<bool> runs = deriver.runsThroughTime(function);
      if (failed(runs) || (*runs && failed(deriver.derive(function, {}, {}))))
        return signalPassFailure();
    }
  }
};
} // namespace
