//===- Passes.td - passes of lib/Lower ---------------------------*- tablegen -*-===//
// One entry a file of lib/Lower, in alphabetical order.
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def BufferizeProgram : Pass<"bufferize-program", "::mlir::ModuleOp"> {
  let summary = "one-shot bufferization that leaves formulas alone";
  let description = [{
    Upstream's one-shot bufferization over function boundaries, with identity
    layouts. The regions of `kernel.recurrence` keep working on tensors: they
    are formulas, not memory. Arguments of public functions are read only unless
    they are states (`seq.state`). What an `scf.for` carries stays in one buffer:
    a value computed elsewhere is copied into it.
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

def EntryPoints : Pass<"entry-points", "::mlir::ModuleOp"> {
  let summary = "makes public functions what the runtime calls";
  let description = [{
    On memrefs. A public function loses its arguments and results:

    - arguments become `kernel.argument`, inputs before states (those with
      `seq.state`);
    - the buffer of an output becomes `kernel.result`, the caller's memory; a
      buffer that cannot lie there is copied at the end;
    - the buffer of a state's result is copied into the state, unless it is the
      state's own.

    The attribute `seq.entry` keeps names, types, `seq.sizes`, `seq.limit`,
    `seq.most` and `seq.position` of inputs, states and outputs for the program's
    descriptor.

    ```mlir
    func.func @f(%x: memref<?xf32>, %s: memref<4xf32> {seq.state = "s"})
        -> (memref<?xf32>, memref<4xf32> {seq.state = "s"}) {
      %y = memref.alloc(%n) : memref<?xf32>
      …
      return %y, %s : …
    }
    ```
    ⇒
    ```mlir
    func.func @f() attributes {seq.entry = {…}} {
      %x = kernel.argument 0 sizes 0 : memref<?xf32>
      %s = kernel.argument 1 sizes 1 : memref<4xf32>
      %y = kernel.result 0(%n) : memref<?xf32>
      …
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::kernel::KernelDialect", "::mlir::memref::MemRefDialect"];
}

def FuseElementwise : Pass<"fuse-elementwise"> {
  let summary = "fuses elementwise operations outside of recurrences";
  let description = [{
    Upstream's fusion of `linalg.generic`, where the producer has no other use
    and is no operand that a product reads again for each row or column.
    The bodies of recurrences are left alone: they are formulas.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def KernelAttention : Pass<"kernel-attention"> {
  let summary = "turns softmax attention into kernel.attention";
  let description = [{
    Each `seq.attention` of f32 with the normaliser softmax becomes
    `kernel.attention` on the same operands, in destination style:

    ```mlir
    %y = seq.attention ins(%q, %k, %v : …) mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
    ```
    ⇒
    ```mlir
    %empty = tensor.empty(%t) : tensor<1x?x8x64xf32>
    %y = kernel.attention ins(%q, %k, %v : …) outs(%empty : …) mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
    ```

    A bias with one value for all keys is spread over them. Other element types
    and the normaliser kernel are left to `seq-generalize`.
  }];
  let dependentDialects = ["::mlir::kernel::KernelDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
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

def KernelPackWeights : Pass<"kernel-pack-weights", "::mlir::ModuleOp"> {
  let summary = "moves what rests on weights alone to compile time";
  let description = [{
    A value that is computed by pure operations from `seq.weight`s and constants
    alone, and that another operation reads, becomes a tensor of the program's
    weight file. The computation goes to the function `@pack`, which the
    compiler runs once; afterwards `seq.weight` is nowhere else:

    ```mlir
    func.func private @layer(%x: …, %layer: index {seq.count = 24 : index}) {
      %w = seq.weight @"h.{}.in"[%layer] : tensor<3072x768xbf16>
      %f = linalg.generic … ins(%w) { arith.extf } -> tensor<3072x768xf32>
      %s = tensor.expand_shape %f … into tensor<48x64x768xf32>
      %p = linalg.transpose ins(%s : …) … -> tensor<48x768x64xf32>
      %y = kernel.contract ins(%x, %p : …) …
    ```
    ⇒
    ```mlir
    kernel.entry @"h.{}.in" : tensor<48x768x64xf32> count 24 offset 0 stride 9437184
    func.func private @layer(%x: …, %layer: index {seq.count = 24 : index}) {
      %p = kernel.weight @"h.{}.in"[%layer] : tensor<48x768x64xf32>
      %y = kernel.contract ins(%x, %p : …) …
    }
    func.func private @pack() {
      scf.for %layer = %c0 to %c24 step %c1 {
        …
        kernel.store_entry %p, @"h.{}.in"[%layer] : tensor<48x768x64xf32>
    ```

    The index of a weight is a constant, the induction variable of an `scf.for`
    with constant bounds and step 1, or an argument with `seq.count = N : index`
    and `seq.first = F : index` (default 0), whose values are F … F+N-1; or one
    of these plus a constant; or `tensor.extract` of a constant list of numbers
    at such an index, where layers of several kinds take turns. Anything else is
    an error.

    The same computation in several places makes one entry. Names are those of
    the tensors that it reads, joined by `+`, with a number where there are two
    of a name. Entries with the same count lie together, all of index 0, then
    all of index 1, and so on, each at a multiple of 64 bytes, in the order of
    their first use. `kernel.payload_bytes` and `kernel.layout_id` (a hash of
    names, types and places) of the module describe the whole.

    Stored is the last value of a computation that is not much larger than the
    weights it reads (four times, or 1024 elements): a broadcast stays in the
    program. So do scalars, and values of dynamic shape.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::kernel::KernelDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
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

def LowerAttention : Pass<"lower-attention"> {
  let summary = "turns kernel.attention on memrefs into vector loops";
  let description = [{
    Two ways, chosen by the number of queries at run time:

    - blocks of queries, one a lane. A unit of work is a head and a block; it
      runs through tiles of keys, with the transposed scores of one tile and the
      transposed averages in the first-level cache. Keys and values are read as
      scalars, maxima and sums never cross lanes. Tiles that the mask hides are
      skipped, and only tiles that it cuts are masked.
    - few queries (decoding). A unit is a query and a part of the keys; lanes
      are channels, and query heads that share keys read them once. A second
      loop merges the parts.

    Only f32. `lanes` and `registers` describe the target's vector registers.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "f32 in one vector register">,
    Option<"registers", "registers", "int64_t", "32", "vector registers">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
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

def LowerCopies : Pass<"lower-copies"> {
  let summary = "turns memref.copy into linalg.copy";
  let description = [{
    So that lower-generics writes copies as vector loops, whatever their strides.
    A copy of a buffer onto itself goes away.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def LowerGenerics : Pass<"lower-generics", "::mlir::func::FuncOp"> {
  let summary = "writes linalg operations on memrefs as vector loops";
  let description = [{
    Lanes are the innermost dimension of the outputs if every operand has it
    innermost or not at all, else the innermost reduced dimension on the same
    condition (with a horizontal reduction at the end); other operations become
    scalar loops. The other parallel dimensions are shared by the team where
    there is enough work (`scf.forall`). Lanes beyond the end are masked.

    A product whose lanes are columns keeps a tile of up to 8 rows or 4 vectors,
    16 sums in all (8 where a vector has less than 16 lanes), in registers, if
    sizes are known and divisible.

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

def OutlineTeams : Pass<"outline-teams", "::mlir::ModuleOp"> {
  let summary = "makes functions of parallel regions";
  let description = [{
    `scf.forall` over memrefs becomes `kernel.parallel` of a function that runs a
    range of units, `kernel.team` becomes `kernel.run_team`. Constants are made
    again inside, other values from outside are handed over. An `scf.forall`
    inside another parallel region becomes a loop. Buffers on the stack move to
    the beginning of the function.

    ```mlir
    scf.forall (%i) in (%n) { … %a … } {kernel.grain = 4 : i64}
    ```
    ⇒
    ```mlir
    kernel.parallel @f.parallel(%a) units %n grain 4 : memref<…>
    func.func private @f.parallel(%a: memref<…>, %lo: index, %hi: index) {
      scf.for %i = %lo to %hi step %c1 { … }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::kernel::KernelDialect",
    "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

def PlanArena : Pass<"plan-arena", "::mlir::ModuleOp"> {
  let summary = "gives all buffers places in one arena";
  let description = [{
    Each `memref.alloc` becomes a view of the arena, one block of memory for a
    whole run. Buffers that are never live together share a slot; a slot is as
    large as its largest buffer at run time, so sizes may be dynamic. A private
    function with buffers gets the rest of its caller's arena as a further
    argument, `memref<?xi8>`; a public one asks the runtime for it
    (`kernel.arena`). For each such function `@f` there is a function
    `@f.arena_bytes` of the dynamic sizes of its arguments.

    Refused: a buffer whose size depends on more than sizes of arguments, one in
    a parallel region, and one that a private function returns.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::kernel::KernelDialect", "::mlir::memref::MemRefDialect"];
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

def RefuseSizes : Pass<"refuse-sizes", "::mlir::func::FuncOp"> {
  let summary = "checks what sizes decide before anything runs";
  let description = [{
    In entry points, on memrefs. A `cf.assert` that rests on nothing but sizes of
    `kernel.argument`s moves to the front and gets the attribute
    `kernel.refusal`: the call is refused, and the states stay as they were. One
    that fails later leaves them undefined.

    ```mlir
    %x = kernel.argument 0 sizes 0 : memref<1x?xi64>
    %s = kernel.argument 1 sizes 1 : memref<4xf32>
    call @body(%x, %s) : …
    %n = memref.dim %x, %c1 : memref<1x?xi64>
    %any = arith.cmpi sgt, %n, %c0 : index
    cf.assert %any, "expected at least one token"
    ```
    ⇒
    ```mlir
    %x = kernel.argument 0 sizes 0 : memref<1x?xi64>
    %n = memref.dim %x, %c1 : memref<1x?xi64>
    %any = arith.cmpi sgt, %n, %c0 : index
    cf.assert %any, "expected at least one token" {kernel.refusal}
    …
    ```
  }];
  let dependentDialects = ["::mlir::kernel::KernelDialect"];
}

def ResultsToArguments : Pass<"results-to-arguments", "::mlir::ModuleOp"> {
  let summary = "private functions write their results to buffers of the caller";
  let description = [{
    On memrefs. A result that is an argument is dropped: the caller has it. A
    result that is a buffer of the function becomes a further argument, which the
    caller allocates; its sizes must follow from the arguments' sizes. Other
    results, such as parts of a buffer, are copied first.

    ```mlir
    func.func private @f(%x: memref<?xf32>) -> memref<?xf32> {
      %n = memref.dim %x, %c0 : memref<?xf32>
      %y = memref.alloc(%n) : memref<?xf32>
    ```
    ⇒
    ```mlir
    func.func private @f(%x: memref<?xf32>, %y: memref<?xf32>) {
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect"];
}

def SinkSlices : Pass<"sink-slices", "::mlir::ModuleOp"> {
  let summary = "hands stacks to functions instead of parts of them";
  let description = [{
    A private function that takes one element of a stack as an argument and
    returns what replaces it gets the stack and the element's number, and takes
    and puts the part itself. Between functions buffers are dense and begin at
    their first element, so that a part would be copied there and back: the whole
    cache of a layer, for one token.

    ```mlir
    %part = tensor.extract_slice %stack[%l, 0] [1, 8] [1, 1] : tensor<6x8xf32> to tensor<8xf32>
    %next = func.call @f(%part) : (tensor<8xf32>) -> tensor<8xf32>
    %new = tensor.insert_slice %next into %stack[%l, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
    ```
    ⇒
    ```mlir
    %new = func.call @f(%stack, %l) : (tensor<6x8xf32>, index) -> tensor<6x8xf32>
    ```

    All calls of the function must be of this kind.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def SplatsToFills : Pass<"splats-to-fills"> {
  let summary = "replaces tensor constants of one value by linalg.fill";
  let description = [{
    Outside the bodies of recurrences, before bufferization: the constant would
    become data of the program, and be copied where it is written to.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}
