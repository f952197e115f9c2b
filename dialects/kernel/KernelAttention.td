//===- KernelAttention.td - softmax attention --------------------*- tablegen -*-===//

#ifndef KERNEL_ATTENTION_TD
#define KERNEL_ATTENTION_TD

include "kernel/KernelCompute.td"
include "seq/SeqMask.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"

def Kernel_AttentionOp : Kernel_ComputeOp<"attention", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "softmax attention in one pass over the keys";
  let description = [{
    `seq.attention` with the normaliser softmax, in destination style: the same
    operands with the same shapes, `[B, T, Hq, D]`, `[B, S, Hk, D]`,
    `[B, S, Hv, Dv]`, and `out`, `[B, T, Hq, Dv]`, which is written only. No
    scores are stored: tiles of keys update a running maximum, sum and average.
    The memory of `query`, `key`, `value` and `out` may have any strides but the
    last, so that heads can be parts of a merged product or of a cache.

    ```mlir
    %y = kernel.attention ins(%q, %k, %v : tensor<1x?x8x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>)
        outs(%empty : tensor<1x?x8x64xf32>) mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
    ```

    Constraints:

    - (C1) the operands are those of a valid `seq.attention`;
    - (C2) `bias` has as many keys as `key` (no 1 that stands for all);
    - (C3) all operands are tensors and the result is of `out`'s type, or all
      are memrefs and there is no result.
  }];
  let arguments = (ins
    AnyShaped:$query, AnyShaped:$key, AnyShaped:$value,
    Optional<AnyShaped>:$key_mask, Optional<AnyShaped>:$bias, AnyShaped:$output,
    Seq_MaskAttr:$mask, F64Attr:$scale);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`key_mask` `(` $key_mask^ `:` type($key_mask) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $output `:` type($output) `)`
    `mask` $mask `scale` $scale attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif // KERNEL_ATTENTION_TD
