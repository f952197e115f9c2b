// RUN: seq-opt %s --split-input-file --verify-diagnostics

func.func @recurrence_c1_no_sequence(%h0: tensor<4xf32>) {
  // expected-error @+1 {{C1: needs a sequence}}
  %h = seq.recurrence along 0 init(%h0 : tensor<4xf32>) {
  ^step(%s: tensor<4xf32>):
    seq.yield %s : tensor<4xf32>
  }
  return
}

// -----

func.func @recurrence_c1_no_such_dimension(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{C1: no dimension 2}}
  seq.recurrence along 2 ins(%x : tensor<3x4xf32>) {
  ^step(%xt: tensor<3xf32>):
    seq.yield
  }
  return
}

// -----

func.func @recurrence_c1_times_differ(%x: tensor<3x4xf32>, %z: tensor<5x4xf32>) {
  // expected-error @+1 {{C1: sequences of 3 and of 5 times}}
  seq.recurrence along 0 ins(%x, %z : tensor<3x4xf32>, tensor<5x4xf32>) {
  ^step(%xt: tensor<4xf32>, %zt: tensor<4xf32>):
    seq.yield
  }
  return
}

// -----

func.func @recurrence_c2_argument_missing(%x: tensor<3x4xf32>, %h0: tensor<4xf32>) {
  // expected-error @+1 {{C2: the region has 1 arguments, expected 2}}
  %h = seq.recurrence along 0 ins(%x : tensor<3x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>):
    seq.yield %xt : tensor<4xf32>
  }
  return
}

// -----

func.func @recurrence_c2_argument_keeps_time(%x: tensor<3x4xf32>, %h0: tensor<4xf32>) {
  // expected-error @+1 {{C2: region argument 0}}
  %h = seq.recurrence along 0 ins(%x : tensor<3x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %s: tensor<4xf32>):
    seq.yield %s : tensor<4xf32>
  }
  return
}

// -----

func.func @recurrence_c3_state_not_yielded(%x: tensor<3x4xf32>, %h0: tensor<4xf32>) {
  // expected-error @+1 {{C3: seq.yield hands over 0 values, expected 1}}
  %h = seq.recurrence along 0 ins(%x : tensor<3x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %s: tensor<4xf32>):
    seq.yield
  }
  return
}

// -----

func.func @recurrence_c3_state_of_another_type(%x: tensor<3x4xf32>, %h0: tensor<2xf32>) {
  // expected-error @+1 {{C3: yielded value 0}}
  %h = seq.recurrence along 0 ins(%x : tensor<3x4xf32>) init(%h0 : tensor<2xf32>) {
  ^step(%xt: tensor<4xf32>, %s: tensor<2xf32>):
    seq.yield %xt : tensor<4xf32>
  }
  return
}

// -----

func.func @scan_c1_no_such_dimension(%x: tensor<3xf32>) {
  // expected-error @+1 {{C1: no dimension -1}}
  %y = seq.scan along -1 ins(%x : tensor<3xf32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>):
    seq.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @scan_c1_times_differ(%x: tensor<3xf32>, %z: tensor<4xf32>) {
  // expected-error @+1 {{C1: sequences of 3 and of 4 times}}
  %y:2 = seq.scan along 0 ins(%x, %z : tensor<3xf32>, tensor<4xf32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>, %d: tensor<f32>):
    seq.yield %a, %b : tensor<f32>, tensor<f32>
  }
  return
}

// -----

func.func @scan_c2_initial_missing(%x: tensor<3xf32>, %z: tensor<3xf32>, %e: tensor<f32>) {
  // expected-error @+1 {{C2: 1 initial tensors for 2 sequences}}
  %y:3 = seq.scan along 0 ins(%x, %z : tensor<3xf32>, tensor<3xf32>) init(%e : tensor<f32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>, %d: tensor<f32>):
    seq.yield %a, %b : tensor<f32>, tensor<f32>
  }
  return
}

// -----

func.func @scan_c2_initial_of_another_type(%x: tensor<3xf32>, %e: tensor<1xf32>) {
  // expected-error @+1 {{C2: initial tensor is}}
  %y:2 = seq.scan along 0 ins(%x : tensor<3xf32>) init(%e : tensor<1xf32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>):
    seq.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @scan_c2_exclusive_without_init(%x: tensor<3xf32>) {
  // expected-error @+1 {{C2: exclusive without init}}
  %y = seq.scan along 0 exclusive ins(%x : tensor<3xf32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>):
    seq.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @scan_c3_combiner_takes_one(%x: tensor<3xf32>) {
  // expected-error @+1 {{C3: the combiner takes}}
  %y = seq.scan along 0 ins(%x : tensor<3xf32>) {
  ^combine(%a: tensor<f32>):
    seq.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @scan_c3_combiner_yields_two(%x: tensor<3xf32>) {
  // expected-error @+1 {{C3: the combiner yields}}
  %y = seq.scan along 0 ins(%x : tensor<3xf32>) {
  ^combine(%a: tensor<f32>, %b: tensor<f32>):
    seq.yield %a, %b : tensor<f32>, tensor<f32>
  }
  return
}

// -----

func.func @weight_c1_index_missing() {
  // expected-error @+1 {{C1: the name holds {}, an index is missing}}
  %w = seq.weight @"h.{}.w" : tensor<4xf32>
  return
}

// -----

func.func @weight_c1_index_without_a_place(%i: index) {
  // expected-error @+1 {{C1: an index, but no {} in the name}}
  %w = seq.weight @w[%i] : tensor<4xf32>
  return
}

// -----

func.func @weight_c2_unknown_size() {
  // expected-error @+1 {{C2: the type must have a static shape}}
  %w = seq.weight @w : tensor<?xf32>
  return
}
