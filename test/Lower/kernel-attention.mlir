// RUN: seq-opt %s -kernel-attention -canonicalize -split-input-file | FileCheck %s
// Evaluated before and after in test/python/test_attention.py.

// CHECK-LABEL: func.func @softmax
// CHECK-SAME:    (%[[Q:.+]]: tensor<1x?x8x64xf32>, %[[K:.+]]: tensor<1x?x2x64xf32>, %[[V:.+]]: tensor<1x?x2x32xf32>, %[[M:.+]]: tensor<1x?xi1>)
// CHECK:       %[[T:.+]] = tensor.dim %[[Q]], %c1
// CHECK:       %[[E:.+]] = tensor.empty(%[[T]]) : tensor<1x?x8x32xf32>
// CHECK:       kernel.attention ins(%[[Q]], %[[K]], %[[V]] : {{.*}}) key_mask(%[[M]] : tensor<1x?xi1>) outs(%[[E]] : tensor<1x?x8x32xf32>)
// CHECK-SAME:    mask <causal> scale 1.250000e-01 -> tensor<1x?x8x32xf32>
// CHECK-NOT:   seq.attention
func.func @softmax(%q: tensor<1x?x8x64xf32>, %k: tensor<1x?x2x64xf32>, %v: tensor<1x?x2x32xf32>, %m: tensor<1x?xi1>) -> tensor<1x?x8x32xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x8x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x32xf32>)
      key_mask(%m : tensor<1x?xi1>) mask <causal> scale 0.125 -> tensor<1x?x8x32xf32>
  return %y : tensor<1x?x8x32xf32>
}

// -----

// One value of the bias for all keys becomes one for each.
// CHECK-LABEL: func.func @bias
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<?x1xf32>)
// CHECK:       %[[S:.+]] = linalg.generic {{.*}} ins(%[[B]] : tensor<?x1xf32>)
// CHECK:       kernel.attention {{.*}} bias(%[[S]] : tensor<?x?xf32>)
func.func @bias(%q: tensor<1x?x8x64xf32>, %b: tensor<?x1xf32>) -> tensor<1x?x8x64xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      bias(%b : tensor<?x1xf32>) mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
  return %y : tensor<1x?x8x64xf32>
}

// -----

// CHECK-LABEL: func.func @another_normaliser
// CHECK:       seq.attention
func.func @another_normaliser(%q: tensor<1x?x8x64xf32>) -> tensor<1x?x8x64xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      mask <causal> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x8x64xf32>
  return %y : tensor<1x?x8x64xf32>
}

// -----

// CHECK-LABEL: func.func @another_type
// CHECK:       seq.attention
func.func @another_type(%q: tensor<1x?x8x64xf64>) -> tensor<1x?x8x64xf64> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x8x64xf64>, tensor<1x?x8x64xf64>, tensor<1x?x8x64xf64>)
      mask <causal> scale 0.125 -> tensor<1x?x8x64xf64>
  return %y : tensor<1x?x8x64xf64>
}
