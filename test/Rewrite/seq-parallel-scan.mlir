// RUN: seq-opt %s --seq-parallel-scan --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// The coefficient is one of each channel, for both rows and all columns.
// CHECK-LABEL: func.func @decay_of_channel(
// CHECK-SAME:    %[[A:[^:]*]]: tensor<1x?x8xf32>, %[[X:[^:]*]]: tensor<2x?x8x4xf32>, %[[S:[^:]*]]: tensor<2x8x4xf32>)
// CHECK:         %[[AS:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<1x?x8xf32>) outs(%{{.*}} : tensor<1x?x8x1xf32>)
// CHECK:         %[[Y:.*]]:4 = seq.scan along 1 associative ins(%[[AS]], %[[X]] : tensor<1x?x8x1xf32>, tensor<2x?x8x4xf32>) init(%{{.*}}, %[[S]] : tensor<1x8x1xf32>, tensor<2x8x4xf32>)
// CHECK:         ^bb0(%[[A1:.*]]: tensor<1x8x1xf32>, %[[F1:.*]]: tensor<2x8x4xf32>, %[[A2:.*]]: tensor<1x8x1xf32>, %[[F2:.*]]: tensor<2x8x4xf32>):
// CHECK:           arith.mulf %[[A2]], %[[A1]]
// CHECK:           linalg.generic {{.*}} ins(%[[A2]], %[[F1]], %[[F2]] :
// CHECK:         return %[[Y]]#1, %[[Y]]#3
func.func @decay_of_channel(%a: tensor<1x?x8xf32>, %x: tensor<2x?x8x4xf32>, %s0: tensor<2x8x4xf32>) -> (tensor<2x?x8x4xf32>, tensor<2x8x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x8x4xf32>
  %y0 = tensor.empty(%t) : tensor<2x?x8x4xf32>
  %y, %s = seq.recurrence along 1 ins(%a, %x : tensor<1x?x8xf32>, tensor<2x?x8x4xf32>) outs(%y0 : tensor<2x?x8x4xf32>) init(%s0 : tensor<2x8x4xf32>) {
  ^step(%at: tensor<1x8xf32>, %xt: tensor<2x8x4xf32>, %yt: tensor<2x8x4xf32>, %st: tensor<2x8x4xf32>):
    %n = linalg.generic {indexing_maps = [affine_map<(b, c, v) -> (0, c)>, affine_map<(b, c, v) -> (b, c, v)>, affine_map<(b, c, v) -> (b, c, v)>], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%at, %st : tensor<1x8xf32>, tensor<2x8x4xf32>) outs(%xt : tensor<2x8x4xf32>) {
    ^bb0(%p: f32, %q: f32, %r: f32):
      %0 = arith.mulf %p, %q : f32
      %1 = arith.addf %0, %r : f32
      linalg.yield %1 : f32
    } -> tensor<2x8x4xf32>
    seq.yield %n, %n : tensor<2x8x4xf32>, tensor<2x8x4xf32>
  }
  return %y, %s : tensor<2x?x8x4xf32>, tensor<2x8x4xf32>
}

// -----

// No coefficient, no member for it. The state before the update is read.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[S:.*]]: tensor<8xf32>)
// CHECK:         %[[Y:.*]]:2 = seq.scan along 0 reverse associative exclusive ins(%[[X]] : tensor<?x8xf32>) init(%[[S]] : tensor<8xf32>)
// CHECK:           arith.addf
// CHECK:         %[[E:.*]] = math.tanh %[[Y]]#0 : tensor<?x8xf32>
// CHECK:         return %[[E]], %[[Y]]#1
func.func @sum(%x: tensor<?x8xf32>, %s0: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>) {
  %y, %s = seq.recurrence along 0 reverse ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) init(%s0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %st: tensor<8xf32>):
    %e = math.tanh %st : tensor<8xf32>
    %n = arith.addf %st, %xt : tensor<8xf32>
    seq.yield %e, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y, %s : tensor<?x8xf32>, tensor<8xf32>
}

// -----

// Not affine: left alone.
// CHECK-LABEL: func.func @nonlinear(
// CHECK:         seq.recurrence
// CHECK-NOT:     seq.scan
func.func @nonlinear(%x: tensor<?x8xf32>, %s0: tensor<8xf32>) -> tensor<8xf32> {
  // expected-remark@below {{no scan: the recurrence has state 0, which}}
  %y, %s = seq.recurrence along 0 ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) init(%s0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %st: tensor<8xf32>):
    %0 = arith.addf %st, %xt : tensor<8xf32>
    %n = math.tanh %0 : tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %s : tensor<8xf32>
}

// -----

// A matrix that is too large.
// CHECK-LABEL: func.func @matrix(
// CHECK:         seq.recurrence
// CHECK-NOT:     seq.scan
func.func @matrix(%x: tensor<?x80xf32>, %w: tensor<80x80xf32>, %s0: tensor<80xf32>) -> tensor<80xf32> {
  // expected-remark@below {{no scan: the recurrence has state 0, which takes from more than 16 of its own elements}}
  %y, %s = seq.recurrence along 0 ins(%x : tensor<?x80xf32>) outs(%x : tensor<?x80xf32>) init(%s0 : tensor<80xf32>) {
  ^step(%xt: tensor<80xf32>, %yt: tensor<80xf32>, %st: tensor<80xf32>):
    %n = linalg.matvec ins(%w, %st : tensor<80x80xf32>, tensor<80xf32>) outs(%xt : tensor<80xf32>) -> tensor<80xf32>
    seq.yield %n, %n : tensor<80xf32>, tensor<80xf32>
  }
  return %s : tensor<80xf32>
}
