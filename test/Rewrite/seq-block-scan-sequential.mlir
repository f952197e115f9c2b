// RUN: seq-opt %s --seq-block-scan=blocks=1 --canonicalize --cse | FileCheck %s

// One recurrence, whatever is declared.
// CHECK-LABEL: func.func @affine(
// CHECK-SAME:    %[[A:[^:]*]]: tensor<1x?x8xf32>, %[[B:[^:]*]]: tensor<1x?x8xf32>, %{{.*}}: tensor<1x8xf32>, %[[S:[^:]*]]: tensor<1x8xf32>)
// CHECK:         %[[Y:.*]]:2 = seq.recurrence along 1 ins(%[[A]], %[[B]] : {{.*}}) outs({{.*}} : tensor<1x?x8xf32>) init(%[[S]]
// CHECK-NOT:     seq.recurrence
// CHECK:         return %[[Y]]#0, %[[Y]]#1
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

// Without an initial tuple the first time comes alone, in the reverse order the
// last one.
// CHECK-LABEL: func.func @reverse(
// CHECK:         %[[FIRST:.*]]:2 = seq.recurrence along 0 reverse ins({{.*}} : tensor<?x8xf32>) outs({{.*}}) init(
// CHECK:         seq.recurrence along 0 reverse ins({{.*}} : tensor<?x8xf32>) outs({{.*}}) init(%[[FIRST]]#1
// CHECK-NOT:     seq.recurrence
// CHECK:         return
func.func @reverse(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = seq.scan along 0 reverse associative ins(%x : tensor<?x8xf32>) {
  ^combine(%a: tensor<8xf32>, %b: tensor<8xf32>):
    %0 = arith.addf %a, %b : tensor<8xf32>
    seq.yield %0 : tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}
