// RUN: seq-opt %s --test-normalize-step --split-input-file | FileCheck %s

// What a payload does becomes one operation each, over as few dimensions as it
// needs: the exponential of a decay for each row is one for each row.
// CHECK-LABEL: @payload
// CHECK: ^{{.+}}(%[[K:.+]]: tensor<2x3xf32>, %[[V:.+]]: tensor<2x4xf32>, %[[G:.+]]: tensor<2x3xf32>, %[[S:.+]]: tensor<2x3x4xf32>):
// CHECK: %[[E:.+]] = math.exp %[[G]] : tensor<2x3xf32>
// CHECK: %[[D:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[E]], %[[S]] : tensor<2x3xf32>, tensor<2x3x4xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: linalg.yield
// CHECK: %[[KV:.+]] = linalg.generic {{.+}} ins(%[[K]], %[[V]] : tensor<2x3xf32>, tensor<2x4xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: linalg.yield
// CHECK: %[[N:.+]] = arith.addf %[[D]], %[[KV]] : tensor<2x3x4xf32>
// CHECK: seq.yield %[[N]]
#bkv = affine_map<(b, k, v) -> (b, k, v)>
#bk = affine_map<(b, k, v) -> (b, k)>
#bv = affine_map<(b, k, v) -> (b, v)>
func.func @payload(%k: tensor<2x?x3xf32>, %v: tensor<2x?x4xf32>, %g: tensor<2x?x3xf32>, %s0: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %s = seq.recurrence along 1 ins(%k, %v, %g : tensor<2x?x3xf32>, tensor<2x?x4xf32>, tensor<2x?x3xf32>) init(%s0 : tensor<2x3x4xf32>) {
  ^step(%kt: tensor<2x3xf32>, %vt: tensor<2x4xf32>, %gt: tensor<2x3xf32>, %st: tensor<2x3x4xf32>):
    %n = linalg.generic {indexing_maps = [#bk, #bv, #bk, #bkv], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%kt, %vt, %gt : tensor<2x3xf32>, tensor<2x4xf32>, tensor<2x3xf32>) outs(%st : tensor<2x3x4xf32>) {
    ^bb0(%i: f32, %j: f32, %l: f32, %o: f32):
      %e = math.exp %l : f32
      %0 = arith.mulf %e, %o : f32
      %1 = arith.mulf %i, %j : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2x3x4xf32>
    seq.yield %n : tensor<2x3x4xf32>
  }
  return %s : tensor<2x3x4xf32>
}

// -----

// Named products, products of three and fused multiply-adds; a dead operation goes.
// CHECK-LABEL: @products
// CHECK: ^{{.+}}(%[[X:.+]]: tensor<2x3xf32>, %[[S:.+]]: tensor<2x3xf32>):
// CHECK-NOT: math
// CHECK: %[[P:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[S]], %{{.+}} : tensor<2x3xf32>, tensor<3x3xf32>) outs(%[[X]] :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: linalg.yield
// CHECK: %[[XX:.+]] = arith.mulf %[[X]], %[[X]] : tensor<2x3xf32>
// CHECK: %[[Q:.+]] = linalg.generic {{.+}} iterator_types = ["parallel", "reduction"]} ins(%[[XX]], %[[P]] : tensor<2x3xf32>, tensor<2x3xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: linalg.yield
// CHECK: %[[B:.+]] = linalg.broadcast ins(%[[Q]]
// CHECK: %[[M:.+]] = arith.mulf %[[B]], %[[X]]
// CHECK: %[[N:.+]] = arith.addf %[[M]], %[[S]]
// CHECK: seq.yield %[[N]]
func.func @products(%x: tensor<2x?x3xf32>, %w: tensor<3x3xf32>, %s0: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %s = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) init(%s0 : tensor<2x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %st: tensor<2x3xf32>):
    %dead = math.tanh %st : tensor<2x3xf32>
    %p = linalg.matmul ins(%st, %w : tensor<2x3xf32>, tensor<3x3xf32>) outs(%xt : tensor<2x3xf32>) -> tensor<2x3xf32>
    %zeros = arith.constant dense<0.0> : tensor<2xf32>
    %q = linalg.generic {indexing_maps = [affine_map<(b, i) -> (b, i)>, affine_map<(b, i) -> (b, i)>, affine_map<(b, i) -> (b)>], iterator_types = ["parallel", "reduction"]}
        ins(%xt, %p : tensor<2x3xf32>, tensor<2x3xf32>) outs(%zeros : tensor<2xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %i : f32
      %1 = arith.mulf %0, %j : f32
      %2 = arith.addf %o, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2xf32>
    %empty = tensor.empty() : tensor<2x3xf32>
    %wide = linalg.broadcast ins(%q : tensor<2xf32>) outs(%empty : tensor<2x3xf32>) dimensions = [1]
    %n = math.fma %wide, %xt, %st : tensor<2x3xf32>
    seq.yield %n : tensor<2x3xf32>
  }
  return %s : tensor<2x3xf32>
}

// -----

// A reduction whose payload uses the accumulator twice stays.
// CHECK-LABEL: @stays
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: linalg.yield
func.func @stays(%x: tensor<2x?x3xf32>, %s0: tensor<2xf32>) -> tensor<2xf32> {
  %s = seq.recurrence along 1 ins(%x : tensor<2x?x3xf32>) init(%s0 : tensor<2xf32>) {
  ^step(%xt: tensor<2x3xf32>, %st: tensor<2xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, i) -> (b, i)>, affine_map<(b, i) -> (b)>], iterator_types = ["parallel", "reduction"]}
        ins(%xt : tensor<2x3xf32>) outs(%st : tensor<2xf32>) {
    ^bb0(%i: f32, %o: f32):
      %0 = arith.mulf %i, %o : f32
      %1 = arith.addf %0, %o : f32
      %2 = arith.addf %1, %i : f32
      linalg.yield %2 : f32
    } -> tensor<2xf32>
    seq.yield %n : tensor<2xf32>
  }
  return %s : tensor<2xf32>
}
