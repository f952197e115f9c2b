// RUN: seq-opt %s --test-ranges --mlir-print-op-on-diagnostic=false --split-input-file --verify-diagnostics -o %t

func.func @functions(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = math.exp %x : tensor<4xf32>
  %1 = math.exp2 %x : tensor<4xf32>
  %2 = math.tanh %x : tensor<4xf32>
  %3 = math.absf %x : tensor<4xf32>
  %4 = arith.negf %0 : tensor<4xf32>
  %5 = math.sqrt %3 : tensor<4xf32>
  // expected-remark@below {{[0, inf][0, inf][-1, 1][0, inf][-inf, -0][0, inf]}}
  return %0, %1, %2, %3, %4, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// 1 / (1 + exp(-x)), and one less that.
func.func @sigmoid(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %0 = arith.negf %x : tensor<4xf32>
  %1 = math.exp %0 : tensor<4xf32>
  %2 = arith.addf %one, %1 : tensor<4xf32>
  %3 = arith.divf %one, %2 : tensor<4xf32>
  %4 = arith.subf %one, %3 : tensor<4xf32>
  // expected-remark@below {{[0, 1][0, 1]}}
  return %3, %4 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Both ways to write softplus; exp(-softplus(x) exp(a)) is in [0, 1].
func.func @softplus(%x: tensor<4xf32>, %a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %0 = math.exp %x : tensor<4xf32>
  %1 = math.log1p %0 : tensor<4xf32>
  %2 = arith.maximumf %x, %zero : tensor<4xf32>
  %3 = math.absf %x : tensor<4xf32>
  %4 = arith.negf %3 : tensor<4xf32>
  %5 = math.exp %4 : tensor<4xf32>
  %6 = math.log1p %5 : tensor<4xf32>
  %7 = arith.addf %2, %6 : tensor<4xf32>
  %8 = math.exp %a : tensor<4xf32>
  %9 = arith.negf %8 : tensor<4xf32>
  %10 = arith.mulf %7, %9 : tensor<4xf32>
  %11 = math.exp %10 : tensor<4xf32>
  // expected-remark@below {{[0, inf][0, inf][0, 1]}}
  return %1, %7, %11 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

func.func @arithmetic(%x: tensor<4xf32>, %m: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c = arith.constant dense<[-2.0, 1.0, 0.5, 3.0]> : tensor<4xf32>
  %low = arith.constant dense<-1.0> : tensor<4xf32>
  %high = arith.constant dense<0.5> : tensor<4xf32>
  %0 = math.clampf %x to [%low, %high] : tensor<4xf32>
  %1 = arith.mulf %c, %0 : tensor<4xf32>
  %2 = arith.mulf %0, %0 : tensor<4xf32>
  %3 = arith.select %m, %c, %0 : tensor<4xi1>, tensor<4xf32>
  %4 = arith.minimumf %x, %high : tensor<4xf32>
  %5 = arith.divf %high, %c : tensor<4xf32>
  %6 = math.fma %0, %0, %c : tensor<4xf32>
  // expected-remark@below {{[-1, 0.5][-3, 2][0, 1][-2, 3][-inf, 0.5][-inf, inf][-2.5, 4]}}
  return %0, %1, %2, %3, %4, %5, %6 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Through payloads, slices, reshapes, joins and casts. A sum of products is
// unknown.
func.func @structure(%x: tensor<4x2xf32>) -> (tensor<2x2xf64>, tensor<8xf32>, tensor<4x3xf32>, tensor<4x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x2xf32>) outs(%empty : tensor<2x4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = math.tanh %i : f32
    %e = math.exp %t : f32
    %n = arith.minimumf %e, %zero : f32
    linalg.yield %n : f32
  } -> tensor<2x4xf32>
  %1 = tensor.extract_slice %0[0, 1] [2, 2] [1, 2] : tensor<2x4xf32> to tensor<2x2xf32>
  %2 = arith.extf %1 : tensor<2x2xf32> to tensor<2x2xf64>
  %3 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
  %ones = arith.constant dense<1.0> : tensor<4x1xf32>
  %sin = math.sin %x : tensor<4x2xf32>
  %4 = tensor.concat dim(1) %sin, %ones : (tensor<4x2xf32>, tensor<4x1xf32>) -> tensor<4x3xf32>
  %square = tensor.empty() : tensor<4x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%square : tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = linalg.matmul ins(%sin, %0 : tensor<4x2xf32>, tensor<2x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  // expected-remark@below {{[0, 0][0, 0][-1, 1][-inf, inf]}}
  return %2, %3, %4, %5 : tensor<2x2xf64>, tensor<8xf32>, tensor<4x3xf32>, tensor<4x4xf32>
}

// -----

// Operands that are one, or computed alike: shares, means, squares.
func.func @related(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %0 = math.exp %x : tensor<4xf32>
  %1 = math.exp %x : tensor<4xf32>
  %2 = math.exp %y : tensor<4xf32>
  %3 = arith.addf %2, %1 : tensor<4xf32>
  %share = arith.divf %0, %3 : tensor<4xf32>
  %4 = arith.subf %one, %share : tensor<4xf32>
  %5 = arith.mulf %4, %share : tensor<4xf32>
  %bound = arith.addf %5, %share : tensor<4xf32>
  %6 = math.tanh %y : tensor<4xf32>
  %7 = arith.subf %6, %share : tensor<4xf32>
  %8 = arith.mulf %share, %7 : tensor<4xf32>
  %mean = arith.addf %share, %8 : tensor<4xf32>
  %9 = arith.negf %x : tensor<4xf32>
  %square = arith.mulf %9, %x : tensor<4xf32>
  %10 = arith.mulf %x, %0 : tensor<4xf32>
  %scaled = arith.mulf %10, %x : tensor<4xf32>
  %11 = arith.subf %share, %6 : tensor<4xf32>
  // A difference of others is no mean.
  %12 = arith.mulf %share, %11 : tensor<4xf32>
  %other = arith.addf %share, %12 : tensor<4xf32>
  // expected-remark@below {{[0, 1][0, 1][-1, 1][-inf, 0][0, inf][-1, 3]}}
  return %share, %bound, %mean, %square, %scaled, %other : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// One element over another: the transposed x is not x.
func.func @apart(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = math.exp %x : tensor<4x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%0, %0 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %2 = arith.addf %b, %b : f32
    %3 = arith.divf %a, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<4x4xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%0, %0 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %2 = arith.addf %b, %b : f32
    %3 = arith.divf %a, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<4x4xf32>
  // expected-remark@below {{[0, inf][0, 1]}}
  return %1, %4 : tensor<4x4xf32>, tensor<4x4xf32>
}
