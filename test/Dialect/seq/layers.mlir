// RUN: seq-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @rnn_with_default_activation
// CHECK: seq.rnn ins(%{{.*}} : tensor<1x?x8xf32>) weights(%{{.*}}, %{{.*}} : tensor<16x8xf32>, tensor<16x16xf32>)
// CHECK-SAME: init(%{{.*}} : tensor<1x16xf32>) -> tensor<1x?x16xf32>, tensor<1x16xf32>
func.func @rnn_with_default_activation(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x16xf32>,
                                       %h0: tensor<1x16xf32>) -> tensor<1x?x16xf32> {
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x16xf32>)
      init(%h0 : tensor<1x16xf32>) {activation = #seq<rnn_activation tanh>} -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %y : tensor<1x?x16xf32>
}

// CHECK-LABEL: @rnn_with_everything
// CHECK: seq.rnn reverse
// CHECK-SAME: bias(%{{.*}} : tensor<16xf64>) recurrent_bias(%{{.*}} : tensor<16xf64>)
// CHECK-SAME: {activation = #seq<rnn_activation relu>}
func.func @rnn_with_everything(%x: tensor<2x5x8xf64>, %w: tensor<16x8xf64>, %r: tensor<16x16xf64>,
    %b: tensor<16xf64>, %br: tensor<16xf64>, %h0: tensor<2x16xf64>) -> tensor<2x5x16xf64> {
  %y, %h = seq.rnn reverse ins(%x : tensor<2x5x8xf64>) weights(%w, %r : tensor<16x8xf64>, tensor<16x16xf64>)
      bias(%b : tensor<16xf64>) recurrent_bias(%br : tensor<16xf64>) init(%h0 : tensor<2x16xf64>)
      {activation = #seq<rnn_activation relu>} -> tensor<2x5x16xf64>, tensor<2x16xf64>
  return %y : tensor<2x5x16xf64>
}

// CHECK-LABEL: @lstm
// CHECK: seq.lstm ins({{.*}}) weights({{.*}}) init(%{{.*}}, %{{.*}} : tensor<1x16xf32>, tensor<1x16xf32>)
// CHECK-SAME: -> tensor<1x?x16xf32>, tensor<1x16xf32>, tensor<1x16xf32>
func.func @lstm(%x: tensor<1x?x8xf32>, %w: tensor<64x8xf32>, %r: tensor<64x16xf32>,
                %h0: tensor<1x16xf32>, %c0: tensor<1x16xf32>) -> tensor<1x?x16xf32> {
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<64x8xf32>, tensor<64x16xf32>)
      init(%h0, %c0 : tensor<1x16xf32>, tensor<1x16xf32>)
      -> tensor<1x?x16xf32>, tensor<1x16xf32>, tensor<1x16xf32>
  return %y : tensor<1x?x16xf32>
}

// CHECK-LABEL: @lstm_with_projection_and_biases
// CHECK: seq.lstm reverse
// CHECK-SAME: bias(%{{.*}} : tensor<64xf32>) recurrent_bias(%{{.*}} : tensor<64xf32>) projection(%{{.*}} : tensor<4x16xf32>)
func.func @lstm_with_projection_and_biases(%x: tensor<1x?x8xf32>, %w: tensor<64x8xf32>, %r: tensor<64x4xf32>,
    %b: tensor<64xf32>, %br: tensor<64xf32>, %q: tensor<4x16xf32>,
    %h0: tensor<1x4xf32>, %c0: tensor<1x16xf32>) -> tensor<1x?x4xf32> {
  %y, %h, %c = seq.lstm reverse ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<64x8xf32>, tensor<64x4xf32>)
      bias(%b : tensor<64xf32>) recurrent_bias(%br : tensor<64xf32>) projection(%q : tensor<4x16xf32>)
      init(%h0, %c0 : tensor<1x4xf32>, tensor<1x16xf32>)
      -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x16xf32>
  return %y : tensor<1x?x4xf32>
}

// CHECK-LABEL: @gru
// CHECK: seq.gru ins({{.*}}) weights({{.*}}) bias(%{{.*}} : tensor<48xf32>) init({{.*}}) -> tensor<1x?x16xf32>, tensor<1x16xf32>
func.func @gru(%x: tensor<1x?x8xf32>, %w: tensor<48x8xf32>, %r: tensor<48x16xf32>, %b: tensor<48xf32>,
               %h0: tensor<1x16xf32>) -> tensor<1x?x16xf32> {
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<48x8xf32>, tensor<48x16xf32>)
      bias(%b : tensor<48xf32>) init(%h0 : tensor<1x16xf32>) -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %y : tensor<1x?x16xf32>
}

// CHECK-LABEL: @gru_reset_before
// CHECK: seq.gru reverse ins({{.*}}) weights({{.*}}) init({{.*}}) {reset_before}
func.func @gru_reset_before(%x: tensor<1x?x8xf32>, %w: tensor<48x8xf32>, %r: tensor<48x16xf32>,
                            %h0: tensor<1x16xf32>) -> tensor<1x?x16xf32> {
  %y, %h = seq.gru reverse ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<48x8xf32>, tensor<48x16xf32>)
      init(%h0 : tensor<1x16xf32>) {reset_before} -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %y : tensor<1x?x16xf32>
}

// CHECK-LABEL: @linear_attention
// CHECK: seq.linear_attention linear ins({{.*}}) init({{.*}}) scale 2.500000e-01 ->
func.func @linear_attention(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x4x16xf32>, %v: tensor<1x?x4x8xf32>,
                            %s0: tensor<1x4x16x8xf32>) -> tensor<1x?x4x8xf32> {
  %y, %s = seq.linear_attention linear
      ins(%q, %k, %v : tensor<1x?x4x16xf32>, tensor<1x?x4x16xf32>, tensor<1x?x4x8xf32>)
      init(%s0 : tensor<1x4x16x8xf32>) scale 0.25 -> tensor<1x?x4x8xf32>, tensor<1x4x16x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// CHECK-LABEL: @linear_attention_with_nested_groups
// CHECK: seq.linear_attention gated ins({{.*}}) decay(%{{.*}} : tensor<1x?x80xf32>) init
func.func @linear_attention_with_nested_groups(%q: tensor<1x?x1x16xf32>, %k: tensor<1x?x20x16xf32>,
    %v: tensor<1x?x80x8xf32>, %g: tensor<1x?x80xf32>, %s0: tensor<1x80x16x8xf32>) -> tensor<1x?x80x8xf32> {
  %y, %s = seq.linear_attention gated
      ins(%q, %k, %v : tensor<1x?x1x16xf32>, tensor<1x?x20x16xf32>, tensor<1x?x80x8xf32>)
      decay(%g : tensor<1x?x80xf32>)
      init(%s0 : tensor<1x80x16x8xf32>) scale 1.0 -> tensor<1x?x80x8xf32>, tensor<1x80x16x8xf32>
  return %y : tensor<1x?x80x8xf32>
}

// CHECK-LABEL: @linear_attention_with_decay_per_channel
// CHECK: seq.linear_attention gated_delta ins({{.*}}) decay(%{{.*}} : tensor<1x?x4x16xf32>) beta(%{{.*}} : tensor<1x?x4xf32>)
func.func @linear_attention_with_decay_per_channel(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x4x16xf32>,
    %v: tensor<1x?x4x8xf32>, %g: tensor<1x?x4x16xf32>, %beta: tensor<1x?x4xf32>,
    %s0: tensor<1x4x16x8xf32>) -> tensor<1x?x4x8xf32> {
  %y, %s = seq.linear_attention gated_delta
      ins(%q, %k, %v : tensor<1x?x4x16xf32>, tensor<1x?x4x16xf32>, tensor<1x?x4x8xf32>)
      decay(%g : tensor<1x?x4x16xf32>) beta(%beta : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x16x8xf32>) scale 1.0 -> tensor<1x?x4x8xf32>, tensor<1x4x16x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// CHECK-LABEL: @delta_rule
// CHECK: seq.linear_attention delta ins({{.*}}) beta(%{{.*}} : tensor<1x?x4xf32>) init
func.func @delta_rule(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x4x16xf32>, %v: tensor<1x?x4x8xf32>,
                      %beta: tensor<1x?x4xf32>, %s0: tensor<1x4x16x8xf32>) -> tensor<1x?x4x8xf32> {
  %y, %s = seq.linear_attention delta
      ins(%q, %k, %v : tensor<1x?x4x16xf32>, tensor<1x?x4x16xf32>, tensor<1x?x4x8xf32>)
      beta(%beta : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x16x8xf32>) scale 1.0 -> tensor<1x?x4x8xf32>, tensor<1x4x16x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// CHECK-LABEL: @selective_scan
// CHECK: seq.selective_scan ins({{.*}}) init(%{{.*}} : tensor<1x8x4xf32>) -> tensor<1x?x8xf32>, tensor<1x8x4xf32>
func.func @selective_scan(%x: tensor<1x?x8xf32>, %delta: tensor<1x?x8xf32>, %a: tensor<8x4xf32>,
    %b: tensor<1x?x4xf32>, %c: tensor<1x?x4xf32>, %s0: tensor<1x8x4xf32>) -> tensor<1x?x8xf32> {
  %y, %s = seq.selective_scan
      ins(%x, %delta, %a, %b, %c : tensor<1x?x8xf32>, tensor<1x?x8xf32>, tensor<8x4xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>)
      init(%s0 : tensor<1x8x4xf32>) -> tensor<1x?x8xf32>, tensor<1x8x4xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: @selective_scan_with_everything
// CHECK: seq.selective_scan ins({{.*}}) skip(%{{.*}} : tensor<8xf32>) gate(%{{.*}} : tensor<1x?x8xf32>)
// CHECK-SAME: delta_bias(%{{.*}} : tensor<8xf32>) init({{.*}}) {delta_softplus}
func.func @selective_scan_with_everything(%x: tensor<1x?x8xf32>, %delta: tensor<1x?x8xf32>, %a: tensor<8x4xf32>,
    %b: tensor<1x?x4xf32>, %c: tensor<1x?x4xf32>, %d: tensor<8xf32>, %z: tensor<1x?x8xf32>, %bias: tensor<8xf32>,
    %s0: tensor<1x8x4xf32>) -> tensor<1x?x8xf32> {
  %y, %s = seq.selective_scan
      ins(%x, %delta, %a, %b, %c : tensor<1x?x8xf32>, tensor<1x?x8xf32>, tensor<8x4xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>)
      skip(%d : tensor<8xf32>) gate(%z : tensor<1x?x8xf32>) delta_bias(%bias : tensor<8xf32>)
      init(%s0 : tensor<1x8x4xf32>) {delta_softplus} -> tensor<1x?x8xf32>, tensor<1x8x4xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: @causal_conv
// CHECK: seq.causal_conv ins(%{{.*}} : tensor<1x?x8xf32>) weights(%{{.*}} : tensor<8x4xf32>) init(%{{.*}} : tensor<1x3x8xf32>) ->
func.func @causal_conv(%x: tensor<1x?x8xf32>, %w: tensor<8x4xf32>, %s0: tensor<1x3x8xf32>) -> tensor<1x?x8xf32> {
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x8xf32>) weights(%w : tensor<8x4xf32>)
      init(%s0 : tensor<1x3x8xf32>) -> tensor<1x?x8xf32>, tensor<1x3x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: @causal_conv_with_bias_and_silu
// CHECK: seq.causal_conv ins({{.*}}) weights({{.*}}) bias(%{{.*}} : tensor<8xf32>) init({{.*}}) {activation = #seq<conv_activation silu>}
func.func @causal_conv_with_bias_and_silu(%x: tensor<1x?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>,
                                          %s0: tensor<1x3x8xf32>) -> tensor<1x?x8xf32> {
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x8xf32>) weights(%w : tensor<8x4xf32>) bias(%b : tensor<8xf32>)
      init(%s0 : tensor<1x3x8xf32>) {activation = #seq<conv_activation silu>} -> tensor<1x?x8xf32>, tensor<1x3x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: @causal_conv_with_one_tap
// CHECK: seq.causal_conv {{.*}} init(%{{.*}} : tensor<1x0x8xf32>)
func.func @causal_conv_with_one_tap(%x: tensor<1x?x8xf32>, %w: tensor<8x1xf32>, %s0: tensor<1x0x8xf32>) -> tensor<1x?x8xf32> {
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x8xf32>) weights(%w : tensor<8x1xf32>)
      init(%s0 : tensor<1x0x8xf32>) -> tensor<1x?x8xf32>, tensor<1x0x8xf32>
  return %y : tensor<1x?x8xf32>
}

// A known number of times meets an unknown one.
// CHECK-LABEL: @known_and_unknown_times
func.func @known_and_unknown_times(%x: tensor<1x7x8xf32>, %w: tensor<8x1xf32>, %s0: tensor<1x0x8xf32>) -> tensor<1x?x8xf32> {
  // CHECK: -> tensor<1x?x8xf32>
  %y, %s = seq.causal_conv ins(%x : tensor<1x7x8xf32>) weights(%w : tensor<8x1xf32>)
      init(%s0 : tensor<1x0x8xf32>) -> tensor<1x?x8xf32>, tensor<1x0x8xf32>
  return %y : tensor<1x?x8xf32>
}

// CHECK-LABEL: @attention
// CHECK: seq.attention ins({{.*}}) mask <causal> scale 1.250000e-01 -> tensor<1x?x8x64xf32>
func.func @attention(%q: tensor<1x?x8x64xf32>, %k: tensor<1x?x8x64xf32>, %v: tensor<1x?x8x64xf32>) -> tensor<1x?x8x64xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
  return %y : tensor<1x?x8x64xf32>
}

// CHECK-LABEL: @attention_with_everything
// CHECK: seq.attention ins({{.*}}) key_mask(%{{.*}} : tensor<2x?xi1>) bias(%{{.*}} : tensor<4x1x?xf32>)
// CHECK-SAME: mask <window(255, 0) global(4)> scale 1.000000e+00 -> tensor<2x5x4x6xf32>
func.func @attention_with_everything(%q: tensor<2x5x4x8xf32>, %k: tensor<2x?x2x8xf32>, %v: tensor<2x?x1x6xf32>,
                                     %m: tensor<2x?xi1>, %b: tensor<4x1x?xf32>) -> tensor<2x5x4x6xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<2x5x4x8xf32>, tensor<2x?x2x8xf32>, tensor<2x?x1x6xf32>)
      key_mask(%m : tensor<2x?xi1>) bias(%b : tensor<4x1x?xf32>)
      mask <window(255, 0) global(4)> scale 1.0 -> tensor<2x5x4x6xf32>
  return %y : tensor<2x5x4x6xf32>
}

// CHECK-LABEL: @attention_kernel
// CHECK: seq.attention {{.*}} mask <full> scale 1.000000e+00 {normaliser = #seq<normaliser kernel>} ->
func.func @attention_kernel(%q: tensor<1x?x1x4xf64>, %k: tensor<1x?x1x4xf64>, %v: tensor<1x?x1x2xf64>) -> tensor<1x?x1x2xf64> {
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x1x4xf64>, tensor<1x?x1x4xf64>, tensor<1x?x1x2xf64>)
      mask <full> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x1x2xf64>
  return %y : tensor<1x?x1x2xf64>
}

// Windows that are causal or full are spelled so.
// CHECK-LABEL: @masks
// CHECK-SAME: a = #seq.mask<full>
// CHECK-SAME: b = #seq.mask<causal>
// CHECK-SAME: c = #seq.mask<window(3, *)>
// CHECK-SAME: d = #seq.mask<window(*, 0) global(2)>
// CHECK-SAME: e = #seq.mask<blocks(64, dense<{{\[}}[true, false], [true, true]]> : tensor<2x2xi1>)>
func.func private @masks() attributes {
  a = #seq.mask<window(*, *)>, b = #seq.mask<window(*, 0)>, c = #seq.mask<window(3, *)>,
  d = #seq.mask<window(*, 0) global(2)>,
  e = #seq.mask<blocks(64, dense<[[true, false], [true, true]]> : tensor<2x2xi1>)>}

// CHECK-LABEL: @cached_attention
// CHECK: seq.cached_attention ins({{.*}}) init(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x?x2x8xf32>, tensor<1x?x2x6xf32>) mask <window(9, 0)> scale 1.000000e+00
// CHECK-SAME: -> tensor<1x?x4x6xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x6xf32>
func.func @cached_attention(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x2x8xf32>, %v: tensor<1x?x2x6xf32>,
    %p: tensor<1xi64>) -> tensor<1x?x4x6xf32> {
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x6xf32>)
      init(%k, %v, %p : tensor<1x?x2x8xf32>, tensor<1x?x2x6xf32>) mask <window(9, 0)> scale 1.0
      -> tensor<1x?x4x6xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x6xf32>
  return %y : tensor<1x?x4x6xf32>
}
