// RUN: seq-opt %s -seq-online-softmax -canonicalize -cse -split-input-file | FileCheck %s
// RUN: seq-opt %s -seq-online-softmax=queries=32 -canonicalize -cse -split-input-file | FileCheck %s --check-prefix=QUERIES
// RUN: seq-opt %s -seq-online-softmax=splits=2 -canonicalize -cse -split-input-file | FileCheck %s --check-prefix=SPLITS
// RUN: not seq-opt %s -seq-online-softmax=splits=0 -split-input-file 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not seq-opt %s -seq-online-softmax=keys=0 -split-input-file 2>&1 | FileCheck %s --check-prefix=EMPTY
// Evaluated and executed in test/python/test_attention.py and test_attention_compiled.py.

// NONE: error: seq-online-softmax: splits must be from 1 to 1024, is 0
// EMPTY: error: seq-online-softmax: keys must be from 1 to 2147483647, is 0

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

// -----

// Tiles of queries: the keys that they see at most.
// QUERIES-LABEL: func.func @in_tiles
// QUERIES:       seq.recurrence along 1 ins(%{{.+}}, %{{.+}} : tensor<1x?x32x2x8xf32>, tensor<1x?xi64>) outs(%{{.+}} : tensor<1x?x32x2x8xf32>)
// QUERIES:         affine.max
// QUERIES:         affine.min
// QUERIES:         tensor.extract_slice %{{.+}}[0, %{{.+}}, 0, 0, 0] [1, %{{.+}}, 64, 2, 8]
// QUERIES:         seq.recurrence along 1
// QUERIES:       tensor.collapse_shape
// Two parts of the keys, whose states merge.
// SPLITS-LABEL: func.func @in_tiles
// SPLITS:       %[[A:.+]]:3 = seq.recurrence
// SPLITS:       %[[B:.+]]:3 = seq.recurrence
// SPLITS:       linalg.generic {{.*}} ins(%[[A]]#1, %[[B]]#1 :
// SPLITS:         arith.maximumf
// SPLITS:       arith.divf
func.func @in_tiles(%q: tensor<1x?x2x8xf32>) -> tensor<1x?x2x8xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      mask <window(9, 0)> scale 0.125 -> tensor<1x?x2x8xf32>
  return %y : tensor<1x?x2x8xf32>
}
