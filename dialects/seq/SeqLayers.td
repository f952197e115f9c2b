//===- SeqLayers.td - named layers -------------------------------*- tablegen -*-===//

#ifndef SEQ_LAYERS_TD
#define SEQ_LAYERS_TD

include "seq/SeqBase.td"
include "seq/SeqInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Seq_LayerOp<string mnemonic, list<Trait> traits = []>
    : Seq_Op<mnemonic, traits # [Pure, DeclareOpInterfaceMethods<Seq_GeneralizableOpInterface>]> {
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Gated and vanilla RNNs. One direction each; `reverse` runs time backwards.
//===----------------------------------------------------------------------===//

def Seq_RnnActivation : I32EnumAttr<"RnnActivation", "activation of a vanilla RNN", [
    I32EnumAttrCase<"tanh", 0>, I32EnumAttrCase<"relu", 1>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_RnnActivationAttr : EnumAttr<Seq_Dialect, Seq_RnnActivation, "rnn_activation">;

def Seq_RnnOp : Seq_LayerOp<"rnn", [AttrSizedOperandSegments]> {
  let summary = "vanilla RNN layer";
  let arguments = (ins
    AnyRankedTensor:$input, AnyRankedTensor:$weight, AnyRankedTensor:$recurrent_weight,
    Optional<AnyRankedTensor>:$bias, Optional<AnyRankedTensor>:$recurrent_bias,
    AnyRankedTensor:$initial_state,
    DefaultValuedAttr<Seq_RnnActivationAttr, "::mlir::seq::RnnActivation::tanh">:$activation,
    UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state);
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
  let arguments = (ins
    AnyRankedTensor:$input, AnyRankedTensor:$weight, AnyRankedTensor:$recurrent_weight,
    Optional<AnyRankedTensor>:$bias, Optional<AnyRankedTensor>:$recurrent_bias,
    Optional<AnyRankedTensor>:$projection,
    AnyRankedTensor:$initial_state, AnyRankedTensor:$initial_cell,
    UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state, AnyRankedTensor:$final_cell);
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
  let arguments = (ins
    AnyRankedTensor:$input, AnyRankedTensor:$weight, AnyRankedTensor:$recurrent_weight,
    Optional<AnyRankedTensor>:$bias, Optional<AnyRankedTensor>:$recurrent_bias,
    AnyRankedTensor:$initial_state,
    UnitAttr:$reset_before, UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state);
  let assemblyFormat = [{
    (`reverse` $reverse^)? `ins` `(` $input `:` type($input) `)`
    `weights` `(` $weight `,` $recurrent_weight `:` type($weight) `,` type($recurrent_weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`recurrent_bias` `(` $recurrent_bias^ `:` type($recurrent_bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

//===----------------------------------------------------------------------===//
// Linear attention
//===----------------------------------------------------------------------===//

def Seq_UpdateRule : I32EnumAttr<"UpdateRule", "update rule of linear attention", [
    I32EnumAttrCase<"linear", 0>, I32EnumAttrCase<"gated", 1>,
    I32EnumAttrCase<"delta", 2>, I32EnumAttrCase<"gated_delta", 3>]> {
  let cppNamespace = "::mlir::seq";
  let genSpecializedAttr = 0;
}
def Seq_UpdateRuleAttr : EnumAttr<Seq_Dialect, Seq_UpdateRule, "update_rule">;

def Seq_LinearAttentionOp : Seq_LayerOp<"linear_attention", [AttrSizedOperandSegments]> {
  let summary = "linear attention with a matrix state";
  let arguments = (ins
    AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value,
    Optional<AnyRankedTensor>:$decay, Optional<AnyRankedTensor>:$beta,
    AnyRankedTensor:$initial_state,
    Seq_UpdateRuleAttr:$rule, F64Attr:$scale);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state);
  let assemblyFormat = [{
    $rule `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`decay` `(` $decay^ `:` type($decay) `)`)?
    (`beta` `(` $beta^ `:` type($beta) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    `scale` $scale attr-dict `->` type($output) `,` type($final_state)
  }];
}

//===----------------------------------------------------------------------===//
// State-space layers
//===----------------------------------------------------------------------===//

def Seq_SelectiveScanOp : Seq_LayerOp<"selective_scan", [AttrSizedOperandSegments]> {
  let summary = "Mamba's selective state-space scan (S6)";
  let arguments = (ins
    AnyRankedTensor:$input, AnyRankedTensor:$delta, AnyRankedTensor:$a,
    AnyRankedTensor:$b, AnyRankedTensor:$c,
    Optional<AnyRankedTensor>:$skip, Optional<AnyRankedTensor>:$gate,
    Optional<AnyRankedTensor>:$delta_bias,
    AnyRankedTensor:$initial_state,
    UnitAttr:$delta_softplus);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state);
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
  let arguments = (ins
    AnyRankedTensor:$input, AnyRankedTensor:$weight, Optional<AnyRankedTensor>:$bias,
    AnyRankedTensor:$initial_state,
    DefaultValuedAttr<Seq_ConvActivationAttr, "::mlir::seq::ConvActivation::none">:$activation);
  let results = (outs AnyRankedTensor:$output, AnyRankedTensor:$final_state);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `weights` `(` $weight `:` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `init` `(` $initial_state `:` type($initial_state) `)`
    attr-dict `->` type($output) `,` type($final_state)
  }];
}

#endif // SEQ_LAYERS_TD
