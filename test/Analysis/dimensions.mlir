// RUN: seq-opt %s --test-dimensions --split-input-file --verify-diagnostics -o %t

// Elementwise on [B, C]: both dimensions leave.
func.func @gated_sum(%x: tensor<1x?x64xf32>, %a: tensor<1x?x64xf32>, %y0: tensor<1x?x64xf32>, %h0: tensor<1x64xf32>) -> tensor<1x?x64xf32> {
  // expected-remark@below {{dimension 0 of 1 is separable: state0#0 out0#0 in0#0 in1#0}}
  // expected-remark@below {{dimension 1 of 64 is separable: state0#1 out0#1 in0#1 in1#1}}
  %y, %h = seq.recurrence along 1 ins(%x, %a : tensor<1x?x64xf32>, tensor<1x?x64xf32>)
      outs(%y0 : tensor<1x?x64xf32>) init(%h0 : tensor<1x64xf32>) {
  ^step(%xt: tensor<1x64xf32>, %at: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>):
    // expected-remark@below {{free of the state}}
    %e = math.exp %at : tensor<1x64xf32>
    %0 = arith.mulf %e, %s : tensor<1x64xf32>
    %1 = arith.addf %0, %xt : tensor<1x64xf32>
    seq.yield %1, %1 : tensor<1x64xf32>, tensor<1x64xf32>
  }
  return %y : tensor<1x?x64xf32>
}

// -----

// A selective scan: the readout sums the rows N into the output.
#bdn = affine_map<(b, d, n) -> (b, d, n)>
#bd = affine_map<(b, d, n) -> (b, d)>
#bn = affine_map<(b, d, n) -> (b, n)>
#dn = affine_map<(b, d, n) -> (d, n)>
func.func @selective_scan(%u: tensor<2x?x48xf32>, %b: tensor<2x?x16xf32>, %a: tensor<48x16xf32>, %y0: tensor<2x?x48xf32>, %h0: tensor<2x48x16xf32>) -> tensor<2x?x48xf32> {
  // expected-remark@below {{dimension 0 of 2 is separable: state0#0 out0#0 in0#0 in1#0}}
  // expected-remark@below {{dimension 1 of 48 is separable: state0#1 out0#1 in0#1 capture0#0}}
  // expected-remark@below {{dimension 2 of 16 is a reduction: state0#2 in1#1 capture0#1}}
  %y, %h = seq.recurrence along 1 ins(%u, %b : tensor<2x?x48xf32>, tensor<2x?x16xf32>)
      outs(%y0 : tensor<2x?x48xf32>) init(%h0 : tensor<2x48x16xf32>) {
  ^step(%ut: tensor<2x48xf32>, %bt: tensor<2x16xf32>, %yt: tensor<2x48xf32>, %s: tensor<2x48x16xf32>):
    %s1 = linalg.generic {indexing_maps = [#bd, #bn, #dn, #bdn], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%ut, %bt, %a : tensor<2x48xf32>, tensor<2x16xf32>, tensor<48x16xf32>) outs(%s : tensor<2x48x16xf32>) {
    ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
      %0 = arith.mulf %o, %k : f32
      %1 = arith.mulf %i, %j : f32
      %2 = arith.addf %0, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<2x48x16xf32>
    %y1 = linalg.generic {indexing_maps = [#bdn, #bn, #bd], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%s1, %bt : tensor<2x48x16xf32>, tensor<2x16xf32>) outs(%yt : tensor<2x48xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      %0 = arith.mulf %i, %j : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<2x48xf32>
    seq.yield %y1, %s1 : tensor<2x48xf32>, tensor<2x48x16xf32>
  }
  return %y : tensor<2x?x48xf32>
}

// -----

// A fill between the output slice and the sum starts every part from zero, and
// an operation on the sum sees a part only: the rows are reduced for good.
#bdn = affine_map<(b, d, n) -> (b, d, n)>
#bd = affine_map<(b, d, n) -> (b, d)>
func.func @filled_and_processed(%y0: tensor<2x?x48xf32>, %z0: tensor<2x?x48xf32>, %h0: tensor<2x48x16xf32>) -> tensor<2x?x48xf32> {
  %zero = arith.constant 0.0 : f32
  // expected-remark@below {{dimension 0 of 2 is separable: state0#0 out0#0 out1#0}}
  // expected-remark@below {{dimension 1 of 48 is separable: state0#1 out0#1 out1#1}}
  // expected-remark@below {{dimension 2 of 16 is reduced: state0#2}}
  %y, %z, %h = seq.recurrence along 1 outs(%y0, %z0 : tensor<2x?x48xf32>, tensor<2x?x48xf32>) init(%h0 : tensor<2x48x16xf32>) {
  ^step(%yt: tensor<2x48xf32>, %zt: tensor<2x48xf32>, %s: tensor<2x48x16xf32>):
    // expected-remark@below {{free of the state}}
    %f = linalg.fill ins(%zero : f32) outs(%yt : tensor<2x48xf32>) -> tensor<2x48xf32>
    %y1 = linalg.reduce { arith.addf } ins(%s : tensor<2x48x16xf32>) outs(%f : tensor<2x48xf32>) dimensions = [2]
    %z1 = linalg.reduce { arith.addf } ins(%s : tensor<2x48x16xf32>) outs(%zt : tensor<2x48xf32>) dimensions = [2]
    %z2 = math.exp %z1 : tensor<2x48xf32>
    seq.yield %y1, %z2, %s : tensor<2x48xf32>, tensor<2x48xf32>, tensor<2x48x16xf32>
  }
  return %y : tensor<2x?x48xf32>
}

// -----

// A dense step couples the hidden units; the batch stays separable.
func.func @rnn(%x: tensor<4x?x8xf32>, %w: tensor<8x8xf32>, %y0: tensor<4x?x8xf32>, %h0: tensor<4x8xf32>) -> tensor<4x?x8xf32> {
  // expected-remark@below {{dimension 0 of 4 is separable: state0#0 out0#0 in0#0}}
  // expected-remark@below {{dimension 1 of 8 is reduced: state0#1 out0#1 in0#1 capture0#0 capture0#1}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<4x?x8xf32>) outs(%y0 : tensor<4x?x8xf32>) init(%h0 : tensor<4x8xf32>) {
  ^step(%xt: tensor<4x8xf32>, %yt: tensor<4x8xf32>, %s: tensor<4x8xf32>):
    %m = linalg.matmul ins(%s, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%xt : tensor<4x8xf32>) -> tensor<4x8xf32>
    %t = math.tanh %m : tensor<4x8xf32>
    seq.yield %t, %t : tensor<4x8xf32>, tensor<4x8xf32>
  }
  return %y : tensor<4x?x8xf32>
}

// -----

// A transposed state does not leave where it came in.
func.func @transposed_state(%y0: tensor<?x8x8xf32>, %s0: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-remark@below {{dimension 0 of 8 is met twice in one value: state0#0 state0#1 out0#0 out0#1}}
  %y, %s = seq.recurrence along 0 outs(%y0 : tensor<?x8x8xf32>) init(%s0 : tensor<8x8xf32>) {
  ^step(%yt: tensor<8x8xf32>, %s: tensor<8x8xf32>):
    %t = linalg.transpose ins(%s : tensor<8x8xf32>) outs(%yt : tensor<8x8xf32>) permutation = [1, 0]
    seq.yield %s, %t : tensor<8x8xf32>, tensor<8x8xf32>
  }
  return %s : tensor<8x8xf32>
}

// -----

// A convolution window: the window is cut and joined, the channels pass through.
func.func @window(%x: tensor<2x?x6xf32>, %y0: tensor<2x?x6xf32>, %w0: tensor<2x3x6xf32>) -> tensor<2x3x6xf32> {
  // expected-remark@below {{dimension 0 of 2 is separable: state0#0 out0#0 in0#0}}
  // expected-remark@below {{dimension 1 of 3 is concatenated: state0#1}}
  // expected-remark@below {{dimension 2 of 6 is separable: state0#2 out0#1 in0#1}}
  // expected-remark@below {{dimension 3 of 1 is concatenated:}}
  // expected-remark@below {{dimension 4 of 4 is concatenated:}}
  %y, %w = seq.recurrence along 1 ins(%x : tensor<2x?x6xf32>) outs(%y0 : tensor<2x?x6xf32>) init(%w0 : tensor<2x3x6xf32>) {
  ^step(%xt: tensor<2x6xf32>, %yt: tensor<2x6xf32>, %s: tensor<2x3x6xf32>):
    // expected-remark@below {{free of the state}}
    %e = tensor.expand_shape %xt [[0, 1], [2]] output_shape [2, 1, 6] : tensor<2x6xf32> into tensor<2x1x6xf32>
    %c = tensor.concat dim(1) %s, %e : (tensor<2x3x6xf32>, tensor<2x1x6xf32>) -> tensor<2x4x6xf32>
    %s1 = tensor.extract_slice %c[0, 1, 0] [2, 3, 6] [1, 1, 1] : tensor<2x4x6xf32> to tensor<2x3x6xf32>
    %y1 = tensor.extract_slice %c[0, 2, 0] [2, 1, 6] [1, 1, 1] : tensor<2x4x6xf32> to tensor<2x6xf32>
    seq.yield %y1, %s1 : tensor<2x6xf32>, tensor<2x3x6xf32>
  }
  return %w : tensor<2x3x6xf32>
}

// -----

// Tiling channels would overwrite the count once for each part.
func.func @state_without_channels(%x: tensor<1x?x64xf32>, %y0: tensor<1x?x64xf32>, %h0: tensor<1x64xf32>, %n0: tensor<1xf32>) -> tensor<1xf32> {
  %one = arith.constant dense<1.0> : tensor<1xf32>
  // expected-remark@below {{dimension 0 of 1 is missing in a state or an output: state0#0 out0#0 in0#0}}
  // expected-remark@below {{dimension 1 of 64 is missing in a state or an output: state0#1 out0#1 in0#1}}
  // expected-remark@below {{dimension 2 of 1 is missing in a state or an output: state1#0 capture0#0}}
  %y, %h, %n = seq.recurrence along 1 ins(%x : tensor<1x?x64xf32>) outs(%y0 : tensor<1x?x64xf32>) init(%h0, %n0 : tensor<1x64xf32>, tensor<1xf32>) {
  ^step(%xt: tensor<1x64xf32>, %yt: tensor<1x64xf32>, %s: tensor<1x64xf32>, %n: tensor<1xf32>):
    %1 = arith.addf %s, %xt : tensor<1x64xf32>
    %2 = arith.addf %n, %one : tensor<1xf32>
    seq.yield %1, %1, %2 : tensor<1x64xf32>, tensor<1x64xf32>, tensor<1xf32>
  }
  return %n : tensor<1xf32>
}

// -----

// Dynamic batch: a size that makes an empty tensor is harmless, one that is
// computed with is not. An index that is used as a number couples too.
#id = affine_map<(b, c) -> (b, c)>
func.func @sizes_and_indices(%x: tensor<?x?x8xf32>, %y0: tensor<?x?x8xf32>, %h0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  // expected-remark@below {{dimension 0 is separable: state0#0 out0#0 in0#0}}
  // expected-remark@below {{dimension 1 of 8 is used as a number: state0#1 out0#1 in0#1}}
  %y, %h = seq.recurrence along 1 ins(%x : tensor<?x?x8xf32>) outs(%y0 : tensor<?x?x8xf32>) init(%h0 : tensor<?x8xf32>) {
  ^step(%xt: tensor<?x8xf32>, %yt: tensor<?x8xf32>, %s: tensor<?x8xf32>):
    // expected-remark@below {{free of the state}}
    %b = tensor.dim %s, %c0 : tensor<?x8xf32>
    // expected-remark@below {{free of the state}}
    %e = tensor.empty(%b) : tensor<?x8xf32>
    %m = arith.addf %s, %xt : tensor<?x8xf32>
    %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
    ^bb0(%i: f32, %o: f32):
      %c = linalg.index 1 : index
      %d = arith.index_cast %c : index to i32
      %f = arith.sitofp %d : i32 to f32
      %r = arith.addf %i, %f : f32
      linalg.yield %r : f32
    } -> tensor<?x8xf32>
    seq.yield %1, %1 : tensor<?x8xf32>, tensor<?x8xf32>
  }
  return %h : tensor<?x8xf32>
}

// -----

// A gather from a captured table inside a payload, and an unknown operation.
#id = affine_map<(b, c) -> (b, c)>
func.func @unknown(%x: tensor<4x?x8xf32>, %i: tensor<4x?x8xindex>, %table: tensor<8xf32>, %y0: tensor<4x?x8xf32>, %h0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  // expected-remark@below {{dimension 0 of 4 meets an operation the analysis does not know: state0#0}}
  // expected-remark@below {{dimension 1 of 8 meets an operation the analysis does not know: state0#1}}
  // expected-remark@below {{dimension 2 of 4 is missing in a state or an output: out0#0 in0#0}}
  // expected-remark@below {{dimension 3 of 8 is missing in a state or an output: out0#1 in0#1}}
  // expected-remark@below {{dimension 4 of 8 meets an operation the analysis does not know: capture0#0}}
  %y, %h = seq.recurrence along 1 ins(%i : tensor<4x?x8xindex>) outs(%y0 : tensor<4x?x8xf32>) init(%h0 : tensor<4x8xf32>) {
  ^step(%it: tensor<4x8xindex>, %yt: tensor<4x8xf32>, %s: tensor<4x8xf32>):
    // expected-remark@below {{free of the state}}
    %g = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%it : tensor<4x8xindex>) outs(%yt : tensor<4x8xf32>) {
    ^bb0(%k: index, %o: f32):
      %v = tensor.extract %table[%k] : tensor<8xf32>
      linalg.yield %v : f32
    } -> tensor<4x8xf32>
    %p = tensor.pad %s low[0, 0] high[0, 0] {
    ^bb0(%a: index, %b: index):
      tensor.yield %zero : f32
    } : tensor<4x8xf32> to tensor<4x8xf32>
    seq.yield %g, %p : tensor<4x8xf32>, tensor<4x8xf32>
  }
  return %h : tensor<4x8xf32>
}
