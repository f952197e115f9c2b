// RUN: seq-opt %s --verify-roundtrip --verify-diagnostics --split-input-file

func.func @everything(%q: tensor<2x?x8x64xf32>, %k: tensor<2x?x2x64xf32>, %v: tensor<2x?x4x32xf32>, %m: tensor<2x?xi1>,
    %b: tensor<8x1x?xf32>, %y: tensor<2x?x8x32xf32>) -> tensor<2x?x8x32xf32> {
  %0 = kernel.attention ins(%q, %k, %v : tensor<2x?x8x64xf32>, tensor<2x?x2x64xf32>, tensor<2x?x4x32xf32>)
      key_mask(%m : tensor<2x?xi1>) bias(%b : tensor<8x1x?xf32>) outs(%y : tensor<2x?x8x32xf32>)
      mask <window(9, 0) global(2)> scale 0.125 -> tensor<2x?x8x32xf32>
  return %0 : tensor<2x?x8x32xf32>
}

func.func @on_memrefs(%q: memref<1x?x8x64xf32, strided<[?, ?, 64, 1], offset: ?>>, %k: memref<1x?x8x64xf32>, %y: memref<1x?x8x64xf32>) {
  kernel.attention ins(%q, %k, %k : memref<1x?x8x64xf32, strided<[?, ?, 64, 1], offset: ?>>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      outs(%y : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c1_depth(%q: memref<1x?x8x64xf32>, %k: memref<1x?x8x32xf32>) {
  // expected-error@+1 {{C1: the size D of key is 32, expected 64}}
  kernel.attention ins(%q, %k, %q : memref<1x?x8x64xf32>, memref<1x?x8x32xf32>, memref<1x?x8x64xf32>)
      outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c1_heads(%q: memref<1x?x8x64xf32>, %k: memref<1x?x3x64xf32>) {
  // expected-error@+1 {{C1: Hk = 3 must divide Hq = 8}}
  kernel.attention ins(%q, %k, %q : memref<1x?x8x64xf32>, memref<1x?x3x64xf32>, memref<1x?x8x64xf32>)
      outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c1_key_mask(%q: memref<1x?x8x64xf32>, %m: memref<1x?xf32>) {
  // expected-error@+1 {{C1: key_mask must have elements of type 'i1'}}
  kernel.attention ins(%q, %q, %q : memref<1x?x8x64xf32>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      key_mask(%m : memref<1x?xf32>) outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c1_rank(%q: memref<1x?x8x64xf32>, %k: memref<?x8x64xf32>) {
  // expected-error@+1 {{C1: key must have 4 dimensions}}
  kernel.attention ins(%q, %k, %q : memref<1x?x8x64xf32>, memref<?x8x64xf32>, memref<1x?x8x64xf32>)
      outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c2_bias(%q: memref<1x?x8x64xf32>, %b: memref<?x1xf32>) {
  // expected-error@+1 {{C2: bias must have as many keys as key}}
  kernel.attention ins(%q, %q, %q : memref<1x?x8x64xf32>, memref<1x?x8x64xf32>, memref<1x?x8x64xf32>)
      bias(%b : memref<?x1xf32>) outs(%q : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}

// -----

func.func @c3_mixed(%q: tensor<1x?x8x64xf32>, %y: memref<1x?x8x64xf32>) {
  // expected-error@+1 {{C3: operands must be all tensors or all memrefs}}
  kernel.attention ins(%q, %q, %q : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>)
      outs(%y : memref<1x?x8x64xf32>) mask <full> scale 0.125
  return
}
