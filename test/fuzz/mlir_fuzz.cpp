//===- mlir_fuzz.cpp - any text as the .mlir input of seq-compile ----------===//
//
// Parsed, verified and taken through the first stage, with the dialects that
// models are written in. What comes out must be valid.
//
//===----------------------------------------------------------------------===//

#include "seq/Seq.h"
#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

static const DialectRegistry &dialects() {
  static DialectRegistry registry = [] {
    DialectRegistry registry;
    registry.insert<arith::ArithDialect, cf::ControlFlowDialect,
                    func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                    scf::SCFDialect, seq::SeqDialect, tensor::TensorDialect>();
    return registry;
  }();
  return registry;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  MLIRContext context(dialects(), MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.getDiagEngine().registerHandler([](Diagnostic &) {});
  llvm::StringRef text(reinterpret_cast<const char *>(data), bytes);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  PassManager manager(&context);
  manager.addPass(seqc::createSeqNameArguments());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  (void)manager.run(*module);
  return 0;
}
