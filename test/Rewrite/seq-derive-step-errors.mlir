// RUN: seq-opt %s --seq-derive-step --split-input-file --verify-diagnostics -o /dev/null

// A recurrence from the last time to the first.
func.func @reverse(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{runs from the last time to the first}}
  %y, %h = seq.recurrence along 0 reverse ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A sum over time.
func.func @reduced(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{the time dimension is reduced}}
  %m = linalg.reduce { arith.addf } ins(%x : tensor<?x4xf32>) outs(%h0 : tensor<4xf32>) dimensions = [0]
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A part of the times.
func.func @shifted(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  // expected-error@below {{the time dimension is cut}}
  %p = tensor.extract_slice %x[1, 0] [%t, 4] [1, 1] : tensor<?x4xf32> to tensor<?x4xf32>
  %y, %h = seq.recurrence along 0 ins(%p : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// Two sequences, one after the other.
func.func @joined(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{the time dimension is concatenated}}
  %p = tensor.concat dim(0) %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %y, %h = seq.recurrence along 0 ins(%p : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// The position in time as a number.
func.func @position(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{the time dimension is used as a number}}
  %p = linalg.generic {indexing_maps = [affine_map<(t, c) -> (t, c)>, affine_map<(t, c) -> (t, c)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %k = linalg.index 0 : index
    %n = arith.index_cast %k : index to i32
    %f = arith.sitofp %n : i32 to f32
    %r = arith.addf %i, %f : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  %y, %h = seq.recurrence along 0 ins(%p : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// The number of times as a number.
func.func @length(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  // expected-error@below {{the time dimension is used as a number}}
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  %n = arith.index_cast %t : index to i32
  %f = arith.sitofp %n : i32 to f32
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %d = tensor.splat %f : tensor<4xf32>
    %m = arith.mulf %d, %xt : tensor<4xf32>
    %0 = arith.addf %s, %m : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A step that reads another sequence as a whole.
func.func @whole_sequence(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{the time dimension is read as a whole by each step}}
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %a = linalg.reduce { arith.addf } ins(%x : tensor<?x4xf32>) outs(%s : tensor<4xf32>) dimensions = [0]
    %0 = arith.addf %a, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A sequence computed from the last state.
func.func @from_the_end(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  // expected-error@below {{reads the last state of a recurrence}}
  %b = linalg.broadcast ins(%h : tensor<4xf32>) outs(%e : tensor<?x4xf32>) dimensions = [0]
  %z = arith.addf %y, %b : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

// A recurrence that starts where another one ends.
func.func @encoder_decoder(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  // expected-error@below {{is computed; expected a constant or an argument}}
  %z, %g = seq.recurrence along 0 ins(%y : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %z : tensor<?x4xf32>
}

// -----

// An initial state that is computed: a step could not take it over.
func.func @computed_initial_state(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %i = math.exp %h0 : tensor<4xf32>
  // expected-error@below {{is computed; expected a constant or an argument}}
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%i : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// An initial state out of an argument that no result matches.
func.func @part_not_returned(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>, %hs: tensor<2x4xf32>) -> (tensor<?x4xf32>, tensor<2x4xf32>) {
  %i = tensor.extract_slice %hs[1, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<4xf32>
  // expected-error@below {{argument #3 holds the initial state}}
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%i : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  %n = tensor.insert_slice %h into %hs[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<2x4xf32>
  return %y, %n : tensor<?x4xf32>, tensor<2x4xf32>
}

// -----

// Layers must each hand on a state of their own.
func.func @one_state_for_all(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %l = %c0 to %c3 step %c1 iter_args(%v = %x) -> (tensor<?x4xf32>) {
    // expected-error@below {{the loop does not hand on the last state where it takes the initial one}}
    %y, %h = seq.recurrence along 0 ins(%v : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
    ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
      %0 = arith.addf %s, %xt : tensor<4xf32>
      seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
    }
    scf.yield %y : tensor<?x4xf32>
  }
  return %r : tensor<?x4xf32>
}

// -----

// Stacked states need to know how many there are.
func.func @unknown_layers(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %n: index) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error@below {{not a constant number of iterations}}
  %r = scf.for %l = %c0 to %n step %c1 iter_args(%v = %x) -> (tensor<?x4xf32>) {
    %y, %h = seq.recurrence along 0 ins(%v : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%zero : tensor<4xf32>) {
    ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
      %0 = arith.addf %s, %xt : tensor<4xf32>
      seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
    }
    scf.yield %y : tensor<?x4xf32>
  }
  return %r : tensor<?x4xf32>
}

// -----

// Rows and columns of one tensor are both time.
func.func @two_times(%x: tensor<?x?xf32>, %e: tensor<?x?xf32>, %r0: tensor<?xf32>) -> tensor<?x?xf32> {
  // expected-error@below {{the time dimension is a dimension of slices as well}}
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) init(%r0 : tensor<?xf32>) {
  ^step(%xt: tensor<?xf32>, %yt: tensor<?xf32>, %s: tensor<?xf32>):
    %0 = arith.addf %s, %xt : tensor<?xf32>
    seq.yield %0, %0 : tensor<?xf32>, tensor<?xf32>
  }
  %z, %g = seq.recurrence along 1 ins(%y : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) init(%r0 : tensor<?xf32>) {
  ^step(%xt: tensor<?xf32>, %yt: tensor<?xf32>, %s: tensor<?xf32>):
    %0 = arith.addf %s, %xt : tensor<?xf32>
    seq.yield %0, %0 : tensor<?xf32>, tensor<?xf32>
  }
  return %z : tensor<?x?xf32>
}

// -----

// A scan has no step.
func.func @scanned(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error@below {{the time dimension is scanned}}
  %y = seq.scan along 0 ins(%x : tensor<?x4xf32>) {
  ^combine(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %0 = arith.addf %a, %b : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// -----

// A named layer.
func.func @named(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %u: tensor<4x4xf32>, %h0: tensor<1x4xf32>) -> tensor<1x?x4xf32> {
  // expected-error@below {{run seq-generalize first}}
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %u : tensor<4x8xf32>, tensor<4x4xf32>) init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y : tensor<1x?x4xf32>
}

// -----

// The name is taken.
func.func private @taken_step()
// expected-error@below {{there is a @taken_step already}}
func.func @taken(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %s, %xt : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}
