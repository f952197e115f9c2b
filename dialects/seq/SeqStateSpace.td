//===- SeqStateSpace.td - state-space layers ---------------------*- tablegen -*-===//
// Included by SeqLayers.td.
//===----------------------------------------------------------------------===//

#ifndef SEQ_STATE_SPACE_TD
#define SEQ_STATE_SPACE_TD

def Seq_SelectiveScanOp : Seq_LayerOp<"selective_scan", [AttrSizedOperandSegments]> {
  let summary = "Mamba's selective state-space scan (S6)";
  let description = [{
    A diagonal state-space model of N states for each channel c, whose step
    size Δ, input matrix b and output matrix c depend on the time:

    ```
    Δ_t      = softplus(delta_t + delta_bias)    (without delta_softplus: no softplus)
    s_t[c,n] = exp(Δ_t[c] a[c,n]) s_{t-1}[c,n] + Δ_t[c] x_t[c] b_t[n]
    y_t[c]   = Σ_n c_t[n] s_t[c,n] + skip[c] x_t[c]
    y_t      = y_t ⊙ silu(gate_t)                (with a gate)
    ```

    softplus(u) = log(1 + exp(u)), computed as max(u, 0) + log1p(exp(-|u|));
    silu(u) = u / (1 + exp(-u)). a is real and negative in every model; the op
    asks for no sign. `T = 0` gives an empty output and the initial state.

    | value | shape | |
    |---|---|---|
    | `input` x, `delta` | [B, T, C] | |
    | `a` | [C, N] | |
    | `b`, `c` | [B, T, N] | shared by all channels |
    | `skip`, `delta_bias` | [C] | 0 where absent |
    | `gate` | [B, T, C] | no gate where absent |
    | `initial_state`, `final_state` s | [B, C, N] | |
    | `output` y | [B, T, C] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one).

    Example:

    ```mlir
    %y, %s = seq.selective_scan
        ins(%x, %delta, %a, %b, %c : tensor<1x?x1536xf32>, tensor<1x?x1536xf32>,
            tensor<1536x16xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>)
        skip(%d : tensor<1536xf32>) gate(%z : tensor<1x?x1536xf32>)
        delta_bias(%bias : tensor<1536xf32>)
        init(%s0 : tensor<1x1536x16xf32>) {delta_softplus}
        -> tensor<1x?x1536xf32>, tensor<1x1536x16xf32>
    ```

    Source: Gu and Dao, arXiv:2312.00752, equation (2) and algorithm 2. The state
    is discretised by zero-order hold (4), the input by Δ b, as the authors'
    selective_scan does.
  }];
  let arguments = (ins
    Seq_Float3D:$input, Seq_Float3D:$delta, Seq_Float2D:$a,
    Seq_Float3D:$b, Seq_Float3D:$c,
    Optional<Seq_Float1D>:$skip, Optional<Seq_Float3D>:$gate,
    Optional<Seq_Float1D>:$delta_bias,
    Seq_Float3D:$initial_state,
    UnitAttr:$delta_softplus);
  let results = (outs Seq_Float3D:$output, Seq_Float3D:$final_state);
  let assemblyFormat = [{
    `ins` `(` $input `,` $delta `,` $a `,` $b `,` $c `:` type($input) `,` type($delta) `,` type($a) `,` type($b) `,` type($c) `)`
    (`skip` `(` $skip^ `:` type($skip) `)`)?
    (`gate` `(` $gate^ `:` type($gate) `)`)?
    (`delta_bias` `(` $delta_bias^ `:` type($delta_bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

def Seq_ConvActivation : I32EnumAttr<"ConvActivation", "activation after a causal convolution", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"silu", 1>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_ConvActivationAttr : EnumAttr<Seq_Dialect, Seq_ConvActivation, "conv_activation">;

def Seq_CausalConvOp : Seq_LayerOp<"causal_conv"> {
  let summary = "short depthwise causal convolution with carried state";
  let description = [{
    Each channel is convolved over time with W taps of its own, the last of
    which meets the present:

    ```
    y_t[c] = act(bias[c] + Σ_{j<W} weight[c,j] x_{t-W+1+j}[c])
    ```

    act = silu (u / (1 + exp(-u))) or none. The state is the window: the W-1
    inputs before the first time, oldest first; x at a negative time is read
    there. The final state holds the last W-1 inputs, and where T < W-1 the
    newest part of the initial one before them: `T = 0` gives an empty output
    and the initial state. W = 1 has the empty state [B, 0, C].

    | value | shape | |
    |---|---|---|
    | `input` x | [B, T, C] | |
    | `weight` | [C, W] | |
    | `bias` | [C] | 0 where absent |
    | `initial_state`, `final_state` | [B, W-1, C] | |
    | `output` y | [B, T, C] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one);
    - (C4) W is at least 1.

    Example:

    ```mlir
    %y, %s = seq.causal_conv ins(%x : tensor<1x?x1536xf32>)
        weights(%w : tensor<1536x4xf32>) bias(%b : tensor<1536xf32>)
        init(%s0 : tensor<1x3x1536xf32>) {activation = #seq<conv_activation silu>}
        -> tensor<1x?x1536xf32>, tensor<1x3x1536xf32>
    ```

    Source: Gu and Dao, arXiv:2312.00752, section 3.4, whose block has it before
    the selective scan; the same as torch.nn.Conv1d with groups = C and W-1
    zeros to the left, for a state of zeros.
  }];
  let arguments = (ins
    Seq_Float3D:$input, Seq_Float2D:$weight, Optional<Seq_Float1D>:$bias,
    Seq_Float3D:$initial_state,
    DefaultValuedAttr<Seq_ConvActivationAttr, "::mlir::seq::ConvActivation::none">:$activation);
  let results = (outs Seq_Float3D:$output, Seq_Float3D:$final_state);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `weights` `(` $weight `:` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

#endif // SEQ_STATE_SPACE_TD
