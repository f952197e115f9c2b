// RUN: seq-opt %s --kernel-recurrences --canonicalize | FileCheck %s
// RUN: seq-opt %s --kernel-recurrences="lanes=8" --canonicalize | FileCheck %s --check-prefix=LANES8

// 64 channels that never meet: blocks of lanes, no product. The decay, which is
// free of the state, is computed ahead of the steps.
// CHECK-LABEL: func.func @separable(
// CHECK:         kernel.recurrence along 1 width 16
// CHECK-NOT:     coupled
// CHECK:           kernel.ahead
// CHECK:           math.exp
// CHECK-NOT:     seq.recurrence
// LANES8-LABEL: func.func @separable(
// LANES8:         kernel.recurrence along 1 width 8
func.func @separable(%x: tensor<1x?x64xf32>, %g: tensor<1x?x64xf32>, %y0: tensor<1x?x64xf32>, %h0: tensor<1x64xf32>) -> (tensor<1x?x64xf32>, tensor<1x64xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x, %g : tensor<1x?x64xf32>, tensor<1x?x64xf32>) outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %gt: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    %a = math.exp %gt : tensor<1x64xf32>
    %k = arith.mulf %a, %s : tensor<1x64xf32>
    %n = arith.addf %k, %xt : tensor<1x64xf32>
    seq.yield %n, %n : tensor<1x64xf32>, tensor<1x64xf32>
  }
  return %y, %h : tensor<1x?x64xf32>, tensor<1x64xf32>
}

// A product with the state: threads share the blocks of a step, and the weight
// is cut into blocks of its rows.
// CHECK-LABEL: func.func @coupled(
// CHECK:         %[[R:.*]] = linalg.transpose
// CHECK:         kernel.recurrence along 1 coupled width 16 {{.*}} captures(%[[R]] : tensor<2x32x16xf32>)
// CHECK-SAME:    blocked = array<i64: 0>
func.func @coupled(%x: tensor<1x?x32xf32>, %r: tensor<32x32xf32>, %y0: tensor<1x?x32xf32>, %h0: tensor<1x32xf32>) -> tensor<1x?x32xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x32xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x32xf32>) outs(%y0 : tensor<1x?x32xf32>) init(%h0 : tensor<1x32xf32>) {
  ^step(%xt: tensor<1x32xf32>, %yt: tensor<1x32xf32>, %s: tensor<1x32xf32>):
    %p = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%s, %r : tensor<1x32xf32>, tensor<32x32xf32>) outs(%zero : tensor<1x32xf32>) -> tensor<1x32xf32>
    %q = arith.addf %p, %xt : tensor<1x32xf32>
    %n = math.tanh %q : tensor<1x32xf32>
    seq.yield %n, %n : tensor<1x32xf32>, tensor<1x32xf32>
  }
  return %y : tensor<1x?x32xf32>
}

// The column of a matrix is copied: its neighbours are apart in memory.
// CHECK-LABEL: func.func @column(
// CHECK:         %[[C:.*]] = tensor.extract_slice
// CHECK:         %[[COPY:.*]] = linalg.copy ins(%[[C]]
// CHECK:         kernel.recurrence {{.*}} captures(%[[COPY]] : tensor<33xf32>)
func.func @column(%x: tensor<?x33xf32>, %w: tensor<33x4xf32>, %y0: tensor<?x33xf32>, %h0: tensor<33xf32>) -> tensor<?x33xf32> {
  %c = tensor.extract_slice %w[0, 1] [33, 1] [1, 1] : tensor<33x4xf32> to tensor<33xf32>
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x33xf32>) outs(%y0 : tensor<?x33xf32>) init(%h0 : tensor<33xf32>) {
  ^step(%xt: tensor<33xf32>, %yt: tensor<33xf32>, %s: tensor<33xf32>):
    %k = arith.mulf %c, %s : tensor<33xf32>
    %n = arith.addf %k, %xt : tensor<33xf32>
    seq.yield %n, %n : tensor<33xf32>, tensor<33xf32>
  }
  return %y : tensor<?x33xf32>
}

// A body with an operation that has no vector form is left for
// recurrence-to-loops.
// CHECK-LABEL: func.func @left_alone(
// CHECK:         seq.recurrence
// CHECK-NOT:     kernel.recurrence
func.func @left_alone(%x: tensor<?x8xf32>, %y0: tensor<?x8xf32>, %h0: tensor<8xf32>) -> tensor<?x8xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x8xf32>) outs(%y0 : tensor<?x8xf32>) init(%h0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %s: tensor<8xf32>):
    %c0 = arith.constant 0 : index
    %v = tensor.extract %xt[%c0] : tensor<8xf32>
    %n = tensor.insert %v into %s[%c0] : tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}
