// RUN: seq-opt %s --seq-convolve --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Powers of the coefficient, the kernel with the sum over the 4 states of a
// channel in it, and one sum over times. The initial state is zero.
// CHECK-DAG:   #[[SHIFT:.*]] = affine_map<(d0, d1, d2, d3) -> (d1 + d3, d0, d2)>
// CHECK-LABEL: func.func @channels(
// CHECK-SAME:    %[[A:[^:]*]]: tensor<8x4xf32>, %[[B:[^:]*]]: tensor<8x4xf32>, %[[C:[^:]*]]: tensor<8x4xf32>, %[[X:[^:]*]]: tensor<2x?x8xf32>)
// CHECK:         %[[P:.*]]:2 = seq.scan along 1 reverse associative exclusive ins(%{{.*}} : tensor<1x?x8x4xf32>) init(
// CHECK:           arith.mulf
// CHECK-NOT:     seq.scan
// CHECK:         %[[K:.*]] = linalg.generic {{.*}} ins(%[[P]]#0, %[[C]], %[[B]] : {{.*}}) outs(%{{.*}} : tensor<?x8xf32>)
// CHECK:         %[[PADDED:.*]] = tensor.insert_slice
// CHECK:         %[[Y:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[SHIFT]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%[[K]], %[[PADDED]] : {{.*}}) outs(%{{.*}} : tensor<2x?x8xf32>)
// CHECK:         return %[[Y]]
func.func @channels(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>, %c: tensor<8x4xf32>, %x: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x8xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x8xf32>
  %zero = arith.constant dense<0.0> : tensor<2x8xf32>
  %s0 = arith.constant dense<0.0> : tensor<2x8x4xf32>
  %y, %s = seq.recurrence along 1 ins(%x : tensor<2x?x8xf32>) outs(%y0 : tensor<2x?x8xf32>) init(%s0 : tensor<2x8x4xf32>) {
  ^step(%xt: tensor<2x8xf32>, %yt: tensor<2x8xf32>, %st: tensor<2x8x4xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (b, c)>, affine_map<(b, c, n) -> (b, c, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%a, %b, %xt : tensor<8x4xf32>, tensor<8x4xf32>, tensor<2x8xf32>) outs(%st : tensor<2x8x4xf32>) {
    ^bb0(%p: f32, %q: f32, %v: f32, %o: f32):
      %0 = arith.mulf %p, %o : f32
      %1 = arith.mulf %q, %v : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2x8x4xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (b, c, n)>, affine_map<(b, c, n) -> (b, c)>], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%c, %n : tensor<8x4xf32>, tensor<2x8x4xf32>) outs(%zero : tensor<2x8xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %0 = arith.mulf %p, %q : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x8xf32>
    seq.yield %r, %n : tensor<2x8xf32>, tensor<2x8x4xf32>
  }
  return %y : tensor<2x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @varying(
// CHECK:         seq.recurrence
func.func @varying(%a: tensor<?x8xf32>, %x: tensor<?x8xf32>, %s0: tensor<8xf32>) -> tensor<?x8xf32> {
  // expected-remark@below {{no convolution: the recurrence has state 0, whose coefficient differs from time to time}}
  %y, %s = seq.recurrence along 0 ins(%a, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) init(%s0 : tensor<8xf32>) {
  ^step(%at: tensor<8xf32>, %xt: tensor<8xf32>, %yt: tensor<8xf32>, %st: tensor<8xf32>):
    %0 = arith.mulf %st, %at : tensor<8xf32>
    %n = arith.addf %0, %xt : tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @matrix(
// CHECK:         seq.recurrence
func.func @matrix(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %s0: tensor<8xf32>) -> tensor<?x8xf32> {
  // expected-remark@below {{no convolution: the recurrence has state 0, which takes from its other elements}}
  %y, %s = seq.recurrence along 0 ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) init(%s0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %st: tensor<8xf32>):
    %n = linalg.matvec ins(%w, %st : tensor<8x8xf32>, tensor<8xf32>) outs(%xt : tensor<8xf32>) -> tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// A state of one number: nothing is left but the last state.
// CHECK-LABEL: func @number
// CHECK:       iterator_types = ["reduction"]} ins(%{{.*}} : tensor<?xf32>)
// CHECK:       return
func.func @number(%x: tensor<?xf32>, %h: tensor<f32>) -> tensor<f32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%t) : tensor<?xf32>
  %y, %last = seq.recurrence along 0 ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) init(%h : tensor<f32>) {
  ^step(%xt: tensor<f32>, %yt: tensor<f32>, %s: tensor<f32>):
    %next = arith.addf %s, %xt : tensor<f32>
    seq.yield %next, %next : tensor<f32>, tensor<f32>
  }
  return %last : tensor<f32>
}
