// Compiled products are compared with linalg's meaning on small integers, where
// every order of summation is exact. main returns the number of elements that
// differ, over row counts that reach every tile and tail.

// DEFINE: %{B} = 1
// DEFINE: %{decompose} =
// DEFINE: %{N} = 80
// DEFINE: %{K} = 20
// DEFINE: %{type} = f32
// DEFINE: %{target} = lanes=16 registers=32
// DEFINE: %{run} = sed -e 's/BB/%{B}/g' -e 's/NN/%{N}/g' -e 's/KK/%{K}/g' -e 's/f32/%{type}/g' %s \
// DEFINE: | seq-opt -kernel-contracts %{decompose} \
// DEFINE:   -one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// DEFINE:   -lower-contracts="%{target}" -canonicalize -cse -convert-linalg-to-loops -scf-forall-to-for \
// DEFINE:   -expand-strided-metadata -lower-affine -convert-scf-to-cf -convert-vector-to-llvm -convert-to-llvm \
// DEFINE:   -reconcile-unrealized-casts \
// DEFINE: | mlir-runner -shared-libs=%c_runner_utils -O1 -e main -entry-point-result=i32 \
// DEFINE: | FileCheck %s

// RUN: %{run}

// REDEFINE: %{N} = 1003
// REDEFINE: %{K} = 5
// RUN: %{run}

// REDEFINE: %{N} = 64
// REDEFINE: %{K} = 63
// REDEFINE: %{B} = 2
// RUN: %{run}

// REDEFINE: %{N} = 20
// REDEFINE: %{K} = 1
// REDEFINE: %{B} = 1
// RUN: %{run}

// REDEFINE: %{N} = 65
// REDEFINE: %{K} = 0
// RUN: %{run}

// Depths of several blocks: with a rest (603 = 2·204 + 195) and without (512).
// REDEFINE: %{N} = 20
// REDEFINE: %{K} = 603
// RUN: %{run}

// REDEFINE: %{K} = 512
// RUN: %{run}

// REDEFINE: %{N} = 65
// REDEFINE: %{K} = 7
// REDEFINE: %{target} = lanes=8 registers=16
// RUN: %{run}

// REDEFINE: %{N} = 63
// REDEFINE: %{B} = 2
// REDEFINE: %{target} = lanes=4 registers=16
// RUN: %{run}

// REDEFINE: %{N} = 100
// REDEFINE: %{B} = 1
// REDEFINE: %{type} = f64
// REDEFINE: %{target} = lanes=16 registers=32
// RUN: %{run}

// REDEFINE: %{decompose} = -decompose-contracts
// REDEFINE: %{B} = 2
// RUN: %{run}

// CHECK: {{^0$}}

func.func private @product(%x: tensor<BBx?xKKxf32>, %w: tensor<NNxKKxf32>, %bias: tensor<NNxf32>,
                           %residual: tensor<BBx?xNNxf32>) -> tensor<BBx?xNNxf32> {
  %zero = arith.constant 0.0 : f32
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c1 : tensor<BBx?xKKxf32>
  %empty = tensor.empty(%T) : tensor<BBx?xNNxf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<BBx?xNNxf32>) -> tensor<BBx?xNNxf32>
  %product = linalg.generic {
      indexing_maps = [affine_map<(b, t, n, k) -> (b, t, k)>, affine_map<(b, t, n, k) -> (n, k)>,
                       affine_map<(b, t, n, k) -> (b, t, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<BBx?xKKxf32>, tensor<NNxKKxf32>) outs(%init : tensor<BBx?xNNxf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<BBx?xNNxf32>
  %sum = linalg.generic {
      indexing_maps = [affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> (n)>,
                       affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> (b, t, n)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%product, %bias, %residual : tensor<BBx?xNNxf32>, tensor<NNxf32>, tensor<BBx?xNNxf32>)
      outs(%empty : tensor<BBx?xNNxf32>) {
  ^bb0(%p: f32, %b: f32, %r: f32, %o: f32):
    %0 = arith.addf %p, %b : f32
    %1 = arith.maximumf %0, %zero : f32
    %2 = arith.subf %1, %r : f32
    linalg.yield %2 : f32
  } -> tensor<BBx?xNNxf32>
  return %sum : tensor<BBx?xNNxf32>
}

// The same on a matrix of dynamic shape, which stays linalg.
func.func private @reference(%x: tensor<BBx?x?xf32>, %w: tensor<?x?xf32>, %bias: tensor<?xf32>,
                             %residual: tensor<BBx?x?xf32>) -> tensor<BBx?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c1 : tensor<BBx?x?xf32>
  %N = tensor.dim %w, %c0 : tensor<?x?xf32>
  %empty = tensor.empty(%T, %N) : tensor<BBx?x?xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<BBx?x?xf32>) -> tensor<BBx?x?xf32>
  %product = linalg.generic {
      indexing_maps = [affine_map<(b, t, n, k) -> (b, t, k)>, affine_map<(b, t, n, k) -> (n, k)>,
                       affine_map<(b, t, n, k) -> (b, t, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<BBx?x?xf32>, tensor<?x?xf32>) outs(%init : tensor<BBx?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<BBx?x?xf32>
  %sum = linalg.generic {
      indexing_maps = [affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> (n)>,
                       affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> (b, t, n)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%product, %bias, %residual : tensor<BBx?x?xf32>, tensor<?xf32>, tensor<BBx?x?xf32>)
      outs(%empty : tensor<BBx?x?xf32>) {
  ^bb0(%p: f32, %b: f32, %r: f32, %o: f32):
    %0 = arith.addf %p, %b : f32
    %1 = arith.maximumf %0, %zero : f32
    %2 = arith.subf %1, %r : f32
    linalg.yield %2 : f32
  } -> tensor<BBx?x?xf32>
  return %sum : tensor<BBx?x?xf32>
}

// Integers from -4 to 4 that follow no period of a tile.
func.func private @fill(%empty: tensor<BBx?x?xf32>, %seed: index) -> tensor<BBx?x?xf32> {
  %m = arith.constant 9 : index
  %p = arith.constant 37 : index
  %q = arith.constant 11 : index
  %four = arith.constant 4.0 : f32
  %filled = linalg.generic {
      indexing_maps = [affine_map<(b, i, j) -> (b, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%empty : tensor<BBx?x?xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %ij = arith.muli %i, %j : index
    %0 = arith.addi %ij, %seed : index
    %1 = arith.muli %i, %p : index
    %2 = arith.muli %j, %q : index
    %3 = arith.addi %0, %1 : index
    %4 = arith.addi %3, %2 : index
    %5 = arith.addi %4, %b : index
    %6 = arith.remui %5, %m : index
    %7 = arith.index_cast %6 : index to i32
    %8 = arith.sitofp %7 : i32 to f32
    %9 = arith.subf %8, %four : f32
    linalg.yield %9 : f32
  } -> tensor<BBx?x?xf32>
  return %filled : tensor<BBx?x?xf32>
}

func.func private @mismatches(%T: index) -> i32 {
  %c0 = arith.constant 0 : i32
  %one = arith.constant 1 : index
  %five = arith.constant 5 : index
  %N = arith.constant NN : index
  %K = arith.constant KK : index
  %ex = tensor.empty(%T, %K) : tensor<BBx?x?xf32>
  %ew = tensor.empty(%N, %K) : tensor<BBx?x?xf32>
  %er = tensor.empty(%T, %N) : tensor<BBx?x?xf32>
  %eb = tensor.empty(%one, %N) : tensor<BBx?x?xf32>
  %x = call @fill(%ex, %one) : (tensor<BBx?x?xf32>, index) -> tensor<BBx?x?xf32>
  %w2 = call @fill(%ew, %five) : (tensor<BBx?x?xf32>, index) -> tensor<BBx?x?xf32>
  %r = call @fill(%er, %N) : (tensor<BBx?x?xf32>, index) -> tensor<BBx?x?xf32>
  %b2 = call @fill(%eb, %K) : (tensor<BBx?x?xf32>, index) -> tensor<BBx?x?xf32>
  %ws = tensor.extract_slice %w2[0, 0, 0] [1, NN, KK] [1, 1, 1] : tensor<BBx?x?xf32> to tensor<NNxKKxf32>
  %bs = tensor.extract_slice %b2[0, 0, 0] [1, 1, NN] [1, 1, 1] : tensor<BBx?x?xf32> to tensor<NNxf32>
  %xs = tensor.cast %x : tensor<BBx?x?xf32> to tensor<BBx?xKKxf32>
  %rs = tensor.cast %r : tensor<BBx?x?xf32> to tensor<BBx?xNNxf32>
  %y = call @product(%xs, %ws, %bs, %rs)
      : (tensor<BBx?xKKxf32>, tensor<NNxKKxf32>, tensor<NNxf32>, tensor<BBx?xNNxf32>) -> tensor<BBx?xNNxf32>
  %w = tensor.cast %ws : tensor<NNxKKxf32> to tensor<?x?xf32>
  %b = tensor.cast %bs : tensor<NNxf32> to tensor<?xf32>
  %z = call @reference(%x, %w, %b, %r)
      : (tensor<BBx?x?xf32>, tensor<?x?xf32>, tensor<?xf32>, tensor<BBx?x?xf32>) -> tensor<BBx?x?xf32>
  %zs = tensor.cast %z : tensor<BBx?x?xf32> to tensor<BBx?xNNxf32>
  %count = tensor.empty() : tensor<i32>
  %start = linalg.fill ins(%c0 : i32) outs(%count : tensor<i32>) -> tensor<i32>
  %total = linalg.generic {
      indexing_maps = [affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> (b, t, n)>, affine_map<(b, t, n) -> ()>],
      iterator_types = ["reduction", "reduction", "reduction"]}
      ins(%y, %zs : tensor<BBx?xNNxf32>, tensor<BBx?xNNxf32>) outs(%start : tensor<i32>) {
  ^bb0(%p: f32, %q: f32, %c: i32):
    %d = arith.cmpf une, %p, %q : f32
    %e = arith.extui %d : i1 to i32
    %f = arith.addi %c, %e : i32
    linalg.yield %f : i32
  } -> tensor<i32>
  %result = tensor.extract %total[] : tensor<i32>
  return %result : i32
}

func.func @main() -> i32 {
  %zero = arith.constant 0 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 20 : index
  %sum = scf.for %T = %c0 to %n step %c1 iter_args(%s = %zero) -> i32 {
    %m = func.call @mismatches(%T) : (index) -> i32
    %t = arith.addi %s, %m : i32
    scf.yield %t : i32
  }
  %many = arith.constant 261 : index
  %m = func.call @mismatches(%many) : (index) -> i32
  %total = arith.addi %sum, %m : i32
  return %total : i32
}
