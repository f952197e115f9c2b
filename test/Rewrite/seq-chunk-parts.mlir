// RUN: seq-opt %s --seq-chunk --mlir-print-op-on-diagnostic=false --verify-diagnostics -o %t

// A matrix that meets joined states meets each of them in a part: that has no
// chunkwise form, and nothing is built.
func.func @catread(%x: tensor<2x?x3xf32>, %g: tensor<2x?x3xf32>, %W: tensor<6x2xf32>, %h0: tensor<2x3xf32>, %c0: tensor<2x3xf32>) -> (tensor<2x?x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %cd = arith.constant 1 : index
  %t = tensor.dim %x, %cd : tensor<2x?x3xf32>
  %y0_0 = tensor.empty(%t) : tensor<2x?x2xf32>
  // expected-remark@below {{no chunkwise form: the recurrence multiplies a state by a part of a tensor}}
  %r0, %r1, %r2 = seq.recurrence along 1 ins(%x, %g : tensor<2x?x3xf32>, tensor<2x?x3xf32>) outs(%y0_0 : tensor<2x?x2xf32>) init(%h0, %c0 : tensor<2x3xf32>, tensor<2x3xf32>) {
  ^step(%xt: tensor<2x3xf32>, %gt: tensor<2x3xf32>, %y0t: tensor<2x2xf32>, %hs: tensor<2x3xf32>, %cs: tensor<2x3xf32>):
    %v0 = arith.negf %gt : tensor<2x3xf32>
    %v1 = math.exp %v0 : tensor<2x3xf32>
    %v2 = arith.constant dense<1.000000000000e+00> : tensor<2x3xf32>
    %v3 = arith.addf %v2, %v1 : tensor<2x3xf32>
    %v4 = arith.constant dense<1.000000000000e+00> : tensor<2x3xf32>
    %v5 = arith.divf %v4, %v3 : tensor<2x3xf32>
    %v6 = arith.mulf %v5, %hs : tensor<2x3xf32>
    %v7 = arith.addf %v6, %xt : tensor<2x3xf32>
    %v8 = arith.constant dense<1.000000000000e+00> : tensor<2x3xf32>
    %v9 = arith.subf %v8, %v5 : tensor<2x3xf32>
    %v10 = arith.mulf %v9, %cs : tensor<2x3xf32>
    %v11 = arith.addf %v10, %xt : tensor<2x3xf32>
    %v12 = tensor.concat dim(1) %v7, %v11 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
    %v13 = tensor.empty() : tensor<2x2xf32>
    %v14 = arith.constant 0.000000000000e+00 : f32
    %v15 = linalg.fill ins(%v14 : f32) outs(%v13 : tensor<2x2xf32>) -> tensor<2x2xf32>
    %v16 = linalg.generic {indexing_maps = [affine_map<(b, j, i) -> (b, i)>, affine_map<(b, j, i) -> (i, j)>, affine_map<(b, j, i) -> (b, j)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%v12, %W : tensor<2x6xf32>, tensor<6x2xf32>) outs(%v15 : tensor<2x2xf32>) {
    ^bb0(%b17: f32, %b18: f32, %b19: f32):
      %v20 = arith.mulf %b17, %b18 : f32
      %v21 = arith.addf %b19, %v20 : f32
      linalg.yield %v21 : f32
    } -> tensor<2x2xf32>
    seq.yield %v16, %v7, %v11 : tensor<2x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %r0, %r1, %r2 : tensor<2x?x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
