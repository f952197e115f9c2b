//===- KernelBase.td - dialect definition ------------------------*- tablegen -*-===//

#ifndef KERNEL_BASE_TD
#define KERNEL_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::mlir::kernel";
  let summary = "How a sequence layer is computed";
  let description = [{
    `seq` says *what* is computed; `kernel` says *how*: a matrix product over
    packed weights with an epilogue, a tiled recurrence, a dispatch to the team
    of threads, an entry of the weight file.

    Compute operations are in destination style. They exist on tensors (stage
    `kernels`), survive bufferization, and are emitted at vector level from
    their form on memrefs, where tails, clamps and dynamic trip counts are
    simple. `scf.forall` over memrefs without results is a parallel loop over
    work units; its attribute `kernel.grain` is the number of units that one
    thread takes at a time.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::seq::SeqDialect"];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

#endif // KERNEL_BASE_TD
