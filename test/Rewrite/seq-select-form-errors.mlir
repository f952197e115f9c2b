// RUN: seq-opt %s --seq-select-form=form=chunked --verify-diagnostics --split-input-file
// RUN: not seq-opt %s --seq-select-form=form=fast 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not seq-opt %s --seq-select-form=target-file=%s 2>&1 | FileCheck %s --check-prefix=FILE

// NAME: there is no form 'fast'; known are auto, sequential, chunked, scan, quadratic
// FILE: seq-select-form-errors.mlir: is no JSON

func.func @nonlinear(%x: tensor<1x?x8xf32>, %h0: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-error@+1 {{has no chunked form: it has a state 0 that is nonlinear: it goes through math.tanh (classes of its states: nonlinear)}}
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x8xf32>) init(%h0 : tensor<1x8xf32>) {
  ^step(%xt: tensor<1x8xf32>, %s: tensor<1x8xf32>):
    %sum = arith.addf %s, %xt : tensor<1x8xf32>
    %next = math.tanh %sum : tensor<1x8xf32>
    seq.yield %next : tensor<1x8xf32>
  }
  return %h : tensor<1x8xf32>
}
