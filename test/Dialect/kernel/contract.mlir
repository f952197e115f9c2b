// RUN: seq-opt %s --verify-roundtrip --verify-diagnostics --split-input-file

func.func @every_kind_of_extra(%x: tensor<2x?x8xf32>, %w: tensor<2x8x16xf32>, %one: tensor<f32>, %column: tensor<20xf32>,
    %padded: tensor<32xf32>, %full: tensor<2x?x20xf32>, %y: tensor<2x?x20xf32>) -> tensor<2x?x20xf32> {
  %0 = kernel.contract ins(%x, %w : tensor<2x?x8xf32>, tensor<2x8x16xf32>)
      extras(%one, %column, %padded, %full : tensor<f32>, tensor<20xf32>, tensor<32xf32>, tensor<2x?x20xf32>)
      outs(%y : tensor<2x?x20xf32>) {
  ^bb0(%p: f32, %a: f32, %b: f32, %c: f32, %d: f32, %o: f32):
    kernel.yield %p : f32
  } -> tensor<2x?x20xf32>
  return %0 : tensor<2x?x20xf32>
}

func.func @on_memrefs(%x: memref<?x8xf32>, %w: memref<2x8x16xf32>, %y: memref<?x20xf32>) {
  kernel.contract ins(%x, %w : memref<?x8xf32>, memref<2x8x16xf32>) outs(%y : memref<?x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @c1(%x: memref<?x8xf32>, %w: memref<3x8x16xf32>, %y: memref<?x20xf32>) {
  // expected-error@+1 {{3 panels of 16 columns do not fit out's 20 columns}}
  kernel.contract ins(%x, %w : memref<?x8xf32>, memref<3x8x16xf32>) outs(%y : memref<?x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @c2_rows(%x: memref<4x8xf32>, %w: memref<2x8x16xf32>, %y: memref<5x20xf32>) {
  // expected-error@+1 {{input and out must have the same leading dimensions}}
  kernel.contract ins(%x, %w : memref<4x8xf32>, memref<2x8x16xf32>) outs(%y : memref<5x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @c2_depth(%x: memref<4x9xf32>, %w: memref<2x8x16xf32>, %y: memref<4x20xf32>) {
  // expected-error@+1 {{input's last dimension must be K = 8}}
  kernel.contract ins(%x, %w : memref<4x9xf32>, memref<2x8x16xf32>) outs(%y : memref<4x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @c3(%x: memref<4x8xf32>, %w: memref<2x8x16xf64>, %y: memref<4x20xf32>) {
  // expected-error@+1 {{must have one floating-point element type}}
  kernel.contract ins(%x, %w : memref<4x8xf32>, memref<2x8x16xf64>) outs(%y : memref<4x20xf32>) {
  ^bb0(%p: f64, %o: f32):
    kernel.yield %o : f32
  }
  return
}

// -----

func.func @c4(%x: memref<4x8xf32>, %w: memref<2x8x16xf32>, %e: memref<21xf32>, %y: memref<4x20xf32>) {
  // expected-error@+1 {{extra 0 must be one value, [20], [32] or of out's shape}}
  kernel.contract ins(%x, %w : memref<4x8xf32>, memref<2x8x16xf32>) extras(%e : memref<21xf32>) outs(%y : memref<4x20xf32>) {
  ^bb0(%p: f32, %x0: f32, %o: f32):
    kernel.yield %o : f32
  }
  return
}

// -----

func.func @c5(%x: memref<4x8xf32>, %w: memref<2x8x16xf32>, %y: memref<4x20xf32>) {
  // expected-error@+1 {{region arguments must be the elements of the product, of each extra and of out}}
  kernel.contract ins(%x, %w : memref<4x8xf32>, memref<2x8x16xf32>) outs(%y : memref<4x20xf32>) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @c6(%x: tensor<4x8xf32>, %w: tensor<2x8x16xf32>, %y: tensor<4x20xf32>) {
  // expected-error@+1 {{on tensors there must be one result of out's type}}
  kernel.contract ins(%x, %w : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%y : tensor<4x20xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  }
  return
}
