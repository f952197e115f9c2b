//===- SeqLinearAttention.td - linear attention ------------------*- tablegen -*-===//
// Included by SeqLayers.td.
//===----------------------------------------------------------------------===//

#ifndef SEQ_LINEAR_ATTENTION_TD
#define SEQ_LINEAR_ATTENTION_TD

def Seq_UpdateRule : I32EnumAttr<"UpdateRule", "update rule of linear attention", [
    I32EnumAttrCase<"linear", 0>, I32EnumAttrCase<"gated", 1>,
    I32EnumAttrCase<"delta", 2>, I32EnumAttrCase<"gated_delta", 3>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_UpdateRuleAttr : EnumAttr<Seq_Dialect, Seq_UpdateRule, "update_rule">;

def Seq_LinearAttentionOp : Seq_LayerOp<"linear_attention", [AttrSizedOperandSegments]> {
  let summary = "linear attention with a matrix state";
  let description = [{
    For each batch and head, with the matrix state S (key channel by value
    channel), one of four rules updates the state and the query reads it:

    ```
    linear:       S_t = S_{t-1} + k_t v_tᵀ
    gated:        S_t = D_t S_{t-1} + k_t v_tᵀ
    delta:        S_t = S_{t-1} + β_t k_t (v_t - S_{t-1}ᵀ k_t)ᵀ
    gated_delta:  S_t = D_t S_{t-1} + β_t k_t (v_t - (D_t S_{t-1})ᵀ k_t)ᵀ

    y_t = scale · S_tᵀ q_t        D_t = diag(exp(g_t))
    ```

    g is the log decay `decay`: one number a head, or one a key channel. It is
    ≤ 0 where a model family guarantees it; the op asks for no sign. q and k are
    taken as they are: feature maps and normalisation are other ops.

    Heads: `query`, `key`, `value`, `decay` and `beta` have head counts of their
    own, and H is the largest. An operand with fewer heads is shared by
    consecutive groups: head h of H meets head ⌊h · Hx / H⌋ of an operand with Hx
    heads. The state has H heads, so query heads that share keys and values
    (grouped queries) hold equal states each.

    `T = 0` gives an empty output and the initial state.

    | value | shape | |
    |---|---|---|
    | `query` q | [B, T, Hq, K] | |
    | `key` k | [B, T, Hk, K] | |
    | `value` v | [B, T, Hv, V] | |
    | `decay` g | [B, T, Hd] or [B, T, Hd, K] | gated and gated_delta |
    | `beta` β | [B, T, Hb] | delta and gated_delta |
    | `initial_state`, `final_state` S | [B, H, K, V] | |
    | `output` y | [B, T, H, V] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one);
    - (C4) head counts are positive, and of any two of them one divides the
      other;
    - (C5) `output` and the states have H heads, the largest head count of the
      operands;
    - (C6) `decay` is there for gated and gated_delta, and only for them;
    - (C7) `beta` is there for delta and gated_delta, and only for them.

    (C4) leaves out counts such as 2 and 3 shared over 6 heads, which no model
    we know has: groups nest, and every sharing is a reshape.

    Example: Mamba-2's state-space dual with one group of keys and queries for
    80 heads,

    ```mlir
    %y, %s = seq.linear_attention gated
        ins(%c, %b, %x : tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>, tensor<1x?x80x64xf32>)
        decay(%g : tensor<1x?x80xf32>)
        init(%s0 : tensor<1x80x128x64xf32>) scale 1.0
        -> tensor<1x?x80x64xf32>, tensor<1x80x128x64xf32>
    ```

    Source: ONNX LinearAttention-27, whose update rules these are (its layout is
    packed, its state has the key heads' count). linear: Katharopoulos et al.,
    arXiv:2006.16236, equation (18); gated: Yang et al., arXiv:2312.06635; delta:
    Schlag et al., arXiv:2102.11174; gated_delta: Yang et al., arXiv:2412.06464.
  }];
  let arguments = (ins
    Seq_Float4D:$query, Seq_Float4D:$key, Seq_Float4D:$value,
    Optional<Seq_Float3D4D>:$decay, Optional<Seq_Float3D>:$beta,
    Seq_Float4D:$initial_state,
    Seq_UpdateRuleAttr:$rule, F64Attr:$scale);
  let results = (outs Seq_Float4D:$output, Seq_Float4D:$final_state);
  let assemblyFormat = [{
    `` $rule `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`decay` `(` $decay^ `:` type($decay) `)`)?
    (`beta` `(` $beta^ `:` type($beta) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    `scale` $scale attr-dict `->` type($output) `,` type($final_state)
  }];
}

#endif // SEQ_LINEAR_ATTENTION_TD
