//===- MathFunctions.h - elementary functions as arithmetic
//--------------------------===//
// Of f32, on scalars and vectors. The errors are the largest that are found
// over all arguments, in units in the last place (ulp). Subnormal arguments
// count as zero, and results below 2^-125 may be zero: programs run with
// subnormals off.
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_LOWER_MATHFUNCTIONS_H
#define SEQC_LIB_LOWER_MATHFUNCTIONS_H

#include "MathBuilder.h"

namespace seqc {
/// 2^x and e^x: 1 ulp; 1 at 0 and correctly rounded next to it, so that a decay
/// that is applied ten thousand times is not biased. `avx512` scales by
/// vscalefps where the width allows it.
mlir::Value emitExp2(MathBuilder &b, mlir::Value x, bool avx512);
mlir::Value emitExp(MathBuilder &b, mlir::Value x, bool avx512);
/// e^x - 1: 1.6 ulp.
mlir::Value emitExpM1(MathBuilder &b, mlir::Value x);
/// 2.5 ulp, odd, ±1 from 9.02 on.
mlir::Value emitTanh(MathBuilder &b, mlir::Value x);
/// 1 ulp.
mlir::Value emitErf(MathBuilder &b, mlir::Value x, bool avx512);

/// 2.5 ulp. sinh is infinite from 88.73 on.
mlir::Value emitSinh(MathBuilder &b, mlir::Value x);
mlir::Value emitAsinh(MathBuilder &b, mlir::Value x);
mlir::Value emitAcosh(MathBuilder &b, mlir::Value x);
mlir::Value emitAtanh(MathBuilder &b, mlir::Value x);

/// 1 ulp; log2 and log10 2 ulp.
mlir::Value emitLog(MathBuilder &b, mlir::Value x);
mlir::Value emitLog2(MathBuilder &b, mlir::Value x);
mlir::Value emitLog10(MathBuilder &b, mlir::Value x);
/// log(1 + x): 1.5 ulp.
mlir::Value emitLog1p(MathBuilder &b, mlir::Value x);
/// log(1 + x) of x in [0, 1] or NaN: 1.1 ulp by half the work.
mlir::Value emitLog1pOfFraction(MathBuilder &b, mlir::Value x);

/// 1.5 ulp up to 2^48; beyond, where neighbouring f32 are millions of periods
/// apart, only the range [-1, 1] is kept.
mlir::Value emitSinh(MathBuilder &b, mlir::Value x);
mlir::Value emitAsinh(MathBuilder &b, mlir::Value x);
mlir::Value emitAcosh(MathBuilder &b, mlir::Value x);
mlir::Value emitAtanh(MathBuilder &b, mlir::Value x);

/// 1 ulp; log2 and log10 2 ulp.
mlir::Value emitLog(MathBuilder &b, mlir::Value x);
mlir::Value emitLog2(MathBuilder &b, mlir::Value x);
mlir::Value emitLog10(MathBuilder &b, mlir::Value x);
/// log(1 + x): 1.5 ulp.
mlir::Value emitLog1p(MathBuilder &b, mlir::Value x);
/// log(1 + x) of x in [0, 1] or NaN: 1.1 ulp by half the work.
mlir::Value emitLog1pOfFraction(MathBuilder &b, mlir::Value x);

/// 1 ulp (more next to the zeros of large arguments: the error there is that of
/// the reduced argument, 2^-25 of it). From 2^48 on, where neighbouring f32 are
/// millions of periods apart, only the range [-1, 1] is kept.
mlir::Value emitSin(MathBuilder &b, mlir::Value x);
mlir::Value emitCos(MathBuilder &b, mlir::Value x);
/// 1 ulp, with the special cases of C's pow. Computed in f64.
mlir::Value emitPow(MathBuilder &b, mlir::Value x, mlir::Value y);
} // namespace seqc

#endif // SEQC_LIB_LOWER_MATHFUNCTIONS_H
