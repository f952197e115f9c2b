// RUN: seq-opt %s --seq-add-reset --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// The state is that of the start where a sequence begins: a constant, here; a
// row of the batch has resets of its own.
// CHECK-LABEL: func.func @constant
// CHECK-SAME: (%[[X:[^:]+]]: tensor<2x?x8xf32> {seq.sizes = array<i64: -1, 0, -1>}, %[[R:[^:]+]]: tensor<2x?xi1> {seq.name = "reset", seq.sizes = array<i64: -1, 0>})
// CHECK-DAG: %[[START:.+]] = arith.constant 5.000000e-01 : f32
// CHECK: seq.recurrence along 1 ins(%[[X]], %[[R]] : tensor<2x?x8xf32>, tensor<2x?xi1>)
// CHECK-NEXT: ^{{.+}}(%[[XT:[^:]+]]: tensor<2x8xf32>, %[[RT:[^:]+]]: tensor<2xi1>, %{{.+}}: tensor<2x8xf32>, %[[S:[^:]+]]: tensor<2x8xf32>):
// CHECK: %[[CHOSEN:.+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], {{.*}} ins(%[[RT]], %[[S]] : tensor<2xi1>, tensor<2x8xf32>)
// CHECK: arith.select %{{.+}}, %[[START]], %{{.+}} : f32
// CHECK: arith.addf %[[CHOSEN]], %[[XT]]
func.func @constant(%x: tensor<2x?x8xf32> {seq.sizes = array<i64: -1, 0, -1>}) -> tensor<2x?x8xf32> {
  %c1 = arith.constant 1 : index
  %h0 = arith.constant dense<0.5> : tensor<2x8xf32>
  %t = tensor.dim %x, %c1 : tensor<2x?x8xf32>
  %e = tensor.empty(%t) : tensor<2x?x8xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x8xf32>) outs(%e : tensor<2x?x8xf32>) init(%h0 : tensor<2x8xf32>) {
  ^step(%xt: tensor<2x8xf32>, %yt: tensor<2x8xf32>, %s: tensor<2x8xf32>):
    %0 = arith.addf %s, %xt : tensor<2x8xf32>
    seq.yield %0, %0 : tensor<2x8xf32>, tensor<2x8xf32>
  }
  return %y : tensor<2x?x8xf32>
}

// A state that comes from the run before begins as zeros, or as seq.initial says;
// an initial state that is only taken is the start. Without a batch, one reset
// for each time.
// CHECK-LABEL: func.func @arguments
// CHECK-SAME: (%{{.+}}: tensor<?x4xf32>, %[[A:[^:]+]]: tensor<4xf32>, %[[B:[^:]+]]: tensor<4xf32> {seq.initial = 1.000000e+00 : f32, seq.state = "b"}, %[[C:[^:]+]]: tensor<4xf32>, %[[R:[^:]+]]: tensor<?xi1> {seq.name = "reset"})
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0.000000e+00 : f32
// CHECK-DAG: %[[ONE:.+]] = arith.constant 1.000000e+00 : f32
// CHECK: ^{{.+}}(%{{.+}}: tensor<4xf32>, %[[RT:[^:]+]]: tensor<i1>, %[[SA:[^:]+]]: tensor<4xf32>, %[[SB:[^:]+]]: tensor<4xf32>, %[[SC:[^:]+]]: tensor<4xf32>):
// CHECK: ins(%[[RT]], %[[SA]] : tensor<i1>, tensor<4xf32>)
// CHECK: arith.select %{{.+}}, %[[ZERO]], %{{.+}} : f32
// CHECK: ins(%[[RT]], %[[SB]] : tensor<i1>, tensor<4xf32>)
// CHECK: arith.select %{{.+}}, %[[ONE]], %{{.+}} : f32
// CHECK: ins(%[[RT]], %[[SC]], %[[C]] : tensor<i1>, tensor<4xf32>, tensor<4xf32>)
func.func @arguments(%x: tensor<?x4xf32>, %a: tensor<4xf32>,
                     %b: tensor<4xf32> {seq.state = "b", seq.initial = 1.0 : f32}, %c: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32> {seq.state = "b"}) {
  %h:3 = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) init(%a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %s: tensor<4xf32>, %u: tensor<4xf32>, %v: tensor<4xf32>):
    %0 = arith.addf %s, %v : tensor<4xf32>
    %1 = arith.addf %u, %xt : tensor<4xf32>
    %2 = arith.mulf %v, %xt : tensor<4xf32>
    seq.yield %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %h#0, %h#1 : tensor<4xf32>, tensor<4xf32>
}

// Backwards the resets are those of the times behind.
// CHECK-LABEL: func.func @backwards
// CHECK-SAME: %[[R:[^:]+]]: tensor<1x?xi1>
// CHECK: %[[NONE:.+]] = linalg.fill {{.*}} -> tensor<1x?xi1>
// CHECK: %[[LONGER:.+]] = tensor.insert_slice %[[R]] into %[[NONE]][0, 0]
// CHECK: %[[NEXT:.+]] = tensor.extract_slice %[[LONGER]][0, 1]
// CHECK: seq.recurrence along 1 reverse ins(%{{.+}}, %[[NEXT]] :
func.func @backwards(%x: tensor<1x?x4xf32>) -> tensor<1x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %h = seq.recurrence along 1 reverse ins(%x : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
    %0 = arith.addf %s, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %h : tensor<1x4xf32>
}

// Layers become general; functions that are called take the argument too, and
// begin as their callers say.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: %[[R:[^:]+]]: tensor<1x?xi1>)
// CHECK: %[[ZERO:.+]] = arith.constant 0.000000e+00 : f32
// CHECK: seq.recurrence along 1 ins(%{{.+}}, %[[R]] :
// CHECK: arith.select %{{.+}}, %[[ZERO]], %{{.+}} : f32
func.func private @layer(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>, %s: tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
  %y, %h = seq.rnn ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>)
      init(%s : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
}
// CHECK-LABEL: func.func @layers
// CHECK-SAME: %[[R:[^:]+]]: tensor<1x?xi1> {seq.name = "reset"})
// CHECK: scf.for
// CHECK: func.call @layer(%{{.+}}, %{{.+}}, %{{.+}}, %[[R]])
func.func @layers(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>, %states: tensor<3x1x4xf32>) -> (tensor<1x?x4xf32>, tensor<3x1x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %y, %last = scf.for %l = %c0 to %c3 step %c1 iter_args(%v = %x, %all = %states) -> (tensor<1x?x4xf32>, tensor<3x1x4xf32>) {
    %s = tensor.extract_slice %all[%l, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<3x1x4xf32> to tensor<1x4xf32>
    %o, %h = func.call @layer(%v, %w, %s) : (tensor<1x?x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x4xf32>)
    %put = tensor.insert_slice %h into %all[%l, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x4xf32> into tensor<3x1x4xf32>
    scf.yield %o, %put : tensor<1x?x4xf32>, tensor<3x1x4xf32>
  }
  return %y, %last : tensor<1x?x4xf32>, tensor<3x1x4xf32>
}

// A counted position begins again; time may be the third dimension; the batch of
// a state may be anywhere.
// CHECK-LABEL: func.func @counted
// CHECK-SAME: %[[R:[^:]+]]: tensor<2x?xi1> {seq.name = "reset"})
// CHECK: %[[E:.+]] = tensor.expand_shape %[[R]] {{\[\[}}0, 1], [2]] output_shape [2, 1, %{{.+}}]
// CHECK: seq.recurrence along 2 ins(%{{.+}}, %[[E]] : tensor<2x3x?xf32>, tensor<2x1x?xi1>)
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, 0)>, {{.*}} ins(%{{.+}}, %{{.+}} : tensor<2x1xi1>, tensor<3x2xf32>)
// CHECK: ins(%{{.+}}, %{{.+}} : tensor<2x1xi1>, tensor<2xi64>)
// CHECK: arith.select %{{.+}}, %{{.+}}, %{{.+}} : i64
func.func @counted(%x: tensor<2x3x?xf32>, %s: tensor<3x2xf32>, %n: tensor<2xi64>) -> (tensor<3x2xf32>, tensor<2xi64>) {
  %one = arith.constant dense<1> : tensor<2xi64>
  %h:2 = seq.recurrence along 2 ins(%x : tensor<2x3x?xf32>) init(%s, %n : tensor<3x2xf32>, tensor<2xi64>) {
  ^step(%xt: tensor<2x3xf32>, %u: tensor<3x2xf32>, %m: tensor<2xi64>):
    %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (j, i)>],
        iterator_types = ["parallel", "parallel"]} ins(%xt, %m : tensor<2x3xf32>, tensor<2xi64>) outs(%u : tensor<3x2xf32>) {
    ^bb0(%a: f32, %b: i64, %c: f32):
      %f = arith.sitofp %b : i64 to f32
      %p = arith.mulf %a, %f : f32
      %q = arith.addf %c, %p : f32
      linalg.yield %q : f32
    } -> tensor<3x2xf32>
    %1 = arith.addi %m, %one : tensor<2xi64>
    seq.yield %0, %1 : tensor<3x2xf32>, tensor<2xi64>
  }
  return %h#0, %h#1 : tensor<3x2xf32>, tensor<2xi64>
}

// Attention: keys of other sequences are hidden, the sequences counted.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: %[[R:[^:]+]]: tensor<2x?xi1> {seq.name = "reset"})
// CHECK: linalg.map { arith.extui } ins(%[[R]] :
// CHECK: %[[N:.+]]:2 = seq.recurrence along 1
// CHECK: %[[B:.+]] = linalg.generic {{.*}} ins(%[[N]]#0, %[[N]]#0 : tensor<2x?xi64>, tensor<2x?xi64>)
// CHECK: arith.cmpi eq
// CHECK: seq.attention {{.*}} bias(%[[B]] : tensor<2x1x?x?xf32>) mask <causal>
func.func @attention(%q: tensor<2x?x3x4xf32>) -> tensor<2x?x3x4xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<2x?x3x4xf32>, tensor<2x?x3x4xf32>, tensor<2x?x3x4xf32>)
      mask <causal> scale 0.5 -> tensor<2x?x3x4xf32>
  return %y : tensor<2x?x3x4xf32>
}

// Without a recurrence there is nothing to reset.
// CHECK-LABEL: func.func @plain(%{{.+}}: tensor<1x?x4xf32>) ->
func.func @plain(%x: tensor<1x?x4xf32>) -> tensor<1x?x4xf32> {
  %y = math.tanh %x : tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}
