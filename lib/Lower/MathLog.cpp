//===- MathLog.cpp - logarithms as arithmetic
//----------------------------------------===//
// x = 2^e · (1 + m) with 1 + m in [2/3, 4/3); e is found by subtracting the
// bits of 2/3 from those of x. Polynomials are minimax in relative error.
//===----------------------------------------------------------------------===//

#include "MathFunctions.h"

#include <limits>

using namespace mlir;
using namespace seqc;
using arith::CmpFPredicate;

// (log(1 + m) - m) / m^2 for |m| up to 1/3.
constexpr double kLog[] = {-0.5,           0x1.555506p-2,  -0x1.fffefap-3,
                           0x1.99d04ap-3,  -0x1.559c8cp-3, 0x1.1ed5ccp-3,
                           -0x1.f32c56p-4, 0x1.1e6b14p-3,  -0x1.07d56cp-3};
// The same for m in [0, 1].
constexpr double kLogFraction[] = {
    -0x1.ffffd2p-2, 0x1.554dd0p-2,  -0x1.ff23e8p-3,
    0x1.934b6ep-3,  -0x1.3a43e0p-3, 0x1.b4b094p-4,
    -0x1.d6b75ep-5, 0x1.49211cp-6,  -0x1.af5e20p-9};
constexpr double kLn2 = 0x1.62e43p-1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// e · 2^23 for 2^e next to `x`.
static Value scaledExponent(MathBuilder &b, Value x) {
  return b.andInt(b.subInt(b.bits(x), b.integer(0x3f2aaaab)),
                  b.integer(int64_t(-1) << 23));
}

static Value exponentOf(MathBuilder &b, Value scaled) {
  Value e = arith::SIToFPOp::create(b.getBuilder(), b.getType(), scaled);
  return b.mul(e, b.real(0x1p-23));
}

static Value logReduced(MathBuilder &b, Value m) {
  return b.fma(b.polynomial(m, kLog), b.mul(m, m), m);
}

/// Puts what lies outside of (`low`, inf) into `result`: NaN below `lowest`,
/// else -inf up to `low`.
static Value withSpecials(MathBuilder &b, Value x, Value result, double lowest,
                          double low) {
  result = b.select(b.compare(CmpFPredicate::OLE, x, b.real(low)),
                    b.real(-kInfinity), result);
  result = b.select(b.compare(CmpFPredicate::OLT, x, b.real(lowest)),
                    b.real(kNaN), result);
  // inf and NaN are their own logarithms.
  return b.select(b.compare(CmpFPredicate::OLT, x, b.real(kInfinity)), result,
                  x);
}

/// scale · log x, given scale · log 2.
static Value logarithm(MathBuilder &b, Value x, double scale, double ofTwo) {
  Value e = scaledExponent(b, x);
  Value m = b.sub(b.fromBits(b.subInt(b.bits(x), e)), b.real(1));
  Value fraction = logReduced(b, m);
  if (scale != 1)
    fraction = b.mul(fraction, b.real(scale));
  Value result = b.fma(exponentOf(b, e), b.real(ofTwo), fraction);
  // Up to the largest subnormal.
  return withSpecials(b, x, result, 0, 0x1.fffffcp-127);
}

Value seqc::emitLog(MathBuilder &b, Value x) {
  return logarithm(b, x, 1, kLn2);
}

Value seqc::emitLog2(MathBuilder &b, Value x) {
  return logarithm(b, x, 0x1.715476p+0, 1);
}

Value seqc::emitLog10(MathBuilder &b, Value x) {
  return logarithm(b, x, 0x1.bcb7b2p-2, 0x1.344136p-2);
}

Value seqc::emitLog1p(MathBuilder &b, Value x) {
  // 2^-e · (1 + x) - 1 as 2^-e · x + (2^-e - 1): x keeps its low bits.
  Value e = scaledExponent(b, b.add(x, b.real(1)));
  Value scaled = b.fromBits(b.subInt(b.bits(x), e));
  // 2^(2-e) is normal for every e.
  Value four = b.fromBits(b.subInt(b.integer(0x40800000), e));
  Value m = b.add(scaled, b.fma(four, b.real(0.25), b.real(-1)));
  Value result = b.fma(exponentOf(b, e), b.real(kLn2), logReduced(b, m));
  return withSpecials(b, x, result, -1, -1);
}

Value seqc::emitLog1pOfFraction(MathBuilder &b, Value x) {
  return b.fma(b.polynomial(x, kLogFraction), b.mul(x, x), x);
}
