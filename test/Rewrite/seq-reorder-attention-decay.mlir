// RUN: seq-opt %s -seq-reorder-attention -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s
// Evaluated in test/python/test_reorder_decay.py.

// exp(b[t] - b[s]): differences of b, and 0 at the first time.
#ts = affine_map<(t, s) -> (t, s)>
#t = affine_map<(t, s) -> (t)>
#s = affine_map<(t, s) -> (s)>
// CHECK-LABEL: func.func @difference
// CHECK:       tensor.pad
// CHECK:       %[[STEPS:.+]] = linalg.generic
// CHECK:         arith.subf
// CHECK:         arith.select
// CHECK:       seq.recurrence along 0 ins({{.*}}, %[[STEPS]] :
// CHECK:         math.exp
// CHECK-NOT:   tensor<?x?xf32>
func.func @difference(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>, %b: tensor<?xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %b, %c0 : tensor<?xf32>
  %e0 = tensor.empty(%n, %n) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-remark @below {{what it is multiplied with meets one of its factors first}}
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %w = linalg.generic {indexing_maps = [#ts, #t, #s, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%p, %b, %b : tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>) outs(%e0 : tensor<?x?xf32>) {
  ^bb0(%x: f32, %bt: f32, %bs: f32, %o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %seen = arith.cmpi sle, %j, %i : index
    %d = arith.subf %bt, %bs : f32
    %a = math.exp %d : f32
    %y = arith.mulf %x, %a : f32
    %m = arith.select %seen, %y, %zero : f32
    linalg.yield %m : f32
  } -> tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%w, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// exp(b[t] + b[s]) is not known to be a decay.
#ts = affine_map<(t, s) -> (t, s)>
#t = affine_map<(t, s) -> (t)>
#s = affine_map<(t, s) -> (s)>
// CHECK-LABEL: func.func @no_decay
// CHECK-COUNT-2: linalg.matmul
func.func @no_decay(%q: tensor<?x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x4xf32>, %b: tensor<?xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %b, %c0 : tensor<?xf32>
  %e0 = tensor.empty(%n, %n) : tensor<?x?xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-remark @below {{is not reordered}}
  %p = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x?xf32>) outs(%f0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-note @below {{this operation depends on query and key, and is not known to be a causal mask or a decay}}
  %w = linalg.generic {indexing_maps = [#ts, #t, #s, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%p, %b, %b : tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>) outs(%e0 : tensor<?x?xf32>) {
  ^bb0(%x: f32, %bt: f32, %bs: f32, %o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %seen = arith.cmpi sle, %j, %i : index
    %d = arith.addf %bt, %bs : f32
    %a = math.exp %d : f32
    %y = arith.mulf %x, %a : f32
    %m = arith.select %seen, %y, %zero : f32
    linalg.yield %m : f32
  } -> tensor<?x?xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%w, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%f2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
