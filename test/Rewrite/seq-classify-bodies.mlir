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
  %decay = math.tanh %a : tensor<5x3xf32>
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
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x5xf32>) outs(%y0 : tensor<2x?x4xf32>) init(%h0 : tensor<2x4xf32>) {
  ^step(%xt: tensor<2x5xf32>, %yt: tensor<2x4xf32>, %s: tensor<2x4xf32>):
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<2x4xf32>
    %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x4xf32>) -> tensor<2x4xf32>
    %0 = linalg.matmul ins(%xt, %b : tensor<2x5xf32>, tensor<5x4xf32>) outs(%fill : tensor<2x4xf32>) -> tensor<2x4xf32>
    %1 = linalg.matmul ins(%s, %a : tensor<2x4xf32>, tensor<4x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
    seq.yield %1, %1 : tensor<2x4xf32>, tensor<2x4xf32>
  }
  return %y, %h : tensor<2x?x4xf32>, tensor<2x4xf32>
}

// -----

// Diagonal plus low rank on a vector: s'[n] = a[n] s[n] - p[n] Σ_m q[m] s[m] + x.
func.func @low_rank_vector(%x: tensor<2x?x1xf32>, %a: tensor<4xf32>, %p: tensor<4xf32>, %q: tensor<4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x?x4xf32>, tensor<2x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x1xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x4xf32>
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
  %y, %h = seq.recurrence along 1 ins(%x, %a : tensor<2x?x3xf32>, tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%h0 : tensor<2x6xf32>) {
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
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%h0 : tensor<2x4x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %s: tensor<2x4x3xf32>):
    %old = tensor.extract_slice %s[0, 1, 0] [2, 3, 3] [1, 1, 1] : tensor<2x4x3xf32> to tensor<2x3x3xf32>
    %new = tensor.expand_shape %xt [[0], [1, 2]] output_shape [2, 1, 3] : tensor<2x3xf32> into tensor<2x1x3xf32>
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
func.func @momentum(%x: tensor<2x?x3xf32>, %b: tensor<3xf32>, %m0: tensor<2x3xf32>, %w0: tensor<2x3xf32>) -> (tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
  %y, %h:2 = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%m0, %w0 : tensor<2x3xf32>, tensor<2x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %yt: tensor<2x3xf32>, %m: tensor<2x3xf32>, %w: tensor<2x3xf32>):
    %empty = tensor.empty() : tensor<2x3xf32>
    %wide = linalg.broadcast ins(%b : tensor<3xf32>) outs(%empty : tensor<2x3xf32>) dimensions = [0]
    %m1 = math.fma %wide, %m, %xt : tensor<2x3xf32>
    %w1 = arith.addf %w, %m1 : tensor<2x3xf32>
    %half = arith.constant dense<0.5> : tensor<2x3xf32>
    %r = arith.mulf %w1, %half : tensor<2x3xf32>
    seq.yield %r, %m1, %w1 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %y, %h#0, %h#1 : tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// RWKV-4: a weighted average of values whose largest exponent is a state.
// p' = max(p + w, k), a' = e^(p + w - p') a + e^(k - p') v, b alike;
// the output, before the update, with the bonus u.
func.func @rwkv4(%k: tensor<2x?x3xf32>, %v: tensor<2x?x3xf32>, %w: tensor<2x3xf32>, %u: tensor<2x3xf32>, %a0: tensor<2x3xf32>, %b0: tensor<2x3xf32>, %p0: tensor<2x3xf32>) -> (tensor<2x?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %k, %c1 : tensor<2x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x3xf32>
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
