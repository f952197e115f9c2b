// RUN: seq-opt %s --lower-generics=lanes=8 | FileCheck %s

#row = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @lanes(
// CHECK:         vector.load {{.*}} vector<8xf32>
// CHECK:         vector.store {{.*}} vector<8xf32>
// CHECK:         vector.maskedload {{.*}} vector<8xf32>
// CHECK:         vector.maskedstore {{.*}} vector<8xf32>
func.func @lanes(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// What is the same for a row is computed once a row.

#rows = affine_map<(d0, d1) -> (d0, d1)>
#scale = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @scale(
// CHECK-SAME:    %{{.+}}: memref<?x64xf32>, %[[S:.+]]: memref<?xf32>,
// CHECK:         %[[SUM:.+]] = memref.load %[[S]]
// CHECK-NEXT:    %[[SCALE:.+]] = math.rsqrt %[[SUM]] : f32
// CHECK:         scf.for
// CHECK-NOT:     rsqrt
// CHECK:         %[[LANES:.+]] = vector.broadcast %[[SCALE]]
// CHECK-NEXT:    arith.mulf %{{.+}}, %[[LANES]] : vector<8xf32>
func.func @scale(%x: memref<?x64xf32>, %s: memref<?xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#rows, #scale, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x64xf32>, memref<?xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %0 = math.rsqrt %sum : f32
    %1 = arith.mulf %in, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// In memory an i1 is a byte; lanes would be bits.

// CHECK-LABEL: func.func @mask(
// CHECK-NOT:     vector
// CHECK:         %[[MASK:.+]] = memref.load {{.*}} : memref<?xi64>
// CHECK:         %[[BIT:.+]] = arith.cmpi ne, %[[MASK]]
// CHECK:         memref.store %[[BIT]], {{.*}} : memref<?xi1>
func.func @mask(%x: memref<?xi64>, %y: memref<?xi1>) {
  %c0 = arith.constant 0 : i64
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
      ins(%x : memref<?xi64>) outs(%y : memref<?xi1>) {
  ^bb0(%in: i64, %out: i1):
    %0 = arith.cmpi ne, %in, %c0 : i64
    linalg.yield %0 : i1
  }
  return
}

// CHECK-LABEL: func.func @choose(
// CHECK-NOT:     vector
// CHECK:         memref.load {{.*}} : memref<?xi1>
// CHECK:         arith.select
func.func @choose(%x: memref<?xi1>, %y: memref<?xf32>) {
  %cst = arith.constant 1.0 : f32
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
      ins(%x : memref<?xi1>) outs(%y : memref<?xf32>) {
  ^bb0(%in: i1, %out: f32):
    %0 = arith.select %in, %cst, %out : f32
    linalg.yield %0 : f32
  }
  return
}
