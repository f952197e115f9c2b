//===- Passes.td - passes of lib/Target ---------------------------*- tablegen -*-===//
// One entry a file of lib/Target, in alphabetical order.
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def ProgramToLLVM : Pass<"program-to-llvm", "::mlir::ModuleOp"> {
  let summary = "the last lowering: loops without structure to the LLVM dialect";
  let description = [{
    Converts what is left after outline-teams and convert-scf-to-cf in one step:
    memref, vector, arith, math, cf, func and the kernel dialect's calls of the
    runtime (runtime/include/seq/runtime/Program.h).

    Every function gets the run's frame as its first argument. Entry points
    (`seq.entry`) keep their names and take nothing else; beside `@f.arena_bytes`
    of an entry point, which takes sizes one by one, stands what the descriptor
    needs, a function of the array of sizes. A `cf.assert` that fails ends the run
    with its message as the error.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}
