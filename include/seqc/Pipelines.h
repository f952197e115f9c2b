//===- Pipelines.h - the order of passes, one function a stage -------------------===//

#ifndef SEQC_PIPELINES_H
#define SEQC_PIPELINES_H

#include "seqc/Analysis/Target.h"

#include "mlir/Pass/PassManager.h"

namespace seqc {

/// Where a compilation begins and may stop; docs/Pipelines.md says what is legal
/// after each.
enum class Stage { Model, Seq, Forms, Kernels, Loops, LLVM };

/// Model → model whose public functions take several sequences in one, with the
/// argument `reset` (seq-add-reset). With `expose` states are exposed before,
/// while layers still say what they are called; attention with a reset has no
/// cache.
void buildResetPipeline(mlir::OpPassManager &manager, bool expose);
/// seq: complete signatures; named and general ops.
void buildSeqPipeline(mlir::OpPassManager &manager);
/// The part of seq → forms that is the same for all machines: general ops with
/// explicit states, products out of recurrences.
void buildGeneralPipeline(mlir::OpPassManager &manager);
/// seq → forms: that, and a form for each recurrence. `form` as for
/// seq-select-form.
void buildFormsPipeline(mlir::OpPassManager &manager, const Target &target,
                        llvm::StringRef form = "auto");
/// forms → kernels: no seq; how things are computed, weights packed.
void buildKernelsPipeline(mlir::OpPassManager &manager, const Target &target);
/// kernels → loops: vector code on memory, one function a parallel region.
void buildLoopsPipeline(mlir::OpPassManager &manager, const Target &target);
/// loops → llvm.
void buildLLVMPipeline(mlir::OpPassManager &manager, const Target &target);

/// Appends the stages after `from` up to and including `to`.
void buildPipeline(mlir::OpPassManager &manager, Stage from, Stage to,
                   const Target &target, llvm::StringRef form = "auto");

/// Registers each stage as a pipeline of seq-opt: to-seq, seq-to-forms, forms-to-kernels,
/// kernels-to-loops, loops-to-llvm.
void registerPipelines();

} // namespace seqc

#endif // SEQC_PIPELINES_H
