// A program says which forms were chosen.

// RUN: seq-compile %s -o %t
// RUN: %t info | FileCheck %s

// CHECK: forms:
// CHECK: f: recurrence, separable: 4 blocks of 16 lanes, state 1x64
// CHECK: f: recurrence, coupled: 1 blocks of 16 lanes, backwards, state 1x16
func.func @f(%x: tensor<1x?x64xf32>, %h0: tensor<1x64xf32>, %p: tensor<1x?x16xf32>, %r: tensor<16x16xf32>, %g0: tensor<1x16xf32>)
    -> (tensor<1x?x64xf32>, tensor<1x?x16xf32>) {
  %c1 = arith.constant 1 : index
  %times = tensor.dim %x, %c1 : tensor<1x?x64xf32>
  %y0 = tensor.empty(%times) : tensor<1x?x64xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x64xf32>) outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    %next = arith.addf %s, %xt : tensor<1x64xf32>
    seq.yield %next, %next : tensor<1x64xf32>, tensor<1x64xf32>
  }
  %z, %g = seq.rnn reverse ins(%p : tensor<1x?x16xf32>) weights(%r, %r : tensor<16x16xf32>, tensor<16x16xf32>)
      init(%g0 : tensor<1x16xf32>) -> tensor<1x?x16xf32>, tensor<1x16xf32>
  return %y, %z : tensor<1x?x64xf32>, tensor<1x?x16xf32>
}
