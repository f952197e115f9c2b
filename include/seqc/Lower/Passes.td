//===- Passes.td - passes of lib/Lower ---------------------------*- tablegen -*-===//
// One entry a file of lib/Lower, in alphabetical order.
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

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

def DecomposeContracts : Pass<"decompose-contracts"> {
  let summary = "turns kernel.contract into linalg operations";
  let description = [{
    On tensors: the weight is brought back to `[K, N]`, multiplied, and the
    epilogue becomes an elementwise `linalg.generic`. Slow and plain: the
    meaning of `kernel.contract` that tests compare with.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def KernelContracts : Pass<"kernel-contracts"> {
  let summary = "turns products with a matrix into kernel.contract";
  let description = [{
    A linalg contraction of an activation `[m…, K]` with a matrix that does not
    depend on `m…` becomes `kernel.contract`. The matrix is packed by tensor
    operations on it (which kernel-pack-weights moves to compile time); the
    elementwise operations that follow go into the epilogue:

    ```mlir
    %p = linalg.matmul_transpose_b ins(%x, %w : …) outs(%zero : …) -> tensor<?x80xf32>
    %y = linalg.generic … ins(%p, %bias, %x0) { add, add } -> tensor<?x80xf32>
    ```
    becomes
    ```mlir
    %packed = … : tensor<2x512x48xf32>
    %y = kernel.contract ins(%x, %packed : …) extras(%bias : …) outs(%x0 : …) { add, add }
    ```

    A panel is a multiple of 16 columns, at most `panel`, chosen so that little
    is padded. A product is left alone where its matrix has a dynamic shape,
    less than 8 columns or no depth, where both operands vary over a common dimension (a
    batch), where rows or columns are not in the order of the result, or where
    the matrix is no weight and there are less than 32 rows to pay for packing.
    An elementwise operation is left outside where the product has other uses.
  }];
  let options = [
    Option<"panel", "panel", "int64_t", "64", "most columns in a panel">
  ];
  let dependentDialects = ["::mlir::kernel::KernelDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::mlir::arith::ArithDialect"];
}

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

def LowerContracts : Pass<"lower-contracts"> {
  let summary = "turns kernel.contract on memrefs into vector loops";
  let description = [{
    One `scf.forall` over panels of columns and blocks of rows; inside it tiles
    of 6 or 8 rows in registers, chosen by the number of rows at run time, and a
    loop of its own for a single row, which runs at the speed of memory.
    Columns beyond N are masked; rows beyond the end are not stored.

    `lanes` and `registers` describe the target's vector registers. Code for
    other element types than f32 takes as many lanes as fit one register.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "f32 in one vector register">,
    Option<"registers", "registers", "int64_t", "32", "vector registers">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
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

def LowerMath : Pass<"lower-math"> {
  let summary = "writes elementary functions as arithmetic";
  let description = [{
    Every `math` operation on f32, scalars and vectors of any width, becomes
    arithmetic and operations that are one instruction (fma, sqrt, floor, …), so
    that no loop calls a library:

    | operation | largest error | |
    |---|---|---|
    | exp, exp2 | 1 ulp | 1 at 0, correctly rounded next to it |
    | expm1 | 1.6 ulp | |
    | tanh | 2.5 ulp | odd, ±1 from 9.02 on |
    | sinh, cosh, asinh, acosh, atanh | 2.5 ulp | sinh and cosh up to 88.7 |
    | erf | 1 ulp | |
    | log | 1 ulp | log2 and log10 2 ulp |
    | log1p | 1.5 ulp | a shorter way where the argument is exp(-abs(x)), as in softplus |
    | sin, cos | 1.5 ulp | up to 2^48; tan 3 ulp |
    | rsqrt | 1.5 ulp | |
    | powf | 1 ulp | in f64 on the way; common constant exponents by products |
    | asin, acos, atan, atan2, cbrt, erfc | 5, 2, 45, 45, 13, 150 ulp | upstream's approximations |

    Infinities and NaN are as in C. Subnormal arguments count as zero, and
    results below 2^-125 may be zero. Functions of bf16 and f16 are computed in
    f32. Functions of f64 are left to the C library.

    The exponential of a product scales one factor by log2(e), the one from
    outside the loop or with more uses, and takes the power of two. That rounds
    at another place, as contraction does.

    Additions, subtractions and products of floating-point numbers that were
    there before get `fastmath<contract>`, so that a product and a sum become
    one fma; those that this pass writes do not.

    MLIR does not know that the intrinsic behind `avx512` has no effects: passes
    that move or remove code come first.
  }];
  let options = [
    Option<"avx512", "avx512", "bool", "false",
           "use vscalefps in exponentials">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
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
