// RUN: seq-opt %s --verify-roundtrip --verify-diagnostics --split-input-file

kernel.entry @"l.{}.w" : tensor<2x3xf32> count 4 first 1 offset 64 stride 128
kernel.entry @ids : tensor<5xi64> count 1 offset 0 stride 64

func.func @read(%i: index) -> (tensor<2x3xf32>, tensor<5xi64>) {
  %0 = kernel.weight @"l.{}.w"[%i] : tensor<2x3xf32>
  %1 = kernel.weight @ids : tensor<5xi64>
  return %0, %1 : tensor<2x3xf32>, tensor<5xi64>
}

func.func @write(%i: index, %t: tensor<2x3xf32>, %m: memref<5xi64>) {
  kernel.store_entry %t, @"l.{}.w"[%i] : tensor<2x3xf32>
  kernel.store_entry %m, @ids : memref<5xi64>
  return
}

// -----

// expected-error@+1 {{type must be a tensor of static shape with elements that weight files have, is 'tensor<?xf32>'}}
kernel.entry @dynamic : tensor<?xf32> count 1 offset 0 stride 64

// -----

// expected-error@+1 {{with elements that weight files have, is 'tensor<2xi4>'}}
kernel.entry @small : tensor<2xi4> count 1 offset 0 stride 64

// -----

// expected-error@+1 {{with elements that weight files have, is 'memref<2xf32>'}}
kernel.entry @memref : memref<2xf32> count 1 offset 0 stride 64

// -----

// expected-error@+1 {{count must be at least 1, is 0}}
kernel.entry @"none.{}" : tensor<2xf32> count 0 offset 0 stride 64

// -----

// expected-error@+1 {{the name of 2 tensors must hold {}}}
kernel.entry @two : tensor<2xf32> count 2 offset 0 stride 64

// -----

// expected-error@+1 {{multiples of 64 and not negative, are 32 and 64}}
kernel.entry @offset : tensor<2xf32> count 1 offset 32 stride 64

// -----

// expected-error@+1 {{multiples of 64 and not negative, are 0 and -64}}
kernel.entry @stride : tensor<2xf32> count 1 offset 0 stride -64

// -----

// expected-error@+1 {{a stride of 64 bytes is less than the tensor's 68}}
kernel.entry @"overlap.{}" : tensor<17xf32> count 2 offset 0 stride 64

// -----

func.func @no_entry() -> tensor<2xf32> {
  // expected-error@+1 {{there is no entry @w}}
  %0 = kernel.weight @w : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// A function is no entry.
func.func private @w()
func.func @not_an_entry(%t: tensor<2xf32>) {
  // expected-error@+1 {{there is no entry @w}}
  kernel.store_entry %t, @w : tensor<2xf32>
  return
}

// -----

kernel.entry @w : tensor<2xf32> count 1 offset 0 stride 64
func.func @other_shape() -> tensor<3xf32> {
  // expected-error@+1 {{entry @w is of type 'tensor<2xf32>', not 'tensor<3xf32>'}}
  %0 = kernel.weight @w : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

kernel.entry @w : tensor<2xf32> count 1 offset 0 stride 64
func.func @other_element(%m: memref<2xbf16>) {
  // expected-error@+1 {{entry @w is of type 'tensor<2xf32>', not 'memref<2xbf16>'}}
  kernel.store_entry %m, @w : memref<2xbf16>
  return
}
