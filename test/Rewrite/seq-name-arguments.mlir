// RUN: seq-opt %s --seq-name-arguments --split-input-file | FileCheck %s

// Names that are given stay, and so do the states and private functions.
// CHECK-LABEL: func.func @names
// CHECK-SAME: (%{{.+}}: tensor<4xf32> {seq.name = "x"}, %{{.+}}: tensor<i64> {seq.name = "arg1"}, %{{.+}}: tensor<4xf32> {seq.state = "h0"})
// CHECK-SAME: -> (tensor<4xf32> {seq.name = "result0"}, tensor<ui8> {seq.name = "x"}, tensor<4xf32> {seq.state = "h0"})
func.func @names(%x: tensor<4xf32> {seq.name = "x"}, %i: tensor<i64>, %h: tensor<4xf32> {seq.state = "h0"})
    -> (tensor<4xf32>, tensor<ui8> {seq.name = "x"}, tensor<4xf32> {seq.state = "h0"}) {
  %b = arith.constant dense<1> : tensor<ui8>
  return %x, %b, %h : tensor<4xf32>, tensor<ui8>, tensor<4xf32>
}
// CHECK: func.func private @helper(%{{.+}}: f32) -> f32
func.func private @helper(%x: f32) -> f32 {
  return %x : f32
}

// -----

// Equal sizes: by an elementwise operation in a callee, by a recurrence in a
// loop, in its body, and by a named layer. Nothing relates other sizes.
func.func private @sum(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %z = arith.addf %x, %y : tensor<?x?xf32>
  return %z : tensor<?x?xf32>
}
// CHECK-LABEL: func.func @called
// CHECK-SAME: (%{{.+}}: tensor<?x?xf32> {seq.name = "arg0", seq.sizes = array<i64: 0, 1>}, %{{.+}}: tensor<?x?xf32> {seq.name = "arg1", seq.sizes = array<i64: 0, 1>}, %{{.+}}: tensor<?x2xf32> {seq.name = "arg2", seq.sizes = array<i64: 2, -1>})
// CHECK-SAME: -> (tensor<?x?xf32> {seq.name = "result0", seq.sizes = array<i64: 1, 0>}, tensor<?x2xf32> {seq.name = "result1", seq.sizes = array<i64: 2, -1>})
func.func @called(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>, %other: tensor<?x2xf32>) -> (tensor<?x?xf32>, tensor<?x2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = call @sum(%x, %y) : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %n = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%n, %m) : tensor<?x?xf32>
  %t = linalg.transpose ins(%z : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) permutation = [1, 0]
  return %t, %other : tensor<?x?xf32>, tensor<?x2xf32>
}
// CHECK-LABEL: func.func @recurrence
// CHECK-SAME: (%{{.+}}: tensor<?x?x4xf32> {seq.name = "arg0", seq.sizes = array<i64: 0, 1, -1>}, %{{.+}}: tensor<?x?xf32> {seq.name = "arg1", seq.sizes = array<i64: 1, 2>}, %{{.+}}: tensor<?x4xf32> {seq.name = "arg2", seq.sizes = array<i64: 0, -1>}, %{{.+}}: tensor<?xf32> {seq.name = "arg3", seq.sizes = array<i64: 2>})
// CHECK-SAME: -> (tensor<?x4xf32> {seq.name = "result0", seq.sizes = array<i64: 0, -1>}, tensor<?xf32> {seq.name = "result1", seq.sizes = array<i64: 2>})
func.func @recurrence(%x: tensor<?x?x4xf32>, %g: tensor<?x?xf32>, %h0: tensor<?x4xf32>, %w: tensor<?xf32>) -> (tensor<?x4xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %times = tensor.dim %g, %c0 : tensor<?x?xf32>
  %rows = tensor.dim %x, %c0 : tensor<?x?x4xf32>
  %e = tensor.empty(%rows, %times) : tensor<?x?x4xf32>
  %h = scf.for %l = %c0 to %c2 step %c1 iter_args(%s = %h0) -> tensor<?x4xf32> {
    %y, %last = seq.recurrence along 1 ins(%x : tensor<?x?x4xf32>) outs(%e : tensor<?x?x4xf32>) init(%s : tensor<?x4xf32>) {
    ^step(%xt: tensor<?x4xf32>, %yt: tensor<?x4xf32>, %st: tensor<?x4xf32>):
      %0 = arith.addf %xt, %st : tensor<?x4xf32>
      seq.yield %0, %0 : tensor<?x4xf32>, tensor<?x4xf32>
    }
    scf.yield %last : tensor<?x4xf32>
  }
  %r = seq.recurrence along 0 ins(%g : tensor<?x?xf32>) init(%w : tensor<?xf32>) {
  ^step(%xt: tensor<?xf32>, %st: tensor<?xf32>):
    %0 = arith.mulf %xt, %st : tensor<?xf32>
    seq.yield %0 : tensor<?xf32>
  }
  return %h, %r : tensor<?x4xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%{{.+}}: tensor<2x?x3xf32> {seq.name = "arg0", seq.sizes = array<i64: -1, 0, -1>}, %{{.+}}: tensor<2x?x3xf32> {seq.name = "arg1", seq.sizes = array<i64: -1, 0, -1>}, %{{.+}}: tensor<2x?x1xf32> {seq.name = "arg2", seq.sizes = array<i64: -1, 1, -1>}
// CHECK-SAME: -> (tensor<2x?x3xf32> {seq.name = "result0", seq.sizes = array<i64: -1, 0, -1>})
func.func @layer(%x: tensor<2x?x3xf32>, %gate: tensor<2x?x3xf32>, %b: tensor<2x?x1xf32>, %a: tensor<3x4xf32>, %s0: tensor<2x3x4xf32>) -> tensor<2x?x3xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x3xf32>
  %e = tensor.empty(%t) : tensor<2x?x4xf32>
  %y, %s = seq.selective_scan ins(%x, %x, %a, %e, %e : tensor<2x?x3xf32>, tensor<2x?x3xf32>, tensor<3x4xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>)
      gate(%gate : tensor<2x?x3xf32>) init(%s0 : tensor<2x3x4xf32>) -> tensor<2x?x3xf32>, tensor<2x3x4xf32>
  return %y : tensor<2x?x3xf32>
}

// Keys may be more than queries; there is a mask's element for each key.

// CHECK-LABEL: func.func @attention
// CHECK-SAME: seq.name = "arg0", seq.sizes = array<i64: -1, 0, -1, -1>
// CHECK-SAME: seq.name = "arg1", seq.sizes = array<i64: -1, 1, -1, -1>
// CHECK-SAME: seq.name = "arg2", seq.sizes = array<i64: -1, 1, -1, -1>
// CHECK-SAME: seq.name = "arg3", seq.sizes = array<i64: -1, 1>
// CHECK-SAME: -> ({{.*}} {seq.name = "result0", seq.sizes = array<i64: -1, 0, -1, -1>})
func.func @attention(%q: tensor<3x?x4x8xf32>, %k: tensor<3x?x2x8xf32>, %v: tensor<3x?x2x8xf32>, %mask: tensor<3x?xi1>) -> tensor<3x?x4x8xf32> {
  %y = seq.attention ins(%q, %k, %v : tensor<3x?x4x8xf32>, tensor<3x?x2x8xf32>, tensor<3x?x2x8xf32>)
      key_mask(%mask : tensor<3x?xi1>) mask <full> scale 0.5 -> tensor<3x?x4x8xf32>
  return %y : tensor<3x?x4x8xf32>
}
