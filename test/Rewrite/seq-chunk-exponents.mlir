// RUN: seq-opt %s --seq-chunk --canonicalize --cse | FileCheck %s

// The exponent of a decay that one linalg.generic computes by several operations
// is an operation of its own, and it is what chunks add up: the decay itself is
// not computed.
// CHECK-LABEL: func.func @gla(
// CHECK-SAME: %[[W:[^:]+]]: tensor<1x?x5xf32>, %{{[^:]+}}: tensor<1x5x4xf32>)
// CHECK: %[[E:.+]] = math.exp %[[W]] : tensor<1x?x5xf32>
// CHECK-NEXT: %[[LOG:.+]] = arith.negf %[[E]] : tensor<1x?x5xf32>
// CHECK-NOT: math.exp %[[LOG]]
// CHECK: insert_slice %{{.+}} into
// CHECK: seq.recurrence along 0
#bti = affine_map<(b, t, i) -> (b, t, i)>
#s = affine_map<(b, i, j) -> (b, i, j)>
#k = affine_map<(b, i, j) -> (b, i)>
#v = affine_map<(b, i, j) -> (b, j)>
func.func @gla(%q: tensor<1x?x5xf32>, %k: tensor<1x?x5xf32>, %v: tensor<1x?x4xf32>, %w: tensor<1x?x5xf32>, %s0: tensor<1x5x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x5x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %q, %c1 : tensor<1x?x5xf32>
  %a0 = tensor.empty(%t) : tensor<1x?x5xf32>
  %a = linalg.generic {indexing_maps = [#bti, #bti], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : tensor<1x?x5xf32>) outs(%a0 : tensor<1x?x5xf32>) {
  ^bb0(%i: f32, %o: f32):
    %0 = math.exp %i : f32
    %1 = arith.negf %0 : f32
    %2 = math.exp %1 : f32
    linalg.yield %2 : f32
  } -> tensor<1x?x5xf32>
  %y0 = tensor.empty(%t) : tensor<1x?x4xf32>
  %y, %s1 = seq.recurrence along 1 ins(%q, %k, %v, %a : tensor<1x?x5xf32>, tensor<1x?x5xf32>, tensor<1x?x4xf32>, tensor<1x?x5xf32>) outs(%y0 : tensor<1x?x4xf32>) init(%s0 : tensor<1x5x4xf32>) {
  ^step(%qt: tensor<1x5xf32>, %kt: tensor<1x5xf32>, %vt: tensor<1x4xf32>, %at: tensor<1x5xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x5x4xf32>):
    %n = linalg.generic {indexing_maps = [#s, #k, #k, #v, #s], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %at, %kt, %vt : tensor<1x5x4xf32>, tensor<1x5xf32>, tensor<1x5xf32>, tensor<1x4xf32>) outs(%s : tensor<1x5x4xf32>) {
    ^bb0(%i: f32, %d: f32, %kk: f32, %vv: f32, %o: f32):
      %0 = arith.mulf %i, %d : f32
      %1 = arith.mulf %kk, %vv : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<1x5x4xf32>
    %z = arith.constant dense<0.0> : tensor<1x4xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(b, j, i) -> (b, i, j)>, affine_map<(b, j, i) -> (b, i)>, affine_map<(b, j, i) -> (b, j)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%n, %qt : tensor<1x5x4xf32>, tensor<1x5xf32>) outs(%z : tensor<1x4xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1x4xf32>
    seq.yield %r, %n : tensor<1x4xf32>, tensor<1x5x4xf32>
  }
  return %y, %s1 : tensor<1x?x4xf32>, tensor<1x5x4xf32>
}
