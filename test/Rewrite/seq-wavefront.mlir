// RUN: seq-opt %s -seq-wavefront -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s
// Evaluated in test/python/test_wavefront.py.

// The upper one reads what the lower one put out a step before, through a product.
#x = affine_map<(b, t, n, k) -> (b, t, k)>
#w = affine_map<(b, t, n, k) -> (n, k)>
#y = affine_map<(b, t, n, k) -> (b, t, n)>
// CHECK-LABEL: func.func @stack
// CHECK-SAME:    (%[[X:.+]]: tensor<1x?x4xf32>, %[[W:.+]]: tensor<4x4xf32>, %[[H0:.+]]: tensor<1x4xf32>, %[[G0:.+]]: tensor<1x4xf32>)
// CHECK:       %[[M:.+]] = affine.min
// CHECK:       %[[A:.+]]:3 = seq.recurrence along 1 {{.*}} init(%[[H0]], %{{.+}} : tensor<1x4xf32>, tensor<1x4xf32>)
// CHECK:       %[[B:.+]]:5 = seq.recurrence along 1 {{.*}} init(%[[A]]#1, %[[G0]], %[[A]]#2 :
// CHECK-NEXT:  ^{{.+}}(%[[XT:.+]]: tensor<1x4xf32>, %{{.+}}: tensor<1x4xf32>, %{{.+}}: tensor<1x4xf32>, %[[H:.+]]: tensor<1x4xf32>, %[[G:.+]]: tensor<1x4xf32>, %[[C:.+]]: tensor<1x4xf32>):
// CHECK:         %[[HN:.+]] = arith.addf %[[H]], %[[XT]]
// CHECK:         %[[P:.+]] = linalg.generic {{.*}} ins(%[[C]], %[[W]] :
// CHECK:         %[[GN:.+]] = arith.addf %[[G]], %[[P]]
// CHECK:         seq.yield %[[HN]], %[[GN]], %[[HN]], %[[GN]], %[[HN]]
// CHECK:       %[[L:.+]]:2 = seq.recurrence along 1 outs({{.*}}) init(%[[B]]#3 :
// CHECK:         linalg.generic {{.*}} ins(%[[B]]#4, %[[W]] :
// CHECK:       return %{{.+}}, %{{.+}}, %[[B]]#2, %[[L]]#1
func.func @stack(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<1x4xf32>, %g0: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %p = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%y, %w : tensor<1x?x4xf32>, tensor<4x4xf32>) outs(%f : tensor<1x?x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x4xf32>
  // expected-remark @below {{runs one step behind the recurrence that it reads}}
  %z, %g = seq.recurrence along 1 ins(%p : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%g0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  return %y, %z, %h, %g : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// CHECK-LABEL: func.func @both_ways
// CHECK-SAME:    (%[[X:.+]]: tensor<1x?x4xf32>
// CHECK:       %[[F:.+]] = linalg.generic
// CHECK:         tensor.extract %[[X]]
// CHECK:       %[[R:.+]]:4 = seq.recurrence along 1 ins(%[[X]], %[[F]] :
// CHECK:       %[[Z:.+]] = linalg.generic
// CHECK:         tensor.extract %[[R]]#1
// CHECK:       return %[[R]]#0, %[[Z]], %[[R]]#2, %[[R]]#3
func.func @both_ways(%x: tensor<1x?x4xf32>, %h0: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  // expected-remark @below {{runs beside another recurrence}}
  %z, %g = seq.recurrence along 1 reverse ins(%x : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  return %y, %z, %h, %g : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// Sequences that may differ in their number of times.
// CHECK-LABEL: func.func @other_times
// CHECK-COUNT-2: seq.recurrence
func.func @other_times(%x: tensor<1x?x4xf32>, %z: tensor<1x?x4xf32>, %h0: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  %g = seq.recurrence along 1 ins(%z : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %h, %g : tensor<1x4xf32>, tensor<1x4xf32>
}
