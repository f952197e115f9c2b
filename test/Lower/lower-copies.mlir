// RUN: seq-opt %s --lower-copies | FileCheck %s

// CHECK-LABEL: func.func @copies(
// CHECK-SAME:    %[[X:[^:]*]]: memref<4x8xf32, strided<[16, 1]>>, %[[Y:[^:]*]]: memref<4x8xf32>)
// CHECK-NEXT:    linalg.copy ins(%[[X]] {{.*}} outs(%[[Y]]
// CHECK-NEXT:    return
func.func @copies(%x: memref<4x8xf32, strided<[16, 1]>>, %y: memref<4x8xf32>) {
  memref.copy %x, %y : memref<4x8xf32, strided<[16, 1]>> to memref<4x8xf32>
  memref.copy %y, %y : memref<4x8xf32> to memref<4x8xf32>
  return
}
