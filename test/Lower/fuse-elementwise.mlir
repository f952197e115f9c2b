// RUN: seq-opt %s --fuse-elementwise | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @chain(
// CHECK:         linalg.generic
// CHECK:           arith.negf
// CHECK:           arith.addf
// CHECK-NOT:     linalg.generic
func.func @chain(%x: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%0, %x : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// An operand of a product would be computed for each column.
// CHECK-LABEL: func.func @product(
// CHECK:         linalg.generic
// CHECK:           math.exp
// CHECK:         linalg.generic
// CHECK-NOT:       math.exp
// CHECK:         return
func.func @product(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %zero: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = math.exp %a : f32
    linalg.yield %n : f32
  } -> tensor<4x8xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, c)>, affine_map<(a, b, c) -> (c, b)>, affine_map<(a, b, c) -> (a, b)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%zero : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// What is computed ahead of a recurrence's steps stays a value of its own.
// CHECK-LABEL: func.func @formula(
// CHECK:         kernel.recurrence
// CHECK-COUNT-2: linalg.generic
func.func @formula(%x: tensor<1x?x16xf32>, %y: tensor<1x?x16xf32>, %h: tensor<1x16xf32>) -> (tensor<1x?x16xf32>, tensor<1x16xf32>) {
  %r:2 = kernel.recurrence along 1 width 16 ins(%x : tensor<1x?x16xf32>) outs(%y : tensor<1x?x16xf32>) init(%h : tensor<1x16xf32>)
      attributes {blocked = array<i64>, roles = [array<i64: 0, -2>, array<i64: 0, -2>, array<i64: 0, -2>], unit_sizes = array<i64: 1>} {
  ^bb0(%xt: tensor<1x16xf32>, %yt: tensor<1x16xf32>, %s: tensor<1x16xf32>):
    %0 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"], kernel.ahead = array<i64: 0, -2>} ins(%xt : tensor<1x16xf32>) outs(%xt : tensor<1x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      %e = math.exp %a : f32
      linalg.yield %e : f32
    } -> tensor<1x16xf32>
    %1 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} ins(%0, %s : tensor<1x16xf32>, tensor<1x16xf32>) outs(%s : tensor<1x16xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %e = arith.mulf %a, %b : f32
      linalg.yield %e : f32
    } -> tensor<1x16xf32>
    kernel.yield %1, %1 : tensor<1x16xf32>, tensor<1x16xf32>
  } -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %r#0, %r#1 : tensor<1x?x16xf32>, tensor<1x16xf32>
}
