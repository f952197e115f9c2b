// RUN: seq-opt %s --split-input-file --verify-diagnostics

func.func @rnn_rank(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{operand #0 must be 3D tensor of floats}}
  %y, %h = seq.rnn ins(%x : tensor<?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_integers(%x: tensor<1x?x8xf32>, %w: tensor<4x8xi32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{operand #1 must be 2D tensor of floats}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xi32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c1_element_types_differ(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf64>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C1: recurrent_weight has elements of type}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf64>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c2_unknown_channels(%x: tensor<1x?x?xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C2: the size I of input must be known}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x?xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c3_input_channels(%x: tensor<1x?x8xf32>, %w: tensor<4x7xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size I of weight is 7, expected 8}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x7xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c3_recurrent_weight_is_square(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x5xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size H of recurrent_weight is 5, expected 4}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x5xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c3_bias(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{C3: the size H of bias is 8, expected 4}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      bias(%b : tensor<8xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c3_times(%x: tensor<1x5x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size T of output is 6, expected 5}}
  %y, %h = seq.rnn ins(%x : tensor<1x5x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x6x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @rnn_c3_batch_of_the_state(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<2x4xf32>) {
  // expected-error @+1 {{C3: the size B of initial_state is 2, expected 1}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<2x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @lstm_c1_element_types_differ(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<1x4xf32>, %c0: tensor<1x4xf64>) {
  // expected-error @+1 {{C1: initial_cell has elements of type}}
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x4xf32>)
      init(%h0, %c0 : tensor<1x4xf32>, tensor<1x4xf64>)
      -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @lstm_c2_unknown_batch(%x: tensor<?x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<1x4xf32>, %c0: tensor<1x4xf32>) {
  // expected-error @+1 {{C2: the size B of input must be known}}
  %y, %h, %c = seq.lstm ins(%x : tensor<?x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x4xf32>)
      init(%h0, %c0 : tensor<1x4xf32>, tensor<1x4xf32>)
      -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @lstm_c3_four_gates(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<1x4xf32>, %c0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size 4H of weight is 12, expected 16}}
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<16x4xf32>)
      init(%h0, %c0 : tensor<1x4xf32>, tensor<1x4xf32>)
      -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @lstm_c3_projection(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x2xf32>, %h0: tensor<1x2xf32>, %c0: tensor<1x4xf32>, %q: tensor<3x4xf32>) {
  // expected-error @+1 {{C3: the size P of projection is 3, expected 2}}
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x2xf32>)
      projection(%q : tensor<3x4xf32>)
      init(%h0, %c0 : tensor<1x2xf32>, tensor<1x4xf32>)
      -> tensor<1x?x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @lstm_c4_state_without_projection(%x: tensor<1x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x2xf32>, %h0: tensor<1x2xf32>, %c0: tensor<1x4xf32>) {
  // expected-error @+1 {{C4: without a projection}}
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x2xf32>)
      init(%h0, %c0 : tensor<1x2xf32>, tensor<1x4xf32>)
      -> tensor<1x?x2xf32>, tensor<1x2xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @gru_c1_element_types_differ(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf64>, %r: tensor<12x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C1: weight has elements of type}}
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf64>, tensor<12x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @gru_c2_unknown_hidden_size(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<12x4xf32>, %h0: tensor<1x?xf32>) {
  // expected-error @+1 {{C2: the size H of initial_state must be known}}
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<12x4xf32>)
      init(%h0 : tensor<1x?xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @gru_c3_three_gates(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size 3H of recurrent_weight is 16, expected 12}}
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<16x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @gru_c3_output(%x: tensor<1x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<12x4xf32>, %h0: tensor<1x4xf32>) {
  // expected-error @+1 {{C3: the size H of output is 5, expected 4}}
  %y, %h = seq.gru ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<12x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x5xf32>, tensor<1x4xf32>
  return
}

// -----

func.func @linear_attention_c1_element_types_differ(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf64>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C1: value has elements of type}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf64>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c2_unknown_heads(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x?x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C2: the size Hk of key must be known}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x?x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c3_key_channels(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x5xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C3: the size K of key is 5, expected 2}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x5xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c3_decay_per_channel(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>, %g: tensor<1x?x4x3xf32>) {
  // expected-error @+1 {{C3: the size K of decay is 3, expected 2}}
  %y, %s = seq.linear_attention gated ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      decay(%g : tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c4_no_heads(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x0x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C4: key has no heads}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x0x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c4_heads_not_nested(%q: tensor<1x?x3x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C4: query has 3 heads and key 4}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x3x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c5_heads_of_the_state(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x2x2x3xf32>) {
  // expected-error @+1 {{C5: the states have 2 heads, expected 4}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x2x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x2x2x3xf32>
  return
}

// -----

func.func @linear_attention_c5_heads_of_the_output(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C5: output has 2 heads, expected 4}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c6_decay_missing(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>) {
  // expected-error @+1 {{C6: the rule gated needs a decay}}
  %y, %s = seq.linear_attention gated ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c6_decay_unused(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>, %g: tensor<1x?x4xf32>, %beta: tensor<1x?x4xf32>) {
  // expected-error @+1 {{C6: the rule delta takes no decay}}
  %y, %s = seq.linear_attention delta ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      decay(%g : tensor<1x?x4xf32>)
      beta(%beta : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c7_beta_missing(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>, %g: tensor<1x?x4xf32>) {
  // expected-error @+1 {{C7: the rule gated_delta needs a beta}}
  %y, %s = seq.linear_attention gated_delta ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      decay(%g : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @linear_attention_c7_beta_unused(%q: tensor<1x?x4x2xf32>, %k: tensor<1x?x4x2xf32>, %v: tensor<1x?x4x3xf32>, %s0: tensor<1x4x2x3xf32>, %beta: tensor<1x?x4xf32>) {
  // expected-error @+1 {{C7: the rule linear takes no beta}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x4x2xf32>, tensor<1x?x4x2xf32>, tensor<1x?x4x3xf32>)
      beta(%beta : tensor<1x?x4xf32>)
      init(%s0 : tensor<1x4x2x3xf32>) scale 1.0 -> tensor<1x?x4x3xf32>, tensor<1x4x2x3xf32>
  return
}

// -----

func.func @selective_scan_c1_element_types_differ(%x: tensor<1x?x4xf32>, %delta: tensor<1x?x4xf32>, %a: tensor<4x2xf32>, %b: tensor<1x?x2xf32>, %c: tensor<1x?x2xf32>, %s0: tensor<1x4x2xf32>, %z: tensor<1x?x4xf64>) {
  // expected-error @+1 {{C1: gate has elements of type}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<4x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>)
      gate(%z : tensor<1x?x4xf64>)
      init(%s0 : tensor<1x4x2xf32>) -> tensor<1x?x4xf32>, tensor<1x4x2xf32>
  return
}

// -----

func.func @selective_scan_c2_unknown_states(%x: tensor<1x?x4xf32>, %delta: tensor<1x?x4xf32>, %a: tensor<4x?xf32>, %b: tensor<1x?x2xf32>, %c: tensor<1x?x2xf32>, %s0: tensor<1x4x2xf32>) {
  // expected-error @+1 {{C2: the size N of a must be known}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<4x?xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>)
      init(%s0 : tensor<1x4x2xf32>) -> tensor<1x?x4xf32>, tensor<1x4x2xf32>
  return
}

// -----

func.func @selective_scan_c3_states(%x: tensor<1x?x4xf32>, %delta: tensor<1x?x4xf32>, %a: tensor<4x2xf32>, %b: tensor<1x?x2xf32>, %c: tensor<1x?x3xf32>, %s0: tensor<1x4x2xf32>) {
  // expected-error @+1 {{C3: the size N of c is 3, expected 2}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<4x2xf32>, tensor<1x?x2xf32>, tensor<1x?x3xf32>)
      init(%s0 : tensor<1x4x2xf32>) -> tensor<1x?x4xf32>, tensor<1x4x2xf32>
  return
}

// -----

func.func @selective_scan_c3_times(%x: tensor<1x5x4xf32>, %delta: tensor<1x6x4xf32>, %a: tensor<4x2xf32>, %b: tensor<1x?x2xf32>, %c: tensor<1x?x2xf32>, %s0: tensor<1x4x2xf32>) {
  // expected-error @+1 {{C3: the size T of delta is 6, expected 5}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x5x4xf32>, tensor<1x6x4xf32>, tensor<4x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>)
      init(%s0 : tensor<1x4x2xf32>) -> tensor<1x?x4xf32>, tensor<1x4x2xf32>
  return
}

// -----

func.func @selective_scan_c3_skip(%x: tensor<1x?x4xf32>, %delta: tensor<1x?x4xf32>, %a: tensor<4x2xf32>, %b: tensor<1x?x2xf32>, %c: tensor<1x?x2xf32>, %s0: tensor<1x4x2xf32>, %d: tensor<2xf32>) {
  // expected-error @+1 {{C3: the size C of skip is 2, expected 4}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<4x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>)
      skip(%d : tensor<2xf32>)
      init(%s0 : tensor<1x4x2xf32>) -> tensor<1x?x4xf32>, tensor<1x4x2xf32>
  return
}

// -----

func.func @causal_conv_c1_element_types_differ(%x: tensor<1x?x4xf32>, %w: tensor<4x3xf32>, %s0: tensor<1x2x4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{C1: bias has elements of type}}
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x4xf32>) weights(%w : tensor<4x3xf32>) bias(%b : tensor<4xf64>)
      init(%s0 : tensor<1x2x4xf32>) -> tensor<1x?x4xf32>, tensor<1x2x4xf32>
  return
}

// -----

func.func @causal_conv_c2_unknown_taps(%x: tensor<1x?x4xf32>, %w: tensor<4x?xf32>, %s0: tensor<1x2x4xf32>) {
  // expected-error @+1 {{C2: the size W of weight must be known}}
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x4xf32>) weights(%w : tensor<4x?xf32>)
      init(%s0 : tensor<1x2x4xf32>) -> tensor<1x?x4xf32>, tensor<1x2x4xf32>
  return
}

// -----

func.func @causal_conv_c3_window(%x: tensor<1x?x4xf32>, %w: tensor<4x3xf32>, %s0: tensor<1x3x4xf32>) {
  // expected-error @+1 {{C3: the size W-1 of initial_state is 3, expected 2}}
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x4xf32>) weights(%w : tensor<4x3xf32>)
      init(%s0 : tensor<1x3x4xf32>) -> tensor<1x?x4xf32>, tensor<1x2x4xf32>
  return
}

// -----

func.func @causal_conv_c3_channels(%x: tensor<1x?x4xf32>, %w: tensor<5x3xf32>, %s0: tensor<1x2x4xf32>) {
  // expected-error @+1 {{C3: the size C of weight is 5, expected 4}}
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x4xf32>) weights(%w : tensor<5x3xf32>)
      init(%s0 : tensor<1x2x4xf32>) -> tensor<1x?x4xf32>, tensor<1x2x4xf32>
  return
}

// -----

func.func @causal_conv_c4_no_taps(%x: tensor<1x?x4xf32>, %w: tensor<4x0xf32>, %s0: tensor<1x2x4xf32>) {
  // expected-error @+1 {{C4: weight has no taps}}
  %y, %s = seq.causal_conv ins(%x : tensor<1x?x4xf32>) weights(%w : tensor<4x0xf32>)
      init(%s0 : tensor<1x2x4xf32>) -> tensor<1x?x4xf32>, tensor<1x2x4xf32>
  return
}
