//===- SeqAttention.td - scaled dot product attention ------------*- tablegen -*-===//
// Included by SeqLayers.td.
//===----------------------------------------------------------------------===//

#ifndef SEQ_ATTENTION_TD
#define SEQ_ATTENTION_TD

def Seq_Normaliser : I32EnumAttr<"Normaliser", "how attention weights are normalised", [
    I32EnumAttrCase<"softmax", 0>, I32EnumAttrCase<"kernel", 1>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_NormaliserAttr : EnumAttr<Seq_Dialect, Seq_Normaliser, "normaliser">;

def Seq_AttentionOp : Seq_NamedOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "scaled dot product attention";
  let description = [{
    For each batch and head, every query reads an average of the values of the
    keys that it sees:

    ```
    x[t,s] = scale · q_t · k_s + bias[t,s]
    y_t    = Σ_s w[t,s] v_s / Σ_s w[t,s]      over the keys s that t sees

    softmax:  w = exp(x)        kernel:  w = x
    ```

    A query sees a key if the mask says so and the key's `key_mask` is true. The
    query of time t is at position p = t + (S - T): the last query is beside the
    last key, so that queries may continue a longer sequence of keys. A row
    whose weights sum to 0 is 0: that of a query which sees nothing, or only
    scores of -∞. `T = 0` gives an empty output, `S = 0` gives zeros.

    With the normaliser `kernel` the weights are products of feature maps,
    (φ(Q) φ(K)ᵀ) V over its row sums; φ is applied outside, `query` and `key`
    are φ(q) and φ(k).

    Heads: a query's head h of Hq meets the key head ⌊h · Hk / Hq⌋ and the value
    head ⌊h · Hv / Hq⌋ (grouped queries).

    | value | shape | |
    |---|---|---|
    | `query` q | [B, T, Hq, D] | |
    | `key` k | [B, S, Hk, D] | |
    | `value` v | [B, S, Hv, Dv] | |
    | `key_mask` | [B, S] of i1 | all true where absent |
    | `bias` | [T, S], [Hq, T, S] or [B, Hq, T, S] | 0 where absent |
    | `output` y | [B, T, Hq, Dv] | |

    Constraints:

    - (C1) all tensors but `key_mask` have the same element type;
    - (C2) every size but T and S is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one);
    - (C4) head counts are positive, and Hk and Hv divide Hq;
    - (C5) a size of `bias` may be 1 instead, for all indices;
    - (C6) the normaliser `kernel` has no `bias`.

    Example: one layer of Mistral, 32 heads over 8 with a window,

    ```mlir
    %y = seq.attention ins(%q, %k, %v : tensor<1x?x32x128xf32>, tensor<1x?x8x128xf32>, tensor<1x?x8x128xf32>)
        mask <window(4095, 0)> scale 0.08838834764831845 -> tensor<1x?x32x128xf32>
    ```

    Source: Vaswani et al., arXiv:1706.03762, equation (1); grouped queries:
    Ainslie et al., arXiv:2305.13245; kernel: Katharopoulos et al.,
    arXiv:2006.16236, equation (4); windows with global positions: Beltagy et
    al., arXiv:2004.05150; blocks: Zaheer et al., arXiv:2007.14062.
  }];
  let arguments = (ins
    Seq_Float4D:$query, Seq_Float4D:$key, Seq_Float4D:$value,
    Optional<Seq_Bool2D>:$key_mask, Optional<Seq_Float2D3D4D>:$bias,
    Seq_MaskAttr:$mask,
    DefaultValuedAttr<Seq_NormaliserAttr, "::mlir::seq::Normaliser::softmax">:$normaliser,
    F64Attr:$scale);
  let results = (outs Seq_Float4D:$output);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`key_mask` `(` $key_mask^ `:` type($key_mask) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `mask` $mask `scale` $scale attr-dict `->` type($output)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Whether it could run on a sequence in pieces, with a cache: no query sees
    /// a later key, and T and S, if they are one, are not known.
    bool canStream();
  }];
}

def Seq_CachedAttentionOp : Seq_LayerOp<"cached_attention"> {
  let summary = "attention over a cache of keys and values";
  let description = [{
    `seq.attention` of a sequence that comes in pieces. The caches hold the keys
    and values of earlier times; `position` says how many. The new keys and
    values are put behind them, and each query attends to what is held:

    ```
    cache[position … position + T) = key, value       position' = position + T
    output = attention(query, cache[0 … position'))   with `mask` and `scale`
    ```

    So a sequence in pieces gives what the whole gives. What the caches hold
    from `position` on is not read. More times than the capacity S has room for
    fail the run, and so does a position that is none. `T = 0` changes nothing.

    Of a mask `window(L, 0)` no query sees more than the last W = L + 1 keys, and
    S is at most W. Such caches are rings: the key of time t is at t mod S, and
    with S = W they hold all that is ever seen, so that any number of times has
    room.

    | value | shape | |
    |---|---|---|
    | `query` | [B, T, Hq, D] | |
    | `key` | [B, T, Hk, D] | |
    | `value` | [B, T, Hv, Dv] | |
    | `key_cache`, `final_key_cache` | [B, S, Hk, D] | |
    | `value_cache`, `final_value_cache` | [B, S, Hv, Dv] | |
    | `position`, `final_position` | [1] of i64 | |
    | `output` | [B, T, Hq, Dv] | |

    Constraints:

    - (C1) all tensors but positions have the same element type;
    - (C2) every size but T and S is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one);
    - (C4) head counts are positive, and Hk and Hv divide Hq;
    - (C5) the mask shows no key after the query (`causal`, `window(L, 0)`);
    - (C6) with a mask `window(L, 0)` S is at most L + 1.

    `seq-expose-states` makes it of `seq.attention`.
  }];
  let arguments = (ins
    Seq_Float4D:$query, Seq_Float4D:$key, Seq_Float4D:$value,
    Seq_Float4D:$key_cache, Seq_Float4D:$value_cache, Seq_Position:$position,
    Seq_MaskAttr:$mask, F64Attr:$scale);
  let results = (outs Seq_Float4D:$output, Seq_Float4D:$final_key_cache,
                      Seq_Float4D:$final_value_cache, Seq_Position:$final_position);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    `init` `(` $key_cache `,` $value_cache `,` $position `:` type($key_cache) `,` type($value_cache) `)`
    `mask` $mask `scale` $scale attr-dict `->` type($output) `,` type($final_key_cache) `,` type($final_value_cache)
  }];
  let extraClassDeclaration = [{
    /// The output by seq.attention, one or two of them, and the final states in
    /// order, at the builder's insertion point.
    ::mlir::Value attend(::mlir::OpBuilder &builder,
                         ::llvm::SmallVectorImpl<AttentionOp> &attentions,
                         ::llvm::SmallVectorImpl<::mlir::Value> &states);
  }];
}

#endif // SEQ_ATTENTION_TD
