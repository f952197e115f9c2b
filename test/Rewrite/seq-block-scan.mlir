// RUN: seq-opt %s --seq-block-scan=blocks=4 --canonicalize --cse --verify-diagnostics | FileCheck %s

// Reduce, scan, apply, and the rest. The first member is only needed by sums.
// CHECK-LABEL: func.func @affine(
// CHECK-SAME:    %[[A:.*]]: tensor<1x?x8xf32>, %[[B:.*]]: tensor<1x?x8xf32>, %{{.*}}: tensor<1x8xf32>, %[[S:.*]]: tensor<1x8xf32>)
// CHECK:         %[[LONG:.*]] = arith.cmpi uge, %{{.*}}, %c16
// CHECK:         tensor.expand_shape {{.*}} : tensor<1x?x8xf32> into tensor<1x4x?x8xf32>
// CHECK:         %[[A1:.*]] = seq.recurrence along 2 ins({{.*}} : tensor<1x3x?x8xf32>) init(
// CHECK:         %[[B1:.*]] = seq.recurrence along 2 ins({{.*}} : tensor<1x3x?x8xf32>) init(
// CHECK:         %[[SUMS:.*]]:2 = seq.recurrence along 2 ins({{.*}} : tensor<1x3x?x8xf32>, tensor<1x3x?x8xf32>) init(%[[A1]], %[[B1]]
// CHECK:         %[[PREFIXES:.*]]:2 = seq.recurrence along 1 ins({{.*}}) outs({{.*}} : tensor<1x?x8xf32>) init(%[[S]]
// CHECK:         %[[BLOCKS:.*]]:2 = seq.recurrence along 2 ins({{.*}} : tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) outs({{.*}} : tensor<1x4x?x8xf32>) init(%{{.*}} : tensor<1x4x8xf32>)
// CHECK:         %[[REST:.*]]:2 = seq.recurrence along 1 ins({{.*}}) outs({{.*}} : tensor<1x?x8xf32>) init(
// CHECK:         tensor.collapse_shape
// CHECK:         return %{{.*}}, %[[REST]]#1
func.func @affine(%a: tensor<1x?x8xf32>, %b: tensor<1x?x8xf32>, %e: tensor<1x8xf32>, %s: tensor<1x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x8xf32>) {
  %y:4 = seq.scan along 1 associative ins(%a, %b : tensor<1x?x8xf32>, tensor<1x?x8xf32>) init(%e, %s : tensor<1x8xf32>, tensor<1x8xf32>) {
  ^combine(%a1: tensor<1x8xf32>, %b1: tensor<1x8xf32>, %a2: tensor<1x8xf32>, %b2: tensor<1x8xf32>):
    %0 = arith.mulf %a2, %a1 : tensor<1x8xf32>
    %1 = arith.mulf %a2, %b1 : tensor<1x8xf32>
    %2 = arith.addf %1, %b2 : tensor<1x8xf32>
    seq.yield %0, %2 : tensor<1x8xf32>, tensor<1x8xf32>
  }
  return %y#1, %y#3 : tensor<1x?x8xf32>, tensor<1x8xf32>
}

// Members of other dimensions that do not meet are reduced apart, and what is
// the same at all times is no sequence.
// CHECK-LABEL: func.func @constant(
// CHECK-SAME:    %[[A:[^:]*]]: tensor<1x1xf32>,
// CHECK:         %[[A3:.*]] = linalg.broadcast ins(%[[A]] : tensor<1x1xf32>) outs(%{{.*}} : tensor<1x3x1xf32>)
// CHECK:         seq.recurrence along 2 {{.*}} init(%{{.*}} : tensor<1x3x1xf32>)
// CHECK:           arith.mulf {{.*}}%[[A3]]
// CHECK:         seq.recurrence along 2 {{.*}} init(%{{.*}} : tensor<1x3x8xf32>)
// CHECK:           linalg.generic {{.*}} ins(%[[A3]], %
// CHECK-NOT:     tensor.empty({{.*}}) : tensor<1x?x1xf32>
// CHECK:         return
func.func @constant(%a: tensor<1x1xf32>, %b: tensor<1x?x8xf32>, %e: tensor<1x1xf32>, %s: tensor<1x8xf32>, %n: index) -> tensor<1x?x8xf32> {
  %empty = tensor.empty(%n) : tensor<1x?x1xf32>
  %as = linalg.broadcast ins(%a : tensor<1x1xf32>) outs(%empty : tensor<1x?x1xf32>) dimensions = [1]
  %y:4 = seq.scan along 1 associative ins(%as, %b : tensor<1x?x1xf32>, tensor<1x?x8xf32>) init(%e, %s : tensor<1x1xf32>, tensor<1x8xf32>) {
  ^combine(%a1: tensor<1x1xf32>, %b1: tensor<1x8xf32>, %a2: tensor<1x1xf32>, %b2: tensor<1x8xf32>):
    %0 = arith.mulf %a2, %a1 : tensor<1x1xf32>
    %1 = linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, 0)>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]}
        ins(%a2, %b1 : tensor<1x1xf32>, tensor<1x8xf32>) outs(%b2 : tensor<1x8xf32>) {
    ^bb0(%p: f32, %q: f32, %r: f32):
      %2 = arith.mulf %p, %q : f32
      %3 = arith.addf %2, %r : f32
      linalg.yield %3 : f32
    } -> tensor<1x8xf32>
    seq.yield %0, %1 : tensor<1x1xf32>, tensor<1x8xf32>
  }
  return %y#1 : tensor<1x?x8xf32>
}

// Not declared associative: one after the other. The first time comes alone.
// CHECK-LABEL: func.func @undeclared(
// CHECK:         %[[FIRST:.*]]:2 = seq.recurrence along 0 reverse ins({{.*}} : tensor<?x8xf32>) outs({{.*}}) init(
// CHECK:         seq.recurrence along 0 reverse ins({{.*}} : tensor<?x8xf32>) outs({{.*}}) init(%[[FIRST]]#1
// CHECK-NOT:     seq.recurrence
// CHECK:         return
func.func @undeclared(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = seq.scan along 0 reverse ins(%x : tensor<?x8xf32>) {
  ^combine(%a: tensor<8xf32>, %b: tensor<8xf32>):
    %0 = arith.subf %a, %b : tensor<8xf32>
    seq.yield %0 : tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}

// A combiner that cannot get another dimension.
// CHECK-LABEL: func.func @element(
// CHECK:         seq.recurrence along 0
// CHECK-NOT:     tensor<4x
// CHECK:         return
func.func @element(%x: tensor<?x8xf32>, %e: tensor<8xf32>) -> tensor<?x8xf32> {
  // expected-remark@below {{stays sequential: its combiner cannot be run on several blocks at once}}
  %y, %last = seq.scan along 0 associative ins(%x : tensor<?x8xf32>) init(%e : tensor<8xf32>) {
  ^combine(%a: tensor<8xf32>, %b: tensor<8xf32>):
    %c0 = arith.constant 0 : index
    %0 = tensor.extract %b[%c0] : tensor<8xf32>
    %1 = tensor.splat %0 : tensor<8xf32>
    %2 = arith.addf %a, %1 : tensor<8xf32>
    seq.yield %2 : tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}
