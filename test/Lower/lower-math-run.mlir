// Functions on vectors and scalars are compared with the C library's in f64, on
// every 1999th f32, infinities and NaN included. main prints the largest error of
// each in ulp and returns how many are above their bound.

// RUN: seq-opt %s -lower-math -canonicalize -cse -convert-scf-to-cf -convert-vector-to-llvm -convert-to-llvm \
// RUN:   -reconcile-unrealized-casts \
// RUN: | mlir-runner -shared-libs=%c_runner_utils -O1 -e main -entry-point-result=i32 \
// RUN: | FileCheck %s

// CHECK: {{^0$}}

!v = vector<16xf32>
!scalar = (f32) -> f32
!vector = (!v) -> !v
!reference = (f64) -> f64

func.func private @exp(f64) -> f64
func.func private @exp2(f64) -> f64
func.func private @expm1(f64) -> f64
func.func private @tanh(f64) -> f64
func.func private @erf(f64) -> f64
func.func private @log(f64) -> f64
func.func private @log2(f64) -> f64
func.func private @log10(f64) -> f64
func.func private @log1p(f64) -> f64
func.func private @sinh(f64) -> f64
func.func private @cosh(f64) -> f64
func.func private @asinh(f64) -> f64
func.func private @acosh(f64) -> f64
func.func private @atanh(f64) -> f64
func.func private @sin(f64) -> f64
func.func private @cos(f64) -> f64
func.func private @tan(f64) -> f64
func.func private @asin(f64) -> f64
func.func private @acos(f64) -> f64
func.func private @atan(f64) -> f64
func.func private @cbrt(f64) -> f64
func.func private @erfc(f64) -> f64
func.func private @pow(f64, f64) -> f64
func.func private @printF64(f64)
func.func private @printOpen()
func.func private @printClose()
func.func private @printNewline()

func.func private @s.exp(%x: f32) -> f32 { %y = math.exp %x : f32 return %y : f32 }
func.func private @v.exp(%x: !v) -> !v { %y = math.exp %x : !v return %y : !v }
func.func private @s.exp2(%x: f32) -> f32 { %y = math.exp2 %x : f32 return %y : f32 }
func.func private @v.exp2(%x: !v) -> !v { %y = math.exp2 %x : !v return %y : !v }
func.func private @s.expm1(%x: f32) -> f32 { %y = math.expm1 %x : f32 return %y : f32 }
func.func private @v.expm1(%x: !v) -> !v { %y = math.expm1 %x : !v return %y : !v }
func.func private @s.tanh(%x: f32) -> f32 { %y = math.tanh %x : f32 return %y : f32 }
func.func private @v.tanh(%x: !v) -> !v { %y = math.tanh %x : !v return %y : !v }
func.func private @s.erf(%x: f32) -> f32 { %y = math.erf %x : f32 return %y : f32 }
func.func private @v.erf(%x: !v) -> !v { %y = math.erf %x : !v return %y : !v }
func.func private @s.log(%x: f32) -> f32 { %y = math.log %x : f32 return %y : f32 }
func.func private @v.log(%x: !v) -> !v { %y = math.log %x : !v return %y : !v }
func.func private @s.log2(%x: f32) -> f32 { %y = math.log2 %x : f32 return %y : f32 }
func.func private @v.log2(%x: !v) -> !v { %y = math.log2 %x : !v return %y : !v }
func.func private @s.log10(%x: f32) -> f32 { %y = math.log10 %x : f32 return %y : f32 }
func.func private @v.log10(%x: !v) -> !v { %y = math.log10 %x : !v return %y : !v }
func.func private @s.log1p(%x: f32) -> f32 { %y = math.log1p %x : f32 return %y : f32 }
func.func private @v.log1p(%x: !v) -> !v { %y = math.log1p %x : !v return %y : !v }
func.func private @s.sinh(%x: f32) -> f32 { %y = math.sinh %x : f32 return %y : f32 }
func.func private @v.sinh(%x: !v) -> !v { %y = math.sinh %x : !v return %y : !v }
func.func private @s.cosh(%x: f32) -> f32 { %y = math.cosh %x : f32 return %y : f32 }
func.func private @v.cosh(%x: !v) -> !v { %y = math.cosh %x : !v return %y : !v }
func.func private @s.asinh(%x: f32) -> f32 { %y = math.asinh %x : f32 return %y : f32 }
func.func private @v.asinh(%x: !v) -> !v { %y = math.asinh %x : !v return %y : !v }
func.func private @s.acosh(%x: f32) -> f32 { %y = math.acosh %x : f32 return %y : f32 }
func.func private @v.acosh(%x: !v) -> !v { %y = math.acosh %x : !v return %y : !v }
func.func private @s.atanh(%x: f32) -> f32 { %y = math.atanh %x : f32 return %y : f32 }
func.func private @v.atanh(%x: !v) -> !v { %y = math.atanh %x : !v return %y : !v }
func.func private @s.rsqrt(%x: f32) -> f32 { %y = math.rsqrt %x : f32 return %y : f32 }
func.func private @v.rsqrt(%x: !v) -> !v { %y = math.rsqrt %x : !v return %y : !v }
func.func private @s.sin(%x: f32) -> f32 { %y = math.sin %x : f32 return %y : f32 }
func.func private @v.sin(%x: !v) -> !v { %y = math.sin %x : !v return %y : !v }
func.func private @s.cos(%x: f32) -> f32 { %y = math.cos %x : f32 return %y : f32 }
func.func private @v.cos(%x: !v) -> !v { %y = math.cos %x : !v return %y : !v }
func.func private @s.tan(%x: f32) -> f32 { %y = math.tan %x : f32 return %y : f32 }
func.func private @v.tan(%x: !v) -> !v { %y = math.tan %x : !v return %y : !v }
func.func private @s.asin(%x: f32) -> f32 { %y = math.asin %x : f32 return %y : f32 }
func.func private @v.asin(%x: !v) -> !v { %y = math.asin %x : !v return %y : !v }
func.func private @s.acos(%x: f32) -> f32 { %y = math.acos %x : f32 return %y : f32 }
func.func private @v.acos(%x: !v) -> !v { %y = math.acos %x : !v return %y : !v }
func.func private @s.atan(%x: f32) -> f32 { %y = math.atan %x : f32 return %y : f32 }
func.func private @v.atan(%x: !v) -> !v { %y = math.atan %x : !v return %y : !v }
func.func private @s.cbrt(%x: f32) -> f32 { %y = math.cbrt %x : f32 return %y : f32 }
func.func private @v.cbrt(%x: !v) -> !v { %y = math.cbrt %x : !v return %y : !v }
func.func private @s.erfc(%x: f32) -> f32 { %y = math.erfc %x : f32 return %y : f32 }
func.func private @v.erfc(%x: !v) -> !v { %y = math.erfc %x : !v return %y : !v }
func.func private @rsqrt(%x: f64) -> f64 {
  %one = arith.constant 1.0 : f64
  %root = math.sqrt %x : f64
  %y = arith.divf %one, %root : f64
  return %y : f64
}

func.func private @s.pow.root(%x: f32) -> f32 {
  %p = arith.constant 0.3 : f32
  %y = math.powf %x, %p : f32
  return %y : f32
}
func.func private @v.pow.root(%x: !v) -> !v {
  %p = arith.constant dense<0.3> : vector<16xf32>
  %y = math.powf %x, %p : !v
  return %y : !v
}
func.func private @pow.root(%x: f64) -> f64 {
  %p32 = arith.constant 0.3 : f32
  %p = arith.extf %p32 : f32 to f64
  %y = func.call @pow(%x, %p) : (f64, f64) -> f64
  return %y : f64
}

func.func private @s.pow.odd(%x: f32) -> f32 {
  %p = arith.constant 7.0 : f32
  %y = math.powf %x, %p : f32
  return %y : f32
}
func.func private @v.pow.odd(%x: !v) -> !v {
  %p = arith.constant dense<7.0> : vector<16xf32>
  %y = math.powf %x, %p : !v
  return %y : !v
}
func.func private @pow.odd(%x: f64) -> f64 {
  %p32 = arith.constant 7.0 : f32
  %p = arith.extf %p32 : f32 to f64
  %y = func.call @pow(%x, %p) : (f64, f64) -> f64
  return %y : f64
}

func.func private @s.pow.negative(%x: f32) -> f32 {
  %p = arith.constant -1.7 : f32
  %y = math.powf %x, %p : f32
  return %y : f32
}
func.func private @v.pow.negative(%x: !v) -> !v {
  %p = arith.constant dense<-1.7> : vector<16xf32>
  %y = math.powf %x, %p : !v
  return %y : !v
}
func.func private @pow.negative(%x: f64) -> f64 {
  %p32 = arith.constant -1.7 : f32
  %p = arith.extf %p32 : f32 to f64
  %y = func.call @pow(%x, %p) : (f64, f64) -> f64
  return %y : f64
}

// The argument is known to lie in [0, 1].
func.func private @s.fraction(%x: f32) -> f32 {
  %a = math.absf %x : f32
  %n = arith.negf %a : f32
  %e = math.exp %n : f32
  %y = math.log1p %e : f32
  return %y : f32
}
func.func private @v.fraction(%x: !v) -> !v {
  %a = math.absf %x : !v
  %n = arith.negf %a : !v
  %e = math.exp %n : !v
  %y = math.log1p %e : !v
  return %y : !v
}
func.func private @fraction(%x: f64) -> f64 {
  %a = math.absf %x : f64
  %n = arith.negf %a : f64
  %e = func.call @exp(%n) : (f64) -> f64
  %y = func.call @log1p(%e) : (f64) -> f64
  return %y : f64
}

// One factor is scaled.
func.func private @s.product(%x: f32) -> f32 {
  %c = arith.constant 0.75 : f32
  %p = arith.mulf %x, %c : f32
  %n = arith.negf %p : f32
  %y = math.exp %n : f32
  return %y : f32
}
func.func private @v.product(%x: !v) -> !v {
  %c = arith.constant dense<0.75> : vector<16xf32>
  %p = arith.mulf %x, %c : !v
  %n = arith.negf %p : !v
  %y = math.exp %n : !v
  return %y : !v
}
func.func private @product(%x: f64) -> f64 {
  %c = arith.constant -0.75 : f64
  %p = arith.mulf %x, %c : f64
  %y = func.call @exp(%p) : (f64) -> f64
  return %y : f64
}

// |y - r| in ulp of r, 0 where both are below 2^-125.
func.func private @error(%y: f32, %r: f64) -> f64 {
  %zero = arith.constant 0.0 : f64
  %inf = arith.constant 0x7FF0000000000000 : f64
  %tiny = arith.constant 0x3820000000000000 : f64
  %smallest = arith.constant 0x3810000000000000 : f64
  %unit = arith.constant 0x3E80000000000000 : f64
  %exponent = arith.constant 0x7FF0000000000000 : i64
  %y64 = arith.extf %y : f32 to f64
  %ay = math.absf %y64 : f64
  %ar = math.absf %r : f64

  %bits = arith.bitcast %ar : f64 to i64
  %power = arith.andi %bits, %exponent : i64
  %leading = arith.bitcast %power : i64 to f64
  %bounded = arith.maximumf %leading, %smallest : f64
  %ulp = arith.mulf %bounded, %unit : f64
  %difference = arith.subf %y64, %r : f64
  %magnitude = math.absf %difference : f64
  %ulps = arith.divf %magnitude, %ulp : f64

  // Infinities and NaN are right or not.
  %r32 = arith.truncf %r : f64 to f32
  %same = arith.cmpf oeq, %y, %r32 : f32
  %yNaN = arith.cmpf uno, %y, %y : f32
  %rNaN = arith.cmpf uno, %r, %r : f64
  %bothNaN = arith.andi %yNaN, %rNaN : i1
  %right = arith.ori %same, %bothNaN : i1
  %special = arith.select %right, %zero, %inf : f64
  %isSpecial = arith.cmpf uge, %ulps, %inf : f64
  %0 = arith.select %isSpecial, %special, %ulps : f64

  %larger = arith.maximumf %ay, %ar : f64
  %isTiny = arith.cmpf ole, %larger, %tiny : f64
  %1 = arith.select %isTiny, %zero, %0 : f64
  return %1 : f64
}

func.func private @check(%f: !scalar, %g: !vector, %h: !reference, %limit: f32, %bound: f64) -> i32 {
  %c0 = arith.constant 0 : index
  %step = arith.constant 1999 : index
  %end = arith.constant 4294967296 : index
  %lanes = arith.constant 16 : index
  %others = arith.constant dense<0.5> : vector<16xf32>
  %zero32 = arith.constant 0.0 : f32
  %normal = arith.constant 0x00800000 : f32
  %zero = arith.constant 0.0 : f64
  %max = scf.for %i = %c0 to %end step %step iter_args(%m = %zero) -> f64 {
    %i64 = arith.index_cast %i : index to i64
    %i32 = arith.trunci %i64 : i64 to i32
    %pattern = arith.bitcast %i32 : i32 to f32
    %size = math.absf %pattern : f32
    %isSubnormal = arith.cmpf olt, %size, %normal : f32
    %x = arith.select %isSubnormal, %zero32, %pattern : f32
    %lane = arith.remui %i, %lanes : index
    %xs = vector.insert %x, %others[%lane] : f32 into vector<16xf32>
    %x64 = arith.extf %x : f32 to f64

    %y = func.call_indirect %f(%x) : !scalar
    %ys = func.call_indirect %g(%xs) : !vector
    %yl = vector.extract %ys[%lane] : f32 from vector<16xf32>
    %r = func.call_indirect %h(%x64) : !reference
    %e0 = func.call @error(%y, %r) : (f32, f64) -> f64
    %e1 = func.call @error(%yl, %r) : (f32, f64) -> f64
    %e2 = arith.maximumf %e0, %e1 : f64
    %e3 = arith.maximumf %e2, %m : f64
    %isOutside = arith.cmpf ogt, %size, %limit : f32
    %e4 = arith.select %isOutside, %m, %e3 : f64
    scf.yield %e4 : f64
  }
  func.call @printOpen() : () -> ()
  func.call @printF64(%max) : (f64) -> ()
  func.call @printClose() : () -> ()
  func.call @printNewline() : () -> ()
  %isAbove = arith.cmpf ugt, %max, %bound : f64
  %result = arith.extui %isAbove : i1 to i32
  return %result : i32
}

func.func @main() -> i32 {
  %inf = arith.constant 0x7F800000 : f32
  %one = arith.constant 1.0 : f32
  %small = arith.constant 0.001 : f32
  %large = arith.constant 88.7 : f32 // the largest that sinh and cosh take
  %far = arith.constant 281474976710656.0 : f32 // 2^48
  %count.0 = arith.constant 0 : i32

  %s.0 = constant @s.exp : !scalar
  %v.0 = constant @v.exp : !vector
  %r.0 = constant @exp : !reference
  %bound.0 = arith.constant 0.9 : f64
  %above.0 = call @check(%s.0, %v.0, %r.0, %inf, %bound.0) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.1 = arith.addi %count.0, %above.0 : i32

  // Next to 1 the result is correctly rounded.
  %s.1 = constant @s.exp : !scalar
  %v.1 = constant @v.exp : !vector
  %r.1 = constant @exp : !reference
  %bound.1 = arith.constant 0.51 : f64
  %above.1 = call @check(%s.1, %v.1, %r.1, %small, %bound.1) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.2 = arith.addi %count.1, %above.1 : i32

  %s.2 = constant @s.exp2 : !scalar
  %v.2 = constant @v.exp2 : !vector
  %r.2 = constant @exp2 : !reference
  %bound.2 = arith.constant 0.8 : f64
  %above.2 = call @check(%s.2, %v.2, %r.2, %inf, %bound.2) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.3 = arith.addi %count.2, %above.2 : i32

  %s.3 = constant @s.expm1 : !scalar
  %v.3 = constant @v.expm1 : !vector
  %r.3 = constant @expm1 : !reference
  %bound.3 = arith.constant 1.6 : f64
  %above.3 = call @check(%s.3, %v.3, %r.3, %inf, %bound.3) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.4 = arith.addi %count.3, %above.3 : i32

  %s.4 = constant @s.tanh : !scalar
  %v.4 = constant @v.tanh : !vector
  %r.4 = constant @tanh : !reference
  %bound.4 = arith.constant 2.5 : f64
  %above.4 = call @check(%s.4, %v.4, %r.4, %inf, %bound.4) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.5 = arith.addi %count.4, %above.4 : i32

  %s.5 = constant @s.erf : !scalar
  %v.5 = constant @v.erf : !vector
  %r.5 = constant @erf : !reference
  %bound.5 = arith.constant 1.0 : f64
  %above.5 = call @check(%s.5, %v.5, %r.5, %inf, %bound.5) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.6 = arith.addi %count.5, %above.5 : i32

  %s.6 = constant @s.log : !scalar
  %v.6 = constant @v.log : !vector
  %r.6 = constant @log : !reference
  %bound.6 = arith.constant 0.9 : f64
  %above.6 = call @check(%s.6, %v.6, %r.6, %inf, %bound.6) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.7 = arith.addi %count.6, %above.6 : i32

  %s.7 = constant @s.log2 : !scalar
  %v.7 = constant @v.log2 : !vector
  %r.7 = constant @log2 : !reference
  %bound.7 = arith.constant 2.0 : f64
  %above.7 = call @check(%s.7, %v.7, %r.7, %inf, %bound.7) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.8 = arith.addi %count.7, %above.7 : i32

  %s.8 = constant @s.log10 : !scalar
  %v.8 = constant @v.log10 : !vector
  %r.8 = constant @log10 : !reference
  %bound.8 = arith.constant 2.0 : f64
  %above.8 = call @check(%s.8, %v.8, %r.8, %inf, %bound.8) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.9 = arith.addi %count.8, %above.8 : i32

  %s.9 = constant @s.log1p : !scalar
  %v.9 = constant @v.log1p : !vector
  %r.9 = constant @log1p : !reference
  %bound.9 = arith.constant 1.5 : f64
  %above.9 = call @check(%s.9, %v.9, %r.9, %inf, %bound.9) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.10 = arith.addi %count.9, %above.9 : i32

  %s.10 = constant @s.sinh : !scalar
  %v.10 = constant @v.sinh : !vector
  %r.10 = constant @sinh : !reference
  %bound.10 = arith.constant 2.5 : f64
  %above.10 = call @check(%s.10, %v.10, %r.10, %large, %bound.10) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.11 = arith.addi %count.10, %above.10 : i32

  %s.11 = constant @s.cosh : !scalar
  %v.11 = constant @v.cosh : !vector
  %r.11 = constant @cosh : !reference
  %bound.11 = arith.constant 1.5 : f64
  %above.11 = call @check(%s.11, %v.11, %r.11, %large, %bound.11) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.12 = arith.addi %count.11, %above.11 : i32

  %s.12 = constant @s.asinh : !scalar
  %v.12 = constant @v.asinh : !vector
  %r.12 = constant @asinh : !reference
  %bound.12 = arith.constant 2.0 : f64
  %above.12 = call @check(%s.12, %v.12, %r.12, %inf, %bound.12) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.13 = arith.addi %count.12, %above.12 : i32

  %s.13 = constant @s.acosh : !scalar
  %v.13 = constant @v.acosh : !vector
  %r.13 = constant @acosh : !reference
  %bound.13 = arith.constant 2.0 : f64
  %above.13 = call @check(%s.13, %v.13, %r.13, %inf, %bound.13) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.14 = arith.addi %count.13, %above.13 : i32

  %s.14 = constant @s.atanh : !scalar
  %v.14 = constant @v.atanh : !vector
  %r.14 = constant @atanh : !reference
  %bound.14 = arith.constant 2.0 : f64
  %above.14 = call @check(%s.14, %v.14, %r.14, %inf, %bound.14) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.15 = arith.addi %count.14, %above.14 : i32

  %s.15 = constant @s.rsqrt : !scalar
  %v.15 = constant @v.rsqrt : !vector
  %r.15 = constant @rsqrt : !reference
  %bound.15 = arith.constant 1.5 : f64
  %above.15 = call @check(%s.15, %v.15, %r.15, %inf, %bound.15) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.16 = arith.addi %count.15, %above.15 : i32

  %s.16 = constant @s.sin : !scalar
  %v.16 = constant @v.sin : !vector
  %r.16 = constant @sin : !reference
  %bound.16 = arith.constant 1.5 : f64
  %above.16 = call @check(%s.16, %v.16, %r.16, %far, %bound.16) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.17 = arith.addi %count.16, %above.16 : i32

  %s.17 = constant @s.cos : !scalar
  %v.17 = constant @v.cos : !vector
  %r.17 = constant @cos : !reference
  %bound.17 = arith.constant 1.5 : f64
  %above.17 = call @check(%s.17, %v.17, %r.17, %far, %bound.17) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.18 = arith.addi %count.17, %above.17 : i32

  %s.18 = constant @s.tan : !scalar
  %v.18 = constant @v.tan : !vector
  %r.18 = constant @tan : !reference
  %bound.18 = arith.constant 3.0 : f64
  %above.18 = call @check(%s.18, %v.18, %r.18, %far, %bound.18) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.19 = arith.addi %count.18, %above.18 : i32

  %s.19 = constant @s.asin : !scalar
  %v.19 = constant @v.asin : !vector
  %r.19 = constant @asin : !reference
  %bound.19 = arith.constant 4.5 : f64
  %above.19 = call @check(%s.19, %v.19, %r.19, %inf, %bound.19) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.20 = arith.addi %count.19, %above.19 : i32

  %s.20 = constant @s.acos : !scalar
  %v.20 = constant @v.acos : !vector
  %r.20 = constant @acos : !reference
  %bound.20 = arith.constant 1.5 : f64
  %above.20 = call @check(%s.20, %v.20, %r.20, %inf, %bound.20) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.21 = arith.addi %count.20, %above.20 : i32

  %s.21 = constant @s.atan : !scalar
  %v.21 = constant @v.atan : !vector
  %r.21 = constant @atan : !reference
  %bound.21 = arith.constant 45.0 : f64
  %above.21 = call @check(%s.21, %v.21, %r.21, %inf, %bound.21) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.22 = arith.addi %count.21, %above.21 : i32

  %s.22 = constant @s.cbrt : !scalar
  %v.22 = constant @v.cbrt : !vector
  %r.22 = constant @cbrt : !reference
  %bound.22 = arith.constant 13.0 : f64
  %above.22 = call @check(%s.22, %v.22, %r.22, %inf, %bound.22) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.23 = arith.addi %count.22, %above.22 : i32

  %s.23 = constant @s.erfc : !scalar
  %v.23 = constant @v.erfc : !vector
  %r.23 = constant @erfc : !reference
  %bound.23 = arith.constant 150.0 : f64
  %above.23 = call @check(%s.23, %v.23, %r.23, %inf, %bound.23) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.24 = arith.addi %count.23, %above.23 : i32

  %s.24 = constant @s.pow.root : !scalar
  %v.24 = constant @v.pow.root : !vector
  %r.24 = constant @pow.root : !reference
  %bound.24 = arith.constant 0.6 : f64
  %above.24 = call @check(%s.24, %v.24, %r.24, %inf, %bound.24) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.25 = arith.addi %count.24, %above.24 : i32

  %s.25 = constant @s.pow.odd : !scalar
  %v.25 = constant @v.pow.odd : !vector
  %r.25 = constant @pow.odd : !reference
  %bound.25 = arith.constant 0.6 : f64
  %above.25 = call @check(%s.25, %v.25, %r.25, %inf, %bound.25) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.26 = arith.addi %count.25, %above.25 : i32

  %s.26 = constant @s.pow.negative : !scalar
  %v.26 = constant @v.pow.negative : !vector
  %r.26 = constant @pow.negative : !reference
  %bound.26 = arith.constant 0.6 : f64
  %above.26 = call @check(%s.26, %v.26, %r.26, %inf, %bound.26) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.27 = arith.addi %count.26, %above.26 : i32

  %s.27 = constant @s.fraction : !scalar
  %v.27 = constant @v.fraction : !vector
  %r.27 = constant @fraction : !reference
  %bound.27 = arith.constant 1.6 : f64
  %above.27 = call @check(%s.27, %v.27, %r.27, %inf, %bound.27) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.28 = arith.addi %count.27, %above.27 : i32

  %s.28 = constant @s.product : !scalar
  %v.28 = constant @v.product : !vector
  %r.28 = constant @product : !reference
  %bound.28 = arith.constant 2.0 : f64
  %above.28 = call @check(%s.28, %v.28, %r.28, %one, %bound.28) : (!scalar, !vector, !reference, f32, f64) -> i32
  %count.29 = arith.addi %count.28, %above.28 : i32

  return %count.29 : i32
}
