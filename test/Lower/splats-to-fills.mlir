// RUN: seq-opt %s --splats-to-fills | FileCheck %s

// CHECK-LABEL: func.func @splat(
// CHECK-NOT:     dense
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<4xf32>
// CHECK:         linalg.fill ins(%{{.*}} : f32) outs(%[[E]] : tensor<4xf32>)
func.func @splat() -> tensor<4xf32> {
  %0 = arith.constant dense<2.0> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @others(
// CHECK-DAG:     arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG:     arith.constant dense<0.000000e+00> : vector<4xf32>
func.func @others() -> (tensor<2xf32>, vector<4xf32>) {
  %0 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = arith.constant dense<0.0> : vector<4xf32>
  return %0, %1 : tensor<2xf32>, vector<4xf32>
}
