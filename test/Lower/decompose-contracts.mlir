// RUN: seq-opt %s -decompose-contracts | FileCheck %s
// Executed in lower-contracts-run.mlir.

// CHECK-LABEL: func.func @padded
// CHECK:       %[[T:.*]] = linalg.transpose ins(%{{.*}} : tensor<2x8x16xf32>) {{.*}} permutation = [1, 0, 2]
// CHECK:       %[[C:.*]] = tensor.collapse_shape %[[T]] {{.*}} into tensor<8x32xf32>
// CHECK:       %[[W:.*]] = tensor.extract_slice %[[C]][0, 0] [8, 20] [1, 1]
// CHECK:       %[[P:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[W]] : tensor<?x8xf32>, tensor<8x20xf32>)
// CHECK:       %[[B:.*]] = tensor.extract_slice %{{.*}}[0] [20] [1] : tensor<32xf32> to tensor<20xf32>
// CHECK:       linalg.generic {{.*}} ins(%[[P]], %[[B]] :
// CHECK:         math.tanh
// CHECK-NOT:   kernel.contract
func.func @padded(%x: tensor<?x8xf32>, %w: tensor<2x8x16xf32>, %b: tensor<32xf32>, %y: tensor<?x20xf32>) -> tensor<?x20xf32> {
  %0 = kernel.contract ins(%x, %w : tensor<?x8xf32>, tensor<2x8x16xf32>) extras(%b : tensor<32xf32>) outs(%y : tensor<?x20xf32>) {
  ^bb0(%p: f32, %e: f32, %o: f32):
    %1 = arith.addf %p, %e : f32
    %2 = math.tanh %1 : f32
    kernel.yield %2 : f32
  } -> tensor<?x20xf32>
  return %0 : tensor<?x20xf32>
}

// On memrefs nothing is done: lower-contracts is for those.
// CHECK-LABEL: func.func @memrefs
// CHECK:       kernel.contract
func.func @memrefs(%x: memref<?x8xf32>, %w: memref<2x8x16xf32>, %y: memref<?x20xf32>) {
  kernel.contract ins(%x, %w : memref<?x8xf32>, memref<2x8x16xf32>) outs(%y : memref<?x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}
