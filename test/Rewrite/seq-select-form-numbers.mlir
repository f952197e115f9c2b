// RUN: seq-opt %s --seq-select-form=form=auto | FileCheck %s
// RUN: seq-compile %s --explain | FileCheck %s --check-prefix=EXPLAIN

// A number among the operands of a product has no shape to be counted.
// CHECK-LABEL: func.func @f(
// CHECK: seq.recurrence
// EXPLAIN: f, {{.*}}: recurrence, state 1x3
// EXPLAIN: choice: sequential
func.func @f(%x: tensor<1x?x3xf32>, %s0: tensor<1x3xf32>) -> (tensor<1x?xf32>, tensor<1x3xf32>) {
  %c1 = arith.constant 1 : index
  %g = arith.constant 0.9 : f32
  %t = tensor.dim %x, %c1 : tensor<1x?x3xf32>
  %y0 = tensor.empty(%t) : tensor<1x?xf32>
  %y, %s = seq.recurrence along 1 ins(%x : tensor<1x?x3xf32>) outs(%y0 : tensor<1x?xf32>) init(%s0 : tensor<1x3xf32>) {
  ^step(%xt: tensor<1x3xf32>, %yt: tensor<1xf32>, %st: tensor<1x3xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> ()>, affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]} ins(%st, %g : tensor<1x3xf32>, f32) outs(%xt : tensor<1x3xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1x3xf32>
    %z = arith.constant dense<0.0> : tensor<1xf32>
    %q = linalg.generic {indexing_maps = [affine_map<(b, c) -> ()>, affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%g, %n : f32, tensor<1x3xf32>) outs(%z : tensor<1xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1xf32>
    seq.yield %q, %n : tensor<1xf32>, tensor<1x3xf32>
  }
  return %y, %s : tensor<1x?xf32>, tensor<1x3xf32>
}
