//===- SeqMask.td - which keys an attention sees -----------------*- tablegen -*-===//
// For seq.attention and for kernel.attention, which stands for it.
//===----------------------------------------------------------------------===//

#ifndef SEQ_MASK_TD
#define SEQ_MASK_TD

include "seq/SeqBase.td"
include "mlir/IR/AttrTypeBase.td"

def Seq_MaskAttr : AttrDef<Seq_Dialect, "Mask"> {
  let mnemonic = "mask";
  let summary = "which keys a query sees";
  let description = [{
    Position p of a query and position s of a key, both counted from the first
    key. A mask is a band, with positions that are exempt from it, or a pattern
    of blocks:

    | spelling | the query at p sees the key at s if |
    |---|---|
    | `full` | always |
    | `causal` | s ≤ p |
    | `window(L, R)` | p - L ≤ s ≤ p + R; `*` for L or R is no limit |
    | `window(L, R) global(G)` | so, or s < G, or p < G; with R = 0 only where s ≤ p |
    | `blocks(N, dense<…>)` | the pattern holds true at [⌊p / N⌋, ⌊s / N⌋] |

    `causal` is `window(*, 0)` and `full` is `window(*, *)`. The first G
    positions, `global`, see all and are seen by all; with R = 0 they are
    attention sinks. What lies outside of a pattern of blocks is not seen. L, R,
    G and N are at most 2^30.

    ```mlir
    #seq.mask<window(255, 0)>                       // the last 256 keys
    #seq.mask<window(256, 256) global(1)>           // Longformer with one global token
    #seq.mask<blocks(64, dense<[[true, false], [true, true]]> : tensor<2x2xi1>)>
    ```
  }];
  let parameters = (ins
    "int64_t":$left, "int64_t":$right, "int64_t":$global,
    "int64_t":$block, OptionalParameter<"::mlir::DenseIntElementsAttr">:$pattern);
  let builders = [
    AttrBuilder<(ins "int64_t":$left, "int64_t":$right, CArg<"int64_t", "0">:$global), [{
      return $_get($_ctxt, left, right, global, /*block=*/0, ::mlir::DenseIntElementsAttr());
    }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// No limit to the left or the right.
    static constexpr int64_t kUnbounded = -1;

    /// The largest L, R, G and N: added to a position of 32 bits, it is one.
    static constexpr int64_t kMostSize = int64_t(1) << 30;

    static MaskAttr getFull(::mlir::MLIRContext *context) {
      return get(context, kUnbounded, kUnbounded);
    }
    static MaskAttr getCausal(::mlir::MLIRContext *context) {
      return get(context, kUnbounded, 0);
    }
    bool hasLeft() const { return getLeft() != kUnbounded; }
    bool hasRight() const { return getRight() != kUnbounded; }
    bool isFull() const { return !hasLeft() && !hasRight() && !getPattern(); }
    /// Whether no query sees a key after its own position.
    bool isCausal() const { return getRight() == 0; }
    /// How many keys a query sees at most, the last ones up to its own: of a
    /// causal window alone.
    std::optional<int64_t> getReach() const {
      if (!isCausal() || !hasLeft() || getGlobal() || getPattern())
        return std::nullopt;
      return getLeft() + 1;
    }
  }];
}

#endif // SEQ_MASK_TD
