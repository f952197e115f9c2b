// RUN: seq-opt %s --seq-name-arguments --split-input-file --verify-diagnostics -o /dev/null

// expected-error@below {{nothing to compile: no public function}}
module {
  func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

// expected-error@below {{@f returns nothing; a program needs a result}}
func.func @f(%x: tensor<4xf32>) {
  return
}

// -----

// expected-error@below {{argument #1 of @f is a 'f32'; a program takes tensors only, 'tensor<f32>' for a single number}}
func.func @f(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{result #0 ("n") of @f is a 'index'; a program takes tensors only, 'tensor<i64>'}}
func.func @f(%x: tensor<4xf32>) -> (index {seq.name = "n"}) {
  %c4 = arith.constant 4 : index
  return %c4 : index
}

// -----

// expected-error@below {{argument #0 ("x") of @f is a 'tensor<*xf32>'; a program takes ranked tensors only}}
func.func @f(%x: tensor<*xf32> {seq.name = "x"}) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}

// -----

// expected-error@below {{argument #0 of @f is a 'memref<4xf32>'; a program takes ranked tensors only}}
func.func @f(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}

// -----

// expected-error@below {{argument #0 of @f is a 'tensor<1x1x1x1x1x1x1x1x1xf32>'; a program takes at most 8 dimensions}}
func.func @f(%x: tensor<1x1x1x1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1x1x1x1xf32> {
  return %x : tensor<1x1x1x1x1x1x1x1x1xf32>
}

// -----

// expected-error@below {{argument #0 of @f is a 'tensor<4xcomplex<f32>>'; a program takes elements of f32, f64,}}
func.func @f(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  return %x : tensor<4xcomplex<f32>>
}

// -----

// expected-error@below {{result #1 of @f is a 'tensor<4xi16>'; a program takes elements of}}
func.func @f(%x: tensor<4xf32>, %y: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi16>) {
  %z = arith.trunci %y : tensor<4xi32> to tensor<4xi16>
  return %x, %z : tensor<4xf32>, tensor<4xi16>
}

// -----

// expected-error@below {{argument #1 ("x") of @f has the name of argument #0}}
func.func @f(%x: tensor<4xf32> {seq.name = "x"}, %y: tensor<4xf32> {seq.name = "x"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// A name that another one gets by its place.
// expected-error@below {{result #1 ("result1") of @f has the name of result #0}}
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32> {seq.name = "result1"}, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error@below {{argument #0 ("a=b") of @f has the name "a=b"; expected a string that is not empty and has no '='}}
func.func @f(%x: tensor<4xf32> {seq.name = "a=b"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{argument #0 of @f has the name 1 : i64; expected a string}}
func.func @f(%x: tensor<4xf32> {seq.name = 1}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
