// RUN: seq-opt %s --split-input-file --plan-arena --canonicalize --cse | FileCheck %s

// Two buffers that never live together share a slot.
// CHECK-LABEL: func.func private @shared_slot.arena_bytes(
// CHECK-SAME:    %[[N:.*]]: index) -> index
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant 4 : index
// CHECK:         %[[BYTES:.*]] = arith.muli %[[N]], %[[FOUR]]
// CHECK-NOT:     arith.muli
// CHECK:         return
// CHECK-LABEL: func.func private @shared_slot(
// CHECK-SAME:    %[[X:[^:]*]]: memref<?xf32>, %[[ARENA:[^:]*]]: memref<?xi8>)
// CHECK:         %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:         %[[SLOT:.*]] = memref.view %[[ARENA]][%[[ZERO]]][%{{.*}}]
// CHECK-NEXT:    linalg.copy ins(%[[X]] {{.*}} outs(%[[SLOT]]
// CHECK-NEXT:    linalg.copy ins(%[[SLOT]] {{.*}} outs(%[[X]]
// CHECK-NEXT:    linalg.copy ins(%[[X]] {{.*}} outs(%[[SLOT]]
func.func private @shared_slot(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  linalg.copy ins(%a : memref<?xf32>) outs(%x : memref<?xf32>)
  %b = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%b : memref<?xf32>)
  linalg.copy ins(%b : memref<?xf32>) outs(%x : memref<?xf32>)
  return
}

// -----

// A buffer used through a view lives as long as the view does.
// CHECK-LABEL: func.func private @view(
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[NEXT:.*]] = arith.constant 64 : index
// CHECK:         memref.view %{{.*}}[%[[ZERO]]]
// CHECK:         memref.view %{{.*}}[%[[NEXT]]]
func.func private @view(%x: memref<16xf32>, %y: memref<4x4xf32>) {
  %a = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
  %v = memref.expand_shape %a [[0, 1]] output_shape [4, 4] : memref<16xf32> into memref<4x4xf32>
  %b = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%b : memref<16xf32>)
  linalg.copy ins(%b : memref<16xf32>) outs(%x : memref<16xf32>)
  linalg.copy ins(%v : memref<4x4xf32>) outs(%y : memref<4x4xf32>)
  return
}

// -----

// A buffer that a loop uses lives until the loop ends: what the body allocates
// afterwards gets another place.
// CHECK-LABEL: func.func private @loop(
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[NEXT:.*]] = arith.constant 64 : index
// CHECK:         memref.view %{{.*}}[%[[ZERO]]]
// CHECK:         scf.for
// CHECK:           memref.view %{{.*}}[%[[NEXT]]]
func.func private @loop(%x: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %a = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
  scf.for %i = %c0 to %c9 step %c1 {
    linalg.copy ins(%a : memref<16xf32>) outs(%x : memref<16xf32>)
    %b = memref.alloc() : memref<16xf32>
    linalg.copy ins(%x : memref<16xf32>) outs(%b : memref<16xf32>)
    linalg.copy ins(%b : memref<16xf32>) outs(%x : memref<16xf32>)
  }
  return
}

// -----

// The rest of the arena is handed to callees that need some; an entry point
// asks the runtime for it.
// CHECK-LABEL: func.func private @callee(
// CHECK-SAME:    memref<?xi8>
// CHECK-LABEL: func.func private @entry.arena_bytes(
// CHECK:         call @callee.arena_bytes
// CHECK-LABEL: func.func @entry()
// CHECK:         %[[X:.*]] = kernel.argument 0
// CHECK:         %[[BYTES:.*]] = {{.*}}call @callee.arena_bytes
// CHECK:         %[[ARENA:.*]] = kernel.arena
// CHECK:         %[[REST:.*]] = memref.view %[[ARENA]]
// CHECK:         call @callee(%[[X]], %[[REST]])
func.func private @callee(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  linalg.copy ins(%a : memref<?xf32>) outs(%x : memref<?xf32>)
  return
}
func.func @entry() {
  %x = kernel.argument 0 sizes 0 : memref<?xf32>
  call @callee(%x) : (memref<?xf32>) -> ()
  return
}

// -----

// Nothing to place.
// CHECK-LABEL: func.func private @nothing(
// CHECK-SAME:    %{{[^:]*}}: memref<?xf32>) {
// CHECK-NOT:   arena
func.func private @nothing(%x: memref<?xf32>) {
  return
}

// -----

// A buffer of a branch that sizes decide on takes no room where the branch is not
// taken: here it is n by n, up to 100 times.
// CHECK-LABEL: func.func private @branch.arena_bytes(
// CHECK-SAME:    %[[N:.*]]: index) -> index
// CHECK:         arith.muli %[[N]], %[[N]]
// CHECK:         %[[SHORT:.*]] = arith.cmpi slt, %[[N]], %c100
// CHECK:         %[[BYTES:.*]] = arith.select %[[SHORT]], %{{.*}}, %c0
// CHECK:         return %[[BYTES]]
// CHECK-LABEL: func.func private @branch(
func.func private @branch(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c100 = arith.constant 100 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %short = arith.cmpi slt, %n, %c100 : index
  scf.if %short {
    %a = memref.alloc(%n, %n) : memref<?x?xf32>
    linalg.broadcast ins(%x : memref<?xf32>) outs(%a : memref<?x?xf32>) dimensions = [0]
    %b = memref.subview %a[0, 0] [1, %n] [1, 1] : memref<?x?xf32> to memref<?xf32, strided<[1]>>
    linalg.copy ins(%b : memref<?xf32, strided<[1]>>) outs(%x : memref<?xf32>)
  }
  return
}

// -----

// What a branch yields lives as long as the result: it does not share its slot
// with a buffer behind the branch.
// CHECK-LABEL: func.func private @yielded(
// CHECK:         scf.if
// CHECK-DAG:       memref.view %{{.*}}[%[[A:.*]]][]
// CHECK:         } else {
// CHECK:         memref.view %{{.*}}[%[[B:.*]]][]
func.func private @yielded(%x: memref<16xf32>, %n: index) {
  %c100 = arith.constant 100 : index
  %short = arith.cmpi slt, %n, %c100 : index
  %r = scf.if %short -> memref<16xf32> {
    %a = memref.alloc() : memref<16xf32>
    linalg.copy ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
    scf.yield %a : memref<16xf32>
  } else {
    scf.yield %x : memref<16xf32>
  }
  %b = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%b : memref<16xf32>)
  linalg.copy ins(%b : memref<16xf32>) outs(%x : memref<16xf32>)
  linalg.copy ins(%r : memref<16xf32>) outs(%x : memref<16xf32>)
  return
}
