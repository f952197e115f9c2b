// RUN: seq-opt %s --bufferize-program | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// Inputs of a program are read only; its states are updated in place.
// CHECK-LABEL: func.func @update(
// CHECK-SAME:    %[[X:[^:]*]]: memref<8xf32>, %[[S:[^:]*]]: memref<8xf32> {seq.state = "s"}
// CHECK:         %[[COPY:.*]] = memref.alloc
// CHECK:         linalg.generic {{.*}} outs(%[[COPY]] : memref<8xf32>)
// CHECK:         linalg.generic {{.*}} outs(%[[S]] : memref<8xf32>)
// CHECK:         return %[[COPY]], %[[S]]
func.func @update(%x: tensor<8xf32>, %s: tensor<8xf32> {seq.state = "s"}) -> (tensor<8xf32>, tensor<8xf32> {seq.state = "s"}) {
  %0 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : tensor<8xf32>) {
  ^bb0(%o: f32):
    %n = arith.negf %o : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%s : tensor<8xf32>) {
  ^bb0(%o: f32):
    %n = arith.negf %o : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}

// What a loop carries stays in one buffer.
// CHECK-LABEL: func.func @loop(
// CHECK:         %[[CARRIED:.*]] = memref.alloc
// CHECK:         scf.for {{.*}} iter_args(%[[H:.*]] = %[[CARRIED]])
// CHECK:           %[[NEW:.*]] = {{.*}}call @layer(%[[H]])
// CHECK:           linalg.copy ins(%[[NEW]] : {{.*}} outs(%[[H]]
// CHECK:           scf.yield %[[H]]
func.func private @layer(%x: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (7 - d0)>, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
func.func @loop(%x: tensor<8xf32>) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%h = %x) -> tensor<8xf32> {
    %n = func.call @layer(%h) : (tensor<8xf32>) -> tensor<8xf32>
    scf.yield %n : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// The region of a recurrence stays a formula on tensors.
// CHECK-LABEL: func.func @formula(
// CHECK:         kernel.recurrence {{.*}} ins(%{{.*}} : memref<1x?x16xf32>)
// CHECK:         ^bb0(%{{.*}}: tensor<1x16xf32>
// CHECK:           tensor<1x16xf32>
func.func @formula(%x: tensor<1x?x16xf32>, %y: tensor<1x?x16xf32>, %h: tensor<1x16xf32>) -> (tensor<1x?x16xf32>, tensor<1x16xf32>) {
  %r:2 = kernel.recurrence along 1 width 16 ins(%x : tensor<1x?x16xf32>) outs(%y : tensor<1x?x16xf32>) init(%h : tensor<1x16xf32>)
      attributes {blocked = array<i64>, roles = [array<i64: 0, -2>, array<i64: 0, -2>, array<i64: 0, -2>], unit_sizes = array<i64: 1>} {
  ^bb0(%xt: tensor<1x16xf32>, %yt: tensor<1x16xf32>, %s: tensor<1x16xf32>):
    %1 = arith.addf %xt, %s : tensor<1x16xf32>
    kernel.yield %1, %1 : tensor<1x16xf32>, tensor<1x16xf32>
  } -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %r#0, %r#1 : tensor<1x?x16xf32>, tensor<1x16xf32>
}

// Two carried values that begin as one empty tensor have two buffers.
// CHECK-LABEL: func.func @two_carried(
// CHECK:         %[[A:.*]] = memref.alloc
// CHECK:         %[[B:.*]] = memref.alloc
// CHECK:         scf.for {{.*}} iter_args(%{{.*}} = %[[A]], %{{.*}} = %[[B]])
func.func @two_carried(%x: tensor<8xf32>, %n: index) -> (tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<8xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %e, %b = %e) -> (tensor<8xf32>, tensor<8xf32>) {
    %0 = linalg.copy ins(%x : tensor<8xf32>) outs(%a : tensor<8xf32>) -> tensor<8xf32>
    %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%b : tensor<8xf32>) {
    ^bb0(%v: f32, %o: f32):
      %m = arith.negf %v : f32
      linalg.yield %m : f32
    } -> tensor<8xf32>
    scf.yield %0, %1 : tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xf32>
}

// Branches of which only one runs give their results in one buffer.
// CHECK-LABEL: func.func @branches(
// CHECK:         %[[BUFFER:.*]] = memref.alloc
// CHECK-NOT:     memref.alloc
// CHECK:         scf.if
// CHECK:           outs(%[[BUFFER]]
// CHECK:         } else {
// CHECK:           outs(%[[BUFFER]]
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @branches(%x: tensor<8xf32>, %z: tensor<8xf32>, %n: index) -> tensor<8xf32> {
  %c100 = arith.constant 100 : index
  %short = arith.cmpi slt, %n, %c100 : index
  %empty = tensor.empty() : tensor<8xf32>
  %0 = scf.if %short -> tensor<8xf32> {
    %1 = linalg.copy ins(%x : tensor<8xf32>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %1 : tensor<8xf32>
  } else {
    %1 = linalg.copy ins(%z : tensor<8xf32>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %1 : tensor<8xf32>
  }
  return %0 : tensor<8xf32>
}

// Two sums that begin with one fill: each is filled, none is copied.
// CHECK-LABEL: func.func @two_sums(
// CHECK-COUNT-2: linalg.fill
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @two_sums(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%v: f32, %o: f32):
    %m = arith.addf %o, %v : f32
    linalg.yield %m : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%v: f32, %o: f32):
    %m = arith.subf %o, %v : f32
    linalg.yield %m : f32
  } -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}

// Which dimension of size 1 is dropped is said by the sizes: strides of unknown
// size would not tell.
// CHECK-LABEL: func @unit_dims
// CHECK:       %[[WHOLE:.*]] = memref.subview %{{.*}} : memref<1x3x17x?x4xf32> to memref<1x3x1x?x4xf32, strided<[?, ?, ?, 4, 1], offset: ?>>
// CHECK:       %[[PART:.*]] = memref.collapse_shape %[[WHOLE]] {{\[}}[0], [1], [2, 3], [4]] :
// CHECK:       memref.cast %[[PART]] : {{.*}} to memref<1x3x?x4xf32, strided<[?, ?, 4, 1], offset: ?>>
func.func @unit_dims(%x: tensor<1x3x17x?x4xf32>, %block: index) -> tensor<1x3x?x4xf32> {
  %c3 = arith.constant 3 : index
  %t = tensor.dim %x, %c3 : tensor<1x3x17x?x4xf32>
  %slice = tensor.extract_slice %x[0, 0, %block, 0, 0] [1, 3, 1, %t, 4] [1, 1, 1, 1, 1]
      : tensor<1x3x17x?x4xf32> to tensor<1x3x?x4xf32>
  %empty = tensor.empty(%t) : tensor<1x3x?x4xf32>
  %twice = linalg.add ins(%slice, %slice : tensor<1x3x?x4xf32>, tensor<1x3x?x4xf32>) outs(%empty : tensor<1x3x?x4xf32>) -> tensor<1x3x?x4xf32>
  return %twice : tensor<1x3x?x4xf32>
}
