// RUN: seq-opt %s -seq-generalize -canonicalize -seq-quadratic -canonicalize -cse -split-input-file | FileCheck %s
// RUN: seq-opt %s -seq-generalize -canonicalize -seq-quadratic -split-input-file 2>&1 | FileCheck %s --check-prefix=REMARK
// Evaluated in test/python/test_chunk.py.

// Scores of all pairs of times; no recurrence is left, and nothing is padded.
// CHECK-LABEL: func.func @undecayed
// CHECK-NOT:   seq.recurrence
// CHECK-NOT:   tensor.insert_slice
// CHECK:       linalg.generic {{.*}} outs(%{{.+}} : tensor<1x1x2x?x?xf32>)
// CHECK:         arith.cmpi ule
// CHECK:         arith.select
// CHECK-NOT:   seq.recurrence
// CHECK:       return
func.func @undecayed(%q: tensor<1x?x2x5xf32>, %k: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %s0: tensor<1x2x5x3xf32>) -> (tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>) {
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y, %s : tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
}

// -----

// CHECK-LABEL: func.func @nonlinear
// CHECK:       seq.recurrence along 1
// REMARK:      remark: no quadratic form: the recurrence has a state 0 that is nonlinear
func.func @nonlinear(%x: tensor<1x?x4xf32>, %h0: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    %1 = math.tanh %0 : tensor<1x4xf32>
    seq.yield %1 : tensor<1x4xf32>
  }
  return %h : tensor<1x4xf32>
}
