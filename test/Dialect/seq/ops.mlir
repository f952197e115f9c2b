// RUN: seq-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @weight_by_name
// CHECK: seq.weight @w : tensor<4x8xf32>
func.func @weight_by_name() -> tensor<4x8xf32> {
  %w = seq.weight @w : tensor<4x8xf32>
  return %w : tensor<4x8xf32>
}

// CHECK-LABEL: @weight_of_a_repeated_layer
// CHECK: seq.weight @"h.{}.w"[%{{.*}}] : tensor<4x8xf32>
func.func @weight_of_a_repeated_layer(%layer: index) -> tensor<4x8xf32> {
  %w = seq.weight @"h.{}.w"[%layer] : tensor<4x8xf32>
  return %w : tensor<4x8xf32>
}
