// RUN: seq-opt %s --split-input-file --seq-generalize --kernel-recurrences --bufferize-program --lower-recurrences --canonicalize --cse | FileCheck %s

// Rows of a state in memory are loaded once for four steps of two registers each,
// which have a sum of their own; what the next tile reads is asked for. The times
// that are left go one at a time.
// CHECK-LABEL: func.func @together(
// CHECK:         kernel.team
// CHECK:           scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c4
// CHECK:             memref.prefetch
// CHECK:             scf.for {{.*}} step %c2 iter_args({{.*}}) -> (vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xf32>)
// CHECK:               vector.load
// CHECK-NOT:           vector.load
// CHECK:               vector.store
// CHECK-NOT:           vector.store
// CHECK:               vector.load
// CHECK:               vector.store
// CHECK:               scf.yield
// CHECK:           scf.for
// CHECK-NOT:         memref.prefetch
// CHECK:             scf.for {{.*}} -> (vector<32xf32>{{(, vector<32xf32>)*}})
func.func @together(%q: tensor<1x?x2x64xf32>, %k: tensor<1x?x2x64xf32>, %v: tensor<1x?x2x32xf32>, %s0: tensor<1x2x64x32xf32>)
    -> (tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>) {
  %y, %s = seq.linear_attention linear
      ins(%q, %k, %v : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x32xf32>)
      init(%s0 : tensor<1x2x64x32xf32>) scale 1.0 -> tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>
  return %y, %s : tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>
}

// -----

// A row waits for the sum over all rows of the same step: one step at a time.
// CHECK-LABEL: func.func @apart(
// CHECK:         kernel.team
// CHECK-NOT:       memref.prefetch
// CHECK-NOT:       step %c4
// CHECK:         return
func.func @apart(%q: tensor<1x?x2x64xf32>, %k: tensor<1x?x2x64xf32>, %v: tensor<1x?x2x32xf32>, %b: tensor<1x?x2xf32>, %s0: tensor<1x2x64x32xf32>)
    -> (tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>) {
  %y, %s = seq.linear_attention delta
      ins(%q, %k, %v : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x32xf32>)
      beta(%b : tensor<1x?x2xf32>)
      init(%s0 : tensor<1x2x64x32xf32>) scale 1.0 -> tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>
  return %y, %s : tensor<1x?x2x32xf32>, tensor<1x2x64x32xf32>
}
