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

// -----

// The cache of a window is a ring. The queries before the last one get the old
// keys in the order of time and the new ones behind them; what is copied for
// them has no size where there is one query. The last one reads the ring.
// CHECK-LABEL: func.func @ring
// CHECK-SAME:    (%[[Q:.+]]: tensor<1x?x4x8xf32>, %[[K:.+]]: tensor<1x?x2x8xf32>, %[[C:.+]]: tensor<1x?x2x8xf32>, %{{.+}}: tensor<1x?x2x8xf32>, %{{.+}}: tensor<1xi64>)
// CHECK-DAG:   %[[T:.+]] = tensor.dim %[[K]], %c1
// CHECK-DAG:   %[[S:.+]] = tensor.dim %[[C]], %c1
// CHECK:       arith.cmpi ule, %[[S]], %c10
// CHECK:       cf.assert {{.*}} "the ring of keys and values has more places than the window has keys"
// CHECK:       cf.assert {{.*}} "the position of the cache is negative"
// CHECK:       cf.assert {{.*}} "the cache of keys and values is full
// CHECK:       %[[LAST:.+]] = arith.minui %[[T]], %c1
// CHECK:       %[[OTHERS:.+]] = arith.subi %[[T]], %[[LAST]]
// CHECK:       %[[FIRST:.+]] = tensor.extract_slice %[[Q]][0, 0, 0, 0] [1, %[[OTHERS]], 4, 8]
// CHECK:       kernel.attention ins(%[[FIRST]], {{.*}} mask <window(9, 0)>
// CHECK:       %[[SECOND:.+]] = tensor.extract_slice %[[Q]][0, %[[OTHERS]], 0, 0] [1, %[[LAST]], 4, 8]
// CHECK:       kernel.attention ins(%[[SECOND]], {{.*}} mask <full>
func.func @ring(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x2x8xf32>, %c: tensor<1x?x2x8xf32>, %d: tensor<1x?x2x8xf32>, %p: tensor<1xi64>)
    -> (tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1xi64>) {
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %k, %k : tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      init(%c, %d, %p : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>) mask <window(9, 0)> scale 1.0
      -> tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>
  return %y, %k1, %v1, %p1 : tensor<1x?x4x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1xi64>
}
