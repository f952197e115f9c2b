// RUN: seq-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @recurrence
// CHECK: seq.recurrence along 1 ins(%{{.*}}, %{{.*}} : tensor<1x?x64xf32>, tensor<1x?x64xf32>)
// CHECK-SAME: outs(%{{.*}} : tensor<1x?x64xf32>) init(%{{.*}} : tensor<1x64xf32>)
// CHECK: seq.yield %{{.*}}, %{{.*}} : tensor<1x64xf32>, tensor<1x64xf32>
func.func @recurrence(%x: tensor<1x?x64xf32>, %a: tensor<1x?x64xf32>, %y0: tensor<1x?x64xf32>,
                      %h0: tensor<1x64xf32>) -> (tensor<1x?x64xf32>, tensor<1x64xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x, %a : tensor<1x?x64xf32>, tensor<1x?x64xf32>)
      outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %at: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    %0 = arith.mulf %at, %s : tensor<1x64xf32>
    %1 = arith.addf %0, %xt : tensor<1x64xf32>
    seq.yield %1, %1 : tensor<1x64xf32>, tensor<1x64xf32>
  }
  return %y, %h : tensor<1x?x64xf32>, tensor<1x64xf32>
}

// CHECK-LABEL: @recurrence_in_reverse_with_attributes
// CHECK: seq.recurrence along 0 reverse
// CHECK-SAME: attributes {note = "kept"}
func.func @recurrence_in_reverse_with_attributes(%x: tensor<7xf64>, %h0: tensor<f64>) -> tensor<f64> {
  %h = seq.recurrence along 0 reverse ins(%x : tensor<7xf64>) init(%h0 : tensor<f64>)
      attributes {note = "kept"} {
  ^step(%xt: tensor<f64>, %s: tensor<f64>):
    %0 = arith.addf %xt, %s : tensor<f64>
    seq.yield %0 : tensor<f64>
  }
  return %h : tensor<f64>
}

// CHECK-LABEL: @recurrence_without_inputs_or_states
// CHECK: seq.recurrence along 0 outs(%{{.*}} : tensor<?x4xf32>) {
func.func @recurrence_without_inputs_or_states(%y0: tensor<?x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = seq.recurrence along 0 outs(%y0 : tensor<?x4xf32>) {
  ^step(%yt: tensor<4xf32>):
    seq.yield %v : tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @inclusive_scan
// CHECK: seq.scan along 0 ins(%{{.*}} : tensor<?x4xf32>) {
func.func @inclusive_scan(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = seq.scan along 0 ins(%x : tensor<?x4xf32>) {
  ^combine(%earlier: tensor<4xf32>, %later: tensor<4xf32>):
    %0 = arith.addf %earlier, %later : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @exclusive_scan_of_pairs_in_reverse
// CHECK: seq.scan along 1 reverse associative exclusive ins(%{{.*}}, %{{.*}} : tensor<2x?xf32>, tensor<2x?xf32>)
// CHECK-SAME: init(%{{.*}}, %{{.*}} : tensor<2xf32>, tensor<2xf32>)
func.func @exclusive_scan_of_pairs_in_reverse(%a: tensor<2x?xf32>, %b: tensor<2x?xf32>,
    %one: tensor<2xf32>, %zero: tensor<2xf32>) -> (tensor<2x?xf32>, tensor<2xf32>) {
  %y:4 = seq.scan along 1 reverse associative exclusive ins(%a, %b : tensor<2x?xf32>, tensor<2x?xf32>)
      init(%one, %zero : tensor<2xf32>, tensor<2xf32>) {
  ^combine(%a1: tensor<2xf32>, %b1: tensor<2xf32>, %a2: tensor<2xf32>, %b2: tensor<2xf32>):
    %a12 = arith.mulf %a1, %a2 : tensor<2xf32>
    %0 = arith.mulf %a2, %b1 : tensor<2xf32>
    %b12 = arith.addf %0, %b2 : tensor<2xf32>
    seq.yield %a12, %b12 : tensor<2xf32>, tensor<2xf32>
  }
  return %y#1, %y#3 : tensor<2x?xf32>, tensor<2xf32>
}

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
