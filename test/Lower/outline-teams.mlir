// RUN: seq-opt %s --split-input-file --outline-teams --verify-diagnostics | FileCheck %s

// Constants are made again inside, other values are handed over.
// CHECK-LABEL: func.func @shared(
// CHECK-SAME:    %[[A:.*]]: memref<?xf32>, %[[X:.*]]: f32, %[[N:.*]]: index)
// CHECK-NEXT:    %[[C:.*]] = arith.constant
// CHECK-NEXT:    kernel.parallel @shared.parallel({{.*}}) units %[[N]] grain 4 :
// CHECK-LABEL: func.func private @shared.parallel(
// CHECK-SAME:    %[[LO:[^:]*]]: index, %[[HI:[^:]*]]: index)
// CHECK:         arith.constant 2.000000e+00
// CHECK:         scf.for %[[I:.*]] = %[[LO]] to %[[HI]]
// CHECK:           memref.store %{{.*}}, %{{.*}}[%[[I]]]
func.func @shared(%a: memref<?xf32>, %x: f32, %n: index) {
  %two = arith.constant 2.0 : f32
  scf.forall (%i) in (%n) {
    %y = arith.mulf %x, %two : f32
    memref.store %y, %a[%i] : memref<?xf32>
  } {kernel.grain = 4 : i64}
  return
}

// -----

// Buffers on the stack belong to the function's frame, not to a loop in it.
// CHECK-LABEL: func.func @team(
// CHECK:         kernel.run_team @team.team(%{{.*}}) : memref<8xf32>
// CHECK-LABEL: func.func private @team.team(
// CHECK-SAME:    %[[T:[^:]*]]: index, %[[N:[^:]*]]: index)
// CHECK-NEXT:    memref.alloca
// CHECK:         kernel.barrier
func.func @team(%a: memref<8xf32>) {
  kernel.team {
  ^bb0(%thread: index, %threads: index):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %i = %thread to %threads step %c1 {
      %b = memref.alloca() : memref<4xf32>
      %x = memref.load %b[%c0] : memref<4xf32>
      memref.store %x, %a[%thread] : memref<8xf32>
    }
    kernel.barrier
    kernel.yield
  }
  return
}

// -----

// Inside another parallel region the team is taken.
// CHECK-LABEL: func.func @nested(
// CHECK:         kernel.parallel @nested.parallel
// CHECK-NOT:     kernel.parallel
// CHECK-LABEL: func.func private @nested.parallel(
// CHECK-COUNT-2: scf.for
func.func @nested(%a: memref<?x?xf32>, %x: f32, %n: index) {
  scf.forall (%i) in (%n) {
    scf.forall (%j) in (%n) {
      memref.store %x, %a[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// -----

func.func @two_dimensions(%a: memref<?x?xf32>, %x: f32, %n: index) {
  // expected-error @below {{must have one dimension of step 1}}
  scf.forall (%i, %j) in (%n, %n) {
    memref.store %x, %a[%i, %j] : memref<?x?xf32>
  }
  return
}
