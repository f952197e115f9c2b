// RUN: seq-opt %s --seq-hoist --canonicalize --cse | FileCheck %s
// RUN: seq-opt %s --seq-hoist=elementwise --canonicalize --cse | FileCheck %s --check-prefix=ALL

// The input product leaves with what it is computed from and its bias.
// CHECK-DAG: #[[X:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[W:.+]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-DAG: #[[P:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#bc = affine_map<(b, c) -> (b, c)>
#c = affine_map<(b, c) -> (c)>
// CHECK-LABEL: func @input_product
// CHECK-SAME: (%[[XS:[^:]+]]: tensor<4x?x8xf32>, %[[WV:[^:]+]]: tensor<8x16xf32>, %[[UV:[^:]+]]: tensor<16x16xf32>, %[[B:[^:]+]]: tensor<16xf32>
// CHECK: %[[ABS:.+]] = math.absf %[[XS]] : tensor<4x?x8xf32>
// CHECK: %[[FILL:.+]] = linalg.fill {{.*}} -> tensor<4x?x16xf32>
// CHECK: %[[PRODUCT:.+]] = linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[P]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%[[ABS]], %[[WV]] : {{.*}}) outs(%[[FILL]] :
// CHECK: %[[BIASED:.+]] = linalg.generic {{.*}} ins(%[[PRODUCT]], %[[B]] : tensor<4x?x16xf32>, tensor<16xf32>)
// CHECK: seq.recurrence along 1 ins(%[[BIASED]] : tensor<4x?x16xf32>)
// CHECK-NEXT: ^bb0(%[[PT:[^:]+]]: tensor<4x16xf32>, %{{.+}}: tensor<4x16xf32>, %[[S:[^:]+]]: tensor<4x16xf32>):
// CHECK-NEXT: %[[R:.+]] = linalg.matmul ins(%[[S]], %[[UV]] : {{.*}}) outs(%[[PT]] :
// CHECK-NEXT: %[[T:.+]] = math.tanh %[[R]]
// CHECK-NEXT: seq.yield %[[T]], %[[T]]
func.func @input_product(%x: tensor<4x?x8xf32>, %w: tensor<8x16xf32>, %u: tensor<16x16xf32>, %bias: tensor<16xf32>, %h0: tensor<4x16xf32>, %y0: tensor<4x?x16xf32>) -> (tensor<4x?x16xf32>, tensor<4x16xf32>) {
  %zero = arith.constant 0.0 : f32
  %y, %h = seq.recurrence along 1 ins(%x : tensor<4x?x8xf32>) outs(%y0 : tensor<4x?x16xf32>) init(%h0 : tensor<4x16xf32>) {
  ^step(%xt: tensor<4x8xf32>, %yt: tensor<4x16xf32>, %s: tensor<4x16xf32>):
    %e = tensor.empty() : tensor<4x16xf32>
    %xs = math.absf %xt : tensor<4x8xf32>
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
    %p = linalg.matmul ins(%xs, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
    %pb = linalg.generic {indexing_maps = [#bc, #c, #bc], iterator_types = ["parallel", "parallel"]} ins(%p, %bias : tensor<4x16xf32>, tensor<16xf32>) outs(%yt : tensor<4x16xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.addf %i, %j : f32
      linalg.yield %0 : f32
    } -> tensor<4x16xf32>
    %q = linalg.matmul ins(%s, %u : tensor<4x16xf32>, tensor<16x16xf32>) outs(%pb : tensor<4x16xf32>) -> tensor<4x16xf32>
    %t = math.tanh %q : tensor<4x16xf32>
    seq.yield %t, %t : tensor<4x16xf32>, tensor<4x16xf32>
  }
  return %y, %h : tensor<4x?x16xf32>, tensor<4x16xf32>
}

// -exp(A) is computed once; the elementwise exp of a sequence stays, unless
// asked for. A broadcast that only moves elements stays too.
// CHECK-LABEL: func @invariants_and_elementwise
// CHECK-SAME: (%[[X:[^:]+]]: tensor<2x?x6xf32>, %[[A:[^:]+]]: tensor<6xf32>
// CHECK: %[[EXP:.+]] = math.exp %[[A]] : tensor<6xf32>
// CHECK: seq.recurrence along 1 ins(%[[X]] :
// CHECK-NEXT: ^bb0(%[[XT:[^:]+]]: tensor<2x6xf32>,
// CHECK: math.exp %[[XT]]
// CHECK: linalg.broadcast ins(%[[EXP]]
// ALL-LABEL: func @invariants_and_elementwise
// ALL-SAME: (%[[X:[^:]+]]: tensor<2x?x6xf32>, %[[A:[^:]+]]: tensor<6xf32>
// ALL: %[[EXPX:.+]] = math.exp %[[X]] : tensor<2x?x6xf32>
// ALL: seq.recurrence along 1 ins(%[[EXPX]] :
// ALL-NOT: math.exp
// ALL: seq.yield
func.func @invariants_and_elementwise(%x: tensor<2x?x6xf32>, %a: tensor<6xf32>, %y0: tensor<2x?x6xf32>, %h0: tensor<2x6xf32>) -> tensor<2x?x6xf32> {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x6xf32>) outs(%y0 : tensor<2x?x6xf32>) init(%h0 : tensor<2x6xf32>) {
  ^step(%xt: tensor<2x6xf32>, %yt: tensor<2x6xf32>, %s: tensor<2x6xf32>):
    %ea = math.exp %a : tensor<6xf32>
    %e = math.exp %xt : tensor<2x6xf32>
    %b = linalg.broadcast ins(%ea : tensor<6xf32>) outs(%yt : tensor<2x6xf32>) dimensions = [0]
    %0 = arith.mulf %b, %s : tensor<2x6xf32>
    %1 = arith.addf %0, %e : tensor<2x6xf32>
    seq.yield %1, %1 : tensor<2x6xf32>, tensor<2x6xf32>
  }
  return %y : tensor<2x?x6xf32>
}

// Elementwise with a time-invariant operand, by a map that leaves out the time.
// ALL-LABEL: func @elementwise_with_invariant
// ALL: linalg.generic {indexing_maps = [#[[MAP:.+]], #{{.+}}, #[[MAP]]]
// ALL-SAME: outs(%{{.+}} : tensor<2x?x6xi1>)
// ALL: arith.cmpf ogt
func.func @elementwise_with_invariant(%x: tensor<2x?x6xf32>, %a: tensor<2x6xf32>, %y0: tensor<2x?x6xf32>, %h0: tensor<2x6xf32>) -> tensor<2x?x6xf32> {
  %y, %h = seq.recurrence along 1 reverse ins(%x : tensor<2x?x6xf32>) outs(%y0 : tensor<2x?x6xf32>) init(%h0 : tensor<2x6xf32>) {
  ^step(%xt: tensor<2x6xf32>, %yt: tensor<2x6xf32>, %s: tensor<2x6xf32>):
    %c = arith.cmpf ogt, %xt, %a : tensor<2x6xf32>
    %0 = arith.select %c, %xt, %s : tensor<2x6xi1>, tensor<2x6xf32>
    seq.yield %0, %0 : tensor<2x6xf32>, tensor<2x6xf32>
  }
  return %y : tensor<2x?x6xf32>
}

// The readout leaves, with what follows; the hidden states become the output.
// CHECK-LABEL: func @readout
// CHECK-SAME: (%[[X:[^:]+]]: tensor<4x?x16xf32>, %[[W:[^:]+]]: tensor<16x5xf32>
// CHECK: %[[R:.+]]:2 = seq.recurrence along 1 ins(%[[X]] : {{.*}}) outs(%{{.+}} : tensor<4x?x16xf32>)
// CHECK-NOT: matmul
// CHECK: seq.yield %[[T:.+]], %[[T]]
// CHECK: %[[P:.+]] = linalg.generic {{.*}} ins(%[[R]]#0, %[[W]] :
// CHECK: %[[Y:.+]] = math.absf %[[P]]
// CHECK: return %[[Y]], %[[R]]#1
func.func @readout(%x: tensor<4x?x16xf32>, %w: tensor<16x5xf32>, %h0: tensor<4x16xf32>, %y0: tensor<4x?x5xf32>) -> (tensor<4x?x5xf32>, tensor<4x16xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<4x?x16xf32>) outs(%y0 : tensor<4x?x5xf32>) init(%h0 : tensor<4x16xf32>) {
  ^step(%xt: tensor<4x16xf32>, %yt: tensor<4x5xf32>, %s: tensor<4x16xf32>):
    %a = arith.addf %s, %xt : tensor<4x16xf32>
    %t = math.tanh %a : tensor<4x16xf32>
    %o = linalg.matmul ins(%t, %w : tensor<4x16xf32>, tensor<16x5xf32>) outs(%yt : tensor<4x5xf32>) -> tensor<4x5xf32>
    %r = math.absf %o : tensor<4x5xf32>
    seq.yield %r, %t : tensor<4x5xf32>, tensor<4x16xf32>
  }
  return %y, %h : tensor<4x?x5xf32>, tensor<4x16xf32>
}

// A product that the next state needs stays.
// CHECK-LABEL: func @projected_state
// CHECK: seq.recurrence
// CHECK: linalg.matmul
// CHECK: seq.yield
func.func @projected_state(%x: tensor<4x?x16xf32>, %w: tensor<16x16xf32>, %h0: tensor<4x16xf32>, %y0: tensor<4x?x16xf32>) -> tensor<4x?x16xf32> {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<4x?x16xf32>) outs(%y0 : tensor<4x?x16xf32>) init(%h0 : tensor<4x16xf32>) {
  ^step(%xt: tensor<4x16xf32>, %yt: tensor<4x16xf32>, %s: tensor<4x16xf32>):
    %a = arith.addf %s, %xt : tensor<4x16xf32>
    %o = linalg.matmul ins(%a, %w : tensor<4x16xf32>, tensor<16x16xf32>) outs(%yt : tensor<4x16xf32>) -> tensor<4x16xf32>
    seq.yield %o, %o : tensor<4x16xf32>, tensor<4x16xf32>
  }
  return %y : tensor<4x?x16xf32>
}

// A sum over the rows of the state stays, time-invariant coefficients or not:
// the states of all times are larger than their sums.
#dn = affine_map<(b, d, n) -> (d, n)>
#bdn = affine_map<(b, d, n) -> (b, d, n)>
#bd = affine_map<(b, d, n) -> (b, d)>
// CHECK-LABEL: func @rows
// CHECK: seq.recurrence
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: seq.yield
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @rows(%x: tensor<2x?x6x4xf32>, %c: tensor<6x4xf32>, %y0: tensor<2x?x6xf32>, %h0: tensor<2x6x4xf32>) -> tensor<2x?x6xf32> {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x6x4xf32>) outs(%y0 : tensor<2x?x6xf32>) init(%h0 : tensor<2x6x4xf32>) {
  ^step(%xt: tensor<2x6x4xf32>, %yt: tensor<2x6xf32>, %s: tensor<2x6x4xf32>):
    %a = arith.addf %s, %xt : tensor<2x6x4xf32>
    %o = linalg.generic {indexing_maps = [#bdn, #dn, #bd], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %c : tensor<2x6x4xf32>, tensor<6x4xf32>) outs(%yt : tensor<2x6xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x6xf32>
    seq.yield %o, %a : tensor<2x6xf32>, tensor<2x6x4xf32>
  }
  return %y : tensor<2x?x6xf32>
}

// A sum to rank 0 has no place for dimension 1: it stays.
// CHECK-LABEL: func @too_few_dimensions
// CHECK: seq.recurrence
// CHECK: linalg.reduce
// CHECK: seq.yield
func.func @too_few_dimensions(%x: tensor<4x?xf32>, %y0: tensor<4x?xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<4x?xf32>) outs(%y0 : tensor<4x?xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %r = linalg.reduce { arith.addf } ins(%xt : tensor<4xf32>) outs(%zero : tensor<f32>) dimensions = [0]
    %b = linalg.broadcast ins(%r : tensor<f32>) outs(%yt : tensor<4xf32>) dimensions = [0]
    %1 = arith.addf %s, %b : tensor<4xf32>
    seq.yield %1, %1 : tensor<4xf32>, tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// Heads by reshape, a slice and a concatenation.
// CHECK-LABEL: func @reshapes
// CHECK-SAME: (%[[X:[^:]+]]: tensor<2x?x12xf32>
// CHECK: %[[SLICE:.+]] = tensor.extract_slice %[[X]][0, 0, 4] [2, %{{.+}}, 8] [1, 1, 1] : tensor<2x?x12xf32> to tensor<2x?x8xf32>
// CHECK: %[[CAT:.+]] = tensor.concat dim(2) %[[SLICE]], %{{.+}} : (tensor<2x?x8xf32>, tensor<2x?x4xf32>) -> tensor<2x?x12xf32>
// CHECK: %[[HEADS:.+]] = tensor.expand_shape %[[CAT]] {{\[\[}}0], [1], [2, 3]] output_shape [2, %{{.+}}, 3, 4]
// CHECK: linalg.generic {{.*}}"parallel", "parallel", "parallel", "reduction"]{{.*}} ins(%[[HEADS]] : tensor<2x?x3x4xf32>) outs(%{{.*}} : tensor<2x?x3xf32>)
// CHECK: seq.recurrence
func.func @reshapes(%x: tensor<2x?x12xf32>, %y0: tensor<2x?x3xf32>, %h0: tensor<2x3xf32>) -> tensor<2x?x3xf32> {
  %zero = arith.constant 0.0 : f32
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x12xf32>) outs(%y0 : tensor<2x?x3xf32>) init(%h0 : tensor<2x3xf32>) {
  ^step(%xt: tensor<2x12xf32>, %yt: tensor<2x3xf32>, %s: tensor<2x3xf32>):
    %r = tensor.extract_slice %xt[0, 4] [2, 8] [1, 1] : tensor<2x12xf32> to tensor<2x8xf32>
    %l = tensor.extract_slice %xt[0, 0] [2, 4] [1, 1] : tensor<2x12xf32> to tensor<2x4xf32>
    %c = tensor.concat dim(1) %r, %l : (tensor<2x8xf32>, tensor<2x4xf32>) -> tensor<2x12xf32>
    %e = tensor.expand_shape %c [[0], [1, 2]] output_shape [2, 3, 4] : tensor<2x12xf32> into tensor<2x3x4xf32>
    %z = linalg.fill ins(%zero : f32) outs(%yt : tensor<2x3xf32>) -> tensor<2x3xf32>
    %n = linalg.reduce { arith.addf } ins(%e : tensor<2x3x4xf32>) outs(%z : tensor<2x3xf32>) dimensions = [2]
    %1 = arith.mulf %s, %n : tensor<2x3xf32>
    seq.yield %1, %1 : tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %y : tensor<2x?x3xf32>
}
