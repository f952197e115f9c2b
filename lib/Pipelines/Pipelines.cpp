//===- Pipelines.cpp - the order of passes --------------------------------------===//

#include "seqc/Pipelines.h"

#include "seqc/Lower/Passes.h"
#include "seqc/Rewrite/Passes.h"
#include "seqc/Target/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace seqc;

static void cleanUp(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void seqc::buildSeqPipeline(OpPassManager &manager) {
  // What a caller of the program needs to know of each argument and result.
  manager.addPass(createSeqNameArguments());
  cleanUp(manager);
}

void seqc::buildResetPipeline(OpPassManager &manager, bool expose) {
  manager.addPass(createSeqNameArguments());
  manager.addPass(createSeqReorderAttention());
  cleanUp(manager);
  if (expose) {
    manager.addPass(createSeqExposeStates());
    cleanUp(manager);
  }
  manager.addPass(createSeqAddReset());
}

void seqc::buildGeneralPipeline(OpPassManager &manager) {
  // Before states are looked for: what becomes a recurrence has one.
  manager.addPass(createSeqReorderAttention());
  cleanUp(manager);
  // What a session keeps between runs.
  manager.addPass(createSeqExposeStates());
  cleanUp(manager);
  // Softmax attention is one operation by its structure, without scores.
  manager.addPass(createKernelAttention());
  // One recurrence for every other layer.
  manager.addPass(createSeqGeneralize());
  cleanUp(manager);
  // What does not depend on the state becomes one product over all times, and
  // products of one tensor become one.
  manager.addPass(createSeqHoist());
  cleanUp(manager);
  manager.addPass(createSeqMergeProducts());
  cleanUp(manager);
}

void seqc::buildFormsPipeline(OpPassManager &manager, const Target &target,
                              llvm::StringRef form) {
  buildGeneralPipeline(manager);
  // What costs least, once recurrences hold nothing but what depends on states.
  manager.addPass(createSeqSelectForm(target.machine, form));
  cleanUp(manager);
}

void seqc::buildKernelsPipeline(OpPassManager &manager, const Target &target) {
  // Scans that no choice of form has cut into blocks of time.
  manager.addPass(createSeqBlockScan({/*blocks=*/1}));
  manager.addPass(createConvertElementwiseToLinalgPass());
  cleanUp(manager);
  // Products take the elementwise operations that follow them.
  manager.addPass(createKernelContracts());
  manager.addNestedPass<func::FuncOp>(
      createKernelRecurrences({/*lanes=*/target.lanes}));
  // Bodies without a vector form.
  manager.addNestedPass<func::FuncOp>(createRecurrenceToLoops());
  manager.addPass(createConvertElementwiseToLinalgPass());
  cleanUp(manager);
  // What rests on weights alone is done in advance.
  manager.addPass(createKernelPackWeights());
  cleanUp(manager);
  // The remaining elementwise operations share loops.
  manager.addPass(createFuseElementwise());
  manager.addPass(createSplatsToFills());
  cleanUp(manager);
}

void seqc::buildLoopsPipeline(OpPassManager &manager, const Target &target) {
  // To memory; states of layers stay in their stacks.
  manager.addPass(createSinkSlices());
  cleanUp(manager);
  manager.addPass(createBufferizeProgram());
  manager.addPass(createCSEPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createResultsToArguments());
  manager.addPass(createEntryPoints());
  cleanUp(manager);
  manager.addNestedPass<func::FuncOp>(createRefuseSizes());

  // To vector code; copies last, since the others leave some.
  manager.addPass(
      createLowerAttention({/*lanes=*/target.lanes, target.registers}));
  manager.addPass(
      createLowerContracts({/*lanes=*/target.lanes, target.registers}));
  manager.addNestedPass<func::FuncOp>(
      createLowerRecurrences({/*lanes=*/target.lanes}));
  manager.addPass(createLowerCopies());
  manager.addNestedPass<func::FuncOp>(
      createLowerGenerics({/*lanes=*/target.lanes}));
  cleanUp(manager);

  // To the runtime's memory and threads.
  manager.addPass(createPlanArena());
  manager.addPass(createOutlineTeams());
  cleanUp(manager);
}

void seqc::buildLLVMPipeline(OpPassManager &manager, const Target &target) {
  // Elementary functions as arithmetic, before loops lose their structure.
  manager.addPass(createLowerMath({/*avx512=*/target.avx512}));
  cleanUp(manager);
  manager.addPass(memref::createFoldMemRefAliasOpsPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createProgramToLLVM());
  cleanUp(manager);
}

void seqc::buildPipeline(OpPassManager &manager, Stage from, Stage to,
                         const Target &target, llvm::StringRef form) {
  auto passes = [&](Stage stage) { return from < stage && stage <= to; };
  if (passes(Stage::Seq))
    buildSeqPipeline(manager);
  if (passes(Stage::Forms))
    buildFormsPipeline(manager, target, form);
  if (passes(Stage::Kernels))
    buildKernelsPipeline(manager, target);
  if (passes(Stage::Loops))
    buildLoopsPipeline(manager, target);
  if (passes(Stage::LLVM))
    buildLLVMPipeline(manager, target);
}

void seqc::registerPipelines() {
  PassPipelineRegistration<>("to-seq", "complete signatures",
                             buildSeqPipeline);
  PassPipelineRegistration<>(
      "seq-to-forms", "general ops with explicit states",
      [](OpPassManager &manager) { buildFormsPipeline(manager, {}); });
  PassPipelineRegistration<>(
      "forms-to-kernels", "how things are computed",
      [](OpPassManager &manager) { buildKernelsPipeline(manager, {}); });
  PassPipelineRegistration<>(
      "kernels-to-loops", "vector code on memory",
      [](OpPassManager &manager) { buildLoopsPipeline(manager, {}); });
  PassPipelineRegistration<>(
      "loops-to-llvm", "the last lowering",
      [](OpPassManager &manager) { buildLLVMPipeline(manager, {}); });
}
