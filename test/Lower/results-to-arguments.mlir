// RUN: seq-opt %s --split-input-file --results-to-arguments --verify-diagnostics | FileCheck %s

// The caller allocates what the callee would have.
// CHECK-LABEL: func.func private @fresh(
// CHECK-SAME:    %[[X:[^:]*]]: memref<?xf32>, %[[Y:[^:]*]]: memref<?xf32>) {
// CHECK:         linalg.copy ins(%[[X]] {{.*}} outs(%[[Y]]
// CHECK-NEXT:    return
// CHECK-LABEL: func.func @caller(
// CHECK-SAME:    %[[A:.*]]: memref<?xf32>)
// CHECK:         %[[N:.*]] = memref.dim %[[A]]
// CHECK:         %[[B:.*]] = memref.alloc(%[[N]])
// CHECK-NEXT:    call @fresh(%[[A]], %[[B]])
// CHECK-NEXT:    return %[[B]]
func.func private @fresh(%x: memref<?xf32>) -> memref<?xf32> {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %y = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  return %y : memref<?xf32>
}
func.func @caller(%a: memref<?xf32>) -> memref<?xf32> {
  %b = call @fresh(%a) : (memref<?xf32>) -> memref<?xf32>
  return %b : memref<?xf32>
}

// -----

// An argument that is returned is the caller's already.
// CHECK-LABEL: func.func private @same(
// CHECK-SAME:    %{{[^:]*}}: memref<4xf32>) {
// CHECK-LABEL: func.func @caller(
// CHECK-SAME:    %[[A:.*]]: memref<4xf32>)
// CHECK-NEXT:    call @same(%[[A]])
// CHECK-NEXT:    return %[[A]]
func.func private @same(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}
func.func @caller(%a: memref<4xf32>) -> memref<4xf32> {
  %b = call @same(%a) : (memref<4xf32>) -> memref<4xf32>
  return %b : memref<4xf32>
}

// -----

// A part of a buffer is copied.
// CHECK-LABEL: func.func private @part(
// CHECK-SAME:    %{{[^:]*}}: memref<8xf32>, %[[Y:[^:]*]]: memref<8xf32>)
// CHECK:         memref.copy %{{.*}}, %[[Y]]
func.func private @part(%x: memref<8xf32>) -> memref<8xf32> {
  %y = memref.alloc() : memref<16xf32>
  %v = memref.subview %y[0] [8] [1] : memref<16xf32> to memref<8xf32>
  linalg.copy ins(%x : memref<8xf32>) outs(%v : memref<8xf32>)
  %w = memref.cast %v : memref<8xf32> to memref<8xf32>
  return %w : memref<8xf32>
}

// -----

func.func private @from_data(%x: memref<1xindex>) -> memref<?xf32> {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  %y = memref.alloc(%n) : memref<?xf32>
  return %y : memref<?xf32>
}
func.func @caller(%a: memref<1xindex>) -> memref<?xf32> {
  // expected-error @below {{gives a result whose size depends on data}}
  %b = call @from_data(%a) : (memref<1xindex>) -> memref<?xf32>
  return %b : memref<?xf32>
}
