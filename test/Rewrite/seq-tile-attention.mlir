// RUN: seq-opt %s -seq-tile-attention -canonicalize -cse -split-input-file | FileCheck %s
// RUN: not seq-opt %s -seq-tile-attention=keys=0 -split-input-file 2>&1 | FileCheck %s --check-prefix=EMPTY
// Evaluated and executed in test/python/test_attention.py and test_attention_compiled.py.

// EMPTY: error: seq-tile-attention: a tile has at least 1 key, not 0

// The states are the sum of values, the largest score and the sum of weights.
// CHECK-LABEL: func.func @softmax
// CHECK-SAME:    (%[[Q:.+]]: tensor<1x?x8x32xf32>, %[[K:.+]]: tensor<1x?x2x32xf32>, %[[V:.+]]: tensor<1x?x2x16xf32>)
// CHECK-DAG:   %[[KP:.+]] = tensor.pad %[[K]]
// CHECK-DAG:   %[[KT:.+]] = tensor.expand_shape %[[KP]] {{\[\[}}0], [1, 2], [3], [4]] {{.*}} into tensor<1x?x64x2x32xf32>
// CHECK-DAG:   %[[VP:.+]] = tensor.pad %[[V]]
// CHECK-DAG:   %[[VT:.+]] = tensor.expand_shape %[[VP]]
// CHECK:       %[[R:.+]]:3 = seq.recurrence along 1 ins(%[[KT]], %[[VT]], %{{.+}} : {{.*}}) init({{.*}} : tensor<1x?x8x16xf32>, tensor<1x8x?xf32>, tensor<1x8x?xf32>)
// CHECK-NEXT:  ^{{.+}}(%[[KS:.+]]: tensor<1x64x2x32xf32>, %[[VS:.+]]: tensor<1x64x2x16xf32>, %{{.+}}: tensor<1xi64>,
// CHECK:         linalg.generic {{.*}} ins(%[[Q]], %[[KS]] :
// CHECK:         arith.maximumf
// CHECK:         math.exp
// CHECK:         linalg.generic {{.*}} ins(%{{.+}}, %[[VS]] :
// CHECK:         seq.yield
// CHECK:       linalg.generic {{.*}} ins(%[[R]]#0, %[[R]]#2 :
// CHECK:         arith.divf
// CHECK-NOT:   tensor<1x8x?x?xf32>
func.func @softmax(%q: tensor<1x?x8x32xf32>, %k: tensor<1x?x2x32xf32>, %v: tensor<1x?x2x16xf32>) -> tensor<1x?x8x16xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x8x32xf32>, tensor<1x?x2x32xf32>, tensor<1x?x2x16xf32>)
      mask <causal> scale 0.125 -> tensor<1x?x8x16xf32>
  return %y : tensor<1x?x8x16xf32>
}

// -----

// CHECK-LABEL: func.func @another_normaliser
// CHECK:       seq.attention
func.func @another_normaliser(%q: tensor<1x?x8x64xf32>) -> tensor<1x?x8x64xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      mask <causal> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x8x64xf32>
  return %y : tensor<1x?x8x64xf32>
}
