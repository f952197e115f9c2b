// RUN: seq-opt %s --seq-generalize --seq-classify --mlir-print-op-on-diagnostic=false --split-input-file --verify-diagnostics -o %t

// Nothing of the module changes.
// RUN: seq-opt %s --seq-generalize --split-input-file > %t.before
// RUN: seq-opt %s --seq-generalize --seq-classify --split-input-file > %t.after 2> %t.remarks
// RUN: diff %t.before %t.after

// Every function here is run before and after test-step-terms by
// test/python/test_step_terms.py: arguments are random, results are compared.

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

func.func @rnn(%x: tensor<2x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  // expected-remark@below {{state 0 (2x4): nonlinear: goes through math.tanh; readout per element after the update; separable dim 0}}
  // expected-note@below {{state 0 here}}
  // expected-remark@below {{7 of 10 operations are free of the states}}
  %y, %h = seq.rnn ins(%x : tensor<2x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>) init(%h0 : tensor<2x4xf32>) -> tensor<2x?x4xf32>, tensor<2x4xf32>
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

func.func @lstm(%x: tensor<2x?x8xf32>, %w: tensor<16x8xf32>, %r: tensor<16x4xf32>, %h0: tensor<2x4xf32>, %c0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  // expected-remark@below {{state 0 (2x4): nonlinear: goes through math.exp; readout per element after the update; separable dim 0}}
  // expected-note@below {{state 0 here}}
  // expected-remark@below {{state 1 (2x4): nonlinear: goes through math.exp; diagonal for given state 0; separable dim 0}}
  // expected-note@below {{state 1 here}}
  // expected-remark@below {{10 of 34 operations are free of the states}}
  %y, %h, %c = seq.lstm ins(%x : tensor<2x?x8xf32>) weights(%w, %r : tensor<16x8xf32>, tensor<16x4xf32>) init(%h0, %c0 : tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x?x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %y, %h, %c : tensor<2x?x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

func.func @gru(%x: tensor<2x?x8xf32>, %w: tensor<12x8xf32>, %r: tensor<12x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  // expected-remark@below {{state 0 (2x4): nonlinear: goes through math.exp; readout per element after the update; separable dim 0}}
  // expected-note@below {{state 0 here}}
  // expected-remark@below {{13 of 34 operations are free of the states}}
  %y, %h = seq.gru ins(%x : tensor<2x?x8xf32>) weights(%w, %r : tensor<12x8xf32>, tensor<12x4xf32>) init(%h0 : tensor<2x4xf32>) -> tensor<2x?x4xf32>, tensor<2x4xf32>
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

func.func @linear_attention(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x4x8xf32>, %v: tensor<2x?x4x3xf32>, %s0: tensor<2x4x8x3xf32>) -> (tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>) {
  // expected-remark@below {{state 0 (2x4x8x3): diagonal, no decay; added term is an outer product (dims 2 | 3); readout contracts dim 2 after the update; separable dims 0, 1, 3}}
  // expected-remark@below {{6 of 9 operations are free of the states}}
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<2x?x4x8xf32>, tensor<2x?x4x8xf32>, tensor<2x?x4x3xf32>) init(%s0 : tensor<2x4x8x3xf32>) scale 0.5 -> tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
  return %y, %s : tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
}

// -----

// A decay for each head; the log decay is proven not to be positive.
func.func @scalar_decay(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x2x8xf32>, %v: tensor<2x?x4x3xf32>, %x: tensor<2x?x4xf32>, %s0: tensor<2x4x8x3xf32>) -> (tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>) {
  %e = math.exp %x : tensor<2x?x4xf32>
  %g = arith.negf %e : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x2x2x8x3): diagonal, scalar decay (dims 0, 1, 2), log decay <= 0; added term is an outer product (dims 2, 4 | 3); readout contracts dim 3 after the update; separable dims 0, 1, 2, 4}}
  // expected-remark@below {{7 of 10 operations are free of the states}}
  %y, %s = seq.linear_attention gated ins(%q, %k, %v : tensor<2x?x4x8xf32>, tensor<2x?x2x8xf32>, tensor<2x?x4x3xf32>) decay(%g : tensor<2x?x4xf32>) init(%s0 : tensor<2x4x8x3xf32>) scale 1.0 -> tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
  return %y, %s : tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
}

// -----

  // expected-note@below {{an exponent of the decay is in [-inf, inf]}}
func.func @row_decay(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x4x8xf32>, %v: tensor<2x?x4x3xf32>, %g: tensor<2x?x4x8xf32>, %s0: tensor<2x4x8x3xf32>) -> (tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>) {
  // expected-remark@below {{state 0 (2x4x8x3): diagonal, decay per row (dims 0, 1, 2), decay in [0, inf]; added term is an outer product (dims 2 | 3); readout contracts dim 2 after the update; separable dims 0, 1, 3}}
  // expected-remark@below {{7 of 10 operations are free of the states}}
  %y, %s = seq.linear_attention gated ins(%q, %k, %v : tensor<2x?x4x8xf32>, tensor<2x?x4x8xf32>, tensor<2x?x4x3xf32>) decay(%g : tensor<2x?x4x8xf32>) init(%s0 : tensor<2x4x8x3xf32>) scale 1.0 -> tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
  return %y, %s : tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
}

// -----

func.func @delta(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x4x8xf32>, %v: tensor<2x?x4x3xf32>, %b: tensor<2x?x4xf32>, %s0: tensor<2x4x8x3xf32>) -> (tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>) {
  // expected-remark@below {{state 0 (2x4x8x3): diagonal plus low rank, no decay; added term is an outer product (dims 2 | 3); readout contracts dim 2 after the update; separable dims 0, 1, 3}}
  // expected-remark@below {{8 of 14 operations are free of the states}}
  %y, %s = seq.linear_attention delta ins(%q, %k, %v : tensor<2x?x4x8xf32>, tensor<2x?x4x8xf32>, tensor<2x?x4x3xf32>) beta(%b : tensor<2x?x4xf32>) init(%s0 : tensor<2x4x8x3xf32>) scale 1.0 -> tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
  return %y, %s : tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
}

// -----

  // expected-note@below {{an exponent of the decay is in [-inf, inf]}}
func.func @gated_delta(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x4x8xf32>, %v: tensor<2x?x4x3xf32>, %g: tensor<2x?x4x8xf32>, %b: tensor<2x?x4xf32>, %s0: tensor<2x4x8x3xf32>) -> (tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>) {
  // expected-remark@below {{state 0 (2x4x8x3): diagonal plus low rank, decay per row (dims 0, 1, 2), decay in [0, inf]; added term is an outer product (dims 2 | 3); readout contracts dim 2 after the update; separable dims 0, 1, 3}}
  // expected-remark@below {{10 of 17 operations are free of the states}}
  %y, %s = seq.linear_attention gated_delta ins(%q, %k, %v : tensor<2x?x4x8xf32>, tensor<2x?x4x8xf32>, tensor<2x?x4x3xf32>) decay(%g : tensor<2x?x4x8xf32>) beta(%b : tensor<2x?x4xf32>) init(%s0 : tensor<2x4x8x3xf32>) scale 1.0 -> tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
  return %y, %s : tensor<2x?x4x3xf32>, tensor<2x4x8x3xf32>
}

// -----

// Δ = softplus(x) ≥ 0 and A = -exp(a) ≤ 0, from around the recurrence.
func.func @selective_scan(%x: tensor<2x?x8xf32>, %delta: tensor<2x?x8xf32>, %alog: tensor<8x4xf32>, %b: tensor<2x?x4xf32>, %c: tensor<2x?x4xf32>, %skip: tensor<8xf32>, %s0: tensor<2x8x4xf32>) -> (tensor<2x?x8xf32>, tensor<2x8x4xf32>) {
  %e = math.exp %alog : tensor<8x4xf32>
  %a = arith.negf %e : tensor<8x4xf32>
  // expected-remark@below {{state 0 (2x8x4): diagonal, decay per element (dims 0, 1, 2), log decay <= 0; added term is an outer product (dims 1 | 2); readout contracts dim 2 after the update; separable dims 0, 1}}
  // expected-remark@below {{18 of 22 operations are free of the states}}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<8x4xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>) skip(%skip : tensor<8xf32>) init(%s0 : tensor<2x8x4xf32>) {delta_softplus} -> tensor<2x?x8xf32>, tensor<2x8x4xf32>
  return %y, %s : tensor<2x?x8xf32>, tensor<2x8x4xf32>
}

// -----

func.func @causal_conv(%x: tensor<2x?x8xf32>, %w: tensor<8x3xf32>, %s0: tensor<2x2x8xf32>) -> (tensor<2x?x8xf32>, tensor<2x2x8xf32>) {
  // expected-remark@below {{state 0 (2x8): affine: takes from state 1, time-invariant; nothing is added; readout per element before the update; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x8): free; readout per element before the update; separable dims 0, 1}}
  // expected-remark@below {{5 of 14 operations are free of the states}}
  %y, %s = seq.causal_conv ins(%x : tensor<2x?x8xf32>) weights(%w : tensor<8x3xf32>) init(%s0 : tensor<2x2x8xf32>) {activation = #seq<conv_activation silu>} -> tensor<2x?x8xf32>, tensor<2x2x8xf32>
  return %y, %s : tensor<2x?x8xf32>, tensor<2x2x8xf32>
}
