//===- Passes.td - passes of lib/Lower ---------------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

def KernelRecurrences : Pass<"kernel-recurrences", "::mlir::func::FuncOp"> {
  let summary = "gives recurrences their place on threads and lanes";
  let description = [{
    Replaces `seq.recurrence` by `kernel.recurrence` where its body can be
    written on vectors. The dimension analysis decides: a separable dimension
    that is innermost in the outputs goes to the lanes, the other separable ones
    to the units of work; without one the arrangement is `coupled`. Slices of a
    recurrent product are computed as products with slices of the weight, so
    that the gates of one unit come out side by side. Captured tensors whose
    lanes are not contiguous are cut into blocks (on weights that is the
    packing at compile time).

    Recurrences with other bodies are left for `recurrence-to-loops`.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "f32 values in a vector register">];
  let dependentDialects = [
    "::mlir::kernel::KernelDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def LowerRecurrences : Pass<"lower-recurrences", "::mlir::func::FuncOp"> {
  let summary = "writes recurrences on memrefs as vector code of a team";
  let description = [{
    Emits each `kernel.recurrence` on memrefs as one `kernel.team`. Separable:
    threads share units and blocks; a tile of times outside the blocks; the
    state in registers where it fits, else row by row in the first-level cache,
    with all reductions over the rows in the same loop. Coupled: threads share
    the blocks of each step, with a barrier after each phase.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "f32 values in a vector register">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def RecurrenceToLoops : Pass<"recurrence-to-loops", "::mlir::func::FuncOp"> {
  let summary = "runs a recurrence as a loop over slices of tensors";
  let description = [{
    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x) outs(%y0) init(%h0) { … }
    ```
    becomes an `scf.for` over the time that carries the outputs and the states,
    takes slices with `tensor.extract_slice` and puts the outputs' back with
    `tensor.insert_slice`. Works on every body.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def LowerGenerics : Pass<"lower-generics", "::mlir::func::FuncOp"> {
  let summary = "writes linalg operations on memrefs as vector loops";
  let description = [{
    Lanes are the innermost dimension of the outputs if every operand has it
    innermost or not at all, else the innermost reduced dimension on the same
    condition (with a horizontal reduction at the end); other operations become
    scalar loops. The other parallel dimensions are shared by the team where
    there is enough work (`scf.forall`). Lanes beyond the end are masked.

    A `memref.load` in a payload whose last index is the lane's own number (an
    embedding's row) is a vector load.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "f32 values in a vector register">];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def BufferizeProgram : Pass<"bufferize-program", "::mlir::ModuleOp"> {
  let summary = "one-shot bufferization that leaves formulas alone";
  let description = [{
    Upstream's one-shot bufferization over function boundaries, with identity
    layouts. The regions of `kernel.recurrence` keep working on tensors: they
    are formulas, not memory.
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect"];
}
