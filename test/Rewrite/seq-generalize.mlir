// RUN: seq-opt %s --seq-generalize --canonicalize --cse | FileCheck %s

// CHECK-DAG: #[[$BG:.+]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[$BI:.+]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$GI:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[$ROWS:.+]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$LAST:.+]] = affine_map<(d0, d1) -> (d1)>

// The weights are captured as they lie: no transposed copy.
// CHECK-LABEL: @rnn
// CHECK-SAME: (%[[X:.+]]: tensor<1x?x8xf32>, %[[W:.+]]: tensor<4x8xf32>, %[[R:.+]]: tensor<4x4xf32>, %[[H0:.+]]: tensor<1x4xf32>)
// CHECK-DAG: %[[T:.+]] = tensor.dim %[[X]]
// CHECK-DAG: %[[Y0:.+]] = tensor.empty(%[[T]]) : tensor<1x?x4xf32>
// CHECK: %[[Y:.+]]:2 = seq.recurrence along 1 ins(%[[X]] : tensor<1x?x8xf32>) outs(%[[Y0]] : tensor<1x?x4xf32>) init(%[[H0]] : tensor<1x4xf32>) {
// CHECK-NEXT: ^{{.+}}(%[[XT:.+]]: tensor<1x8xf32>, %{{.+}}: tensor<1x4xf32>, %[[S:.+]]: tensor<1x4xf32>):
// CHECK: %[[WX:.+]] = linalg.generic {indexing_maps = [#[[$BI]], #[[$GI]], #[[$BG]]], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[XT]], %[[W]] :
// CHECK: %[[RH:.+]] = linalg.generic {indexing_maps = [#[[$BI]], #[[$GI]], #[[$BG]]], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[S]], %[[R]] :
// CHECK: %[[SUM:.+]] = arith.addf %[[WX]], %[[RH]] : tensor<1x4xf32>
// CHECK-NEXT: %[[NEXT:.+]] = math.tanh %[[SUM]]
// CHECK-NEXT: seq.yield %[[NEXT]], %[[NEXT]]
// CHECK: return %[[Y]]#0, %[[Y]]#1
func.func @rnn(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>)
    -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
}

// Both biases join the product of the input, which is free of the state.
// CHECK-LABEL: @rnn_biases_relu_reverse
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<4xf64>, %[[BR:[a-z0-9]+]]: tensor<4xf64>
// CHECK: seq.recurrence along 1 reverse
// CHECK: %[[WX:.+]] = linalg.generic {{.+}}"reduction"
// CHECK: %[[B1:.+]] = linalg.generic {indexing_maps = [#[[$ROWS]], #[[$LAST]], #[[$ROWS]]], {{.+}} ins(%[[WX]], %[[B]] :
// CHECK: %[[B2:.+]] = linalg.generic {indexing_maps = [#[[$ROWS]], #[[$LAST]], #[[$ROWS]]], {{.+}} ins(%[[B1]], %[[BR]] :
// CHECK: %[[RH:.+]] = linalg.generic {{.+}}"reduction"
// CHECK: %[[SUM:.+]] = arith.addf %[[B2]], %[[RH]]
// CHECK-NEXT: arith.maximumf %[[SUM]], %{{.+}} : tensor<2x4xf64>
func.func @rnn_biases_relu_reverse(%x: tensor<2x?x8xf64>, %w: tensor<4x8xf64>, %r: tensor<4x4xf64>,
    %b: tensor<4xf64>, %br: tensor<4xf64>, %h0: tensor<2x4xf64>) -> (tensor<2x?x4xf64>, tensor<2x4xf64>) {
  %y, %h = seq.rnn reverse ins(%x : tensor<2x?x8xf64>) weights(%w, %r : tensor<4x8xf64>, tensor<4x4xf64>)
      bias(%b : tensor<4xf64>) recurrent_bias(%br : tensor<4xf64>) init(%h0 : tensor<2x4xf64>)
      {activation = #seq<rnn_activation relu>} -> tensor<2x?x4xf64>, tensor<2x4xf64>
  return %y, %h : tensor<2x?x4xf64>, tensor<2x4xf64>
}

// One product a side, then a slice for each of the gates i, f, g, o.
// CHECK-LABEL: @lstm
// CHECK: ^{{.+}}(%{{.+}}: tensor<1x8xf32>, %{{.+}}: tensor<1x4xf32>, %{{.+}}: tensor<1x4xf32>, %[[C:.+]]: tensor<1x4xf32>):
// CHECK: linalg.generic {{.+}}"reduction"{{.+}} ins({{.+}} : tensor<1x8xf32>, tensor<16x8xf32>)
// CHECK: linalg.generic {{.+}}"reduction"{{.+}} ins({{.+}} : tensor<1x4xf32>, tensor<16x4xf32>)
// CHECK: %[[Z:.+]] = arith.addf {{.+}} : tensor<1x16xf32>
// CHECK: tensor.extract_slice %[[Z]][0, 0] [1, 4] [1, 1]
// CHECK: %[[I:.+]] = arith.divf
// CHECK: tensor.extract_slice %[[Z]][0, 4] [1, 4] [1, 1]
// CHECK: %[[F:.+]] = arith.divf
// CHECK: %[[ZG:.+]] = tensor.extract_slice %[[Z]][0, 8] [1, 4] [1, 1]
// CHECK: %[[G:.+]] = math.tanh %[[ZG]]
// CHECK: tensor.extract_slice %[[Z]][0, 12] [1, 4] [1, 1]
// CHECK: %[[O:.+]] = arith.divf
// CHECK-DAG: %[[FC:.+]] = arith.mulf %[[F]], %[[C]]
// CHECK-DAG: %[[IG:.+]] = arith.mulf %[[I]], %[[G]]
// CHECK: %[[C1:.+]] = arith.addf %[[FC]], %[[IG]]
// CHECK: %[[TC:.+]] = math.tanh %[[C1]]
// CHECK: %[[H1:.+]] = arith.mulf %[[O]], %[[TC]]
// CHECK: seq.yield %[[H1]], %[[H1]], %[[C1]]
func.func @lstm(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<1x4xf32>, %c0: tensor<1x4xf32>)
    -> (tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x4xf32>)
      init(%h0, %c0 : tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
  return %y, %h, %c : tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}

// CHECK-LABEL: @lstm_projection
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<2x4xf32>
// CHECK: %[[H1:.+]] = linalg.generic {{.+}} ins(%{{.+}}, %[[Q]] : tensor<1x4xf32>, tensor<2x4xf32>)
// CHECK: seq.yield %[[H1]], %[[H1]], %{{.+}} : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>
func.func @lstm_projection(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x2xf32>, %q: tensor<2x4xf32>,
    %h0: tensor<1x2xf32>, %c0: tensor<1x4xf32>) -> (tensor<1x?x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>) {
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x2xf32>)
      projection(%q : tensor<2x4xf32>)
      init(%h0, %c0 : tensor<1x2xf32>, tensor<1x4xf32>) -> tensor<1x?x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>
  return %y, %h, %c : tensor<1x?x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>
}

// The reset gate multiplies the recurrent product and its bias.
// CHECK-LABEL: @gru_resets_after
// CHECK-SAME: %[[R:[a-z0-9]+]]: tensor<12x4xf32>, %[[BR:[a-z0-9]+]]: tensor<12xf32>
// CHECK: %[[RH:.+]] = linalg.generic {{.+}} ins(%{{.+}}, %[[R]] :
// CHECK: %[[S:.+]] = linalg.generic {{.+}} ins(%[[RH]], %[[BR]] :
// CHECK: %[[RESET:.+]] = arith.divf
// CHECK: %[[SN:.+]] = tensor.extract_slice %[[S]][0, 8] [1, 4] [1, 1]
// CHECK: arith.mulf %[[RESET]], %[[SN]]
// CHECK: math.tanh
func.func @gru_resets_after(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<12x4xf32>, %br: tensor<12xf32>,
                            %h0: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<12x4xf32>)
      recurrent_bias(%br : tensor<12xf32>) init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
}

// The reset gate multiplies the state, which then meets the rows of n alone.
// CHECK-LABEL: @gru_resets_before
// CHECK-SAME: %[[R:[a-z0-9]+]]: tensor<12x4xf32>, %[[H0:[a-z0-9]+]]: tensor<1x4xf32>
// CHECK-DAG: %[[RZ:.+]] = tensor.extract_slice %[[R]][0, 0] [8, 4] [1, 1]
// CHECK-DAG: %[[N:.+]] = tensor.extract_slice %[[R]][8, 0] [4, 4] [1, 1]
// CHECK: ^{{.+}}(%{{.+}}: tensor<1x8xf32>, %{{.+}}: tensor<1x4xf32>, %[[S:.+]]: tensor<1x4xf32>):
// CHECK: %[[SZ:.+]] = linalg.generic {{.+}} ins(%[[S]], %[[RZ]] :
// CHECK: tensor.extract_slice %[[SZ]][0, 0] [1, 4] [1, 1]
// CHECK: %[[RESET:.+]] = arith.divf
// CHECK: %[[KEPT:.+]] = arith.mulf %[[RESET]], %[[S]]
// CHECK: linalg.generic {{.+}} ins(%[[KEPT]], %[[N]] :
func.func @gru_resets_before(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<12x4xf32>,
                             %h0: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<12x4xf32>)
      init(%h0 : tensor<1x4xf32>) {reset_before} -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
}

// Heads that are not shared stay one dimension. A scale of 1 leaves no trace.
// CHECK-LABEL: @linear_attention
// CHECK-NOT: shape
// CHECK: ^{{.+}}(%[[Q:.+]]: tensor<1x4x8xf32>, %[[K:.+]]: tensor<1x4x8xf32>, %[[V:.+]]: tensor<1x4x2xf32>, %{{.+}}: tensor<1x4x2xf32>, %[[S:.+]]: tensor<1x4x8x2xf32>):
// CHECK: %[[S1:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%[[S]], %[[K]], %[[V]] :
// CHECK: %[[Y:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%[[S1]], %[[Q]] :
// CHECK: seq.yield %[[Y]], %[[S1]]
func.func @linear_attention(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x4x8xf32>, %v: tensor<1x?x4x2xf32>, %s0: tensor<1x4x8x2xf32>)
    -> (tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>) {
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x2xf32>)
      init(%s0 : tensor<1x4x8x2xf32>) scale 1.0 -> tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
  return %y, %s : tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
}

// CHECK-LABEL: @linear_attention_scale
// CHECK: %[[SCALE:.+]] = arith.constant dense<5.000000e-01> : tensor<1x4x2xf32>
// CHECK: %[[Y:.+]] = arith.mulf %{{.+}}, %[[SCALE]]
// CHECK: seq.yield %[[Y]]
func.func @linear_attention_scale(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x4x8xf32>, %v: tensor<1x?x4x2xf32>, %s0: tensor<1x4x8x2xf32>)
    -> (tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>) {
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x2xf32>)
      init(%s0 : tensor<1x4x8x2xf32>) scale 0.5 -> tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
  return %y, %s : tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
}

// Decay first, then what the decayed state does not hold yet is written.
// CHECK-LABEL: @gated_delta
// CHECK: ^{{.+}}(%[[Q:.+]]: tensor<1x4x8xf32>, %[[K:.+]]: tensor<1x4x8xf32>, %[[V:.+]]: tensor<1x4x2xf32>, %[[G:.+]]: tensor<1x4x8xf32>, %[[BETA:.+]]: tensor<1x4xf32>, %{{.+}}: tensor<1x4x2xf32>, %[[S:.+]]: tensor<1x4x8x2xf32>):
// CHECK: %[[A:.+]] = math.exp %[[G]]
// CHECK: %[[D:.+]] = linalg.generic {{.+}} ins(%[[S]], %[[A]] :
// CHECK: %[[HELD:.+]] = linalg.generic {{.+}}"reduction"{{.+}} ins(%[[D]], %[[K]] :
// CHECK: %[[U:.+]] = linalg.generic {{.+}} ins(%[[V]], %[[HELD]], %[[BETA]] :
// CHECK: arith.subf
// CHECK: %[[S1:.+]] = linalg.generic {{.+}} ins(%[[D]], %[[K]], %[[U]] :
// CHECK: linalg.generic {{.+}}"reduction"{{.+}} ins(%[[S1]], %[[Q]] :
func.func @gated_delta(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x4x8xf32>, %v: tensor<1x?x4x2xf32>, %g: tensor<1x?x4x8xf32>,
    %beta: tensor<1x?x4xf32>, %s0: tensor<1x4x8x2xf32>) -> (tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>) {
  %y, %s = seq.linear_attention gated_delta ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x2xf32>)
      decay(%g : tensor<1x?x4x8xf32>) beta(%beta : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x8x2xf32>) scale 1.0 -> tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
  return %y, %s : tensor<1x?x4x2xf32>, tensor<1x4x8x2xf32>
}

// Shared heads are reshaped outside, and the body's maps are projections.
// CHECK-LABEL: @linear_attention_groups
// CHECK-SAME: (%[[Q:.+]]: tensor<1x?x1x8xf32>, %[[K:.+]]: tensor<1x?x2x8xf32>, %[[V:.+]]: tensor<1x?x6x4xf32>
// CHECK-DAG: %[[Q1:.+]] = tensor.collapse_shape %[[Q]] {{.+}} into tensor<1x?x8xf32>
// CHECK-DAG: %[[V1:.+]] = tensor.expand_shape %[[V]] {{.+}} into tensor<1x?x2x3x4xf32>
// CHECK: %[[Y:.+]]:2 = seq.recurrence along 1 ins(%[[Q1]], %[[K]], %[[V1]] :
// CHECK-NOT: shape
// CHECK-NOT: floordiv
// CHECK: seq.yield
// CHECK-DAG: tensor.collapse_shape %[[Y]]#0 {{.+}} into tensor<1x?x6x4xf32>
// CHECK-DAG: tensor.collapse_shape %[[Y]]#1 {{.+}} into tensor<1x6x8x4xf32>
func.func @linear_attention_groups(%q: tensor<1x?x1x8xf32>, %k: tensor<1x?x2x8xf32>, %v: tensor<1x?x6x4xf32>, %s0: tensor<1x6x8x4xf32>)
    -> (tensor<1x?x6x4xf32>, tensor<1x6x8x4xf32>) {
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x1x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x6x4xf32>)
      init(%s0 : tensor<1x6x8x4xf32>) scale 1.0 -> tensor<1x?x6x4xf32>, tensor<1x6x8x4xf32>
  return %y, %s : tensor<1x?x6x4xf32>, tensor<1x6x8x4xf32>
}

// CHECK-LABEL: @selective_scan
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK: ^{{.+}}(%[[X:.+]]: tensor<1x8xf32>, %[[DELTA:.+]]: tensor<1x8xf32>, %[[B:.+]]: tensor<1x4xf32>, %[[C:.+]]: tensor<1x4xf32>, %{{.+}}: tensor<1x8xf32>, %[[S:.+]]: tensor<1x8x4xf32>):
// CHECK: %[[DRIVE:.+]] = arith.mulf %[[DELTA]], %[[X]]
// CHECK: %[[S1:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[S]], %[[DELTA]], %[[A]], %[[DRIVE]], %[[B]] :
// CHECK: math.exp
// CHECK: %[[Y:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[S1]], %[[C]] :
// CHECK: seq.yield %[[Y]], %[[S1]]
func.func @selective_scan(%x: tensor<1x?x8xf32>, %delta: tensor<1x?x8xf32>, %a: tensor<8x4xf32>, %b: tensor<1x?x4xf32>,
    %c: tensor<1x?x4xf32>, %s0: tensor<1x8x4xf32>) -> (tensor<1x?x8xf32>, tensor<1x8x4xf32>) {
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x8xf32>, tensor<1x?x8xf32>, tensor<8x4xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>)
      init(%s0 : tensor<1x8x4xf32>) -> tensor<1x?x8xf32>, tensor<1x8x4xf32>
  return %y, %s : tensor<1x?x8xf32>, tensor<1x8x4xf32>
}

// Softplus never overflows: only exp(-|x|) is taken.
// CHECK-LABEL: @selective_scan_softplus_skip_gate
// CHECK: %[[BIASED:.+]] = linalg.generic
// CHECK-DAG: %[[MAX:.+]] = arith.maximumf %[[BIASED]]
// CHECK-DAG: %[[ABS:.+]] = math.absf %[[BIASED]]
// CHECK: %[[NEG:.+]] = arith.negf %[[ABS]]
// CHECK: %[[EXP:.+]] = math.exp %[[NEG]]
// CHECK: %[[LOG:.+]] = math.log1p %[[EXP]]
// CHECK: arith.addf %[[MAX]], %[[LOG]]
// CHECK: %[[READ:.+]] = linalg.generic {{.+}}"reduction"
// CHECK: %[[SKIP:.+]] = linalg.generic {{.+}} ins(%[[READ]], %{{.+}}, %{{.+}} : tensor<1x8xf32>, tensor<1x8xf32>, tensor<8xf32>)
// CHECK: %[[SIGMOID:.+]] = arith.divf
// CHECK: %[[SILU:.+]] = arith.mulf %{{.+}}, %[[SIGMOID]]
// CHECK: %[[Y:.+]] = arith.mulf %[[SKIP]], %[[SILU]]
// CHECK: seq.yield %[[Y]]
func.func @selective_scan_softplus_skip_gate(%x: tensor<1x?x8xf32>, %delta: tensor<1x?x8xf32>, %a: tensor<8x4xf32>,
    %b: tensor<1x?x4xf32>, %c: tensor<1x?x4xf32>, %d: tensor<8xf32>, %z: tensor<1x?x8xf32>, %bias: tensor<8xf32>,
    %s0: tensor<1x8x4xf32>) -> (tensor<1x?x8xf32>, tensor<1x8x4xf32>) {
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x8xf32>, tensor<1x?x8xf32>, tensor<8x4xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>)
      skip(%d : tensor<8xf32>) gate(%z : tensor<1x?x8xf32>) delta_bias(%bias : tensor<8xf32>)
      init(%s0 : tensor<1x8x4xf32>) {delta_softplus} -> tensor<1x?x8xf32>, tensor<1x8x4xf32>
  return %y, %s : tensor<1x?x8xf32>, tensor<1x8x4xf32>
}

// Each past input is a state, and a step moves them up by one.
// CHECK-LABEL: @causal_conv
// CHECK-SAME: (%[[X:.+]]: tensor<1x?x8xf32>, %[[W:.+]]: tensor<8x3xf32>, %[[S0:.+]]: tensor<1x2x8xf32>)
// CHECK-DAG: %[[P0:.+]] = tensor.extract_slice %[[S0]][0, 0, 0] [1, 1, 8] [1, 1, 1] : tensor<1x2x8xf32> to tensor<1x8xf32>
// CHECK-DAG: %[[P1:.+]] = tensor.extract_slice %[[S0]][0, 1, 0] [1, 1, 8] [1, 1, 1]
// CHECK-DAG: %[[W0:.+]] = tensor.extract_slice %[[W]][0, 0] [8, 1] [1, 1] : tensor<8x3xf32> to tensor<8xf32>
// CHECK-DAG: %[[W1:.+]] = tensor.extract_slice %[[W]][0, 1] [8, 1] [1, 1]
// CHECK-DAG: %[[W2:.+]] = tensor.extract_slice %[[W]][0, 2] [8, 1] [1, 1]
// CHECK: %[[Y:.+]]:3 = seq.recurrence along 1 {{.+}} init(%[[P0]], %[[P1]] :
// CHECK-NEXT: ^{{.+}}(%[[XT:.+]]: tensor<1x8xf32>, %{{.+}}: tensor<1x8xf32>, %[[Q0:.+]]: tensor<1x8xf32>, %[[Q1:.+]]: tensor<1x8xf32>):
// CHECK: %[[YT:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel"]} ins(%[[Q0]], %[[Q1]], %[[XT]], %[[W0]], %[[W1]], %[[W2]] :
// CHECK: seq.yield %[[YT]], %[[Q1]], %[[XT]]
// CHECK: %[[OLD:.+]] = tensor.insert_slice %[[Y]]#1 into %{{.+}}[0, 0, 0] [1, 1, 8] [1, 1, 1]
// CHECK: %[[S:.+]] = tensor.insert_slice %[[Y]]#2 into %[[OLD]][0, 1, 0] [1, 1, 8] [1, 1, 1]
// CHECK: return %[[Y]]#0, %[[S]]
func.func @causal_conv(%x: tensor<1x?x8xf32>, %w: tensor<8x3xf32>, %s0: tensor<1x2x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x2x8xf32>) {
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x8xf32>) weights(%w : tensor<8x3xf32>)
      init(%s0 : tensor<1x2x8xf32>) -> tensor<1x?x8xf32>, tensor<1x2x8xf32>
  return %y, %s : tensor<1x?x8xf32>, tensor<1x2x8xf32>
}

// CHECK-LABEL: @causal_conv_with_one_tap_has_no_state
// CHECK-SAME: %[[S0:[a-z0-9]+]]: tensor<1x0x8xf32>)
// CHECK: seq.recurrence along 1 ins({{.+}}) outs({{.+}}) {
// CHECK: return %{{.+}}, %[[S0]]
func.func @causal_conv_with_one_tap_has_no_state(%x: tensor<1x?x8xf32>, %w: tensor<8x1xf32>, %s0: tensor<1x0x8xf32>)
    -> (tensor<1x?x8xf32>, tensor<1x0x8xf32>) {
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x8xf32>) weights(%w : tensor<8x1xf32>)
      init(%s0 : tensor<1x0x8xf32>) -> tensor<1x?x8xf32>, tensor<1x0x8xf32>
  return %y, %s : tensor<1x?x8xf32>, tensor<1x0x8xf32>
}

// Grouped heads are shared by an indexing map; hidden keys get -∞.
// CHECK-LABEL: @attention
// CHECK-SAME: (%[[Q:.+]]: tensor<1x?x4x8xf32>, %[[K:.+]]: tensor<1x?x2x8xf32>, %[[V:.+]]: tensor<1x?x1x8xf32>)
// CHECK: %[[SCORES:.+]] = linalg.generic {{.+}} ins(%[[Q]], %[[K]] :
// CHECK: %[[MASKED:.+]] = linalg.generic {{.+}} ins(%[[SCORES]] :
// CHECK: arith.mulf %{{.+}}, %{{.+}} : f32
// CHECK: arith.cmpi sle
// CHECK: arith.select
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: linalg.generic {{.+}} ins(%{{.+}}, %[[V]] :
// CHECK: arith.divf
// CHECK-NOT: seq.attention
func.func @attention(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x2x8xf32>, %v: tensor<1x?x1x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x1x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// CHECK-LABEL: @attention_with_kernel_has_no_exponentials
// CHECK-NOT: math.exp
// CHECK: return
func.func @attention_with_kernel_has_no_exponentials(%q: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// CHECK-LABEL: @leaves_other_operations_alone
// CHECK-NEXT: %[[W:.+]] = seq.weight @w
// CHECK-NEXT: %[[Y:.+]] = seq.scan along 1
// CHECK: linalg.matmul
func.func @leaves_other_operations_alone(%x: tensor<4x?xf32>, %a: tensor<2x4xf32>, %c: tensor<2x4xf32>) -> (tensor<4x?xf32>, tensor<2x4xf32>) {
  %w = seq.weight @w : tensor<4x4xf32>
  %y = seq.scan along 1 ins(%x : tensor<4x?xf32>) {
  ^combine(%p: tensor<4xf32>, %q: tensor<4xf32>):
    %0 = arith.addf %p, %q : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  %m = linalg.matmul ins(%a, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y, %m : tensor<4x?xf32>, tensor<2x4xf32>
}
