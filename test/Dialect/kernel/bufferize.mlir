// RUN: seq-opt %s --bufferize-program --canonicalize --cse | FileCheck %s

kernel.entry @"l.{}.w" : tensor<2x3xf32> count 4 first 1 offset 64 stride 128
kernel.entry @bias : tensor<8xf32> count 1 offset 576 stride 64

// A weight is a view of the payload.
// CHECK-LABEL: func.func @read
// CHECK-SAME:    %[[I:.*]]: index
// CHECK-DAG:   %[[OFFSET:.*]] = arith.constant 64 : index
// CHECK-DAG:   %[[STRIDE:.*]] = arith.constant 128 : index
// CHECK:       %[[PAYLOAD:.*]] = kernel.payload : memref<?xi8>
// CHECK:       %[[DISTANCE:.*]] = arith.muli %[[I]], %[[STRIDE]]
// CHECK:       %[[PLACE:.*]] = arith.addi %[[DISTANCE]], %[[OFFSET]]
// CHECK:       %[[VIEW:.*]] = memref.view %[[PAYLOAD]][%[[PLACE]]][] : memref<?xi8> to memref<2x3xf32>
// CHECK-NOT:   memref.alloc
// CHECK:       memref.load %[[VIEW]]
func.func @read(%i: index) -> f32 {
  %c1 = arith.constant 1 : index
  %w = kernel.weight @"l.{}.w"[%i] : tensor<2x3xf32>
  %0 = tensor.extract %w[%c1, %c1] : tensor<2x3xf32>
  return %0 : f32
}

// It is not written, though nobody else needs it.
// CHECK-LABEL: func.func @changed
// CHECK:       %[[VIEW:.*]] = memref.view %{{.*}} : memref<?xi8> to memref<8xf32>
// CHECK:       %[[OWN:.*]] = memref.alloc() {{.*}} : memref<8xf32>
// CHECK:       memref.copy %[[VIEW]], %[[OWN]]
// CHECK:       memref.store %{{.*}}, %[[OWN]]
// CHECK-NOT:   memref.store
func.func @changed(%x: f32) -> tensor<8xf32> {
  %c1 = arith.constant 1 : index
  %w = kernel.weight @bias : tensor<8xf32>
  %0 = tensor.insert %x into %w[%c1] : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @write
// CHECK-SAME:    %[[I:.*]]: index, %[[M:.*]]: memref<2x3xf32>
// CHECK:       kernel.store_entry %[[M]], @"l.{}.w"[%[[I]]] : memref<2x3xf32>
func.func @write(%i: index, %t: tensor<2x3xf32>) {
  kernel.store_entry %t, @"l.{}.w"[%i] : tensor<2x3xf32>
  return
}
