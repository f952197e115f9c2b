// RUN: seq-opt %s -lower-math | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: seq-opt %s -lower-math=avx512 | FileCheck %s --check-prefixes=CHECK,AVX512
// Accuracy: lower-math-run.mlir.

// 2^n is made by integer operations, or by the processor's own.
// CHECK-LABEL: func.func @exp
// CHECK-NOT:   math.exp
// PLAIN:       %[[N:.*]] = arith.bitcast {{.*}} : vector<16xf32> to vector<16xi32>
// PLAIN:       arith.shli %[[N]]
// AVX512-NOT:  arith.shli
// AVX512:      llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
// CHECK:       return
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// Wider vectors in parts, as wide as divide them.
// CHECK-LABEL:   func.func @wide
// AVX512-COUNT-3: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.256"({{.*}}, i8) -> vector<8xf32>
// CHECK-NOT:     math.exp
// CHECK:         return
func.func @wide(%x: vector<24xf32>) -> vector<24xf32> {
  %0 = math.exp2 %x : vector<24xf32>
  return %0 : vector<24xf32>
}

// Where no register fits, and on scalars, integer operations do it.
// CHECK-LABEL: func.func @odd
// CHECK-NOT:   llvm.call_intrinsic
// CHECK:       arith.shli {{.*}} : vector<5xi32>
// CHECK:       arith.shli {{.*}} : i32
// CHECK:       return
func.func @odd(%x: vector<5xf32>, %y: f32) -> (vector<5xf32>, f32) {
  %0 = math.exp %x : vector<5xf32>
  %1 = math.exp %y : f32
  return %0, %1 : vector<5xf32>, f32
}

// Of a product one factor is scaled by log2(e): the one from outside the loop.
// CHECK-LABEL: func.func @decay
// CHECK-SAME:  (%[[A:.*]]: f32, %[[DT:[a-z0-9]*]]: memref<?xf32>,
// CHECK:       scf.for
// CHECK:         %[[LOAD:.*]] = memref.load %[[DT]]
// CHECK:         %[[S:.*]] = arith.mulf %[[A]], %{{.*}} : f32
// CHECK-NEXT:    arith.mulf %[[S]], %[[LOAD]] : f32
func.func @decay(%a: f32, %dt: memref<?xf32>, %y: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %0 = memref.load %dt[%i] : memref<?xf32>
    %1 = arith.mulf %0, %a : f32
    %2 = math.exp %1 : f32
    memref.store %2, %y[%i] : memref<?xf32>
  }
  return
}

// Within one region it is the one that has more uses, and the sign goes with it.
// CHECK-LABEL: func.func @decays
// CHECK-SAME:  (%[[A:[a-z0-9]*]]: f32, %[[B:[a-z0-9]*]]: f32, %[[DT:[a-z0-9]*]]: f32)
// CHECK-DAG:   %[[LOG2E:.*]] = arith.constant -1.44269502 : f32
// CHECK:       %[[S:.*]] = arith.mulf %[[DT]], %[[LOG2E]] : f32
// CHECK-NEXT:  arith.mulf %[[S]], %[[A]] : f32
// CHECK:       %[[S:.*]] = arith.mulf %[[DT]], %{{.*}} : f32
// CHECK-NEXT:  arith.mulf %[[S]], %[[B]] : f32
func.func @decays(%a: f32, %b: f32, %dt: f32) -> (f32, f32) {
  %0 = arith.mulf %a, %dt : f32
  %1 = arith.negf %0 : f32
  %2 = math.exp %1 : f32
  %3 = arith.mulf %b, %dt : f32
  %4 = arith.negf %3 : f32
  %5 = math.exp %4 : f32
  return %2, %5 : f32, f32
}

// log(1 + e^-|x|), as in softplus, needs no range reduction of its own; log1p of
// anything else takes the exponent apart.
// CHECK-LABEL: func.func @softplus
// CHECK-NOT:   arith.sitofp
// CHECK:       return
func.func @softplus(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.absf %x : vector<16xf32>
  %1 = arith.negf %0 : vector<16xf32>
  %2 = math.exp %1 : vector<16xf32>
  %3 = math.log1p %2 : vector<16xf32>
  return %3 : vector<16xf32>
}

// CHECK-LABEL: func.func @log1p
// CHECK:       arith.sitofp
// CHECK:       return
func.func @log1p(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.log1p %0 : vector<16xf32>
  return %1 : vector<16xf32>
}

// Nothing is left that a library would be called for.
// CHECK-LABEL: func.func @all
// CHECK-NOT:   math.{{a?(sin|cos|tan)h?|exp|log|erf|pow|cbrt|rsqrt|fpowi}}
// CHECK:       return
func.func @all(%x: f32, %v: vector<4xf32>, %n: i32) -> (f32, vector<4xf32>) {
  %0 = math.exp %x : f32
  %1 = math.exp2 %0 : f32
  %2 = math.expm1 %1 : f32
  %3 = math.log %2 : f32
  %4 = math.log2 %3 : f32
  %5 = math.log10 %4 : f32
  %6 = math.log1p %5 : f32
  %7 = math.tanh %6 : f32
  %8 = math.erf %7 : f32
  %9 = math.erfc %8 : f32
  %10 = math.sin %9 : f32
  %11 = math.cos %10 : f32
  %12, %13 = math.sincos %11 : f32
  %14 = math.powf %12, %13 : f32
  %15 = math.rsqrt %14 : f32
  %16 = math.fpowi %15, %n : f32, i32

  %20 = math.tan %v : vector<4xf32>
  %21 = math.sinh %20 : vector<4xf32>
  %22 = math.cosh %21 : vector<4xf32>
  %23 = math.asin %22 : vector<4xf32>
  %24 = math.acos %23 : vector<4xf32>
  %25 = math.atan %24 : vector<4xf32>
  %26 = math.asinh %25 : vector<4xf32>
  %27 = math.acosh %26 : vector<4xf32>
  %28 = math.atanh %27 : vector<4xf32>
  %29 = math.cbrt %28 : vector<4xf32>
  %30 = math.atan2 %29, %28 : vector<4xf32>
  return %16, %30 : f32, vector<4xf32>
}

// Common exponents are products.
// CHECK-LABEL: func.func @square
// CHECK-SAME:  (%[[X:.*]]: f32)
// CHECK:       %[[Y:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-NEXT:  return %[[Y]]
func.func @square(%x: f32) -> f32 {
  %two = arith.constant 2.0 : f32
  %0 = math.powf %x, %two : f32
  return %0 : f32
}

// Narrow types are computed in f32.
// CHECK-LABEL: func.func @narrow
// CHECK-SAME:  (%[[X:.*]]: vector<8xbf16>, %[[Y:.*]]: f16)
// CHECK-DAG:   arith.extf %[[X]] : vector<8xbf16> to vector<8xf32>
// CHECK-DAG:   arith.extf %[[Y]] : f16 to f32
// CHECK-NOT:   math.{{exp|floor|tanh}} {{.*}}16
// CHECK:       math.absf {{.*}} : f16
// CHECK:       return
func.func @narrow(%x: vector<8xbf16>, %y: f16) -> (vector<8xbf16>, f16) {
  %0 = math.exp %x : vector<8xbf16>
  %1 = math.floor %0 : vector<8xbf16>
  %2 = math.tanh %y : f16
  %3 = math.absf %2 : f16
  return %1, %3 : vector<8xbf16>, f16
}

// What is one instruction stays, and so does f64.
// CHECK-LABEL: func.func @left_alone
// CHECK:       math.sqrt
// CHECK:       math.floor
// CHECK:       math.ceil
// CHECK:       math.roundeven
// CHECK:       math.fma
// CHECK:       math.exp %{{.*}} : f64
// CHECK:       math.tanh %{{.*}} : f64
func.func @left_alone(%x: vector<16xf32>, %y: f64) -> (vector<16xf32>, f64) {
  %0 = math.sqrt %x : vector<16xf32>
  %1 = math.floor %0 : vector<16xf32>
  %2 = math.ceil %1 : vector<16xf32>
  %3 = math.roundeven %2 : vector<16xf32>
  %4 = math.fma %3, %0, %1 : vector<16xf32>
  %5 = math.exp %y : f64
  %6 = math.tanh %5 : f64
  return %4, %6 : vector<16xf32>, f64
}

// Products and sums may fuse, but for those of a function.
// CHECK-LABEL: func.func @contract
// CHECK-SAME:  (%[[X:.*]]: f32, %[[Y:.*]]: f32)
// CHECK:       %[[P:.*]] = arith.mulf %[[X]], %[[Y]] fastmath<contract>
// CHECK:       %[[S:.*]] = arith.addf %[[P]], %[[Y]] fastmath<nnan,contract>
// CHECK:       %[[D:.*]] = arith.subf %[[S]], %[[Y]] fastmath<contract>
// CHECK:       %[[Q:.*]] = arith.divf %[[D]], %[[Y]] : f32
// CHECK-NOT:   fastmath
// CHECK:       return
func.func @contract(%x: f32, %y: f32) -> f32 {
  %0 = arith.mulf %x, %y : f32
  %1 = arith.addf %0, %y fastmath<nnan> : f32
  %2 = arith.subf %1, %y : f32
  %3 = arith.divf %2, %y : f32
  %4 = math.expm1 %3 : f32
  return %4 : f32
}
