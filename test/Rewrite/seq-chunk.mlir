// RUN: seq-opt %s -seq-generalize -canonicalize -seq-chunk -canonicalize -cse -split-input-file | FileCheck %s
// RUN: seq-opt %s -seq-generalize -canonicalize -seq-chunk -split-input-file 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not seq-opt %s -seq-chunk=chunk=24 -split-input-file 2>&1 | FileCheck %s --check-prefix=SIZE
// Evaluated and executed in test/python/test_chunk.py.

// SIZE: error: seq-chunk: a chunk has 1 to 16 times, or a multiple of 16, not 24

// All but the sum of states is outside of the recurrence over the chunks.
// CHECK-DAG:   #[[COUNT:.+]] = affine_map<()[s0] -> (s0 ceildiv 64)>
// CHECK-LABEL: func.func @undecayed
// CHECK:       %[[N:.+]] = affine.apply #[[COUNT]]()
// CHECK:       %[[K:.+]] = tensor.expand_shape {{.*}} : tensor<1x?x2x5xf32> into tensor<1x?x64x2x5xf32>
// CHECK:       %[[V:.+]] = tensor.expand_shape {{.*}} : tensor<1x?x2x3xf32> into tensor<1x?x64x2x3xf32>
// CHECK:       %[[F:.+]] = linalg.generic {{.*}} ins(%[[K]], %[[V]] : {{.*}}) outs(%{{.+}} : tensor<?x1x2x5x3xf32>)
// CHECK:       %[[S:.+]]:2 = seq.recurrence along 0 ins(%[[F]] : {{.*}}) outs(%{{.+}} : tensor<?x1x2x5x3xf32>) init(%{{.+}} : tensor<1x2x5x3xf32>)
// CHECK-NEXT:  ^{{.+}}(%[[FN:.+]]: tensor<1x2x5x3xf32>, %{{.+}}: tensor<1x2x5x3xf32>, %[[BEFORE:.+]]: tensor<1x2x5x3xf32>):
// CHECK:         %[[NEXT:.+]] = linalg.generic {{.*}} ins(%[[BEFORE]], %[[FN]] :
// CHECK:         seq.yield %[[BEFORE]], %[[NEXT]]
// CHECK:       %[[SCORES:.+]] = linalg.generic {{.*}} outs(%{{.+}} : tensor<?x1x2x64x64xf32>)
// CHECK:         arith.cmpi ule
// CHECK:         arith.select
// CHECK:       %[[INTRA:.+]] = linalg.generic {{.*}} ins(%{{.+}}, %[[V]] : tensor<?x1x2x64x64xf32>, tensor<1x?x64x2x3xf32>)
// CHECK:       linalg.generic {{.*}} ins(%{{.+}}, %[[S]]#0 : {{.*}}) outs(%[[INTRA]] :
// CHECK:       return %{{.+}}, %[[S]]#1
func.func @undecayed(%q: tensor<1x?x2x5xf32>, %k: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %s0: tensor<1x2x5x3xf32>) -> (tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>) {
  %y, %s = seq.linear_attention linear ins(%q, %k, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y, %s : tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
}

// -----

// One decay a head: exponents are added up row by row, and the product is masked.
// CHECK-LABEL: func.func @decay_of_heads
// CHECK:       seq.recurrence along 0 {{.*}} outs(%{{.+}} : tensor<64x?x1x2x64xf32>)
// CHECK:         arith.addf
// CHECK-NOT:     math.exp
// CHECK:         seq.yield
// CHECK:       math.exp
// CHECK-NOT:   arith.subf
// CHECK-NOT:   arith.divf
// CHECK:       return
func.func @decay_of_heads(%q: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %x: tensor<1x?x2xf32>, %s0: tensor<1x2x5x3xf32>) -> tensor<1x?x2x3xf32> {
  %a = math.absf %x : tensor<1x?x2xf32>
  %g = arith.negf %a : tensor<1x?x2xf32>
  %y, %s = seq.linear_attention gated ins(%q, %q, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      decay(%g : tensor<1x?x2xf32>) init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y : tensor<1x?x2x3xf32>
}

// -----

// One decay a channel: blocks of 16 rows, each with a state of 16 columns.
// CHECK-LABEL: func.func @decay_of_channels
// CHECK:       seq.recurrence along 0 {{.*}} outs(%{{.+}} : tensor<16x?x4x1x2x16xf32>) init(%{{.+}} : tensor<?x4x1x2x5x16xf32>)
// CHECK:       tensor.collapse_shape {{.*}} : tensor<?x1x2x4x16x4x16xf32> into tensor<?x1x2x64x64xf32>
func.func @decay_of_channels(%q: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %x: tensor<1x?x2x5xf32>, %s0: tensor<1x2x5x3xf32>) -> tensor<1x?x2x3xf32> {
  %a = math.absf %x : tensor<1x?x2x5xf32>
  %g = arith.negf %a : tensor<1x?x2x5xf32>
  %y, %s = seq.linear_attention gated ins(%q, %q, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      decay(%g : tensor<1x?x2x5xf32>) init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y : tensor<1x?x2x3xf32>
}

// -----

// The delta rule: inverses of blocks by substitution, row after row; the state is
// multiplied by a matrix from chunk to chunk.
// CHECK-LABEL: func.func @delta
// CHECK:       seq.recurrence along 0 {{.*}} init(%{{.+}} : tensor<16x?x1x2x4x16xf32>)
// CHECK:       %[[M:.+]] = linalg.generic {{.*}} outs(%{{.+}} : tensor<?x1x2x5x5xf32>)
// CHECK:       seq.recurrence along 0 ins(%{{.+}}, %[[M]] : tensor<?x1x2x5x3xf32>, tensor<?x1x2x5x5xf32>)
// CHECK-NEXT:  ^{{.+}}(%{{.+}}: tensor<1x2x5x3xf32>, %[[MN:.+]]: tensor<1x2x5x5xf32>, %{{.+}}: tensor<1x2x5x3xf32>, %[[S:.+]]: tensor<1x2x5x3xf32>):
// CHECK:         linalg.generic {{.*}} ins(%[[MN]], %[[S]] :
func.func @delta(%q: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %b: tensor<1x?x2xf32>, %s0: tensor<1x2x5x3xf32>) -> tensor<1x?x2x3xf32> {
  %y, %s = seq.linear_attention delta ins(%q, %q, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      beta(%b : tensor<1x?x2xf32>) init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y : tensor<1x?x2x3xf32>
}

// -----

// CHECK-LABEL: func.func @unknown_decay
// CHECK:       seq.recurrence along 1
// REMARK:      remark: no chunkwise form: the recurrence has a state 0 that has a decay that is not known to be at most 1
func.func @unknown_decay(%q: tensor<1x?x2x5xf32>, %v: tensor<1x?x2x3xf32>, %g: tensor<1x?x2xf32>, %s0: tensor<1x2x5x3xf32>) -> tensor<1x?x2x3xf32> {
  %y, %s = seq.linear_attention gated ins(%q, %q, %v : tensor<1x?x2x5xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x3xf32>)
      decay(%g : tensor<1x?x2xf32>) init(%s0 : tensor<1x2x5x3xf32>) scale 1.0 -> tensor<1x?x2x3xf32>, tensor<1x2x5x3xf32>
  return %y : tensor<1x?x2x3xf32>
}

// -----

// CHECK-LABEL: func.func @nonlinear
// CHECK:       seq.recurrence along 1
// REMARK:      remark: no chunkwise form: the recurrence has a state 0 that is nonlinear
func.func @nonlinear(%x: tensor<1x?x4xf32>, %h0: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    %1 = math.tanh %0 : tensor<1x4xf32>
    seq.yield %1 : tensor<1x4xf32>
  }
  return %h : tensor<1x4xf32>
}

// -----

// CHECK-LABEL: func.func @shift
// CHECK:       seq.recurrence along 1
// REMARK:      remark: no chunkwise form: the recurrence remembers no more than one step
func.func @shift(%x: tensor<1x?x4xf32>, %y0: tensor<1x?x4xf32>, %h0: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) outs(%y0 : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    seq.yield %s, %xt : tensor<1x4xf32>, tensor<1x4xf32>
  }
  return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
}
