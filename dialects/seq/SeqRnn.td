//===- SeqRnn.td - RNN, LSTM, GRU --------------------------------*- tablegen -*-===//
// Included by SeqLayers.td. One direction each; `reverse` runs time backwards.
//===----------------------------------------------------------------------===//

#ifndef SEQ_RNN_TD
#define SEQ_RNN_TD

def Seq_RnnActivation : I32EnumAttr<"RnnActivation", "activation of a vanilla RNN", [
    I32EnumAttrCase<"tanh", 0>, I32EnumAttrCase<"relu", 1>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_RnnActivationAttr : EnumAttr<Seq_Dialect, Seq_RnnActivation, "rnn_activation">;

def Seq_RnnOp : Seq_LayerOp<"rnn", [AttrSizedOperandSegments]> {
  let summary = "vanilla RNN layer";
  let description = [{
    The recurrence of Elman's network,

    ```
    h_t = act(W x_t + b + R h_{t-1} + b_R)        y_t = h_t
    ```

    with act = tanh or relu. `T = 0` gives an empty output and the initial
    state. `reverse` runs from the last time to the first: y keeps the order of
    x, and the final state is the one after time 0.

    | value | shape | |
    |---|---|---|
    | `input` x | [B, T, I] | |
    | `weight` W | [H, I] | |
    | `recurrent_weight` R | [H, H] | row: the new state's element |
    | `bias` b, `recurrent_bias` b_R | [H] | 0 where absent |
    | `initial_state`, `final_state` | [B, H] | |
    | `output` y | [B, T, H] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one).

    Example:

    ```mlir
    %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>)
        weights(%w, %r : tensor<16x8xf32>, tensor<16x16xf32>)
        bias(%b : tensor<16xf32>) init(%h0 : tensor<1x16xf32>)
        {activation = #seq<rnn_activation relu>}
        -> tensor<1x?x16xf32>, tensor<1x16xf32>
    ```

    Source: Elman, Finding Structure in Time, 1990; the formula, the weights'
    layout and both biases are those of torch.nn.RNN.
  }];
  let arguments = (ins
    Seq_Float3D:$input, Seq_Float2D:$weight, Seq_Float2D:$recurrent_weight,
    Optional<Seq_Float1D>:$bias, Optional<Seq_Float1D>:$recurrent_bias,
    Seq_Float2D:$initial_state,
    DefaultValuedAttr<Seq_RnnActivationAttr, "::mlir::seq::RnnActivation::tanh">:$activation,
    UnitAttr:$reverse);
  let results = (outs Seq_Float3D:$output, Seq_Float2D:$final_state);
  let assemblyFormat = [{
    (`reverse` $reverse^)? `ins` `(` $input `:` type($input) `)`
    `weights` `(` $weight `,` $recurrent_weight `:` type($weight) `,` type($recurrent_weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`recurrent_bias` `(` $recurrent_bias^ `:` type($recurrent_bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

def Seq_LstmOp : Seq_LayerOp<"lstm", [AttrSizedOperandSegments]> {
  let summary = "LSTM layer";
  let description = [{
    Long short-term memory with a forget gate and, if there is a `projection`
    Q, a projected hidden state:

    ```
    (i, f, g, o) = W x_t + b + R h_{t-1} + b_R     (four blocks of H rows)
    c_t = σ(f) ⊙ c_{t-1} + σ(i) ⊙ tanh(g)
    h_t = Q (σ(o) ⊙ tanh(c_t))        (without Q: σ(o) ⊙ tanh(c_t))
    y_t = h_t
    ```

    `T = 0` gives an empty output and the initial state and cell. `reverse` runs
    from the last time to the first: y keeps the order of x, and the final state
    is the one after time 0.

    | value | shape | |
    |---|---|---|
    | `input` x | [B, T, I] | |
    | `weight` W | [4H, I] | gate order i, f, g, o |
    | `recurrent_weight` R | [4H, P] | the same order |
    | `bias` b, `recurrent_bias` b_R | [4H] | 0 where absent |
    | `projection` Q | [P, H] | |
    | `initial_state`, `final_state` h | [B, P] | |
    | `initial_cell`, `final_cell` c | [B, H] | |
    | `output` y | [B, T, P] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one);
    - (C4) without a projection, P = H.

    There are no peepholes: no framework in use trains with them.

    Example:

    ```mlir
    %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>)
        weights(%w, %r : tensor<64x8xf32>, tensor<64x16xf32>)
        bias(%b : tensor<64xf32>)
        init(%h0, %c0 : tensor<1x16xf32>, tensor<1x16xf32>)
        -> tensor<1x?x16xf32>, tensor<1x16xf32>, tensor<1x16xf32>
    ```

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; forget
    gate: Gers et al., Learning to Forget, 2000; projection: Sak et al.,
    arXiv:1402.1128. Formula, gate order and layouts are those of torch.nn.LSTM.
  }];
  let arguments = (ins
    Seq_Float3D:$input, Seq_Float2D:$weight, Seq_Float2D:$recurrent_weight,
    Optional<Seq_Float1D>:$bias, Optional<Seq_Float1D>:$recurrent_bias,
    Optional<Seq_Float2D>:$projection,
    Seq_Float2D:$initial_state, Seq_Float2D:$initial_cell,
    UnitAttr:$reverse);
  let results = (outs Seq_Float3D:$output, Seq_Float2D:$final_state, Seq_Float2D:$final_cell);
  let assemblyFormat = [{
    (`reverse` $reverse^)? `ins` `(` $input `:` type($input) `)`
    `weights` `(` $weight `,` $recurrent_weight `:` type($weight) `,` type($recurrent_weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`recurrent_bias` `(` $recurrent_bias^ `:` type($recurrent_bias) `)`)?
    (`projection` `(` $projection^ `:` type($projection) `)`)?
    `init` `(` $initial_state `,` $initial_cell `:` type($initial_state) `,` type($initial_cell) `)`
    attr-dict `->` type($output) `,` type($final_state) `,` type($final_cell)
  }];
}

def Seq_GruOp : Seq_LayerOp<"gru", [AttrSizedOperandSegments]> {
  let summary = "GRU layer";
  let description = [{
    The gated recurrent unit. W, R, b and b_R are three blocks of H rows each, in
    the order r, z, n (reset, update, new):

    ```
    r = σ(W_r x_t + b_r + R_r h_{t-1} + b_Rr)
    z = σ(W_z x_t + b_z + R_z h_{t-1} + b_Rz)
    n = tanh(W_n x_t + b_n + r ⊙ (R_n h_{t-1} + b_Rn))
    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}               y_t = h_t
    ```

    Here the reset gate acts after the recurrent product (PyTorch, Keras'
    `reset_after`, ONNX `linear_before_reset = 1`). With `reset_before` it acts
    on the state before it, as in the paper (ONNX `linear_before_reset = 0`):

    ```
    n = tanh(W_n x_t + b_n + R_n (r ⊙ h_{t-1}) + b_Rn)
    ```

    `T = 0` gives an empty output and the initial state. `reverse` runs from the
    last time to the first: y keeps the order of x, and the final state is the
    one after time 0.

    | value | shape | |
    |---|---|---|
    | `input` x | [B, T, I] | |
    | `weight` W | [3H, I] | gate order r, z, n |
    | `recurrent_weight` R | [3H, H] | the same order |
    | `bias` b, `recurrent_bias` b_R | [3H] | 0 where absent |
    | `initial_state`, `final_state` | [B, H] | |
    | `output` y | [B, T, H] | |

    Constraints:

    - (C1) all tensors have the same element type;
    - (C2) every size but T is known;
    - (C3) sizes of the same letter are equal (a known T meets any unknown one).

    Example:

    ```mlir
    %y, %h = seq.gru reverse ins(%x : tensor<1x?x8xf32>)
        weights(%w, %r : tensor<48x8xf32>, tensor<48x16xf32>)
        init(%h0 : tensor<1x16xf32>) {reset_before}
        -> tensor<1x?x16xf32>, tensor<1x16xf32>
    ```

    Source: Cho et al., arXiv:1406.1078, equations (5) to (8), whose z is the
    share of the old state, as here; the default is torch.nn.GRU's.
  }];
  let arguments = (ins
    Seq_Float3D:$input, Seq_Float2D:$weight, Seq_Float2D:$recurrent_weight,
    Optional<Seq_Float1D>:$bias, Optional<Seq_Float1D>:$recurrent_bias,
    Seq_Float2D:$initial_state,
    UnitAttr:$reset_before, UnitAttr:$reverse);
  let results = (outs Seq_Float3D:$output, Seq_Float2D:$final_state);
  let assemblyFormat = [{
    (`reverse` $reverse^)? `ins` `(` $input `:` type($input) `)`
    `weights` `(` $weight `,` $recurrent_weight `:` type($weight) `,` type($recurrent_weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`recurrent_bias` `(` $recurrent_bias^ `:` type($recurrent_bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

#endif // SEQ_RNN_TD
