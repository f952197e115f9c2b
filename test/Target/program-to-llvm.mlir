// RUN: seq-opt %s --program-to-llvm | FileCheck %s

// CHECK-DAG: llvm.func @seq_rt_fail(!llvm.ptr, !llvm.ptr)
// CHECK-DAG: llvm.func @seq_rt_refuse(!llvm.ptr, !llvm.ptr)
// CHECK-DAG: llvm.mlir.global private constant @seq.message("none\00")
// CHECK-DAG: llvm.mlir.global private constant @seq.message1("too short\00")

// Sizes come one by one inside, as an array from the descriptor.
// CHECK-LABEL: llvm.func internal @f.arena_bytes(%{{.*}}: !llvm.ptr) -> i64
// CHECK:         llvm.load
// CHECK:         llvm.call @f.arena_bytes.of_sizes(
// CHECK-LABEL: llvm.func internal @f.arena_bytes.of_sizes(%{{.*}}: i64) -> i64
func.func private @f.arena_bytes(%n: index) -> index {
  return %n : index
}

// CHECK-LABEL: llvm.func internal @f.body.entry(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK:         llvm.call @f.body(
// CHECK-LABEL: llvm.func internal @f(%{{[^:]*}}: !llvm.ptr)
// CHECK-SAME:    seq.entry
// CHECK:         llvm.cond_br
// CHECK:         llvm.call @seq_rt_arena(
// CHECK:         llvm.call @seq_rt_result(
// CHECK:         %[[BODY:.*]] = llvm.mlir.addressof @f.body.entry
// CHECK:         llvm.call @seq_rt_parallel(%{{.*}}, %[[BODY]],
// CHECK:         llvm.call @seq_rt_team(
// CHECK:         llvm.call @seq_rt_refuse(
// CHECK-NEXT:    llvm.unreachable
// CHECK:         llvm.call @seq_rt_fail(
// CHECK-NEXT:    llvm.unreachable
func.func @f() attributes {seq.entry = {inputs = [], outputs = [], states = []}} {
  %c0 = arith.constant 0 : index
  %x = kernel.argument 0 sizes 0 : memref<?xf32>
  %n = memref.dim %x, %c0 : memref<?xf32>
  %ok = arith.cmpi ugt, %n, %c0 : index
  cf.assert %ok, "none" {kernel.refusal}
  cf.assert %ok, "too short"
  %a = kernel.arena %n : memref<?xi8>
  %y = kernel.result 0(%n) : memref<?xf32>
  kernel.parallel @f.body(%x, %y) units %n grain 8 : memref<?xf32>, memref<?xf32>
  kernel.run_team @f.team(%a) : memref<?xi8>
  return
}

// CHECK-LABEL: llvm.func internal @f.body(%{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: !llvm.ptr,
func.func private @f.body(%x: memref<?xf32>, %y: memref<?xf32>, %lo: index, %hi: index) {
  return
}

// CHECK-LABEL: llvm.func internal @f.team(
// CHECK:         llvm.call @seq_rt_barrier(
func.func private @f.team(%a: memref<?xi8>, %thread: index, %threads: index) {
  kernel.barrier
  return
}
