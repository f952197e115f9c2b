// RUN: seq-opt %s --lower-generics --canonicalize --cse | FileCheck %s
// RUN: seq-opt %s --lower-generics="lanes=8" --canonicalize --cse | FileCheck %s --check-prefix=LANES8

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>

// Whole vectors, then the rest under a mask.
// CHECK-LABEL: func.func @elementwise(
// CHECK:         scf.for %{{.*}} = %{{.*}} to %{{.*}} step %[[SIXTEEN:.*]] {
// CHECK:           vector.load {{.*}} vector<16xf32>
// CHECK:           arith.negf {{.*}} vector<16xf32>
// CHECK:           vector.store
// CHECK:         vector.maskedload
// CHECK:         vector.maskedstore
// LANES8-LABEL: func.func @elementwise(
// LANES8:         vector.load {{.*}} vector<8xf32>
func.func @elementwise(%x: memref<37xf32>, %y: memref<37xf32>) {
  linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%x : memref<37xf32>) outs(%y : memref<37xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}

// Many rows are shared by the team.
// CHECK-LABEL: func.func @rows(
// CHECK:         scf.forall
// CHECK:           vector.store
// CHECK:         } {kernel.grain =
func.func @rows(%x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : memref<?x64xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}

// A sum over the innermost dimension: lanes are its terms.
// CHECK-LABEL: func.func @sum(
// CHECK:         scf.for {{.*}} -> (vector<16xf32>
// CHECK:         vector.reduction <add>
func.func @sum(%x: memref<4x256xf32>, %y: memref<4xf32>) {
  linalg.generic {indexing_maps = [#id2, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : memref<4x256xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.addf %o, %a : f32
    linalg.yield %n : f32
  }
  return
}

// A product: 6 rows by 2 vectors of sums in registers, one load of a vector and
// one of a scalar for each row and column of the tile.
// CHECK-LABEL: func.func @product(
// CHECK:         scf.for {{.*}} -> (vector<16xf32>{{(, vector<16xf32>)+}})
// CHECK-COUNT-6:   memref.load %{{.*}} : memref<?x6x8xf32>
// CHECK-NOT:       memref.load
// CHECK:           scf.yield
func.func @product(%x: memref<?x6x8xf32>, %w: memref<?x8x32xf32>, %y: memref<?x6x32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(n, r, c, k) -> (n, r, k)>, affine_map<(n, r, c, k) -> (n, k, c)>, affine_map<(n, r, c, k) -> (n, r, c)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : memref<?x6x8xf32>, memref<?x8x32xf32>) outs(%y : memref<?x6x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  }
  return
}

// The rows of an embedding are loaded as vectors.
// CHECK-LABEL: func.func @embedding(
// CHECK:         %[[ID:.*]] = arith.index_cast
// CHECK:         vector.load %{{.*}}[%[[ID]], %{{.*}}] : memref<100x32xf32>, vector<16xf32>
// CHECK-NOT:     vector.gather
func.func @embedding(%ids: memref<?xi64>, %table: memref<100x32xf32>, %y: memref<?x32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, #id2], iterator_types = ["parallel", "parallel"]} ins(%ids : memref<?xi64>) outs(%y : memref<?x32xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %column = linalg.index 1 : index
    %v = memref.load %table[%row, %column] : memref<100x32xf32>
    linalg.yield %v : f32
  }
  return
}

// Lanes that are apart in memory: a scalar loop.
// CHECK-LABEL: func.func @transpose(
// CHECK:         memref.load
// CHECK:         memref.store
// CHECK-NOT:     vector.
func.func @transpose(%x: memref<4x8xf32>, %y: memref<8x4xf32>) {
  linalg.transpose ins(%x : memref<4x8xf32>) outs(%y : memref<8x4xf32>) permutation = [1, 0]
  return
}

// On tensors there is nothing to do.
// CHECK-LABEL: func.func @tensors(
// CHECK:         linalg.generic
func.func @tensors(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%x : tensor<8xf32>) {
  ^bb0(%o: f32):
    %n = arith.negf %o : f32
    linalg.yield %n : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}
