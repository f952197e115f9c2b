// RUN: seq-opt %s -seq-to-forms -forms-to-kernels -split-input-file 2>/dev/null | FileCheck %s
// Evaluated and executed in test/python/test_reorder_weights.py.

// A product of two weights is one entry of the file.
// CHECK:       kernel.entry @"a+b" : tensor<{{.*}}xf32>
// CHECK-LABEL: func.func @weights
// CHECK-NOT:   linalg.generic
// CHECK:       %[[AB:.+]] = kernel.weight @"a+b"
// CHECK:       kernel.contract ins(%{{.+}}, %[[AB]]
// CHECK-NOT:   kernel.contract
// CHECK-LABEL: func.func private @pack
// CHECK:         arith.mulf
// CHECK:       kernel.store_entry
func.func @weights(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %a = seq.weight @a : tensor<64x48xf32>
  %b = seq.weight @b : tensor<48x64xf32>
  %e0 = tensor.empty(%n) : tensor<?x48xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x48xf32>) -> tensor<?x48xf32>
  %xa = linalg.matmul ins(%x, %a : tensor<?x64xf32>, tensor<64x48xf32>) outs(%f0 : tensor<?x48xf32>) -> tensor<?x48xf32>
  %e1 = tensor.empty(%n) : tensor<?x64xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = linalg.matmul ins(%xa, %b : tensor<?x48xf32>, tensor<48x64xf32>) outs(%f1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Random Synthesizer: the softmax of a weight is computed when weights are packed.
// CHECK-LABEL: func.func @synthesizer
// CHECK-NOT:   math.exp
// CHECK-NOT:   arith.maximumf
// CHECK-LABEL: func.func private @pack
// CHECK:         arith.maximumf
// CHECK:         math.exp
// CHECK:         arith.divf
// CHECK:       kernel.store_entry
#ts = affine_map<(t, s) -> (t, s)>
#t = affine_map<(t, s) -> (t)>
func.func @synthesizer(%v: tensor<16x32xf32>) -> tensor<16x32xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %r = seq.weight @r : tensor<16x16xf32>
  %e0 = tensor.empty() : tensor<16xf32>
  %f0 = linalg.fill ins(%lowest : f32) outs(%e0 : tensor<16xf32>) -> tensor<16xf32>
  %m = linalg.reduce {arith.maximumf} ins(%r : tensor<16x16xf32>) outs(%f0 : tensor<16xf32>) dimensions = [1]
  %e1 = tensor.empty() : tensor<16x16xf32>
  %w = linalg.generic {indexing_maps = [#ts, #t, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%r, %m : tensor<16x16xf32>, tensor<16xf32>) outs(%e1 : tensor<16x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.subf %a, %b : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<16x16xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<16xf32>) -> tensor<16xf32>
  %z = linalg.reduce {arith.addf} ins(%w : tensor<16x16xf32>) outs(%f1 : tensor<16xf32>) dimensions = [1]
  %p = linalg.generic {indexing_maps = [#ts, #t, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%w, %z : tensor<16x16xf32>, tensor<16xf32>) outs(%e1 : tensor<16x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<16x16xf32>
  %e2 = tensor.empty() : tensor<16x32xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<16x32xf32>) -> tensor<16x32xf32>
  %y = linalg.matmul ins(%p, %v : tensor<16x16xf32>, tensor<16x32xf32>) outs(%f2 : tensor<16x32xf32>) -> tensor<16x32xf32>
  return %y : tensor<16x32xf32>
}
