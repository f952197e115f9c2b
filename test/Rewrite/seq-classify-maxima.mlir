// RUN: seq-opt %s --seq-classify --mlir-print-op-on-diagnostic=false --split-input-file --verify-diagnostics -o %t

// Running maxima, and sums of exponentials relative to them. As the other steps,
// each is run before and after test-step-terms by test/python/test_step_terms.py.

// RWKV-4: a weighted average of values whose largest exponent is a state.
// p' = max(p + w, k), a' = e^(p + w - p') a + e^(k - p') v, b alike;
// the output, before the update, with the bonus u.
func.func @rwkv4(%k: tensor<2x?x3xf32>, %v: tensor<2x?x3xf32>, %w: tensor<2x3xf32>, %u: tensor<2x3xf32>, %a0: tensor<2x3xf32>, %b0: tensor<2x3xf32>, %p0: tensor<2x3xf32>) -> (tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %k, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
  // expected-remark@below {{state 0 (2x3): nonlinear: goes through arith.maximumf; online softmax with the maximum in state 2; readout per element before the update; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x3): nonlinear: goes through arith.maximumf; online softmax with the maximum in state 2; readout per element before the update; separable dims 0, 1}}
  // expected-remark@below {{state 2 (2x3): nonlinear: goes through arith.maximumf; running maximum; readout per element before the update; separable dims 0, 1}}
  // expected-remark@below {{1 of 23 operations are free of the states}}
  %y, %h:3 = seq.recurrence along 1 ins(%k, %v : tensor<2x?x3xf32>, tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%a0, %b0, %p0 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  ^step(%kt: tensor<2x3xf32>, %vt: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %a: tensor<2x3xf32>, %b: tensor<2x3xf32>, %p: tensor<2x3xf32>):
    %uk = arith.addf %u, %kt : tensor<2x3xf32>
    %q = arith.maximumf %p, %uk : tensor<2x3xf32>
    %d0 = arith.subf %p, %q : tensor<2x3xf32>
    %e0 = math.exp %d0 : tensor<2x3xf32>
    %d1 = arith.subf %uk, %q : tensor<2x3xf32>
    %e1 = math.exp %d1 : tensor<2x3xf32>
    %0 = arith.mulf %e0, %a : tensor<2x3xf32>
    %1 = arith.mulf %e1, %vt : tensor<2x3xf32>
    %num = arith.addf %0, %1 : tensor<2x3xf32>
    %2 = arith.mulf %e0, %b : tensor<2x3xf32>
    %den = arith.addf %2, %e1 : tensor<2x3xf32>
    %out = arith.divf %num, %den : tensor<2x3xf32>
    %pw = arith.addf %p, %w : tensor<2x3xf32>
    // expected-note@below {{state 0 here}}
    // expected-note@below {{state 1 here}}
    // expected-note@below {{state 2 here}}
    %p1 = arith.maximumf %pw, %kt : tensor<2x3xf32>
    %d2 = arith.subf %pw, %p1 : tensor<2x3xf32>
    %e2 = math.exp %d2 : tensor<2x3xf32>
    %d3 = arith.subf %kt, %p1 : tensor<2x3xf32>
    %e3 = math.exp %d3 : tensor<2x3xf32>
    %3 = arith.mulf %e2, %a : tensor<2x3xf32>
    %4 = arith.mulf %e3, %vt : tensor<2x3xf32>
    %a1 = arith.addf %3, %4 : tensor<2x3xf32>
    %5 = arith.mulf %e2, %b : tensor<2x3xf32>
    %b1 = arith.addf %5, %e3 : tensor<2x3xf32>
    seq.yield %out, %a1, %b1, %p1 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %y, %h#0, %h#1, %h#2 : tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// Online softmax: the queries are many, each step adds a key. A row that has
// seen only scores of -∞ keeps its maximum out of the exponents.
func.func @online_softmax(%q: tensor<2x?x3xf32>, %k: tensor<2x?x3xf32>, %v: tensor<2x?x4xf32>, %a0: tensor<2x?x4xf32>, %m0: tensor<2x?xf32>, %l0: tensor<2x?xf32>) -> (tensor<2x?x4xf32>, tensor<2x?xf32>, tensor<2x?xf32>) {
  // expected-remark@below {{state 0 (2x?x4): nonlinear: goes through arith.maximumf; online softmax with the maximum in state 1; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x?): nonlinear: goes through arith.maximumf; running maximum; separable dims 0, 1}}
  // expected-remark@below {{state 2 (2x?): nonlinear: goes through arith.maximumf; online softmax with the maximum in state 1; separable dims 0, 1}}
  // expected-remark@below {{19 of 31 operations are free of the states}}
  %r:3 = seq.recurrence along 1 ins(%k, %v : tensor<2x?x3xf32>, tensor<2x?x4xf32>) init(%a0, %m0, %l0 : tensor<2x?x4xf32>, tensor<2x?xf32>, tensor<2x?xf32>) {
  ^step(%kt: tensor<2x3xf32>, %vt: tensor<2x4xf32>, %a: tensor<2x?x4xf32>, %m: tensor<2x?xf32>, %l: tensor<2x?xf32>):
    %c1 = arith.constant 1 : index
    %t = tensor.dim %q, %c1 : tensor<2x?x3xf32>
    %zero = arith.constant 0.0 : f32
    %lowest = arith.constant 0xFF800000 : f32
    %empty = tensor.empty(%t) : tensor<2x?xf32>
    %wide = tensor.empty(%t) : tensor<2x?x4xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x?xf32>) -> tensor<2x?xf32>
    %score = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%q, %kt : tensor<2x?x3xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2x?xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x?xf32>
    // expected-note@below {{state 0 here}}
    // expected-note@below {{state 1 here}}
    // expected-note@below {{state 2 here}}
    %m1 = arith.maximumf %m, %score : tensor<2x?xf32>
    %w:2 = linalg.generic {indexing_maps = [affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b, t)>], iterator_types = ["parallel", "parallel"]}
        ins(%m, %m1, %score : tensor<2x?xf32>, tensor<2x?xf32>, tensor<2x?xf32>) outs(%empty, %empty : tensor<2x?xf32>, tensor<2x?xf32>) {
    ^bb0(%i: f32, %j: f32, %x: f32, %o: f32, %p: f32):
      %none = arith.cmpf oeq, %j, %lowest : f32
      %shift = arith.select %none, %zero, %j : f32
      %0 = arith.subf %i, %shift : f32
      %1 = math.exp %0 : f32
      %2 = arith.subf %x, %shift : f32
      %3 = math.exp %2 : f32
      linalg.yield %1, %3 : f32, f32
    } -> (tensor<2x?xf32>, tensor<2x?xf32>)
    %l1 = math.fma %w#0, %l, %w#1 : tensor<2x?xf32>
    %a1 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%w#0, %w#1, %vt, %a : tensor<2x?xf32>, tensor<2x?xf32>, tensor<2x4xf32>, tensor<2x?x4xf32>) outs(%wide : tensor<2x?x4xf32>) {
    ^bb0(%i: f32, %j: f32, %x: f32, %s: f32, %o: f32):
      %0 = arith.mulf %i, %s : f32
      %1 = arith.mulf %j, %x : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2x?x4xf32>
    seq.yield %a1, %m1, %l1 : tensor<2x?x4xf32>, tensor<2x?xf32>, tensor<2x?xf32>
  }
  return %r#0, %r#1, %r#2 : tensor<2x?x4xf32>, tensor<2x?xf32>, tensor<2x?xf32>
}
