//===- KernelCompute.td - products and recurrences ---------------*- tablegen -*-===//

#ifndef KERNEL_COMPUTE_TD
#define KERNEL_COMPUTE_TD

include "kernel/KernelBase.td"

class Kernel_ComputeOp<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, traits # [
        DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]>;

def Kernel_ContractOp : Kernel_ComputeOp<"contract", [
    SingleBlock, IsolatedFromAbove]> {
  let summary = "matrix product over a packed weight, with an epilogue";
  let description = [{
    ```
    out[m…, n] = epilogue(Σ_k input[m…, k] · weight[n / P, k, n mod P], extras…, out[m…, n])
    ```

    `input` is `[m…, K]`, `weight` is packed in panels of `P` columns,
    `[⌈N/P⌉, K, P]`, padded with zeros beyond `N`, and `out` is `[m…, N]`. The
    region is scalar; its arguments are one element of the product, of each
    extra and of `out`; it yields the new element. An extra is one value
    (rank 0), one value a column (`[N]`, or padded to `⌈N/P⌉·P`), or of the
    shape of `out`. A residual handed over as `out` is added in place.

    Example: a linear layer with bias and residual,

    ```mlir
    %y = kernel.contract ins(%x, %w : tensor<?x512xf32>, tensor<8x512x64xf32>)
        extras(%bias : tensor<512xf32>) outs(%residual : tensor<?x512xf32>) {
    ^epilogue(%p: f32, %b: f32, %r: f32):
      %0 = arith.addf %p, %b : f32
      %1 = arith.addf %0, %r : f32
      kernel.yield %1 : f32
    } -> tensor<?x512xf32>
    ```

    `K = 0` gives the epilogue of 0; no rows give nothing.

    Constraints:

    - (C1) `weight` is `[⌈N/P⌉, K, P]` with a static shape, `N` is static;
    - (C2) `input` and `out` have the same leading dimensions;
    - (C3) `input`, `weight` and `out` have one floating-point element type;
    - (C4) an extra is of rank 0, `[N]`, `[⌈N/P⌉·P]` or of the shape of `out`;
    - (C5) the region has an argument of the element type for the product, each
      extra and `out`, and yields one value of `out`'s element type;
    - (C6) all operands are tensors and the result is of `out`'s type, or all
      are memrefs and there is no result.
  }];
  let arguments = (ins
    AnyShaped:$input, AnyShaped:$weight, Variadic<AnyShaped>:$extras,
    AnyShaped:$output);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $output `:` type($output) `)`
    attr-dict-with-keyword $epilogue (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Columns N, depth K and columns a panel P.
    int64_t getColumns();
    int64_t getDepth();
    int64_t getPanel();
  }];
}

def Kernel_RecurrenceOp : Kernel_ComputeOp<"recurrence", [
    AttrSizedOperandSegments, SingleBlock, IsolatedFromAbove]> {
  let summary = "a recurrence with its place on threads and lanes";
  let description = [{
    As `seq.recurrence`, with captured values made operands: region arguments
    are [slices of inputs][captures][slices of outputs][states]; the region
    yields outputs, then next states. On memrefs the states are updated in
    place, and the region still works on tensor slices: it is the formula that
    the lowering reads.

    `width` values of the innermost dimension make one block, the lanes of a
    vector (of several registers if it is wider than one). Two arrangements:

    - separable (the default): blocks never meet. Units are the indices of the
      other separable dimensions, `unit_sizes`, times the blocks; threads share
      them and each runs through time on its own, without a barrier.
    - `coupled`: a step reads whole states (a dense recurrent product). Blocks
      are shared by the threads within each step, which ends with a barrier.

    `roles` says for each region argument what its dimensions are: a number is
    the unit dimension, -1 a dimension inside a block (a row of the state), -2
    the lanes. (Only the separable arrangement.)

    `blocked` has one number a capture: -1, or the dimension of its logical
    type that is cut into blocks. Such an operand has the shape
    `[ceil(size / width), the other dimensions…, width]`, padded with zeros,
    while the region's argument keeps the logical type.

    An operation of the region with the attribute `kernel.ahead` depends on no
    state; it is computed for several times at once before these times' steps.
    The attribute holds the roles of its result's dimensions.
  }];
  let arguments = (ins
    I64Attr:$dim, UnitAttr:$reverse, UnitAttr:$coupled,
    I64Attr:$width, DenseI64ArrayAttr:$unit_sizes, ArrayAttr:$roles,
    DenseI64ArrayAttr:$blocked,
    Variadic<AnyShaped>:$inputs, Variadic<AnyType>:$captures,
    Variadic<AnyShaped>:$outputs, Variadic<AnyShaped>:$states);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `along` $dim (`reverse` $reverse^)? (`coupled` $coupled^)? `width` $width
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    (`captures` `(` $captures^ `:` type($captures) `)`)?
    (`outs` `(` $outputs^ `:` type($outputs) `)`)?
    (`init` `(` $states^ `:` type($states) `)`)?
    attr-dict-with-keyword $body (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What a dimension is, in `roles`.
    static constexpr int64_t kRow = -1;
    static constexpr int64_t kLane = -2;
    static constexpr ::llvm::StringLiteral kAhead = "kernel.ahead";

    ::llvm::ArrayRef<int64_t> getRolesOf(unsigned argument);
    ::mlir::Block::BlockArgListType getInputSlices();
    ::mlir::Block::BlockArgListType getCaptureArguments();
    ::mlir::Block::BlockArgListType getOutputSlices();
    ::mlir::Block::BlockArgListType getStateArguments();
    ::mlir::OperandRange getYieldedOutputs();
    ::mlir::OperandRange getYieldedStates();
    /// A sequence whose `dim` is the number of times.
    ::mlir::Value getTimeSource();
  }];
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["ContractOp", "RecurrenceOp", "TeamOp"]>]> {
  let summary = "ends the region of a kernel operation";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

def Kernel_TeamOp : Kernel_Op<"team", [SingleBlockImplicitTerminator<"YieldOp">,
    RecursiveMemoryEffects]> {
  let summary = "runs its region once on every thread of the team";
  let description = [{
    The region's arguments are the thread's number and the number of threads.
    Threads meet at `kernel.barrier`, which every thread must reach equally
    often.
  }];
  let arguments = (ins);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    ::mlir::Value getThread() { return getBody().getArgument(0); }
    ::mlir::Value getThreads() { return getBody().getArgument(1); }
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins), [{
    auto *region = $_state.addRegion();
    auto index = $_builder.getIndexType();
    ::mlir::OpBuilder::InsertionGuard guard($_builder);
    $_builder.createBlock(region, {}, {index, index}, {$_state.location, $_state.location});
    YieldOp::create($_builder, $_state.location);
  }]>];
}

def Kernel_BarrierOp : Kernel_Op<"barrier"> {
  let summary = "all threads of the team meet; writes before it are seen after it";
  let assemblyFormat = "attr-dict";
}

#endif // KERNEL_COMPUTE_TD
