// RUN: seq-opt %s --split-input-file --kernel-recurrences --bufferize-program --lower-recurrences --canonicalize --cse --verify-diagnostics | FileCheck %s

// Threads share blocks, each runs through time alone: no barrier. The state is
// carried by the loop over the times of a tile.
// CHECK-LABEL: func.func @separable(
// CHECK:         kernel.team
// CHECK-NOT:       kernel.barrier
// CHECK:           scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<16xf32>)
// CHECK:             vector.load
// CHECK:             arith.addf %{{.*}} : vector<16xf32>
// CHECK:             vector.store
// CHECK-NOT:       kernel.barrier
// CHECK-NOT:     kernel.recurrence
func.func @separable(%x: tensor<1x?x64xf32>, %y0: tensor<1x?x64xf32>, %h0: tensor<1x64xf32>) -> (tensor<1x?x64xf32>, tensor<1x64xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x64xf32>) outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    %n = arith.addf %s, %xt : tensor<1x64xf32>
    seq.yield %n, %n : tensor<1x64xf32>, tensor<1x64xf32>
  }
  return %y, %h : tensor<1x?x64xf32>, tensor<1x64xf32>
}

// -----

// Channels that fill no vector are masked.
// CHECK-LABEL: func.func @tail(
// CHECK:         vector.create_mask
// CHECK:         vector.maskedload
// CHECK:         vector.maskedstore
func.func @tail(%x: tensor<?x20xf32>, %y0: tensor<?x20xf32>, %h0: tensor<20xf32>) -> tensor<?x20xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x20xf32>) outs(%y0 : tensor<?x20xf32>) init(%h0 : tensor<20xf32>) {
  ^step(%xt: tensor<20xf32>, %yt: tensor<20xf32>, %s: tensor<20xf32>):
    %n = arith.addf %s, %xt : tensor<20xf32>
    seq.yield %n, %n : tensor<20xf32>, tensor<20xf32>
  }
  return %y : tensor<?x20xf32>
}

// -----

// One barrier a step; the states' two buffers change places.
// CHECK-LABEL: func.func @coupled(
// CHECK:         kernel.team
// CHECK:           scf.for {{.*}} iter_args(%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) -> (memref<1x32xf32>, memref<1x32xf32>)
// CHECK:             vector.load
// CHECK:             kernel.barrier
// CHECK-NOT:         kernel.barrier
// CHECK:             scf.yield %[[B]], %[[A]]
func.func @coupled(%x: tensor<1x?x32xf32>, %r: tensor<32x32xf32>, %y0: tensor<1x?x32xf32>, %h0: tensor<1x32xf32>) -> tensor<1x?x32xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x32xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x32xf32>) outs(%y0 : tensor<1x?x32xf32>) init(%h0 : tensor<1x32xf32>) {
  ^step(%xt: tensor<1x32xf32>, %yt: tensor<1x32xf32>, %s: tensor<1x32xf32>):
    %p = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%s, %r : tensor<1x32xf32>, tensor<32x32xf32>) outs(%zero : tensor<1x32xf32>) -> tensor<1x32xf32>
    %n = arith.addf %p, %xt : tensor<1x32xf32>
    seq.yield %n, %n : tensor<1x32xf32>, tensor<1x32xf32>
  }
  return %y : tensor<1x?x32xf32>
}

// -----

// What does not fit its arrangement is an error, not wrong code: here lanes run
// over a dimension of the input that is not its last.
func.func @misplaced(%x: memref<16x?x4xf32>, %y: memref<?x16xf32>, %h: memref<16xf32>) {
  // expected-error @below {{this arrangement does not fit the recurrence's body}}
  kernel.recurrence along 0 width 16 ins(%x : memref<16x?x4xf32>) outs(%y : memref<?x16xf32>) init(%h : memref<16xf32>)
      attributes {blocked = array<i64>, roles = [array<i64: -2, -1>, array<i64: -2>, array<i64: -2>], unit_sizes = array<i64>} {
  ^bb0(%xt: tensor<16x4xf32>, %yt: tensor<16xf32>, %s: tensor<16xf32>):
    %c = tensor.extract_slice %xt[0, 0] [16, 1] [1, 1] : tensor<16x4xf32> to tensor<16xf32>
    kernel.yield %c, %c : tensor<16xf32>, tensor<16xf32>
  }
  return
}
