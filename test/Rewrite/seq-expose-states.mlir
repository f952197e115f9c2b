// RUN: seq-opt %s --seq-expose-states --split-input-file --verify-diagnostics | FileCheck %s

// Layers in a loop that begins at 1: the states of all iterations are one
// tensor, of which each takes its part. Both public functions have the same
// states, for they compute them in the same way, though not in the same place.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: (%[[X:[^:]+]]: tensor<1x?x4xf32>, %{{.+}}: index, %[[H0:[^:]+]]: tensor<1x4xf32>, %[[C0:[^:]+]]: tensor<1x4xf32>)
// CHECK-SAME: -> (tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>)
// CHECK: %[[Y:.+]], %[[H:.+]], %[[C:.+]] = seq.lstm {{.*}} init(%[[H0]], %[[C0]] :
// CHECK: return %[[Y]], %[[H]], %[[C]]
func.func private @layer(%x: tensor<1x?x4xf32>, %l: index) -> tensor<1x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %w = seq.weight @"w.{}"[%l] : tensor<16x4xf32>
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<16x4xf32>, tensor<16x4xf32>)
      init(%zero, %zero : tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
  return %y : tensor<1x?x4xf32>
}
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[X:[^:]+]]: tensor<1x?x4xf32> {seq.name = "x"}, %[[H:[^:]+]]: tensor<3x1x4xf32> {seq.state = "h0"}, %[[C:[^:]+]]: tensor<3x1x4xf32> {seq.state = "c0"})
// CHECK-SAME: -> (tensor<1x?x4xf32>, tensor<3x1x4xf32> {seq.state = "h0"}, tensor<3x1x4xf32> {seq.state = "c0"})
// CHECK: %[[F:.+]]:3 = scf.for %[[L:.+]] = %{{.+}} to %{{.+}} step %{{.+}} iter_args(%[[V:.+]] = %[[X]], %[[HS:.+]] = %[[H]], %[[CS:.+]] = %[[C]])
// CHECK: %[[I:.+]] = arith.subi %[[L]], %{{.+}} : index
// CHECK-DAG: %[[HL:.+]] = tensor.extract_slice %[[HS]][%[[I]], 0, 0] [1, 1, 4] [1, 1, 1] : tensor<3x1x4xf32> to tensor<1x4xf32>
// CHECK-DAG: %[[CL:.+]] = tensor.extract_slice %[[CS]][%[[I]], 0, 0]
// CHECK: %[[R:.+]]:3 = func.call @layer(%[[V]], %[[L]], %[[HL]], %[[CL]])
// CHECK-DAG: %[[HN:.+]] = tensor.insert_slice %[[R]]#1 into %[[HS]][%[[I]], 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x4xf32> into tensor<3x1x4xf32>
// CHECK-DAG: %[[CN:.+]] = tensor.insert_slice %[[R]]#2 into %[[CS]][%[[I]], 0, 0]
// CHECK: scf.yield %[[R]]#0, %[[HN]], %[[CN]]
// CHECK: return %[[F]]#0, %[[F]]#1, %[[F]]#2
func.func @forward(%x: tensor<1x?x4xf32> {seq.name = "x"}) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %y = scf.for %l = %c1 to %c4 step %c1 iter_args(%v = %x) -> tensor<1x?x4xf32> {
    %o = func.call @layer(%v, %l) : (tensor<1x?x4xf32>, index) -> tensor<1x?x4xf32>
    scf.yield %o : tensor<1x?x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}
// CHECK-LABEL: func.func @last
// CHECK-SAME: {seq.state = "h0"}, %{{.+}}: tensor<3x1x4xf32> {seq.state = "c0"})
// CHECK-SAME: -> (tensor<1x4xf32>, tensor<3x1x4xf32> {seq.state = "h0"}, tensor<3x1x4xf32> {seq.state = "c0"})
func.func @last(%x: tensor<1x?x4xf32> {seq.name = "x"}) -> tensor<1x4xf32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %y = scf.for %l = %c1 to %c4 step %c1 iter_args(%v = %x) -> tensor<1x?x4xf32> {
    %o = func.call @layer(%v, %l) : (tensor<1x?x4xf32>, index) -> tensor<1x?x4xf32>
    scf.yield %o : tensor<1x?x4xf32>
  }
  %i = arith.subi %t, %c1 : index
  %z = tensor.extract_slice %y[0, %i, 0] [1, 1, 4] [1, 1, 1] : tensor<1x?x4xf32> to tensor<1x4xf32>
  return %z : tensor<1x4xf32>
}
// The same layers on something else: states of their own. The name of an
// argument is not taken again.
// CHECK-LABEL: func.func @doubled
// CHECK-SAME: {seq.state = "h2"}, %{{.+}}: tensor<3x1x4xf32> {seq.state = "c1"})
func.func @doubled(%x: tensor<1x?x4xf32> {seq.name = "h1"}) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %d = arith.addf %x, %x : tensor<1x?x4xf32>
  %y = scf.for %l = %c1 to %c4 step %c1 iter_args(%v = %d) -> tensor<1x?x4xf32> {
    %o = func.call @layer(%v, %l) : (tensor<1x?x4xf32>, index) -> tensor<1x?x4xf32>
    scf.yield %o : tensor<1x?x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}
// Time is reduced: this function stays as it is and passes zeros.
// CHECK-LABEL: func.func @mean(%{{[^,]+}}: tensor<1x?x4xf32>, %{{[^,]+}}: tensor<1x4xf32>) -> tensor<1x4xf32>
// CHECK-DAG: %[[H:.+]] = arith.constant dense<0.000000e+00> : tensor<1x4xf32>
// CHECK-DAG: %[[C:.+]] = arith.constant dense<0.000000e+00> : tensor<1x4xf32>
// CHECK: %[[R:.+]]:3 = call @layer(%{{.+}}, %{{.+}}, %[[H]], %[[C]])
func.func @mean(%x: tensor<1x?x4xf32>, %z: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %c1 = arith.constant 1 : index
  %y = call @layer(%x, %c1) : (tensor<1x?x4xf32>, index) -> tensor<1x?x4xf32>
  // expected-remark@below {{the states of @mean stay inside: the time dimension is reduced}}
  %m = linalg.reduce { arith.addf } ins(%y : tensor<1x?x4xf32>) outs(%z : tensor<1x4xf32>) dimensions = [1]
  return %m : tensor<1x4xf32>
}

// -----

// A public function that is called has the states of its caller.
// CHECK-LABEL: func.func @whole
// CHECK-SAME: {seq.state = "conv0"}, %{{.+}}: tensor<1x2x3xf32> {seq.state = "ssm0"})
func.func @whole(%x: tensor<1x?x2xf32>, %w: tensor<2x4xf32>, %a: tensor<2x3xf32>, %b: tensor<1x?x3xf32>) -> tensor<1x?x2xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant dense<0.0> : tensor<1x3x2xf32>
  %e = tensor.empty() : tensor<1x2x3xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  %u, %c = seq.causal_conv ins(%x : tensor<1x?x2xf32>) weights(%w : tensor<2x4xf32>) init(%c0 : tensor<1x3x2xf32>) -> tensor<1x?x2xf32>, tensor<1x3x2xf32>
  %y, %s = seq.selective_scan ins(%u, %u, %a, %b, %b : tensor<1x?x2xf32>, tensor<1x?x2xf32>, tensor<2x3xf32>, tensor<1x?x3xf32>, tensor<1x?x3xf32>)
      init(%s0 : tensor<1x2x3xf32>) -> tensor<1x?x2xf32>, tensor<1x2x3xf32>
  return %y : tensor<1x?x2xf32>
}
// CHECK-LABEL: func.func @end
// CHECK-SAME: %[[C:[^:]+]]: tensor<1x3x2xf32> {seq.state = "conv0"}, %[[S:[^:]+]]: tensor<1x2x3xf32> {seq.state = "ssm0"})
// CHECK: %[[R:.+]]:3 = call @whole(%{{.+}}, %{{.+}}, %{{.+}}, %{{.+}}, %[[C]], %[[S]])
// CHECK: return %{{.+}}, %[[R]]#1, %[[R]]#2
func.func @end(%x: tensor<1x?x2xf32>, %w: tensor<2x4xf32>, %a: tensor<2x3xf32>, %b: tensor<1x?x3xf32>) -> tensor<1x2xf32> {
  %c1 = arith.constant 1 : index
  %y = call @whole(%x, %w, %a, %b) : (tensor<1x?x2xf32>, tensor<2x4xf32>, tensor<2x3xf32>, tensor<1x?x3xf32>) -> tensor<1x?x2xf32>
  %t = tensor.dim %y, %c1 : tensor<1x?x2xf32>
  %i = arith.subi %t, %c1 : index
  %z = tensor.extract_slice %y[0, %i, 0] [1, 1, 2] [1, 1, 1] : tensor<1x?x2xf32> to tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// A constant that the caller hands over; the last state is a result already.
// CHECK-LABEL: func.func private @sum(%{{[^,]+}}: tensor<?x4xf32>, %{{[^,]+}}: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
func.func private @sum(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%t) : tensor<?x4xf32>
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y, %h : tensor<?x4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @sums
// CHECK-SAME: %[[S:[^:]+]]: tensor<4xf32> {seq.state = "state0"}) -> (tensor<?x4xf32>, tensor<4xf32> {seq.state = "state0"})
// CHECK: %[[R:.+]]:2 = call @sum(%{{.+}}, %[[S]])
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @sums(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %y : tensor<?x4xf32>
}
// The user's state: left alone, and nothing to say.
// CHECK-LABEL: func.func @users_state
// CHECK-NOT: seq.state
func.func @users_state(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %y, %h = call @sum(%x, %h0) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %y, %h : tensor<?x4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @half_users_state
// CHECK-NOT: seq.state
// expected-remark@below {{the states of @half_users_state stay inside: argument #1 is a state already}}
func.func @half_users_state(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %h0) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  %z, %g = call @sum(%y, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %z, %h : tensor<?x4xf32>, tensor<4xf32>
}
// A public callee that stays as it is; so does its caller.
// CHECK-LABEL: func.func @calls_half
// CHECK-NOT: seq.state
// expected-remark@below {{the states of @calls_half stay inside: it calls @half_users_state, whose states do}}
func.func @calls_half(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @half_users_state(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %y : tensor<?x4xf32>
}
// CHECK-LABEL: func.func @ones
// CHECK-NOT: seq.state
func.func @ones(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  // expected-remark@below {{the initial state is 1.000000e+00 : f32; the states of a program start as zeros}}
  %y, %h = call @sum(%x, %one) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %y : tensor<?x4xf32>
}
// CHECK-LABEL: func.func @computed
// CHECK-NOT: seq.state
func.func @computed(%x: tensor<?x4xf32>, %p: tensor<4xf32>) -> tensor<?x4xf32> {
  %h0 = math.tanh %p : tensor<4xf32>
  // expected-remark@below {{the initial state, a 'tensor<4xf32>', is computed}}
  %y, %h = call @sum(%x, %h0) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %y : tensor<?x4xf32>
}
// Each time adds what is known after all times, or at the last.
// CHECK-LABEL: func.func @total
// CHECK-NOT: seq.state
func.func @total(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  %t = tensor.dim %y, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%t) : tensor<?x4xf32>
  // expected-remark@below {{what is computed for each time reads the last state of a recurrence, or the last time}}
  %b = linalg.broadcast ins(%h : tensor<4xf32>) outs(%e : tensor<?x4xf32>) dimensions = [0]
  return %b : tensor<?x4xf32>
}
// CHECK-LABEL: func.func @minus_last
// CHECK-NOT: seq.state
func.func @minus_last(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  %t = tensor.dim %y, %c0 : tensor<?x4xf32>
  %i = arith.subi %t, %c1 : index
  %z = tensor.extract_slice %y[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<4xf32>
  // expected-remark@below {{what is computed for each time reads the last state of a recurrence, or the last time}}
  %b = linalg.broadcast ins(%z : tensor<4xf32>) outs(%y : tensor<?x4xf32>) dimensions = [0]
  return %b : tensor<?x4xf32>
}
// Another time than the last.
// CHECK-LABEL: func.func @before_last
// CHECK-NOT: seq.state
func.func @before_last(%x: tensor<?x4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  // expected-remark@below {{the time dimension is used as a number}}
  %t = tensor.dim %y, %c0 : tensor<?x4xf32>
  %i = arith.subi %t, %c2 : index
  %z = tensor.extract_slice %y[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<4xf32>
  return %z : tensor<4xf32>
}
// The last time begins another recurrence, which sees one time a piece.
// CHECK-LABEL: func.func @last_again
// CHECK-NOT: seq.state
func.func @last_again(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  %t = tensor.dim %y, %c0 : tensor<?x4xf32>
  %i = arith.subi %t, %c1 : index
  // expected-remark@below {{the time dimension is cut}}
  %z = tensor.extract_slice %y[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<1x4xf32>
  %d = tensor.cast %z : tensor<1x4xf32> to tensor<?x4xf32>
  %r, %g = call @sum(%d, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  return %r : tensor<?x4xf32>
}
// The length itself is a result of a kind.
// CHECK-LABEL: func.func @positions
// CHECK-NOT: seq.state
func.func @positions(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<i64>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %y, %h = call @sum(%x, %zero) : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>)
  // expected-remark@below {{the time dimension is used as a number}}
  %t = tensor.dim %y, %c0 : tensor<?x4xf32>
  %n = arith.index_cast %t : index to i64
  %count = tensor.from_elements %n : tensor<i64>
  return %y, %count : tensor<?x4xf32>, tensor<i64>
}

// -----

// Backwards.
// CHECK-LABEL: func.func @both_ways
// CHECK-NOT: seq.state
func.func @both_ways(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>) -> (tensor<1x?x4xf32>, tensor<1x?x4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %y, %h = seq.rnn ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%zero : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  // expected-remark@below {{the states of @both_ways stay inside: it runs from the last time to the first}}
  %z, %g = seq.rnn reverse ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%zero : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y, %z : tensor<1x?x4xf32>, tensor<1x?x4xf32>
}

// -----

// Iterations that hand on one state: not a state for each of them.
// CHECK-LABEL: func.func @shared
// CHECK-NOT: seq.state
func.func @shared(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %y, %last = scf.for %l = %c0 to %c3 step %c1 iter_args(%v = %x, %s = %zero) -> (tensor<1x?x4xf32>, tensor<1x4xf32>) {
    // expected-remark@below {{the iterations of the loop share the state, a 'tensor<1x4xf32>'}}
    %o, %h = seq.rnn ins(%v : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%s : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
    scf.yield %o, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}

// -----

// As many layers as the caller says.
// CHECK-LABEL: func.func @unknown_count
// CHECK-NOT: seq.state
func.func @unknown_count(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<1x?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  // expected-remark@below {{the loop has states, but not a constant number of iterations}}
  %y = scf.for %l = %c0 to %n step %c1 iter_args(%v = %x) -> tensor<1x?x4xf32> {
    %o, %h = seq.rnn ins(%v : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%zero : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
    scf.yield %o : tensor<1x?x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}
// CHECK-LABEL: func.func @branch
// CHECK-NOT: seq.state
func.func @branch(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>, %b: i1) -> tensor<1x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %y = scf.if %b -> tensor<1x?x4xf32> {
    // expected-remark@below {{recurrences are expected in a function or an scf.for, not in scf.if}}
    %o, %h = seq.rnn ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%zero : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
    scf.yield %o : tensor<1x?x4xf32>
  } else {
    scf.yield %x : tensor<1x?x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}

// -----

// One tap: the window has no elements, so there is no state.
// CHECK-LABEL: func.func @one_tap(%{{[^,]+}}: tensor<1x?x2xf32>, %{{[^,]+}}: tensor<2x1xf32>) -> tensor<1x?x2xf32>
func.func @one_tap(%x: tensor<1x?x2xf32>, %w: tensor<2x1xf32>) -> tensor<1x?x2xf32> {
  %c0 = arith.constant dense<0.0> : tensor<1x0x2xf32>
  %u, %c = seq.causal_conv ins(%x : tensor<1x?x2xf32>) weights(%w : tensor<2x1xf32>) init(%c0 : tensor<1x0x2xf32>) -> tensor<1x?x2xf32>, tensor<1x0x2xf32>
  return %u : tensor<1x?x2xf32>
}
// Nothing runs through time.
// CHECK-LABEL: func.func @pointwise(%{{[^,]+}}: tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
func.func @pointwise(%x: tensor<1x?x2xf32>) -> tensor<1x?x2xf32> {
  %y = math.exp %x : tensor<1x?x2xf32>
  return %y : tensor<1x?x2xf32>
}

// -----

// A function that calls itself.
// CHECK-LABEL: func.func @endless
// CHECK-NOT: seq.state
// expected-remark@below {{@endless calls itself}}
func.func @endless(%x: tensor<1x?x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %y, %h = seq.rnn ins(%x : tensor<1x?x4xf32>) weights(%w, %w : tensor<4x4xf32>, tensor<4x4xf32>) init(%zero : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  %z = call @endless(%y, %w) : (tensor<1x?x4xf32>, tensor<4x4xf32>) -> tensor<1x?x4xf32>
  return %z : tensor<1x?x4xf32>
}
