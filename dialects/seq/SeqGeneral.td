//===- SeqGeneral.td - recurrence, scan, weight ------------------*- tablegen -*-===//

#ifndef SEQ_GENERAL_TD
#define SEQ_GENERAL_TD

include "seq/SeqBase.td"
include "seq/SeqInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Seq_RecurrenceOp : Seq_Op<"recurrence", [
    AttrSizedOperandSegments, SingleBlock, RecursiveMemoryEffects,
    InferTypeOpAdaptor,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
    DeclareOpInterfaceMethods<Seq_TemporalOpInterface, ["getTimeDim"]>]> {
  let summary = "a state, a step that updates it, a readout";
  let description = [{
    Runs its region once for each time `t = 0 … T-1` (`reverse`: `T-1 … 0`):

    ```
    (y_t, s_t) = step(x_t, y_t, s_{t-1})
    ```

    `ins` are sequences, `outs` the destinations of the output sequences, `init`
    the initial states. All sequences have the same time dimension `along d`;
    the region sees slices, which drop it. Region arguments are
    [slices of ins][slices of outs][states]; `seq.yield` hands over outputs,
    then next states. Results are the output sequences, then the final states.
    Values from outside the region may be captured: they are time-invariant.

    `T = 0` gives empty outputs and the initial states.

    Example: a gated sum of 64 channels,

    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x, %a : tensor<1x?x64xf32>, tensor<1x?x64xf32>)
        outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
    ^step(%xt: tensor<1x64xf32>, %at: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
      %0 = arith.mulf %at, %s : tensor<1x64xf32>
      %1 = arith.addf %0, %xt : tensor<1x64xf32>
      seq.yield %1, %1 : tensor<1x64xf32>, tensor<1x64xf32>
    }
    ```

    Constraints:

    - (C1) there is a sequence, in ins or outs, to tell the number of times; every
      sequence has more than `d` dimensions and all have the same size (or an
      unknown one) in dimension `d`;
    - (C2) the region has one argument for each of ins, outs and init: the
      slice type for sequences, the state's own type for states;
    - (C3) `seq.yield` hands over one value for each of outs and init, of the
      slice type and of the state's type.

    Canonicalization joins equal inputs, drops inputs, outputs and states that
    nobody reads (but themselves) as long as one sequence is left, and captures
    the initial value of a state that is yielded as it is.
  }];
  let arguments = (ins
    I64Attr:$dim,
    UnitAttr:$reverse,
    Variadic<AnyRankedTensor>:$inputs,
    Variadic<AnyRankedTensor>:$outputs,
    Variadic<AnyRankedTensor>:$states);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `along` $dim (`reverse` $reverse^)?
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    (`outs` `(` $outputs^ `:` type($outputs) `)`)?
    (`init` `(` $states^ `:` type($states) `)`)?
    attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Region arguments: slices of ins, slices of outs, states.
    ::mlir::Block::BlockArgListType getInputSlices();
    ::mlir::Block::BlockArgListType getOutputSlices();
    ::mlir::Block::BlockArgListType getStateArguments();
    /// Terminator operands: outputs, then next states.
    ::mlir::OperandRange getYieldedOutputs();
    ::mlir::OperandRange getYieldedStates();
    ::mlir::ResultRange getOutputResults();
    ::mlir::ResultRange getStateResults();
    /// The type of one time slice of a sequence type.
    ::mlir::RankedTensorType getSliceType(::mlir::RankedTensorType sequence);
    /// A sequence of any kind whose `dim` is the number of times.
    ::mlir::Value getTimeSource();
  }];
}

def Seq_YieldOp : Seq_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["RecurrenceOp", "ScanOp"]>]> {
  let summary = "ends the region of a recurrence or a scan";
  let description = [{
    Hands over, in a `seq.recurrence`, the slices of the outputs and then the
    next states; in a `seq.scan`, the combined tuple.
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

def Seq_ScanOp : Seq_Op<"scan", [SingleBlock, RecursiveMemoryEffects,
    AttrSizedOperandSegments, InferTypeOpAdaptor]> {
  let summary = "scan of a tuple of sequences with a combiner";
  let description = [{
    With the combiner `∘` of the region and the initial tuple `e`, for each time `t`,

    ```
    inclusive:               y_t = (… (x_0 ∘ x_1) ∘ …) ∘ x_t
    inclusive, with init:    y_t = (… (e ∘ x_0) ∘ …) ∘ x_t
    exclusive, with init:    y_t = (… (e ∘ x_0) ∘ …) ∘ x_{t-1}
    ```

    `reverse` scans from the last time to the first. The combiner's arguments
    are the tuple of the earlier operand, then that of the later one (earlier
    and later in the order of the scan); `seq.yield` hands over the combined
    tuple. Results are the sequences and then, with init, what has been combined
    after the last time (`T = 0`: e): a scan of a long sequence is that of its
    pieces, each with the tuple that the last one left.

    The order is the one written above, unless `associative` declares that
    (a ∘ b) ∘ c = a ∘ (b ∘ c) up to rounding. Nobody proves it: only a scan that
    says so may be cut into blocks that are combined at the same time.
    `seq-eval --check-associative` tries the declaration on random tuples. The
    initial tuple need not be an identity of the combiner.

    Example: the states of h_t = a_t h_{t-1} + b_t by composition of maps,

    ```mlir
    %y:4 = seq.scan along 1 associative ins(%a, %b : tensor<1x?x8xf32>, tensor<1x?x8xf32>)
        init(%one, %h0 : tensor<1x8xf32>, tensor<1x8xf32>) {
    ^combine(%a1: tensor<1x8xf32>, %b1: tensor<1x8xf32>, %a2: tensor<1x8xf32>, %b2: tensor<1x8xf32>):
      %a = arith.mulf %a2, %a1 : tensor<1x8xf32>
      %0 = arith.mulf %a2, %b1 : tensor<1x8xf32>
      %b = arith.addf %0, %b2 : tensor<1x8xf32>
      seq.yield %a, %b : tensor<1x8xf32>, tensor<1x8xf32>
    }
    ```

    Constraints:

    - (C1) all sequences have more than `dim` dimensions and the same size there;
    - (C2) `init` has one tensor for each sequence, of its slice type;
      `exclusive` needs init;
    - (C3) the region has two arguments for each sequence and yields one value
      for each, all of the slice type.
  }];
  let arguments = (ins
    I64Attr:$dim,
    UnitAttr:$reverse,
    UnitAttr:$associative,
    UnitAttr:$exclusive,
    Variadic<AnyRankedTensor>:$inputs,
    Variadic<AnyRankedTensor>:$initials);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = [{
    `along` $dim (`reverse` $reverse^)? (`associative` $associative^)?
    (`exclusive` $exclusive^)?
    `ins` `(` $inputs `:` type($inputs) `)`
    (`init` `(` $initials^ `:` type($initials) `)`)?
    attr-dict-with-keyword $combiner
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getSliceType(::mlir::RankedTensorType sequence);
    /// The results for all times, and those after the last (none without init).
    ::mlir::ResultRange getSequenceResults();
    ::mlir::ResultRange getTotalResults();
    /// Combiner arguments.
    ::mlir::Block::BlockArgListType getEarlier();
    ::mlir::Block::BlockArgListType getLater();
  }];
}

def Seq_WeightOp : Seq_Op<"weight", [Pure]> {
  let summary = "a typed reference to a tensor of the weight file";
  let description = [{
    `seq.weight @name` is the tensor of that name. Where layers repeat, the
    name holds `{}` and the operand says which layer's tensor is meant:

    ```mlir
    %w = seq.weight @"h.{}.attn.w"[%layer] : tensor<768x768xf32>
    ```

    The value is read-only and never becomes an attribute.

    Constraints:

    - (C1) the name holds `{}` exactly when there is an index;
    - (C2) the type has a static shape.
  }];
  let arguments = (ins FlatSymbolRefAttr:$tensor, Optional<Index>:$index);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$tensor (`[` $index^ `]`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // SEQ_GENERAL_TD
