// RUN: seq-opt %s --kernel-pack-weights --split-input-file --verify-diagnostics -o /dev/null

// An argument that says nothing of its values.
func.func @argument(%i: index) -> tensor<4xf32> {
  // expected-error@+1 {{weight @"l.{}": its index must be a constant, a loop's variable with constant bounds, or an argument with seq.count (plus a constant)}}
  %w = seq.weight @"l.{}"[%i] : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

func.func @no_layers(%i: index {seq.count = 0 : index}) -> tensor<4xf32> {
  // expected-error@+1 {{weight @"l.{}": its index must be}}
  %w = seq.weight @"l.{}"[%i] : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

// A multiple of the layer.
func.func @every_second(%i: index {seq.count = 3 : index}) -> tensor<4xf32> {
  %c2 = arith.constant 2 : index
  %j = arith.muli %i, %c2 : index
  // expected-error@+1 {{weight @"l.{}": its index must be}}
  %w = seq.weight @"l.{}"[%j] : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

func.func private @use(tensor<4xf32>)
func.func @unknown_bound(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error@+1 {{weight @"l.{}": its index must be}}
    %w = seq.weight @"l.{}"[%i] : tensor<4xf32>
    func.call @use(%w) : (tensor<4xf32>) -> ()
  }
  return
}

// -----

func.func @short_table(%i: index {seq.count = 3 : index}) -> tensor<4xf32> {
  %numbers = arith.constant dense<[0, 2]> : tensor<2xindex>
  %layer = tensor.extract %numbers[%i] : tensor<2xindex>
  // expected-error@+1 {{weight @"l.{}": its index reads a table of 2 numbers at the places 0 to 2}}
  %w = seq.weight @"l.{}"[%layer] : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

func.func @element() -> tensor<4xi4> {
  // expected-error@+1 {{weight @w: a weight file has no elements of type 'i4'}}
  %w = seq.weight @w : tensor<4xi4>
  return %w : tensor<4xi4>
}

// -----

// expected-error@+1 {{the name @pack is the compiler's own}}
func.func @pack() -> tensor<4xf32> {
  %w = seq.weight @w : tensor<4xf32>
  return %w : tensor<4xf32>
}
