//===- Registration.cpp - dialects and passes of the project --------------------===//

#include "seqc/Registration.h"

#include "kernel/Kernel.h"
#include "seq/Seq.h"
#include "seqc/Lower/Passes.h"
#include "seqc/Pipelines.h"
#include "seqc/Rewrite/Passes.h"
#include "seqc/Target/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

void seqc::registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<mlir::seq::SeqDialect, mlir::kernel::KernelDialect>();
  mlir::kernel::registerBufferizableOpInterfaceExternalModels(registry);
}

void seqc::registerPasses() {
  mlir::registerAllPasses();
  registerSeqRewritePasses();
  registerSeqLowerPasses();
  registerSeqTargetPasses();
  registerPipelines();
}
