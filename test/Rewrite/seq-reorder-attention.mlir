// RUN: seq-opt %s -seq-reorder-attention -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s
// Evaluated in test/python/test_reorder.py.

// Keys meet values for all queries at once; the key mask is the keys'.
// CHECK-LABEL: func.func @full
// CHECK:       %[[KEYS:.+]] = linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<1x?x2x8xf32>, tensor<1x?xi1>)
// CHECK:         arith.select
// CHECK:       %[[M:.+]] = linalg.generic {{.*}} ins(%[[KEYS]], %{{.+}} : tensor<1x?x2x8xf32>, tensor<1x?x2x4xf32>) outs(%{{.+}} : tensor<1x2x8x4xf32>)
// CHECK:       linalg.generic {{.*}} ins(%{{.+}}, %[[M]] : tensor<1x?x2x3x8xf32>, tensor<1x2x8x4xf32>)
// CHECK:       linalg.generic {{.*}} ins(%[[KEYS]] : tensor<1x?x2x8xf32>) outs(%{{.+}} : tensor<1x2x8xf32>)
// CHECK:       arith.divf
// CHECK-NOT:   seq.recurrence
// CHECK-NOT:   tensor<1x?x?
func.func @full(%q: tensor<1x?x6x8xf32>, %k: tensor<1x?x2x8xf32>, %v: tensor<1x?x2x4xf32>, %m: tensor<1x?xi1>) -> tensor<1x?x6x4xf32> {
  // expected-remark @below {{keys meet values first}}
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x6x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x4xf32>) key_mask(%m : tensor<1x?xi1>)
      mask <full> scale 0.5 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x6x4xf32>
  return %y : tensor<1x?x6x4xf32>
}

// -----

// Queries and keys have one time: no slices, and states of zeros.
// CHECK-LABEL: func.func @causal
// CHECK-NOT:   tensor.extract_slice
// CHECK:       seq.recurrence along 1 ins({{.*}}) outs({{.*}}) init(%{{.+}} : tensor<1x2x8x8xf32>)
// CHECK:       seq.recurrence along 1 ins(%{{.+}} : tensor<1x?x2x8xf32>) outs({{.*}}) init(%{{.+}} : tensor<1x2x8xf32>)
func.func @causal(%x: tensor<1x?x2x8xf32>) -> tensor<1x?x2x8xf32> {
  %q = math.exp %x : tensor<1x?x2x8xf32>
  // expected-remark @below {{keys meet values first}}
  %y = seq.attention ins(%q, %q, %x : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      mask <causal> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x2x8xf32>
  return %y : tensor<1x?x2x8xf32>
}

// -----

// CHECK-LABEL: func.func @left_alone
// CHECK-COUNT-4: seq.attention
func.func @left_alone(%q: tensor<1x?x2x8xf32>, %k: tensor<1x4x2x8xf32>) -> (tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>) {
  // expected-remark @below {{is not reordered: its mask is neither full nor causal}}
  %0 = seq.attention ins(%q, %q, %q : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      mask <window(5, 0)> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x2x8xf32>
  // expected-remark @below {{is not reordered: its scale does not cancel out}}
  %1 = seq.attention ins(%q, %q, %q : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      mask <causal> scale 0.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x2x8xf32>
  // Few keys: scores are smaller than what keys and values would make.
  // expected-remark @below {{is not reordered: that would take 1.51e+08 multiply-adds instead of 1.34e+08 (an unknown size counts as 1048576)}}
  %2 = seq.attention ins(%q, %k, %k : tensor<1x?x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>)
      mask <full> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x2x8xf32>
  %3 = seq.attention ins(%q, %q, %q : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      mask <causal> scale 1.0 -> tensor<1x?x2x8xf32>
  return %0, %1, %2, %3 : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>
}

// -----

// Scores, normalised by their sum: two sums, a division after.
#ts = affine_map<(t, s) -> (t, s)>
#t = affine_map<(t, s) -> (t)>
// CHECK-LABEL: func.func @written
// CHECK-SAME:    (%[[Q:.+]]: tensor<?x8xf32>, %[[K:.+]]: tensor<8x?xf32>, %[[V:.+]]: tensor<?x4xf32>)
// CHECK:       %[[Z:.+]] = linalg.generic {{.*}} ins(%[[K]] : tensor<8x?xf32>) outs(%{{.+}} : tensor<8xf32>)
// CHECK:       linalg.generic {{.*}} ins(%[[Q]], %[[Z]] : tensor<?x8xf32>, tensor<8xf32>)
// CHECK:       %[[M:.+]] = linalg.generic {{.*}} ins(%[[K]], %[[V]] : tensor<8x?xf32>, tensor<?x4xf32>) outs(%{{.+}} : tensor<8x4xf32>)
// CHECK:       linalg.generic {{.*}} ins(%[[Q]], %[[M]] : tensor<?x8xf32>, tensor<8x4xf32>)
// CHECK:       arith.divf
// CHECK-NOT:   tensor<?x?xf32>
func.func @written(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %m = tensor.dim %k, %c1 : tensor<8x?xf32>
  %e0 = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-remark @below {{what it is multiplied with meets one of its factors first}}
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %z = linalg.reduce {arith.addf} ins(%p : tensor<?x?xf32>) outs(%f1 : tensor<?xf32>) dimensions = [1]
  %w = linalg.generic {indexing_maps = [#ts, #t, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%p, %z : tensor<?x?xf32>, tensor<?xf32>) outs(%e0 : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%w, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Not without its maximum and exponentials: a softmax is not linear.
#ts = affine_map<(t, s) -> (t, s)>
// CHECK-LABEL: func.func @nonlinear
// CHECK:       linalg.matmul
// CHECK:       math.exp
// CHECK:       linalg.matmul
func.func @nonlinear(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %m = tensor.dim %k, %c1 : tensor<8x?xf32>
  %e0 = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %w = math.exp %p : tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%w, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// A mask that nothing is known of, and scores that are needed themselves.
#ts = affine_map<(t, s) -> (t, s)>
// CHECK-LABEL: func.func @unknown_mask
// CHECK-COUNT-2: linalg.matmul
func.func @unknown_mask(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>, %mask: tensor<?x?xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %m = tensor.dim %k, %c1 : tensor<8x?xf32>
  %e0 = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %w = arith.mulf %p, %mask : tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%w, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @scores_returned
// CHECK-COUNT-2: linalg.matmul
func.func @scores_returned(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>) -> (tensor<?x?xf32>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %m = tensor.dim %k, %c1 : tensor<8x?xf32>
  %e0 = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-remark @below {{is not reordered}}
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%p, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-note @below {{this operation needs the scores themselves}}
  return %p, %y : tensor<?x?xf32>, tensor<?x4xf32>
}

// -----

// Linformer: few rows of E, so that E X comes before W.
// CHECK-LABEL: func.func @few_rows
// CHECK:       %[[EX:.+]] = linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<512x64xf32>, tensor<16x512xf32>) outs(%{{.+}} : tensor<64x16xf32>)
// CHECK:       linalg.generic {{.*}} ins(%{{.+}}, %[[EX]] : tensor<64x64xf32>, tensor<64x16xf32>) outs(%{{.+}} : tensor<16x64xf32>)
func.func @few_rows(%x: tensor<512x64xf32>) -> tensor<16x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = seq.weight @e : tensor<16x512xf32>
  %w = seq.weight @w : tensor<64x64xf32>
  %e0 = tensor.empty() : tensor<512x64xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<512x64xf32>) -> tensor<512x64xf32>
  // expected-remark @below {{what it is multiplied with meets one of its factors first: 5.9e+05 multiply-adds instead of 2.62e+06}}
  %xw = linalg.matmul ins(%x, %w : tensor<512x64xf32>, tensor<64x64xf32>) outs(%f0 : tensor<512x64xf32>) -> tensor<512x64xf32>
  %e1 = tensor.empty() : tensor<16x64xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<16x64xf32>) -> tensor<16x64xf32>
  %k = linalg.matmul ins(%e, %xw : tensor<16x512xf32>, tensor<512x64xf32>) outs(%f1 : tensor<16x64xf32>) -> tensor<16x64xf32>
  return %k : tensor<16x64xf32>
}

// -----

// Two weights in a row that do not narrow become one, in advance.
// CHECK-LABEL: func.func @weights
// CHECK-DAG:   %[[A:.+]] = seq.weight @a
// CHECK-DAG:   %[[B:.+]] = seq.weight @b
// CHECK:       %[[AB:.+]] = linalg.generic {{.*}} ins(%[[A]], %[[B]]
// CHECK:       linalg.generic {{.*}} ins(%{{.+}}, %[[AB]]
// CHECK-LABEL: func.func @low_rank_stays
// CHECK-COUNT-2: linalg.matmul
func.func @weights(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %a = seq.weight @a : tensor<64x48xf32>
  %b = seq.weight @b : tensor<48x64xf32>
  %e0 = tensor.empty(%n) : tensor<?x48xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x48xf32>) -> tensor<?x48xf32>
  // expected-remark @below {{meets one of its factors first}}
  %xa = linalg.matmul ins(%x, %a : tensor<?x64xf32>, tensor<64x48xf32>) outs(%f0 : tensor<?x48xf32>) -> tensor<?x48xf32>
  %e1 = tensor.empty(%n) : tensor<?x64xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = linalg.matmul ins(%xa, %b : tensor<?x48xf32>, tensor<48x64xf32>) outs(%f1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

func.func @low_rank_stays(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %a = seq.weight @a : tensor<64x8xf32>
  %b = seq.weight @b : tensor<8x64xf32>
  %e0 = tensor.empty(%n) : tensor<?x8xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %xa = linalg.matmul ins(%x, %a : tensor<?x64xf32>, tensor<64x8xf32>) outs(%f0 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %e1 = tensor.empty(%n) : tensor<?x64xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = linalg.matmul ins(%xa, %b : tensor<?x8xf32>, tensor<8x64xf32>) outs(%f1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
