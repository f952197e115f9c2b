// RUN: seq-opt %s -lower-contracts -canonicalize -cse --verify-diagnostics --split-input-file | FileCheck %s

// Panels without padding need no mask; the number of rows is chosen at run time.
// CHECK-LABEL: func.func @whole_panels
// CHECK-NOT:   masked
// CHECK:       scf.forall
// CHECK:         arith.cmpi eq, %{{.*}}, %c1
// CHECK:         vector.fma
// CHECK:         memref.alloca() {alignment = 64 : i64} : memref<8x32xf32>
// CHECK:         memref.alloca() {alignment = 64 : i64} : memref<6x64xf32>
// CHECK:       } {kernel.grain = 8 : i64}
// CHECK-NOT:   kernel.contract
func.func @whole_panels(%x: memref<?x64xf32>, %w: memref<2x64x64xf32>, %y: memref<?x128xf32>) {
  kernel.contract ins(%x, %w : memref<?x64xf32>, memref<2x64x64xf32>) outs(%y : memref<?x128xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// One row, known at compile time: no tiles. A padded bias is read without mask,
// out is not.
// CHECK-LABEL: func.func @one_row
// CHECK-SAME:    %[[B:[a-z0-9]+]]: memref<96xf32>, %[[Y:[a-z0-9]+]]: memref<80xf32>
// CHECK-NOT:   memref.alloca
// CHECK:       vector.create_mask
// CHECK:       vector.load %[[B]]
// CHECK:       vector.maskedload %[[Y]]
// CHECK:       vector.maskedstore %[[Y]]
func.func @one_row(%x: memref<64xf32>, %w: memref<2x64x48xf32>, %b: memref<96xf32>, %y: memref<80xf32>) {
  kernel.contract ins(%x, %w : memref<64xf32>, memref<2x64x48xf32>) extras(%b : memref<96xf32>) outs(%y : memref<80xf32>) {
  ^bb0(%p: f32, %e: f32, %o: f32):
    %0 = arith.addf %p, %e : f32
    %1 = arith.addf %0, %o : f32
    kernel.yield %1 : f32
  }
  return
}

// -----

// Two leading dimensions are counted row by row.
// CHECK-LABEL: func.func @batch
// CHECK-DAG:   arith.divui
// CHECK-DAG:   arith.remui
func.func @batch(%x: memref<2x?x16xf32, strided<[?, ?, 1], offset: ?>>, %w: memref<1x16x16xf32>, %y: memref<2x?x16xf32>) {
  kernel.contract ins(%x, %w : memref<2x?x16xf32, strided<[?, ?, 1], offset: ?>>, memref<1x16x16xf32>) outs(%y : memref<2x?x16xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @columns_apart(%x: memref<?x16xf32>, %w: memref<1x16x16xf32>, %y: memref<?x16xf32, strided<[32, 2]>>) {
  // expected-error@+1 {{out must be contiguous in its last dimension}}
  kernel.contract ins(%x, %w : memref<?x16xf32>, memref<1x16x16xf32>) outs(%y : memref<?x16xf32, strided<[32, 2]>>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @tensors(%x: tensor<?x16xf32>, %w: tensor<1x16x16xf32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // expected-error@+1 {{must be bufferized before it is lowered}}
  %0 = kernel.contract ins(%x, %w : tensor<?x16xf32>, tensor<1x16x16xf32>) outs(%y : tensor<?x16xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  } -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}
