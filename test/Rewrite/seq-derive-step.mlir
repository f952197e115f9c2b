// RUN: seq-opt %s --seq-derive-step --canonicalize --cse | FileCheck %s

// A constant initial state becomes an argument and a result; the sequence
// loses its time; operations before and after the recurrence do too.
// CHECK-LABEL: func.func @pointwise_step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<1x8xf32> {seq.name = "x"}, %[[S:[^:]+]]: tensor<1x4xf32> {seq.initial = 5.000000e-01 : f32, seq.state = "state0"})
// CHECK-SAME: -> (tensor<1x2x2xf32>, tensor<1x4xf32> {seq.state = "state0"})
// CHECK-DAG: %[[W:.+]] = seq.weight @w
// CHECK: %[[P:.+]] = linalg.generic {indexing_maps = {{.*}}, iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[X]], %[[W]] : tensor<1x8xf32>, tensor<4x8xf32>)
// CHECK: %[[H:.+]] = arith.addf %[[S]], %[[P]]
// CHECK: %[[ONE:.+]] = linalg.fill {{.*}} -> tensor<1x4xf32>
// CHECK: %[[A:.+]] = arith.addf %[[H]], %[[ONE]] : tensor<1x4xf32>
// CHECK: %[[CUT:.+]] = tensor.extract_slice %[[A]][0, 2] [1, 2] [1, 1]
// CHECK: %[[FIRST:.+]] = tensor.extract_slice %[[A]][0, 0] [1, 2] [1, 1]
// CHECK: %[[CAT:.+]] = tensor.concat dim(1) %[[CUT]], %[[FIRST]]
// CHECK: %[[Y:.+]] = tensor.expand_shape %[[CAT]] {{\[\[}}0], [1, 2]] output_shape [1, 2, 2]
// CHECK: return %[[Y]], %[[H]]
#x = affine_map<(b, t, n, k) -> (b, t, k)>
#w = affine_map<(b, t, n, k) -> (n, k)>
#p = affine_map<(b, t, n, k) -> (b, t, n)>
func.func @pointwise(%x: tensor<1x?x8xf32> {seq.name = "x"}) -> tensor<1x?x2x2xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %h0 = arith.constant dense<0.5> : tensor<1x4xf32>
  %one = arith.constant 1.0 : f32
  %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
  %w = seq.weight @w : tensor<4x8xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %xw = linalg.generic {indexing_maps = [#x, #w, #p], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x?x8xf32>, tensor<4x8xf32>) outs(%z : tensor<1x?x4xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %0 = arith.mulf %i, %j : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x4xf32>
  %y, %h = seq.recurrence along 1 ins(%xw : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  %ones = linalg.fill ins(%one : f32) outs(%e : tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %a = arith.addf %y, %ones : tensor<1x?x4xf32>
  %c = tensor.extract_slice %a[0, 0, 2] [1, %t, 2] [1, 1, 1] : tensor<1x?x4xf32> to tensor<1x?x2xf32>
  %d = tensor.extract_slice %a[0, 0, 0] [1, %t, 2] [1, 1, 1] : tensor<1x?x4xf32> to tensor<1x?x2xf32>
  %cd = tensor.concat dim(2) %c, %d : (tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x4xf32>
  %r = tensor.expand_shape %cd [[0], [1], [2, 3]] output_shape [1, %t, 2, 2] : tensor<1x?x4xf32> into tensor<1x?x2x2xf32>
  return %r : tensor<1x?x2x2xf32>
}

// A state that is an argument and is returned keeps its place; so does one that
// is taken out of an argument and put back at the same place of a result.
// CHECK-LABEL: func.func @kept_states_step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<4xf32>, %[[A:[^:]+]]: tensor<4xf32> {seq.state = "state0"}, %[[W:[^:]+]]: tensor<2x4xf32> {seq.state = "window"})
// CHECK-SAME: -> (tensor<2x4xf32> {seq.state = "window"}, tensor<4xf32>, tensor<4xf32> {seq.state = "state0"})
// CHECK-DAG: %[[W0:.+]] = tensor.extract_slice %[[W]][0, 0]
// CHECK-DAG: %[[W1:.+]] = tensor.extract_slice %[[W]][1, 0]
// CHECK: %[[S:.+]] = arith.addf %[[A]], %[[W0]]
// CHECK: %[[I:.+]] = tensor.insert_slice %[[W1]] into %{{.+}}[0, 0]
// CHECK: %[[J:.+]] = tensor.insert_slice %[[X]] into %[[I]][1, 0]
// CHECK: return %[[J]], %[[S]], %[[S]]
func.func @kept_states(%x: tensor<?x4xf32>, %a0: tensor<4xf32>, %w: tensor<2x4xf32> {seq.state = "window"}) -> (tensor<2x4xf32>, tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%t) : tensor<?x4xf32>
  %w0 = tensor.extract_slice %w[0, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<4xf32>
  %w1 = tensor.extract_slice %w[1, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<4xf32>
  %y, %a, %p, %q = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%a0, %w0, %w1 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>, %s0: tensor<4xf32>, %s1: tensor<4xf32>):
    %0 = arith.addf %s, %s0 : tensor<4xf32>
    seq.yield %0, %0, %s1, %xt : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  %n = tensor.empty() : tensor<2x4xf32>
  %n0 = tensor.insert_slice %p into %n[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<2x4xf32>
  %n1 = tensor.insert_slice %q into %n0[1, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<2x4xf32>
  return %n1, %y, %a : tensor<2x4xf32>, tensor<?x4xf32>, tensor<4xf32>
}

// An argument whose last state is not returned: the step returns it. A result
// that is computed from the last state is that of the times so far.
// CHECK-LABEL: func.func @last_only_step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<4xf32>, %[[A:[^:]+]]: tensor<4xf32> {seq.state = "state0"})
// CHECK-SAME: -> (tensor<4xf32>, tensor<4xf32> {seq.state = "state0"})
// CHECK: %[[S:.+]] = arith.addf %[[A]], %[[X]]
// CHECK: %[[E:.+]] = math.exp %[[S]]
// CHECK: return %[[E]], %[[S]]
func.func @last_only(%x: tensor<?x4xf32>, %a0: tensor<4xf32>) -> tensor<4xf32> {
  %a = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) init(%a0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  %r = math.exp %a : tensor<4xf32>
  return %r : tensor<4xf32>
}

// Layers in a loop: their added states are stacked, the states that the loop
// hands on stay where they are, and a function without a recurrence is called
// for one time.
// CHECK-LABEL: func.func private @layer_step
// CHECK-SAME: (%{{.+}}: tensor<4xf32>, %{{.+}}: index, %[[A:[^:]+]]: tensor<4xf32> {seq.state = "state0"}, %[[B:[^:]+]]: tensor<4xf32> {seq.initial = 0.000000e+00 : f32, seq.state = "state1"})
// CHECK: call @pointwise_layer_step(%{{.+}}) : (tensor<4xf32>) -> tensor<4xf32>
func.func private @layer(%x: tensor<?x4xf32>, %l: index, %a0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %w = seq.weight @"w.{}"[%l] : tensor<4xf32>
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%t) : tensor<?x4xf32>
  %y, %a, %b = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%a0, %zero : tensor<4xf32>, tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>, %r: tensor<4xf32>):
    %0 = arith.mulf %s, %w : tensor<4xf32>
    %1 = arith.addf %0, %xt : tensor<4xf32>
    %2 = arith.addf %r, %1 : tensor<4xf32>
    seq.yield %2, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  %p = func.call @pointwise_layer(%y) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %p, %a : tensor<?x4xf32>, tensor<4xf32>
}
// CHECK: func.func private @pointwise_layer_step(%[[X:.+]]: tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: math.exp %[[X]] : tensor<4xf32>
func.func private @pointwise_layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = math.exp %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
// CHECK-LABEL: func.func @layers_step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<4xf32>, %[[H:[^:]+]]: tensor<3x4xf32> {seq.state = "state0"}, %[[R:[^:]+]]: tensor<3x4xf32> {seq.initial = 0.000000e+00 : f32, seq.state = "state1"})
// CHECK: %[[F:.+]]:3 = scf.for %[[L:.+]] = %c0 to %c3 step %c1 iter_args(%[[V:.+]] = %[[X]], %[[HI:.+]] = %[[H]], %[[RI:.+]] = %[[R]])
// CHECK-DAG: %[[RL:.+]] = tensor.extract_slice %[[RI]][%[[L]], 0] [1, 4] [1, 1]
// CHECK-DAG: %[[HL:.+]] = tensor.extract_slice %[[HI]][%[[L]], 0] [1, 4] [1, 1]
// CHECK: %[[C:.+]]:3 = func.call @layer_step(%[[V]], %[[L]], %[[HL]], %[[RL]])
// CHECK-DAG: %[[HN:.+]] = tensor.insert_slice %[[C]]#1 into %[[HI]][%[[L]], 0]
// CHECK-DAG: %[[RN:.+]] = tensor.insert_slice %[[C]]#2 into %[[RI]][%[[L]], 0]
// CHECK: scf.yield %[[C]]#0, %[[HN]], %[[RN]]
// CHECK: return %[[F]]#0, %[[F]]#1, %[[F]]#2
func.func @layers(%x: tensor<?x4xf32>, %hs: tensor<3x4xf32>) -> (tensor<?x4xf32>, tensor<3x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %y, %hn = scf.for %l = %c0 to %c3 step %c1 iter_args(%v = %x, %hi = %hs) -> (tensor<?x4xf32>, tensor<3x4xf32>) {
    %h0 = tensor.extract_slice %hi[%l, 0] [1, 4] [1, 1] : tensor<3x4xf32> to tensor<4xf32>
    %o, %h = func.call @layer(%v, %l, %h0) : (tensor<?x4xf32>, index, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
    %hj = tensor.insert_slice %h into %hi[%l, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<3x4xf32>
    scf.yield %o, %hj : tensor<?x4xf32>, tensor<3x4xf32>
  }
  return %y, %hn : tensor<?x4xf32>, tensor<3x4xf32>
}

// An embedding: the gathered column is an index, the time is not.
// CHECK-LABEL: func.func @embedding_step(%{{.+}}: tensor<1xi32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: linalg.index 1
func.func @embedding(%ids: tensor<1x?xi32>) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %table = seq.weight @table : tensor<100x4xf32>
  %h0 = arith.constant dense<0.0> : tensor<1x4xf32>
  %t = tensor.dim %ids, %c1 : tensor<1x?xi32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(b, t, c) -> (b, t)>, affine_map<(b, t, c) -> (b, t, c)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%ids : tensor<1x?xi32>) outs(%e : tensor<1x?x4xf32>) {
  ^bb0(%id: i32, %o: f32):
    %i = arith.index_cast %id : i32 to index
    %c = linalg.index 2 : index
    %v = tensor.extract %table[%i, %c] : tensor<100x4xf32>
    linalg.yield %v : f32
  } -> tensor<1x?x4xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}

// No recurrence: left alone, whatever it does.
// CHECK-LABEL: func.func @without_recurrence
// CHECK-NOT: @without_recurrence_step
func.func @without_recurrence(%x: tensor<?x4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.reduce { arith.addf } ins(%x : tensor<?x4xf32>) outs(%z : tensor<4xf32>) dimensions = [0]
  return %y : tensor<4xf32>
}

// What is read at the last time is read at each; a loop that begins at 1 takes
// the states of its iterations from 0 on.
// CHECK-LABEL: func.func @last_step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<1x4xf32> {seq.name = "x"}, %[[S:[^:]+]]: tensor<2x1x4xf32> {seq.state = "h"})
// CHECK-SAME: -> (tensor<1x1x2xf32>, tensor<4xf32>, tensor<2x1x4xf32> {seq.state = "h"})
// CHECK: %[[L:.+]]:2 = scf.for
// CHECK: %[[A:.+]] = tensor.extract_slice %[[L]]#0[0, 1] [1, 2] [1, 1] : tensor<1x4xf32> to tensor<1x2xf32>
// CHECK: %[[U:.+]] = tensor.expand_shape %[[A]] {{\[\[}}0, 1], [2]] output_shape [1, 1, 2]
// CHECK: %[[B:.+]] = tensor.extract_slice %[[L]]#0[0, 0] [1, 4] [1, 1] : tensor<1x4xf32> to tensor<4xf32>
// CHECK: return %[[U]], %[[B]], %[[L]]#1
func.func @last(%x: tensor<1x?x4xf32> {seq.name = "x", seq.sizes = array<i64: -1, 0, -1>}, %states: tensor<2x1x4xf32> {seq.state = "h"})
    -> (tensor<1x1x2xf32>, tensor<4xf32>, tensor<2x1x4xf32> {seq.state = "h"}) {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %y, %all = scf.for %l = %c1 to %c3 step %c1 iter_args(%v = %x, %in = %states) -> (tensor<1x?x4xf32>, tensor<2x1x4xf32>) {
    %i = arith.subi %l, %c1 : index
    %s = tensor.extract_slice %in[%i, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<2x1x4xf32> to tensor<1x4xf32>
    %o, %h = seq.recurrence along 1 ins(%v : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%s : tensor<1x4xf32>) {
    ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
      %0 = arith.addf %u, %xt : tensor<1x4xf32>
      seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
    }
    %put = tensor.insert_slice %h into %in[%i, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x4xf32> into tensor<2x1x4xf32>
    scf.yield %o, %put : tensor<1x?x4xf32>, tensor<2x1x4xf32>
  }
  %k = arith.subi %t, %c1 : index
  %a = tensor.extract_slice %y[0, %k, 1] [1, 1, 2] [1, 1, 1] : tensor<1x?x4xf32> to tensor<1x1x2xf32>
  %b = tensor.extract_slice %y[0, %k, 0] [1, 1, 4] [1, 1, 1] : tensor<1x?x4xf32> to tensor<4xf32>
  return %a, %b, %all : tensor<1x1x2xf32>, tensor<4xf32>, tensor<2x1x4xf32>
}
