// RUN: seq-opt %s --seq-select-form=target-file=%S/Inputs/one-core.json | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: seq-opt %s --seq-select-form=form=sequential | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: seq-opt %s --seq-select-form=form=scan | FileCheck %s --check-prefixes=CHECK,SCAN
// RUN: seq-opt %s --seq-select-form=form=quadratic | FileCheck %s --check-prefixes=CHECK,QUADRATIC
// RUN: seq-opt %s --seq-select-form=form=chunked --canonicalize | FileCheck %s --check-prefixes=CHECK,CHUNKED
// RUN: seq-opt %s --seq-select-form=target-file=%S/Inputs/slow-steps.json | FileCheck %s --check-prefixes=CHECK,RANGES

// A gated sum. On a CPU its steps are nothing that others would save half of.
// CHECK-LABEL: @gated
func.func @gated(%x: tensor<1x?x8xf32>, %g: tensor<1x?x8xf32>, %h0: tensor<1x8xf32>)
    -> (tensor<1x?x8xf32>, tensor<1x8xf32>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
  %y0 = tensor.empty(%t) : tensor<1x?x8xf32>
  // AUTO-NOT: scf.if
  // AUTO: seq.recurrence along 1
  // AUTO-NOT: seq.recurrence

  // Blocks of time side by side.
  // SCAN: seq.recurrence along 2 ins({{.*}} : tensor<1x16x?x8xf32>

  // Scores of all pairs of times.
  // QUADRATIC: linalg.generic {{.*}} ins({{.*}}tensor<1x1x8x?x?xf32>
  // QUADRATIC: return

  // CHUNKED: linalg.generic {{.*}} ins({{.*}}tensor<?x1x8x64x64xf32>
  // CHUNKED: return

  // The program decides, by the number of times. A branch leaves its results in the
  // destinations.
  // RANGES: %[[T:.*]] = tensor.dim %arg0
  // RANGES: %[[SHORT:.*]] = arith.cmpi slt, %[[T]]
  // RANGES: scf.if %[[SHORT]] -> (tensor<1x?x8xf32>, tensor<1x8xf32>)
  // RANGES: seq.recurrence along 1 {{.*}} outs(%[[Y0:.*]] : tensor<1x?x8xf32>) init(%arg2
  // RANGES: scf.yield
  // RANGES: } else {
  // RANGES: linalg.copy ins({{.*}}) outs(%[[Y0]] : tensor<1x?x8xf32>)
  // RANGES: linalg.copy ins({{.*}}) outs(%arg2 : tensor<1x8xf32>)
  // RANGES: scf.yield
  %y, %h = seq.recurrence along 1 ins(%x, %g : tensor<1x?x8xf32>, tensor<1x?x8xf32>)
      outs(%y0 : tensor<1x?x8xf32>) init(%h0 : tensor<1x8xf32>) {
  ^step(%xt: tensor<1x8xf32>, %gt: tensor<1x8xf32>, %yt: tensor<1x8xf32>, %s: tensor<1x8xf32>):
    %abs = math.absf %gt : tensor<1x8xf32>
    %log = arith.negf %abs : tensor<1x8xf32>
    %a = math.exp %log : tensor<1x8xf32>
    %kept = arith.mulf %a, %s : tensor<1x8xf32>
    %next = arith.addf %kept, %xt : tensor<1x8xf32>
    seq.yield %next, %next : tensor<1x8xf32>, tensor<1x8xf32>
  }
  return %y, %h : tensor<1x?x8xf32>, tensor<1x8xf32>
}

// A counter and a window are no arithmetic: they are left alone whatever is asked for.
// CHECK-LABEL: @window
// CHECK: seq.recurrence along 1
// CHECK-NOT: seq.recurrence
// CHECK: return
func.func @window(%x: tensor<1x?x8xf32>, %w0: tensor<1x3x8xf32>, %c0: tensor<1xi64>)
    -> (tensor<1x?x8xf32>, tensor<1x3x8xf32>, tensor<1xi64>) {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
  %y0 = tensor.empty(%t) : tensor<1x?x8xf32>
  %y, %w, %c = seq.recurrence along 1 ins(%x : tensor<1x?x8xf32>)
      outs(%y0 : tensor<1x?x8xf32>) init(%w0, %c0 : tensor<1x3x8xf32>, tensor<1xi64>) {
  ^step(%xt: tensor<1x8xf32>, %yt: tensor<1x8xf32>, %s: tensor<1x3x8xf32>, %n: tensor<1xi64>):
    %one = arith.constant dense<1> : tensor<1xi64>
    %oldest = tensor.extract_slice %s[0, 0, 0] [1, 1, 8] [1, 1, 1] : tensor<1x3x8xf32> to tensor<1x8xf32>
    %rest = tensor.extract_slice %s[0, 1, 0] [1, 2, 8] [1, 1, 1] : tensor<1x3x8xf32> to tensor<1x2x8xf32>
    %new = tensor.expand_shape %xt [[0, 1], [2]] output_shape [1, 1, 8] : tensor<1x8xf32> into tensor<1x1x8xf32>
    %next = tensor.concat dim(1) %rest, %new : (tensor<1x2x8xf32>, tensor<1x1x8xf32>) -> tensor<1x3x8xf32>
    %count = arith.addi %n, %one : tensor<1xi64>
    seq.yield %oldest, %next, %count : tensor<1x8xf32>, tensor<1x3x8xf32>, tensor<1xi64>
  }
  return %y, %w, %c : tensor<1x?x8xf32>, tensor<1x3x8xf32>, tensor<1xi64>
}
