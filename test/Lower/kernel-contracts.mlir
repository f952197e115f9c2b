// RUN: seq-opt %s -kernel-contracts -canonicalize -cse -split-input-file | FileCheck %s
// RUN: not seq-opt %s -kernel-contracts="panel=24" -split-input-file 2>&1 | FileCheck %s --check-prefix=PANEL
// PANEL: error: kernel-contracts: panel must be a multiple of 16

// A weight is packed in place and the residual is added where it lies.
// CHECK-LABEL: func.func private @linear
// CHECK-SAME:    %[[X:.*]]: tensor<1x?x20xf32>, %[[R:.*]]: tensor<1x?x80xf32>
// CHECK:       %[[W:.*]] = seq.weight @w
// CHECK:       %[[PAD:.*]] = tensor.pad %[[W]] low[0, 0] high[16, 0]
// CHECK:       %[[SPLIT:.*]] = tensor.expand_shape %[[PAD]] {{.*}} into tensor<2x48x20xf32>
// CHECK:       %[[PACKED:.*]] = linalg.transpose ins(%[[SPLIT]] {{.*}} permutation = [0, 2, 1]
// CHECK:       kernel.contract ins(%[[X]], %[[PACKED]] : tensor<1x?x20xf32>, tensor<2x20x48xf32>)
// CHECK-SAME:    extras(%{{.*}} : tensor<80xf32>) outs(%[[R]] : tensor<1x?x80xf32>)
// CHECK-NEXT:  ^bb0(%[[P:.*]]: f32, %[[B:.*]]: f32, %[[O:.*]]: f32):
// CHECK-NEXT:    %[[S:.*]] = arith.addf %[[P]], %[[B]]
// CHECK-NEXT:    %[[Y:.*]] = arith.addf %[[O]], %[[S]]
// CHECK-NEXT:    kernel.yield %[[Y]]
// CHECK-NOT:   linalg.generic
func.func private @linear(%x: tensor<1x?x20xf32>, %r: tensor<1x?x80xf32>) -> tensor<1x?x80xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %w = seq.weight @w : tensor<80x20xf32>
  %bias = seq.weight @b : tensor<80xf32>
  %T = tensor.dim %x, %c1 : tensor<1x?x20xf32>
  %e = tensor.empty(%T) : tensor<1x?x80xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x?x80xf32>) -> tensor<1x?x80xf32>
  %p = linalg.generic {
      indexing_maps = [affine_map<(b, t, n, k) -> (b, t, k)>, affine_map<(b, t, n, k) -> (n, k)>,
                       affine_map<(b, t, n, k) -> (b, t, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x?x20xf32>, tensor<80x20xf32>) outs(%f : tensor<1x?x80xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x80xf32>
  %bb = linalg.broadcast ins(%bias : tensor<80xf32>) outs(%e : tensor<1x?x80xf32>) dimensions = [0, 1]
  %s = arith.addf %p, %bb : tensor<1x?x80xf32>
  %y = arith.addf %r, %s : tensor<1x?x80xf32>
  return %y : tensor<1x?x80xf32>
}

// -----

// A value with two uses is absorbed when both are: silu of the product.
// CHECK-LABEL: func.func @silu
// CHECK-SAME:    %[[X:.*]]: tensor<?x32xf32>, %[[U:.*]]: tensor<?x64xf32>
// CHECK:       kernel.contract {{.*}} extras(%[[U]] : tensor<?x64xf32>)
// CHECK:         arith.negf
// CHECK:         math.exp
// CHECK:         arith.divf
// CHECK:         kernel.yield
// CHECK-NOT:   arith.mulf {{.*}} tensor
// CHECK:       return
func.func @silu(%x: tensor<?x32xf32>, %u: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %w = seq.weight @w : tensor<32x64xf32>
  %T = tensor.dim %x, %c0 : tensor<?x32xf32>
  %e = tensor.empty(%T) : tensor<?x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %ones = linalg.fill ins(%one : f32) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x32xf32>, tensor<32x64xf32>) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
  %n = arith.negf %p : tensor<?x64xf32>
  %x1 = math.exp %n : tensor<?x64xf32>
  %d = arith.addf %x1, %ones : tensor<?x64xf32>
  %s = arith.divf %p, %d : tensor<?x64xf32>
  %y = arith.mulf %s, %u : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// The product has another use: nothing is absorbed.
// CHECK-LABEL: func.func @two_uses
// CHECK:       %[[P:.*]] = kernel.contract
// CHECK-NEXT:  ^bb0(%[[A:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:    kernel.yield %[[A]]
// CHECK:       %[[Y:.*]] = math.exp %[[P]]
// CHECK:       return %[[P]], %[[Y]]
func.func @two_uses(%x: tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = seq.weight @w : tensor<32x64xf32>
  %T = tensor.dim %x, %c0 : tensor<?x32xf32>
  %e = tensor.empty(%T) : tensor<?x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x32xf32>, tensor<32x64xf32>) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = math.exp %p : tensor<?x64xf32>
  return %p, %y : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// Heads are dimensions of their own on both sides; a value that is accumulated
// to is read by the epilogue.
// CHECK-LABEL: func.func @heads
// CHECK:       %[[X:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<?x2x8xf32> into tensor<?x16xf32>
// CHECK:       kernel.contract ins(%[[X]], %{{.*}} : tensor<?x16xf32>, tensor<1x16x32xf32>)
// CHECK:         %[[S:.*]] = arith.addf
// CHECK-NEXT:    kernel.yield %[[S]]
// CHECK:       tensor.expand_shape {{.*}} : tensor<?x32xf32> into tensor<?x4x8xf32>
func.func @heads(%x: tensor<?x2x8xf32>, %acc: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %w = seq.weight @w : tensor<2x4x8x8xf32>
  %p = linalg.generic {
      indexing_maps = [affine_map<(t, h, d, i, k) -> (t, i, k)>, affine_map<(t, h, d, i, k) -> (i, h, d, k)>,
                       affine_map<(t, h, d, i, k) -> (t, h, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<?x2x8xf32>, tensor<2x4x8x8xf32>) outs(%acc : tensor<?x4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %0, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x4x8xf32>
  return %p : tensor<?x4x8xf32>
}

// -----

// Left alone: both operands vary with the batch; a matrix of 4 columns; few rows
// for a matrix that is no weight; a matrix of dynamic shape.
// CHECK-LABEL: func.func @left_alone
// CHECK-NOT:   kernel.contract
// CHECK:       linalg.batch_matmul
// CHECK:       linalg.matmul
// CHECK:       linalg.matmul
// CHECK:       linalg.matmul
// CHECK-NOT:   kernel.contract
func.func @left_alone(%q: tensor<4x?x16xf32>, %k: tensor<4x16x?xf32>, %o: tensor<4x?x?xf32>,
    %x: tensor<?x16xf32>, %y4: tensor<?x4xf32>, %row: tensor<8x16xf32>, %m: tensor<16x64xf32>, %y64: tensor<8x64xf32>,
    %d: tensor<16x?xf32>, %yd: tensor<?x?xf32>)
    -> (tensor<4x?x?xf32>, tensor<?x4xf32>, tensor<8x64xf32>, tensor<?x?xf32>) {
  %w = seq.weight @w : tensor<16x4xf32>
  %0 = linalg.batch_matmul ins(%q, %k : tensor<4x?x16xf32>, tensor<4x16x?xf32>) outs(%o : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
  %1 = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x4xf32>) outs(%y4 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = linalg.matmul ins(%row, %m : tensor<8x16xf32>, tensor<16x64xf32>) outs(%y64 : tensor<8x64xf32>) -> tensor<8x64xf32>
  %3 = linalg.matmul ins(%x, %d : tensor<?x16xf32>, tensor<16x?xf32>) outs(%yd : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0, %1, %2, %3 : tensor<4x?x?xf32>, tensor<?x4xf32>, tensor<8x64xf32>, tensor<?x?xf32>
}

// -----

// The body of a recurrence is a formula and stays as it is.
// CHECK-LABEL: func.func @recurrence
// CHECK-NOT:   kernel.contract
// CHECK:       linalg.vecmat
func.func @recurrence(%x: tensor<?x64xf32>, %y0: tensor<?x64xf32>, %h0: tensor<64xf32>) -> tensor<?x64xf32> {
  %w = seq.weight @w : tensor<64x64xf32>
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x64xf32>) outs(%y0 : tensor<?x64xf32>) init(%h0 : tensor<64xf32>) {
  ^step(%xt: tensor<64xf32>, %yt: tensor<64xf32>, %s: tensor<64xf32>):
    %n = linalg.vecmat ins(%s, %w : tensor<64xf32>, tensor<64x64xf32>) outs(%xt : tensor<64xf32>) -> tensor<64xf32>
    seq.yield %n, %n : tensor<64xf32>, tensor<64xf32>
  }
  return %y : tensor<?x64xf32>
}
