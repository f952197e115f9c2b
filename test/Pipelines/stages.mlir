// After each stage the dialects that it retires are gone (docs/Pipelines.md).

// RUN: seq-compile %s --emit=seq | FileCheck %s --check-prefix=SEQ
// RUN: seq-compile %s --emit=forms | FileCheck %s --check-prefix=FORMS
// RUN: seq-compile %s --emit=kernels | FileCheck %s --check-prefix=KERNELS
// RUN: seq-compile %s --emit=loops | FileCheck %s --check-prefix=LOOPS
// RUN: seq-compile %s --emit=llvm | FileCheck %s --check-prefix=LLVM

// SEQ: seq.lstm

// FORMS-NOT: seq.lstm
// FORMS: seq.recurrence
// FORMS-NOT: seq.lstm

// KERNELS-NOT: seq.{{(lstm|recurrence|yield|weight)}}
// KERNELS: kernel.contract
// KERNELS-NOT: seq.{{(lstm|recurrence|yield|weight)}}
// KERNELS: kernel.recurrence
// KERNELS-NOT: seq.{{(lstm|recurrence|yield|weight)}}

// LOOPS-NOT: {{tensor<|linalg\.|kernel\.(contract|recurrence|team |yield)|memref.alloc\(}}
// LOOPS: kernel.run_team
// LOOPS-NOT: {{tensor<|linalg\.|kernel\.(contract|recurrence|team |yield)|memref.alloc\(}}
// LOOPS: vector.fma
// LOOPS-NOT: {{tensor<|linalg\.|kernel\.(contract|recurrence|team |yield)|memref.alloc\(}}

// LLVM-NOT: {{kernel\.|memref\.|vector\.[a-z]+ |arith\.|scf\.|cf\.|func\.func}}
// LLVM: llvm.func
// LLVM-NOT: {{kernel\.|memref\.|arith\.|scf\.|cf\.|func\.func}}

func.func @lstm(%x: tensor<1x?x40xf32>, %w: tensor<128x40xf32>, %r: tensor<128x32xf32>, %b: tensor<128xf32>)
    -> (tensor<1x?x32xf32>, tensor<1x32xf32>) {
  %h0 = arith.constant dense<0.0> : tensor<1x32xf32>
  %y, %h, %c = seq.lstm ins(%x : tensor<1x?x40xf32>)
      weights(%w, %r : tensor<128x40xf32>, tensor<128x32xf32>) bias(%b : tensor<128xf32>)
      init(%h0, %h0 : tensor<1x32xf32>, tensor<1x32xf32>)
      -> tensor<1x?x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>
  return %y, %h : tensor<1x?x32xf32>, tensor<1x32xf32>
}
