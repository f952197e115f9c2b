// RUN: seq-opt %s -lower-attention -canonicalize -cse --verify-diagnostics --split-input-file | FileCheck %s
// RUN: seq-opt %s -lower-attention="lanes=8 registers=16" -canonicalize -cse --verify-diagnostics --split-input-file | FileCheck %s --check-prefix=NARROW
// Executed in test/python/test_attention_compiled.py.

// The number of queries chooses at run time. Four rows of keys meet four vectors
// of queries: 16 accumulators. Without a mask nothing is hidden.
// CHECK-LABEL: func.func @full
// CHECK:       %[[T:.+]] = memref.dim %{{.+}}, %c1
// CHECK:       %[[FEW:.+]] = arith.cmpi ule, %[[T]], %c4
// CHECK:       scf.if %[[FEW]] {
// CHECK:         vector.reduction <add>
// CHECK:       } else {
// CHECK:         scf.forall
// CHECK:           vector.shuffle
// CHECK:           scf.for {{.*}} iter_args({{(%[a-z0-9_]+ = %[a-z0-9_]+, ){15}%[a-z0-9_]+ = %[a-z0-9_]+}})
// CHECK:             vector.fma
// CHECK:           math.exp2
// CHECK:         } {kernel.grain = 1 : i64}
// CHECK-NOT:   arith.cmpi sle
// CHECK-NOT:   kernel.attention

// Of 16 registers two vectors of eight queries take half.
// NARROW-LABEL: func.func @full
// NARROW:       } else {
// NARROW:           scf.for {{.*}} iter_args({{(%[a-z0-9_]+ = %[a-z0-9_]+, ){7}%[a-z0-9_]+ = %[a-z0-9_]+}})
// NARROW:             vector.fma {{.*}} : vector<8xf32>
func.func @full(%q: memref<1x?x8x64xf32>, %k: memref<1x?x8x64xf32>, %v: memref<1x?x8x64xf32>, %y: memref<1x?x8x64xf32>) {
  kernel.attention ins(%q, %k, %v : memref<1x?x8x64xf32>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      outs(%y : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

// Only tiles that the diagonal cuts are masked.
// CHECK-LABEL: func.func @causal
// CHECK-NOT:   scf.if
// CHECK:       scf.forall
// CHECK:       %[[CUT:.+]] = arith.cmpi slt
// CHECK:       scf.if %[[CUT]] {
// CHECK:         arith.cmpi sle, %{{.*}} : vector<16xi32>
// CHECK:         arith.select
// CHECK:       }
func.func @causal(%q: memref<1x64x8x64xf32>, %k: memref<1x?x8x64xf32>, %y: memref<1x64x8x64xf32>) {
  kernel.attention ins(%q, %k, %k : memref<1x64x8x64xf32>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      outs(%y : memref<1x64x8x64xf32>) mask <causal> scale 0.125
  return
}

// -----

// One query, known at compile time: no blocks. The parts of the keys are merged.
// CHECK-LABEL: func.func @one_query
// CHECK-NOT:   vector.shuffle
// CHECK:       memref.alloc() {{.*}} : memref<32x8x64xf32>
// CHECK:       scf.forall
// CHECK:         vector.reduction <add>
// CHECK:       scf.forall (%{{.*}}) in (8) {
// CHECK-NOT:     vector.reduction
// CHECK:         vector.store
// CHECK:       } {kernel.grain = 8 : i64}
func.func @one_query(%q: memref<1x1x8x64xf32>, %k: memref<1x?x2x64xf32>, %y: memref<1x1x8x64xf32>) {
  kernel.attention ins(%q, %k, %k : memref<1x1x8x64xf32>, memref<1x?x2x64xf32>, memref<1x?x2x64xf32>)
      outs(%y : memref<1x1x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

// A pattern of blocks is constant memory; blocks without anything are skipped.
// CHECK:       memref.global "private" constant @[[NAME:.+]] : memref<2x2xi1> = dense
// CHECK-LABEL: func.func @blocks
// CHECK:       memref.get_global @[[NAME]]
// CHECK:       scf.if %{{.*}}#0 {
func.func @blocks(%q: memref<1x128x8x64xf32>, %k: memref<1x?x8x64xf32>, %y: memref<1x128x8x64xf32>) {
  kernel.attention ins(%q, %k, %k : memref<1x128x8x64xf32>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      outs(%y : memref<1x128x8x64xf32>) mask <blocks(64, dense<[[true, false], [true, true]]> : tensor<2x2xi1>)> scale 0.125
  return
}

// -----

func.func @channels_apart(%q: memref<1x?x8x64xf32>, %k: memref<1x?x8x64xf32, strided<[?, ?, ?, 2]>>) {
  // expected-error@+1 {{key must be contiguous in its last dimension}}
  kernel.attention ins(%q, %k, %q : memref<1x?x8x64xf32>, memref<1x?x8x64xf32, strided<[?, ?, ?, 2]>>, memref<1x?x8x64xf32>)
      outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @another_type(%q: memref<1x?x8x64xf64>) {
  // expected-error@+1 {{has no vector form for elements of type 'f64'}}
  kernel.attention ins(%q, %q, %q : memref<1x?x8x64xf64>, memref<1x?x8x64xf64>, memref<1x?x8x64xf64>)
      outs(%q : memref<1x?x8x64xf64>) mask <full> scale 0.125
  return
}

// -----

func.func @tensors(%q: tensor<1x?x8x64xf32>, %y: tensor<1x?x8x64xf32>) -> tensor<1x?x8x64xf32> {
  // expected-error@+1 {{must be bufferized before it is lowered}}
  %0 = kernel.attention ins(%q, %q, %q : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      outs(%y : tensor<1x?x8x64xf32>) mask <full> scale 0.125 -> tensor<1x?x8x64xf32>
  return %0 : tensor<1x?x8x64xf32>
}
