// RUN: seq-opt %s --seq-merge-products --canonicalize --cse | FileCheck %s

// Three projections of one sequence, one defined after the first product.
// CHECK-LABEL: func @projections
// CHECK-SAME: (%[[X:.+]]: tensor<1x?x8xf32>)
// CHECK-DAG: %[[Q:.+]] = seq.weight @q
// CHECK-DAG: %[[K:.+]] = seq.weight @k
// CHECK-DAG: %[[V:.+]] = seq.weight @v
// CHECK: %[[W:.+]] = tensor.concat dim(0) %[[Q]], %[[K]], %[[V]] : {{.*}} -> tensor<14x8xf32>
// CHECK: %[[P:.+]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : {{.*}}) outs(%{{.+}} : tensor<1x?x14xf32>)
// CHECK: %[[QS:.+]] = tensor.extract_slice %[[P]][0, 0, 0] [1, %{{.+}}, 6]
// CHECK: %[[KS:.+]] = tensor.extract_slice %[[P]][0, 0, 6] [1, %{{.+}}, 4]
// CHECK: %[[VS:.+]] = tensor.extract_slice %[[P]][0, 0, 10] [1, %{{.+}}, 4]
// CHECK: return %[[QS]], %[[KS]], %[[VS]]
#x = affine_map<(b, t, n, k) -> (b, t, k)>
#w = affine_map<(b, t, n, k) -> (n, k)>
#p = affine_map<(b, t, n, k) -> (b, t, n)>
#product = {indexing_maps = [#x, #w, #p], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
func.func @projections(%x: tensor<1x?x8xf32>) -> (tensor<1x?x6xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
  %wq = seq.weight @q : tensor<6x8xf32>
  %e6 = tensor.empty(%t) : tensor<1x?x6xf32>
  %z6 = linalg.fill ins(%zero : f32) outs(%e6 : tensor<1x?x6xf32>) -> tensor<1x?x6xf32>
  %q = linalg.generic #product ins(%x, %wq : tensor<1x?x8xf32>, tensor<6x8xf32>) outs(%z6 : tensor<1x?x6xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.mulf %i, %j : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x6xf32>
  %e4 = tensor.empty(%t) : tensor<1x?x4xf32>
  %z4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %wk = seq.weight @k : tensor<4x8xf32>
  %k = linalg.generic #product ins(%x, %wk : tensor<1x?x8xf32>, tensor<4x8xf32>) outs(%z4 : tensor<1x?x4xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.mulf %i, %j : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x4xf32>
  %wv = seq.weight @v : tensor<4x8xf32>
  %v = linalg.generic #product ins(%x, %wv : tensor<1x?x8xf32>, tensor<4x8xf32>) outs(%z4 : tensor<1x?x4xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.mulf %i, %j : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x4xf32>
  return %q, %k, %v : tensor<1x?x6xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>
}

// Inside of a recurrence: the arguments that are captured are joined in front.
// CHECK-LABEL: func @state_products
// CHECK: %[[U:.+]] = tensor.concat dim(1) %{{.+}}, %{{.+}} : {{.*}} -> tensor<6x12xf32>
// CHECK: seq.recurrence
// CHECK: linalg.matmul ins(%{{.+}}, %[[U]] : tensor<2x6xf32>, tensor<6x12xf32>)
// CHECK-NOT: linalg.matmul
func.func @state_products(%x: tensor<2x?x6xf32>, %u: tensor<6x6xf32>, %v: tensor<6x6xf32>, %y0: tensor<2x?x6xf32>, %h0: tensor<2x6xf32>) -> tensor<2x?x6xf32> {
  %zero = arith.constant 0.0 : f32
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x6xf32>) outs(%y0 : tensor<2x?x6xf32>) init(%h0 : tensor<2x6xf32>) {
  ^step(%xt: tensor<2x6xf32>, %yt: tensor<2x6xf32>, %s: tensor<2x6xf32>):
    %e = tensor.empty() : tensor<2x6xf32>
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x6xf32>) -> tensor<2x6xf32>
    %p = linalg.matmul ins(%s, %u : tensor<2x6xf32>, tensor<6x6xf32>) outs(%z : tensor<2x6xf32>) -> tensor<2x6xf32>
    %q = linalg.matmul ins(%s, %v : tensor<2x6xf32>, tensor<6x6xf32>) outs(%z : tensor<2x6xf32>) -> tensor<2x6xf32>
    %0 = arith.mulf %p, %q : tensor<2x6xf32>
    %1 = arith.addf %0, %xt : tensor<2x6xf32>
    seq.yield %1, %1 : tensor<2x6xf32>, tensor<2x6xf32>
  }
  return %y : tensor<2x?x6xf32>
}

// One weight with two sequences: nothing to join.
// CHECK-LABEL: func @shared_weight
// CHECK-NOT: tensor.concat
// CHECK: return
func.func @shared_weight(%x: tensor<?x6xf32>, %y: tensor<?x6xf32>, %z: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = seq.weight @w : tensor<6x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%z : tensor<?x4xf32>) -> tensor<?x4xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = linalg.matmul ins(%y, %w : tensor<?x6xf32>, tensor<6x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %p, %q : tensor<?x4xf32>, tensor<?x4xf32>
}

// Two arguments of static shape: which is the weight cannot be told. Other
// destinations than fills, and another layout of the weight, stay.
// CHECK-LABEL: func @left_alone
// CHECK-NOT: tensor.concat
// CHECK: return
func.func @left_alone(%x: tensor<2x6xf32>, %w: tensor<6x4xf32>, %v: tensor<6x4xf32>, %d: tensor<?x6xf32>, %i: tensor<?x4xf32>, %z: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%z : tensor<2x4xf32>) -> tensor<2x4xf32>
  %p = linalg.matmul ins(%x, %w : tensor<2x6xf32>, tensor<6x4xf32>) outs(%f : tensor<2x4xf32>) -> tensor<2x4xf32>
  %q = linalg.matmul ins(%x, %v : tensor<2x6xf32>, tensor<6x4xf32>) outs(%f : tensor<2x4xf32>) -> tensor<2x4xf32>
  %a = seq.weight @a : tensor<6x4xf32>
  %b = seq.weight @b : tensor<4x6xf32>
  %g = linalg.fill ins(%zero : f32) outs(%i : tensor<?x4xf32>) -> tensor<?x4xf32>
  %r = linalg.matmul ins(%d, %a : tensor<?x6xf32>, tensor<6x4xf32>) outs(%i : tensor<?x4xf32>) -> tensor<?x4xf32>
  %s = linalg.matmul ins(%d, %a : tensor<?x6xf32>, tensor<6x4xf32>) outs(%g : tensor<?x4xf32>) -> tensor<?x4xf32>
  %t = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%d, %b : tensor<?x6xf32>, tensor<4x6xf32>) outs(%g : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %p, %q, %r, %s, %t : tensor<2x4xf32>, tensor<2x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// Weights of a file in bf16, and the biases that are added to the products.
// CHECK-LABEL: func @biases
// CHECK: %[[W:.+]] = tensor.concat dim(1) %{{.+}}, %{{.+}} : (tensor<6x4xf32>, tensor<6x2xf32>) -> tensor<6x6xf32>
// CHECK: %[[P:.+]] = linalg.matmul ins(%{{.+}}, %[[W]] : tensor<?x6xf32>, tensor<6x6xf32>)
// CHECK: %[[B:.+]] = tensor.concat dim(0) %{{.+}}, %{{.+}} : (tensor<4xf32>, tensor<2xf32>) -> tensor<6xf32>
// CHECK: %[[Y:.+]] = linalg.generic {{.*}} ins(%[[P]], %[[B]] : tensor<?x6xf32>, tensor<6xf32>)
// CHECK-NOT: linalg.generic
// CHECK: %[[Q:.+]] = tensor.extract_slice %[[Y]][0, 0] [%{{.+}}, 4]
// CHECK: %[[K:.+]] = tensor.extract_slice %[[Y]][0, 4] [%{{.+}}, 2]
// CHECK: return %[[Q]], %[[K]]
#entry = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
func.func @biases(%x: tensor<?x6xf32>, %d: tensor<?x4xf32>, %e: tensor<?x2xf32>) -> (tensor<?x4xf32>, tensor<?x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %wh = seq.weight @w : tensor<6x4xbf16>
  %w = arith.extf %wh : tensor<6x4xbf16> to tensor<6x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%d : tensor<?x4xf32>) -> tensor<?x4xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  %b = seq.weight @b : tensor<4xf32>
  %q = linalg.generic {indexing_maps = [#entry, #column, #entry], iterator_types = ["parallel", "parallel"]}
      ins(%p, %b : tensor<?x4xf32>, tensor<4xf32>) outs(%d : tensor<?x4xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.addf %i, %j : f32
    linalg.yield %0 : f32
  } -> tensor<?x4xf32>
  %vh = seq.weight @v : tensor<6x2xbf16>
  %v = arith.extf %vh : tensor<6x2xbf16> to tensor<6x2xf32>
  %g = linalg.fill ins(%zero : f32) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
  %r = linalg.matmul ins(%x, %v : tensor<?x6xf32>, tensor<6x2xf32>) outs(%g : tensor<?x2xf32>) -> tensor<?x2xf32>
  %c = seq.weight @c : tensor<2xf32>
  %k = linalg.generic {indexing_maps = [#entry, #column, #entry], iterator_types = ["parallel", "parallel"]}
      ins(%r, %c : tensor<?x2xf32>, tensor<2xf32>) outs(%e : tensor<?x2xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.addf %i, %j : f32
    linalg.yield %0 : f32
  } -> tensor<?x2xf32>
  return %q, %k : tensor<?x4xf32>, tensor<?x2xf32>
}

// A product that is read without its bias keeps its own.
// CHECK-LABEL: func @product_without_bias
// CHECK: %[[P:.+]] = linalg.matmul ins(%{{.+}}, %{{.+}} : tensor<?x6xf32>, tensor<6x8xf32>)
// CHECK: %[[Q:.+]] = tensor.extract_slice %[[P]][0, 0]
// CHECK: %[[K:.+]] = tensor.extract_slice %[[P]][0, 4]
// CHECK: %[[Y:.+]] = linalg.generic {{.*}} ins(%[[Q]], %{{.+}} : tensor<?x4xf32>, tensor<4xf32>)
// CHECK: return %[[Y]], %[[K]]
func.func @product_without_bias(%x: tensor<?x6xf32>, %d: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = seq.weight @w : tensor<6x4xf32>
  %v = seq.weight @v : tensor<6x4xf32>
  %b = seq.weight @b : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%d : tensor<?x4xf32>) -> tensor<?x4xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  %r = linalg.matmul ins(%x, %v : tensor<?x6xf32>, tensor<6x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = linalg.generic {indexing_maps = [#entry, #column, #entry], iterator_types = ["parallel", "parallel"]}
      ins(%p, %b : tensor<?x4xf32>, tensor<4xf32>) outs(%d : tensor<?x4xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.addf %i, %j : f32
    linalg.yield %0 : f32
  } -> tensor<?x4xf32>
  return %q, %r : tensor<?x4xf32>, tensor<?x4xf32>
}
