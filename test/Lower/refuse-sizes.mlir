// RUN: seq-opt %s -refuse-sizes | FileCheck %s
// Executed in test/python/test_library.py.

// What a check needs comes with it; the order of what is needed stays.
// CHECK-LABEL: func.func @last
// CHECK:         %[[X:.+]] = kernel.argument 0
// CHECK:         %[[N:.+]] = memref.dim %[[X]], %c1
// CHECK:         %[[ANY:.+]] = arith.cmpi sgt, %[[N]], %c0
// CHECK-NEXT:    cf.assert %[[ANY]], "expected at least one token" {kernel.refusal}
// CHECK:         %[[TWICE:.+]] = arith.addi %[[N]], %[[N]]
// CHECK:         %[[FEW:.+]] = arith.cmpi sle, %[[TWICE]], %c7
// CHECK-NEXT:    cf.assert %[[FEW]], "expected at most 3 tokens" {kernel.refusal}
// CHECK:         call @body
// CHECK-NOT:     cf.assert
// CHECK:         return
func.func @last() attributes {seq.entry = {inputs = [], outputs = [], states = []}} {
  %x = kernel.argument 0 sizes 0 : memref<1x?xi64>
  %s = kernel.argument 1 sizes 1 : memref<4xf32>
  call @body(%x, %s) : (memref<1x?xi64>, memref<4xf32>) -> ()
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c1 : memref<1x?xi64>
  %any = arith.cmpi sgt, %n, %c0 : index
  cf.assert %any, "expected at least one token"
  %c7 = arith.constant 7 : index
  %twice = arith.addi %n, %n : index
  %few = arith.cmpi sle, %twice, %c7 : index
  cf.assert %few, "expected at most 3 tokens"
  return
}

// One at the front already is a refusal too.
// CHECK-LABEL: func.func @first
// CHECK:         cf.assert %{{.*}}, "none" {kernel.refusal}
// CHECK-NEXT:    return
func.func @first() attributes {seq.entry = {inputs = [], outputs = [], states = []}} {
  %x = kernel.argument 0 sizes 0 : memref<?xi64>
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xi64>
  %any = arith.cmpi sgt, %n, %c0 : index
  cf.assert %any, "none"
  return
}

// Not from numbers in memory, of which the call may have changed some, nor in
// a private function.
// CHECK-LABEL: func.func @full
// CHECK:         call @body
// CHECK:         cf.assert %{{.*}}, "full"{{$}}
func.func @full() attributes {seq.entry = {inputs = [], outputs = [], states = []}} {
  %x = kernel.argument 0 sizes 0 : memref<1x?xi64>
  %s = kernel.argument 1 sizes 1 : memref<4xf32>
  call @body(%x, %s) : (memref<1x?xi64>, memref<4xf32>) -> ()
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c1 : memref<1x?xi64>
  %number = memref.load %x[%c0, %c0] : memref<1x?xi64>
  %position = arith.index_cast %number : i64 to index
  %fits = arith.cmpi sle, %n, %position : index
  cf.assert %fits, "full"
  return
}

// CHECK-LABEL: func.func private @body
// CHECK:         memref.store
// CHECK:         cf.assert %{{.*}}, "expected at least one token"{{$}}
func.func private @body(%x: memref<1x?xi64>, %s: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  memref.store %one, %s[%c0] : memref<4xf32>
  %n = memref.dim %x, %c1 : memref<1x?xi64>
  %any = arith.cmpi sgt, %n, %c0 : index
  cf.assert %any, "expected at least one token"
  return
}
