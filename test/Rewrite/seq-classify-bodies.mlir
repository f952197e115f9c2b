// RUN: seq-opt %s --seq-classify --mlir-print-op-on-diagnostic=false --split-input-file --verify-diagnostics -o %t

// Steps written out by hand. As those of seq-classify.mlir, each is run before
// and after test-step-terms by test/python/test_step_terms.py.

// minGRU: h' = (1 - z) h + z c, z = 1 / (1 + exp(-x)) hoisted.
func.func @min_gru(%x: tensor<2x?x5xf32>, %c: tensor<2x?x5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x?x5xf32>, tensor<2x5xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  %one = arith.constant 1.0 : f32
  %z = linalg.generic {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, c) -> (b, t, c)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) {
  ^bb0(%i: f32, %o: f32):
    %0 = arith.negf %i : f32
    %1 = math.exp %0 : f32
    %2 = arith.addf %1, %one : f32
    %3 = arith.divf %one, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<2x?x5xf32>
  // expected-remark@below {{state 0 (2x5): diagonal, decay per element (dims 0, 1), log decay <= 0; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{3 of 5 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%z, %c : tensor<2x?x5xf32>, tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%h0 : tensor<2x5xf32>) {
  ^step(%zt: tensor<2x5xf32>, %ct: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %s: tensor<2x5xf32>):
    %ones = arith.constant dense<1.0> : tensor<2x5xf32>
    %keep = arith.subf %ones, %zt : tensor<2x5xf32>
    %0 = arith.mulf %keep, %s : tensor<2x5xf32>
    %1 = arith.mulf %zt, %ct : tensor<2x5xf32>
    %2 = arith.addf %0, %1 : tensor<2x5xf32>
    seq.yield %2, %2 : tensor<2x5xf32>, tensor<2x5xf32>
  }
  return %y, %h : tensor<2x?x5xf32>, tensor<2x5xf32>
}

// -----

// The same as h + z (c - h), in one payload with fused multiply-adds.
func.func @min_gru_lerp(%x: tensor<2x?x5xf32>, %c: tensor<2x?x5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x?x5xf32>, tensor<2x5xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  // expected-remark@below {{state 0 (2x5): diagonal, decay per element (dims 0, 1), log decay <= 0; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{7 of 10 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x, %c : tensor<2x?x5xf32>, tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%h0 : tensor<2x5xf32>) {
  ^step(%xt: tensor<2x5xf32>, %ct: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %s: tensor<2x5xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]}
        ins(%xt, %ct : tensor<2x5xf32>, tensor<2x5xf32>) outs(%s : tensor<2x5xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %one = arith.constant 1.0 : f32
      %0 = arith.negf %i : f32
      %1 = math.exp %0 : f32
      %2 = arith.addf %1, %one : f32
      %z = arith.divf %one, %2 : f32
      %d = arith.subf %j, %o : f32
      %r = math.fma %z, %d, %o : f32
      linalg.yield %r : f32
    } -> tensor<2x5xf32>
    seq.yield %n, %n : tensor<2x5xf32>, tensor<2x5xf32>
  }
  return %y, %h : tensor<2x?x5xf32>, tensor<2x5xf32>
}

// -----

// RG-LRU: h' = a h + sqrt(1 - a²) x, a = exp(-8 softplus(l) r), r in (0, 1).
func.func @rg_lru(%x: tensor<2x?x5xf32>, %g: tensor<2x?x5xf32>, %l: tensor<5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x?x5xf32>, tensor<2x5xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  %e = math.exp %l : tensor<5xf32>
  %p = math.log1p %e : tensor<5xf32>
  // expected-remark@below {{state 0 (2x5): diagonal, decay per element (dims 0, 1), log decay <= 0; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{18 of 20 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x, %g : tensor<2x?x5xf32>, tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%h0 : tensor<2x5xf32>) {
  ^step(%xt: tensor<2x5xf32>, %gt: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %s: tensor<2x5xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (c)>, affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]}
        ins(%xt, %gt, %p : tensor<2x5xf32>, tensor<2x5xf32>, tensor<5xf32>) outs(%s : tensor<2x5xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
      %one = arith.constant 1.0 : f32
      %c = arith.constant -8.0 : f32
      %0 = arith.negf %j : f32
      %1 = math.exp %0 : f32
      %2 = arith.addf %1, %one : f32
      %r = arith.divf %one, %2 : f32
      %3 = arith.mulf %k, %r : f32
      %4 = arith.mulf %3, %c : f32
      %a = math.exp %4 : f32
      %aa = arith.mulf %a, %a : f32
      %5 = arith.subf %one, %aa : f32
      %6 = math.sqrt %5 : f32
      %7 = arith.mulf %6, %i : f32
      %8 = arith.mulf %a, %o : f32
      %9 = arith.addf %8, %7 : f32
      linalg.yield %9 : f32
    } -> tensor<2x5xf32>
    seq.yield %n, %n : tensor<2x5xf32>, tensor<2x5xf32>
  }
  return %y, %h : tensor<2x?x5xf32>, tensor<2x5xf32>
}

// -----

// S4D with real coefficients: s'[c,n] = a[c,n] s[c,n] + b[c,n] x[c], read out by
// a sum over n.
#bcn = affine_map<(b, c, n) -> (b, c, n)>
#bc = affine_map<(b, c, n) -> (b, c)>
#cn = affine_map<(b, c, n) -> (c, n)>
func.func @s4d(%x: tensor<2x?x5xf32>, %a: tensor<5x3xf32>, %b: tensor<5x3xf32>, %c: tensor<5x3xf32>, %h0: tensor<2x5x3xf32>) -> (tensor<2x?x5xf32>, tensor<2x5x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  // expected-note@below {{a factor of the decay is in [-1, 1]}}
  %decay = math.tanh %a : tensor<5x3xf32>
  // expected-remark@below {{state 0 (2x5x3): diagonal, decay per row (dims 1, 2), time-invariant, decay in [-1, 1]; added term is an outer product (dims 0 | 2); readout contracts dim 2 after the update; separable dims 0, 1}}
  // expected-remark@below {{6 of 9 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%h0 : tensor<2x5x3xf32>) {
  ^step(%xt: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %s: tensor<2x5x3xf32>):
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<2x5xf32>
    %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x5xf32>) -> tensor<2x5xf32>
    %n = linalg.generic {indexing_maps = [#cn, #cn, #bc, #bcn], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%decay, %b, %xt : tensor<5x3xf32>, tensor<5x3xf32>, tensor<2x5xf32>) outs(%s : tensor<2x5x3xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
      %0 = arith.mulf %i, %o : f32
      %1 = arith.mulf %j, %k : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2x5x3xf32>
    %r = linalg.generic {indexing_maps = [#bcn, #cn, #bc], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%n, %c : tensor<2x5x3xf32>, tensor<5x3xf32>) outs(%fill : tensor<2x5xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x5xf32>
    seq.yield %r, %n : tensor<2x5xf32>, tensor<2x5x3xf32>
  }
  return %y, %h : tensor<2x?x5xf32>, tensor<2x5x3xf32>
}

// -----

// A rotation as a dimension of size 2: s'[c,i] = Σ_j m[c,i,j] s[c,j] + x[c].
func.func @rotation_by_product(%x: tensor<2x?x5xf32>, %m: tensor<5x2x2xf32>, %h0: tensor<2x5x2xf32>) -> (tensor<2x?x5x2xf32>, tensor<2x5x2xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5x2xf32>
  // expected-remark@below {{state 0 (2x5x2): rotation in dim 2, time-invariant; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{2 of 3 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5x2xf32>) init(%h0 : tensor<2x5x2xf32>) {
  ^step(%xt: tensor<2x5xf32>, %yt: tensor<2x5x2xf32>, %s: tensor<2x5x2xf32>):
    %empty = tensor.empty() : tensor<2x5x2xf32>
    %wide = linalg.broadcast ins(%xt : tensor<2x5xf32>) outs(%empty : tensor<2x5x2xf32>) dimensions = [2]
    %n = linalg.generic {indexing_maps = [affine_map<(b, c, i, j) -> (c, i, j)>, affine_map<(b, c, i, j) -> (b, c, j)>, affine_map<(b, c, i, j) -> (b, c, i)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%m, %s : tensor<5x2x2xf32>, tensor<2x5x2xf32>) outs(%wide : tensor<2x5x2xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x5x2xf32>
    seq.yield %n, %n : tensor<2x5x2xf32>, tensor<2x5x2xf32>
  }
  return %y, %h : tensor<2x?x5x2xf32>, tensor<2x5x2xf32>
}

// -----

// A rotation of the two halves of one tensor, by slices and a join.
func.func @rotation_by_slices(%x: tensor<2x?x5xf32>, %w: tensor<2x?x5xf32>, %h0: tensor<2x2x5xf32>) -> (tensor<2x?x5xf32>, tensor<2x2x5xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  // expected-remark@below {{state 0 (2x2x5): rotation in dim 1; one added term; readout per element before the update; separable dims 0, 2}}
  // expected-remark@below {{2 of 14 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x, %w : tensor<2x?x5xf32>, tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%h0 : tensor<2x2x5xf32>) {
  ^step(%xt: tensor<2x5xf32>, %wt: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %s: tensor<2x2x5xf32>):
    %re = tensor.extract_slice %s[0, 0, 0] [2, 1, 5] [1, 1, 1] : tensor<2x2x5xf32> to tensor<2x5xf32>
    %im = tensor.extract_slice %s[0, 1, 0] [2, 1, 5] [1, 1, 1] : tensor<2x2x5xf32> to tensor<2x5xf32>
    %cos = math.cos %wt : tensor<2x5xf32>
    %sin = math.sin %wt : tensor<2x5xf32>
    %0 = arith.mulf %cos, %re : tensor<2x5xf32>
    %1 = arith.mulf %sin, %im : tensor<2x5xf32>
    %2 = arith.subf %0, %1 : tensor<2x5xf32>
    %3 = arith.addf %2, %xt : tensor<2x5xf32>
    %4 = arith.mulf %sin, %re : tensor<2x5xf32>
    %5 = arith.mulf %cos, %im : tensor<2x5xf32>
    %6 = arith.addf %4, %5 : tensor<2x5xf32>
    %7 = tensor.expand_shape %3 [[0], [1, 2]] output_shape [2, 1, 5] : tensor<2x5xf32> into tensor<2x1x5xf32>
    %8 = tensor.expand_shape %6 [[0], [1, 2]] output_shape [2, 1, 5] : tensor<2x5xf32> into tensor<2x1x5xf32>
    %n = tensor.concat dim(1) %7, %8 : (tensor<2x1x5xf32>, tensor<2x1x5xf32>) -> tensor<2x2x5xf32>
    seq.yield %3, %n : tensor<2x5xf32>, tensor<2x2x5xf32>
  }
  return %y, %h : tensor<2x?x5xf32>, tensor<2x2x5xf32>
}

// -----

// A rotation of two states.
func.func @rotation_of_states(%x: tensor<2x?x5xf32>, %a: tensor<5xf32>, %b: tensor<5xf32>, %re0: tensor<2x5xf32>, %im0: tensor<2x5xf32>) -> (tensor<2x?x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x5xf32>
  // expected-remark@below {{state 0 (2x5): rotation with state 1, time-invariant; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x5): rotation with state 0, time-invariant; nothing is added; separable dims 0, 1}}
  // expected-remark@below {{4 of 11 operations are free of the states}}
  %y, %h:2 = seq.recurrence along 1 ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x5xf32>) init(%re0, %im0 : tensor<2x5xf32>, tensor<2x5xf32>) {
  ^step(%xt: tensor<2x5xf32>, %yt: tensor<2x5xf32>, %re: tensor<2x5xf32>, %im: tensor<2x5xf32>):
    %empty = tensor.empty() : tensor<2x5xf32>
    %n:2 = linalg.generic {indexing_maps = [affine_map<(b, c) -> (c)>, affine_map<(b, c) -> (c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]}
        ins(%a, %b, %re, %im, %xt : tensor<5xf32>, tensor<5xf32>, tensor<2x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>) outs(%empty, %empty : tensor<2x5xf32>, tensor<2x5xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %l: f32, %m: f32, %o: f32, %p: f32):
      %0 = arith.mulf %i, %k : f32
      %1 = arith.mulf %j, %l : f32
      %2 = arith.subf %0, %1 : f32
      %3 = arith.addf %2, %m : f32
      %4 = arith.mulf %j, %k : f32
      %5 = arith.mulf %i, %l : f32
      %6 = arith.addf %4, %5 : f32
      linalg.yield %3, %6 : f32, f32
    } -> (tensor<2x5xf32>, tensor<2x5xf32>)
    seq.yield %n#0, %n#0, %n#1 : tensor<2x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>
  }
  return %y, %h#0, %h#1 : tensor<2x?x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>
}

// -----

// s' = s A + x B with named products.
func.func @full_matrix(%x: tensor<2x?x5xf32>, %a: tensor<4x4xf32>, %b: tensor<5x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x4): affine: sums over indices of the state, time-invariant; one added term; readout per element after the update; separable dim 0}}
  // expected-remark@below {{4 of 5 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%h0 : tensor<2x4xf32>) {
  ^step(%xt: tensor<2x5xf32>, %yt: tensor<2x4xf32>, %s: tensor<2x4xf32>):
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<2x4xf32>
    %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x4xf32>) -> tensor<2x4xf32>
    %0 = linalg.matmul ins(%xt, %b : tensor<2x5xf32>, tensor<5x4xf32>) outs(%fill : tensor<2x4xf32>) -> tensor<2x4xf32>
    // expected-note@below {{state 0 here}}
    %1 = linalg.matmul ins(%s, %a : tensor<2x4xf32>, tensor<4x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
    seq.yield %1, %1 : tensor<2x4xf32>, tensor<2x4xf32>
  }
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

// Diagonal plus low rank on a vector: s'[n] = a[n] s[n] - p[n] Σ_m q[m] s[m] + x.
  // expected-note@below {{a factor of the decay is in [-inf, inf]}}
func.func @low_rank_vector(%x: tensor<2x?x1xf32>, %a: tensor<4xf32>, %p: tensor<4xf32>, %q: tensor<4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x1xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x4): diagonal plus low rank, decay per row (dim 1), time-invariant, decay in [-inf, inf]; one added term; readout per element after the update; separable dim 0}}
  // expected-remark@below {{4 of 9 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x1xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%h0 : tensor<2x4xf32>) {
  ^step(%xt: tensor<2x1xf32>, %yt: tensor<2x4xf32>, %s: tensor<2x4xf32>):
    %zeros = arith.constant dense<0.0> : tensor<2xf32>
    %sum = linalg.matvec ins(%s, %q : tensor<2x4xf32>, tensor<4xf32>) outs(%zeros : tensor<2xf32>) -> tensor<2xf32>
    %n = linalg.generic {indexing_maps = [affine_map<(b, n) -> (n)>, affine_map<(b, n) -> (n)>, affine_map<(b, n) -> (b)>, affine_map<(b, n) -> (b, 0)>, affine_map<(b, n) -> (b, n)>], iterator_types = ["parallel", "parallel"]}
        ins(%a, %p, %sum, %xt : tensor<4xf32>, tensor<4xf32>, tensor<2xf32>, tensor<2x1xf32>) outs(%s : tensor<2x4xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %l: f32, %o: f32):
      %0 = arith.mulf %i, %o : f32
      %1 = arith.mulf %j, %k : f32
      %2 = arith.subf %0, %1 : f32
      %3 = arith.addf %2, %l : f32
      linalg.yield %3 : f32
    } -> tensor<2x4xf32>
    seq.yield %n, %n : tensor<2x4xf32>, tensor<2x4xf32>
  }
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

// Kernel attention with its normaliser: S' = S + k vᵀ, z' = z + k, y = qS / qz.
#bkv = affine_map<(b, k, v) -> (b, k, v)>
#bk = affine_map<(b, k, v) -> (b, k)>
#bv = affine_map<(b, k, v) -> (b, v)>
func.func @normalised(%q: tensor<2x?x3xf32>, %k: tensor<2x?x3xf32>, %v: tensor<2x?x4xf32>, %s0: tensor<2x3x4xf32>, %z0: tensor<2x3xf32>) -> (tensor<2x?x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %v, %c1 : tensor<2x?x4xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x3x4): diagonal, no decay; added term is an outer product (dims 1 | 2); readout contracts dim 1 after the update; separable dim 0}}
  // expected-remark@below {{state 1 (2x3): diagonal, no decay; one added term; readout contracts dim 1 after the update; separable dim 0}}
  // expected-remark@below {{5 of 10 operations are free of the states}}
  %y, %s, %z = seq.recurrence along 1 ins(%q, %k, %v : tensor<2x?x3xf32>, tensor<2x?x3xf32>, tensor<2x?x4xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%s0, %z0 : tensor<2x3x4xf32>, tensor<2x3xf32>) {
  ^step(%qt: tensor<2x3xf32>, %kt: tensor<2x3xf32>, %vt: tensor<2x4xf32>, %yt: tensor<2x4xf32>, %st: tensor<2x3x4xf32>, %zt: tensor<2x3xf32>):
    %s1 = linalg.generic {indexing_maps = [#bk, #bv, #bkv], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%kt, %vt : tensor<2x3xf32>, tensor<2x4xf32>) outs(%st : tensor<2x3x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x3x4xf32>
    %z1 = arith.addf %zt, %kt : tensor<2x3xf32>
    %zeros = arith.constant dense<0.0> : tensor<2x4xf32>
    %sums = arith.constant dense<0.0> : tensor<2xf32>
    %qs = linalg.generic {indexing_maps = [#bk, #bkv, #bv], iterator_types = ["parallel", "reduction", "parallel"]}
        ins(%qt, %s1 : tensor<2x3xf32>, tensor<2x3x4xf32>) outs(%zeros : tensor<2x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x4xf32>
    %qz = linalg.generic {indexing_maps = [affine_map<(b, k) -> (b, k)>, affine_map<(b, k) -> (b, k)>, affine_map<(b, k) -> (b)>], iterator_types = ["parallel", "reduction"]}
        ins(%qt, %z1 : tensor<2x3xf32>, tensor<2x3xf32>) outs(%sums : tensor<2xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(b, v) -> (b, v)>, affine_map<(b, v) -> (b)>, affine_map<(b, v) -> (b, v)>], iterator_types = ["parallel", "parallel"]}
        ins(%qs, %qz : tensor<2x4xf32>, tensor<2xf32>) outs(%zeros : tensor<2x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.divf %i, %j : f32
      linalg.yield %0 : f32
    } -> tensor<2x4xf32>
    seq.yield %r, %s1, %z1 : tensor<2x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>
  }
  return %y, %s, %z : tensor<2x?x4xf32>, tensor<2x3x4xf32>, tensor<2x3xf32>
}

// -----

// Two states in one tensor, each with a decay of its own; a reset where a mask
// says so; the second half read out before the update.
func.func @halves(%x: tensor<2x?x3xf32>, %a: tensor<2x?x3xf32>, %h0: tensor<2x6xf32>) -> (tensor<2x?x3xf32>, tensor<2x6xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
  // expected-remark@below {{state 0 (2x6): diagonal, decay per element (dims 0, 1), decay in [-inf, inf]; 2 added terms; readout per element before the update; separable dim 0}}
  // expected-remark@below {{2 of 11 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x, %a : tensor<2x?x3xf32>, tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%h0 : tensor<2x6xf32>) {
  // expected-note@below {{a factor of the decay is in [-inf, inf]}}
  ^step(%xt: tensor<2x3xf32>, %at: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %s: tensor<2x6xf32>):
    %low = tensor.extract_slice %s[0, 0] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %high = tensor.extract_slice %s[0, 3] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %zeros = arith.constant dense<0.0> : tensor<2x3xf32>
    %reset = arith.cmpf ogt, %at, %zeros : tensor<2x3xf32>
    %0 = arith.mulf %at, %low : tensor<2x3xf32>
    %1 = arith.addf %0, %xt : tensor<2x3xf32>
    %2 = arith.select %reset, %zeros, %high : tensor<2x3xi1>, tensor<2x3xf32>
    %3 = arith.subf %2, %xt : tensor<2x3xf32>
    %n0 = tensor.insert_slice %1 into %s[0, 0] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x6xf32>
    %n1 = tensor.insert_slice %3 into %n0[0, 3] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x6xf32>
    %r = math.tanh %high : tensor<2x3xf32>
    seq.yield %r, %n1 : tensor<2x3xf32>, tensor<2x6xf32>
  }
  return %y, %h : tensor<2x?x3xf32>, tensor<2x6xf32>
}

// -----

// A window in one tensor: a shift and the new column.
func.func @window(%x: tensor<2x?x3xf32>, %w: tensor<4x3xf32>, %h0: tensor<2x4x3xf32>) -> (tensor<2x?x3xf32>, tensor<2x4x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
  // expected-remark@below {{state 0 (2x4x3): affine: takes other indices of the state, time-invariant; one added term; readout contracts dim 1 after the update; separable dims 0, 2}}
  // expected-remark@below {{2 of 5 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%h0 : tensor<2x4x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %s: tensor<2x4x3xf32>):
    %old = tensor.extract_slice %s[0, 1, 0] [2, 3, 3] [1, 1, 1] : tensor<2x4x3xf32> to tensor<2x3x3xf32>
    %new = tensor.expand_shape %xt [[0], [1, 2]] output_shape [2, 1, 3] : tensor<2x3xf32> into tensor<2x1x3xf32>
    // expected-note@below {{state 0 here}}
    %n = tensor.concat dim(1) %old, %new : (tensor<2x3x3xf32>, tensor<2x1x3xf32>) -> tensor<2x4x3xf32>
    %zeros = arith.constant dense<0.0> : tensor<2x3xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(b, c, j) -> (b, j, c)>, affine_map<(b, c, j) -> (j, c)>, affine_map<(b, c, j) -> (b, c)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%n, %w : tensor<2x4x3xf32>, tensor<4x3xf32>) outs(%zeros : tensor<2x3xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x3xf32>
    seq.yield %r, %n : tensor<2x3xf32>, tensor<2x4x3xf32>
  }
  return %y, %h : tensor<2x?x3xf32>, tensor<2x4x3xf32>
}

// -----

// A readout before the update with a bonus: y = r·(S + u k vᵀ), S' = diag(w) S + k vᵀ.
#bkv = affine_map<(b, k, v) -> (b, k, v)>
#bk = affine_map<(b, k, v) -> (b, k)>
#bv = affine_map<(b, k, v) -> (b, v)>
#k = affine_map<(b, k, v) -> (k)>
func.func @bonus(%r: tensor<2x?x3xf32>, %k: tensor<2x?x3xf32>, %v: tensor<2x?x4xf32>, %w: tensor<2x?x3xf32>, %u: tensor<3xf32>, %s0: tensor<2x3x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x3x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %v, %c1 : tensor<2x?x4xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x3x4): diagonal, decay per row (dims 0, 1), log decay <= 0; added term is an outer product (dims 1 | 2); readout contracts dim 1 before the update; separable dims 0, 2}}
  // expected-remark@below {{9 of 13 operations are free of the states}}
  %y, %s = seq.recurrence along 1 ins(%r, %k, %v, %w : tensor<2x?x3xf32>, tensor<2x?x3xf32>, tensor<2x?x4xf32>, tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%s0 : tensor<2x3x4xf32>) {
  ^step(%rt: tensor<2x3xf32>, %kt: tensor<2x3xf32>, %vt: tensor<2x4xf32>, %wt: tensor<2x3xf32>, %yt: tensor<2x4xf32>, %st: tensor<2x3x4xf32>):
    %empty = tensor.empty() : tensor<2x3x4xf32>
    %kv = linalg.generic {indexing_maps = [#bk, #bv, #bkv], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%kt, %vt : tensor<2x3xf32>, tensor<2x4xf32>) outs(%empty : tensor<2x3x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      linalg.yield %0 : f32
    } -> tensor<2x3x4xf32>
    %s1 = linalg.generic {indexing_maps = [#bk, #bkv, #bkv, #bkv], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%wt, %kv, %st : tensor<2x3xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%empty : tensor<2x3x4xf32>) {
    ^bb0(%i: f32, %j: f32, %l: f32, %o: f32):
      %e = math.exp %i : f32
      %ne = arith.negf %e : f32
      %d = math.exp %ne : f32
      %0 = arith.mulf %d, %l : f32
      %1 = arith.addf %0, %j : f32
      linalg.yield %1 : f32
    } -> tensor<2x3x4xf32>
    %zeros = arith.constant dense<0.0> : tensor<2x4xf32>
    %o1 = linalg.generic {indexing_maps = [#bk, #k, #bkv, #bkv, #bv], iterator_types = ["parallel", "reduction", "parallel"]}
        ins(%rt, %u, %kv, %st : tensor<2x3xf32>, tensor<3xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%zeros : tensor<2x4xf32>) {
    ^bb0(%i: f32, %j: f32, %l: f32, %m: f32, %o: f32):
      %0 = arith.mulf %j, %l : f32
      %1 = arith.addf %0, %m : f32
      %2 = arith.mulf %i, %1 : f32
      %3 = arith.addf %o, %2 : f32
      linalg.yield %3 : f32
    } -> tensor<2x4xf32>
    seq.yield %o1, %s1 : tensor<2x4xf32>, tensor<2x3x4xf32>
  }
  return %y, %s : tensor<2x?x4xf32>, tensor<2x3x4xf32>
}

// -----

// Momentum: m' = b m + x, w' = w + m': the second takes from the first.
  // expected-note@below {{a factor of the decay is in [-inf, inf]}}
func.func @momentum(%x: tensor<2x?x3xf32>, %b: tensor<3xf32>, %m0: tensor<2x3xf32>, %w0: tensor<2x3xf32>) -> (tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
  // expected-remark@below {{state 0 (2x3): diagonal, scalar decay (dim 1), time-invariant, decay in [-inf, inf]; one added term; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x3): affine: takes from state 0, time-invariant; one added term; readout per element after the update; separable dims 0, 1}}
  // expected-remark@below {{3 of 7 operations are free of the states}}
  %y, %h:2 = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%m0, %w0 : tensor<2x3xf32>, tensor<2x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %m: tensor<2x3xf32>, %w: tensor<2x3xf32>):
    %empty = tensor.empty() : tensor<2x3xf32>
    %wide = linalg.broadcast ins(%b : tensor<3xf32>) outs(%empty : tensor<2x3xf32>) dimensions = [0]
    %m1 = math.fma %wide, %m, %xt : tensor<2x3xf32>
    // expected-note@below {{state 1 here}}
    %w1 = arith.addf %w, %m1 : tensor<2x3xf32>
    %half = arith.constant dense<0.5> : tensor<2x3xf32>
    %r = arith.mulf %w1, %half : tensor<2x3xf32>
    seq.yield %r, %m1, %w1 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %y, %h#0, %h#1 : tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// A product of a joined tensor: s' = x + W [s high, -s low].
func.func @product_of_join(%x: tensor<2x?x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x4xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
  // expected-remark@below {{state 0 (2x4): affine: sums over indices of the state, time-invariant; one added term; readout per element after the update; separable dim 0}}
  // expected-remark@below {{0 of 5 operations are free of the states}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x4xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%h0 : tensor<2x4xf32>) {
  ^step(%xt: tensor<2x4xf32>, %yt: tensor<2x4xf32>, %s: tensor<2x4xf32>):
    %low = tensor.extract_slice %s[0, 0] [2, 1] [1, 1] : tensor<2x4xf32> to tensor<2x1xf32>
    %high = tensor.extract_slice %s[0, 1] [2, 3] [1, 1] : tensor<2x4xf32> to tensor<2x3xf32>
    %minus = arith.negf %low : tensor<2x1xf32>
    %turned = tensor.concat dim(1) %high, %minus : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    // expected-note@below {{state 0 here}}
    %n = linalg.generic {indexing_maps = [affine_map<(b, i, j) -> (i, j)>, affine_map<(b, i, j) -> (b, j)>, affine_map<(b, i, j) -> (b, i)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%w, %turned : tensor<4x4xf32>, tensor<2x4xf32>) outs(%xt : tensor<2x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x4xf32>
    seq.yield %n, %n : tensor<2x4xf32>, tensor<2x4xf32>
  }
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

// States of one number, the first of which reads all of the second; time is first.
func.func @numbers(%x: tensor<?x3xf32>, %a: tensor<?xf32>, %w: tensor<3xf32>, %s0: tensor<f32>, %z0: tensor<3xf32>) -> (tensor<?xf32>, tensor<f32>, tensor<3xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %a, %c0 : tensor<?xf32>
  %y0 = tensor.empty(%t) : tensor<?xf32>
  // expected-remark@below {{state 0 (): affine: takes from state 1; nothing is added; readout per element after the update; no separable dims}}
  // expected-remark@below {{state 1 (3): diagonal, scalar decay, decay in [-1, 1]; one added term; no separable dims}}
  // expected-remark@below {{2 of 6 operations are free of the states}}
  %y, %s, %z = seq.recurrence along 0 reverse ins(%x, %a : tensor<?x3xf32>, tensor<?xf32>) outs(%y0 : tensor<?xf32>) init(%s0, %z0 : tensor<f32>, tensor<3xf32>) {
  ^step(%xt: tensor<3xf32>, %at: tensor<f32>, %yt: tensor<f32>, %s: tensor<f32>, %z: tensor<3xf32>):
    %0 = arith.mulf %at, %s : tensor<f32>
    // expected-note@below {{state 0 here}}
    %s1 = linalg.dot ins(%w, %z : tensor<3xf32>, tensor<3xf32>) outs(%0 : tensor<f32>) -> tensor<f32>
    // expected-note@below {{a factor of the decay is in [-1, 1]}}
    %1 = math.tanh %at : tensor<f32>
    %empty = tensor.empty() : tensor<3xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(i) -> ()>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%1, %z, %xt : tensor<f32>, tensor<3xf32>, tensor<3xf32>) outs(%empty : tensor<3xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
      %4 = arith.mulf %i, %j : f32
      %5 = arith.subf %4, %k : f32
      linalg.yield %5 : f32
    } -> tensor<3xf32>
    seq.yield %s1, %s1, %2 : tensor<f32>, tensor<f32>, tensor<3xf32>
  }
  return %y, %s, %z : tensor<?xf32>, tensor<f32>, tensor<3xf32>
}

// -----

// What has no affine form: a product of states, a division by one, and a decision
// by one.
func.func @refused(%x: tensor<2x?x3xf32>, %a0: tensor<2x3xf32>, %b0: tensor<2x3xf32>, %c0: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  // expected-remark@below {{state 0 (2x3): nonlinear: multiplies two values that depend on states; separable dims 0, 1}}
  // expected-remark@below {{state 1 (2x3): nonlinear: is a divisor; separable dims 0, 1}}
  // expected-remark@below {{state 2 (2x3): nonlinear: goes through arith.cmpf; separable dims 0, 1}}
  // expected-remark@below {{0 of 6 operations are free of the states}}
  %r:3 = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) init(%a0, %b0, %c0 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %a: tensor<2x3xf32>, %b: tensor<2x3xf32>, %c: tensor<2x3xf32>):
    %sum = arith.addf %a, %xt : tensor<2x3xf32>
    // expected-note@below {{state 0 here}}
    %a1 = arith.mulf %sum, %a : tensor<2x3xf32>
    %shift = arith.addf %b, %xt : tensor<2x3xf32>
    // expected-note@below {{state 1 here}}
    %b1 = arith.divf %xt, %shift : tensor<2x3xf32>
    // expected-note@below {{state 2 here}}
    %more = arith.cmpf ogt, %c, %xt : tensor<2x3xf32>
    %c1 = arith.select %more, %c, %xt : tensor<2x3xi1>, tensor<2x3xf32>
    seq.yield %a1, %b1, %c1 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %r#0, %r#1, %r#2 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// Two states in one tensor, each decayed by one sigmoid: no element has both.
func.func @joined(%x: tensor<2x?x3xf32>, %g: tensor<2x?x3xf32>, %s0: tensor<2x6xf32>) -> (tensor<2x?x3xf32>, tensor<2x6xf32>) {
  %cd = arith.constant 1 : index
  %t = tensor.dim %x, %cd : tensor<2x?x3xf32>
  %y0_0 = tensor.empty(%t) : tensor<2x?x3xf32>
  // expected-remark@below {{state 0 (2x6): diagonal, decay per element (dims 0, 1), log decay <= 0; 2 added terms; readout per element before the update; separable dim 0}}
  // expected-remark@below {{6 of 15 operations are free of the states}}
  %r0, %r1 = seq.recurrence along 1 ins(%x, %g : tensor<2x?x3xf32>, tensor<2x?x3xf32>) outs(%y0_0 : tensor<2x?x3xf32>) init(%s0 : tensor<2x6xf32>) {
  ^step(%xt: tensor<2x3xf32>, %gt: tensor<2x3xf32>, %y0t: tensor<2x3xf32>, %ss: tensor<2x6xf32>):
    %v0 = tensor.extract_slice %ss[0, 0] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %v1 = tensor.extract_slice %ss[0, 3] [2, 3] [1, 1] : tensor<2x6xf32> to tensor<2x3xf32>
    %v2 = arith.negf %gt : tensor<2x3xf32>
    %v3 = math.exp %v2 : tensor<2x3xf32>
    %v4 = arith.constant dense<1.0> : tensor<2x3xf32>
    %v5 = arith.addf %v4, %v3 : tensor<2x3xf32>
    %v6 = arith.constant dense<1.0> : tensor<2x3xf32>
    %v7 = arith.divf %v6, %v5 : tensor<2x3xf32>
    %v8 = arith.mulf %v7, %v0 : tensor<2x3xf32>
    %v9 = arith.addf %v8, %xt : tensor<2x3xf32>
    %v10 = arith.mulf %v7, %v1 : tensor<2x3xf32>
    %v11 = arith.subf %v10, %xt : tensor<2x3xf32>
    %v12 = tensor.concat dim(1) %v9, %v11 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
    %v13 = math.tanh %v11 : tensor<2x3xf32>
    %v14 = arith.mulf %v9, %v13 : tensor<2x3xf32>
    seq.yield %v14, %v12 : tensor<2x3xf32>, tensor<2x6xf32>
  }
  return %r0, %r1 : tensor<2x?x3xf32>, tensor<2x6xf32>
}
