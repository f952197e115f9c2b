// RUN: seq-opt %s --split-input-file --verify-diagnostics

func.func @c1_value(%q: tensor<1x?x2x4xf32>, %k: tensor<1x?x2x4xf32>, %v: tensor<1x?x2x4xf64>) {
  // expected-error @+1 {{C1: value has elements of type 'f64', expected 'f32'}}
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf64>)
      mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c1_bias(%q: tensor<1x?x2x4xf32>, %b: tensor<?x?xf64>) {
  // expected-error @+1 {{C1: bias has elements of type 'f64', expected 'f32'}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      bias(%b : tensor<?x?xf64>) mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c2_batch(%q: tensor<?x?x2x4xf32>) {
  // expected-error @+1 {{C2: the size B of query must be known}}
  %y = seq.attention ins(%q, %q, %q : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>)
      mask <full> scale 1.0 -> tensor<?x?x2x4xf32>
  return
}

// -----

func.func @c2_heads_of_bias(%q: tensor<1x?x2x4xf32>, %b: tensor<?x?x?xf32>) {
  // expected-error @+1 {{C2: the size Hq of bias must be known}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      bias(%b : tensor<?x?x?xf32>) mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c3_depth(%q: tensor<1x?x2x4xf32>, %k: tensor<1x?x2x5xf32>) {
  // expected-error @+1 {{C3: the size D of key is 5, expected 4}}
  %y = seq.attention ins(%q, %k, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x5xf32>, tensor<1x?x2x4xf32>)
      mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c3_keys(%q: tensor<1x?x2x4xf32>, %k: tensor<1x7x2x4xf32>, %v: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{C3: the size S of value is 8, expected 7}}
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x2x4xf32>, tensor<1x7x2x4xf32>, tensor<1x8x2x4xf32>)
      mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c3_output(%q: tensor<1x?x2x4xf32>, %v: tensor<1x?x2x6xf32>) {
  // expected-error @+1 {{C3: the size Dv of output is 4, expected 6}}
  %y = seq.attention ins(%q, %q, %v : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x6xf32>)
      mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c3_key_mask(%q: tensor<1x?x2x4xf32>, %k: tensor<1x7x2x4xf32>, %m: tensor<1x1xi1>) {
  // expected-error @+1 {{C3: the size S of key_mask is 1, expected 7}}
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x2x4xf32>, tensor<1x7x2x4xf32>, tensor<1x7x2x4xf32>)
      key_mask(%m : tensor<1x1xi1>) mask <full> scale 1.0 -> tensor<1x?x2x4xf32>
  return
}

// -----

func.func @c4_heads(%q: tensor<1x?x6x4xf32>, %k: tensor<1x?x4x4xf32>) {
  // expected-error @+1 {{C4: the 4 heads of key do not divide the query's 6}}
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x6x4xf32>, tensor<1x?x4x4xf32>, tensor<1x?x4x4xf32>)
      mask <full> scale 1.0 -> tensor<1x?x6x4xf32>
  return
}

// -----

func.func @c4_no_heads(%q: tensor<1x?x0x4xf32>, %k: tensor<1x?x4x4xf32>) {
  // expected-error @+1 {{C4: query has no heads}}
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x0x4xf32>, tensor<1x?x4x4xf32>, tensor<1x?x4x4xf32>)
      mask <full> scale 1.0 -> tensor<1x?x0x4xf32>
  return
}

// -----

func.func @c5_bias(%q: tensor<1x?x6x4xf32>, %b: tensor<3x?x?xf32>) {
  // expected-error @+1 {{C5: the size Hq of bias is 3, expected 6 or 1}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x6x4xf32>, tensor<1x?x6x4xf32>, tensor<1x?x6x4xf32>)
      bias(%b : tensor<3x?x?xf32>) mask <full> scale 1.0 -> tensor<1x?x6x4xf32>
  return
}

// -----

func.func @c6_kernel(%q: tensor<1x?x6x4xf32>, %b: tensor<?x?xf32>) {
  // expected-error @+1 {{C6: the normaliser kernel takes no bias}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x6x4xf32>, tensor<1x?x6x4xf32>, tensor<1x?x6x4xf32>)
      bias(%b : tensor<?x?xf32>) mask <full> scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x6x4xf32>
  return
}

// -----

// expected-error @+1 {{unknown mask 'triangle': expected full, causal, window or blocks}}
func.func private @unknown() attributes {m = #seq.mask<triangle>}

// -----

// expected-error @+1 {{a window needs sizes of at least 0}}
func.func private @negative() attributes {m = #seq.mask<window(-1, 0)>}

// -----

// expected-error @+1 {{there cannot be -2 global positions}}
func.func private @negative_global() attributes {m = #seq.mask<window(1, 0) global(-2)>}

// -----

// The largest of 32 bits is a size, no limit: positions are added to it.
// expected-error @+1 {{a mask has sizes up to 1073741824, not 2147483647 (`*` is no limit of a window)}}
func.func private @large_left() attributes {m = #seq.mask<window(2147483647, 0)>}

// -----

// expected-error @+1 {{a mask has sizes up to 1073741824, not 9223372036854775807}}
func.func private @large_right() attributes {m = #seq.mask<window(1, 9223372036854775807)>}

// -----

// expected-error @+1 {{a mask has sizes up to 1073741824, not 1073741825}}
func.func private @large_global() attributes {m = #seq.mask<window(1, 1) global(1073741825)>}

// -----

// expected-error @+1 {{a mask has sizes up to 1073741824, not 2147483648}}
func.func private @large_block() attributes {m = #seq.mask<blocks(2147483648, dense<true> : tensor<1x1xi1>)>}

// -----

// expected-error @+1 {{blocks need a size of at least 1, have 0}}
func.func private @no_block() attributes {m = #seq.mask<blocks(0, dense<true> : tensor<1x1xi1>)>}

// -----

// expected-error @+1 {{a pattern of blocks is a matrix of i1}}
func.func private @pattern() attributes {m = #seq.mask<blocks(2, dense<1> : tensor<1x1xi8>)>}

// -----

func.func @cached_c3_cache(%q: tensor<1x?x4x8xf32>, %c: tensor<1x?x4x6xf32>, %p: tensor<1xi64>) {
  // expected-error @+1 {{C3: the size D of key_cache is 6, expected 8}}
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %q, %q : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      init(%c, %q, %p : tensor<1x?x4x6xf32>, tensor<1x?x4x8xf32>) mask <causal> scale 1.0
      -> tensor<1x?x4x8xf32>, tensor<1x?x4x6xf32>, tensor<1x?x4x8xf32>
  return
}

// -----

func.func @cached_c4_heads(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x3x8xf32>, %p: tensor<1xi64>) {
  // expected-error @+1 {{C4: the 3 heads of key do not divide the query's 4}}
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %k, %k : tensor<1x?x4x8xf32>, tensor<1x?x3x8xf32>, tensor<1x?x3x8xf32>)
      init(%k, %k, %p : tensor<1x?x3x8xf32>, tensor<1x?x3x8xf32>) mask <causal> scale 1.0
      -> tensor<1x?x4x8xf32>, tensor<1x?x3x8xf32>, tensor<1x?x3x8xf32>
  return
}

// -----

func.func @cached_c5_mask(%q: tensor<1x?x4x8xf32>, %p: tensor<1xi64>) {
  // expected-error @+1 {{C5: the mask must show no key after the query}}
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %q, %q : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      init(%q, %q, %p : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>) mask <full> scale 1.0
      -> tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>
  return
}

// -----

func.func @cached_c6_ring(%q: tensor<1x?x4x8xf32>, %c: tensor<1x11x4x8xf32>, %p: tensor<1xi64>) {
  // expected-error @+1 {{C6: a cache of 11 places, expected at most the 10 that the mask shows}}
  %y, %k1, %v1, %p1 = seq.cached_attention ins(%q, %q, %q : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      init(%c, %c, %p : tensor<1x11x4x8xf32>, tensor<1x11x4x8xf32>) mask <window(9, 0)> scale 1.0
      -> tensor<1x?x4x8xf32>, tensor<1x11x4x8xf32>, tensor<1x11x4x8xf32>
  return
}
