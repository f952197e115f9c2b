//===- MathHyperbolic.cpp - hyperbolic functions as arithmetic
//-----------------------===//
// By e^x - 1 and log(1 + x), which keep small arguments. tanh is in
// MathExp.cpp.
//===----------------------------------------------------------------------===//

#include "MathFunctions.h"

#include <limits>

using namespace mlir;
using namespace seqc;
using arith::CmpFPredicate;

static Value squareRoot(MathBuilder &b, Value x) {
  return math::SqrtOp::create(b.getBuilder(), x);
}

static Value withSign(MathBuilder &b, Value magnitude, Value x) {
  return math::CopySignOp::create(b.getBuilder(), magnitude, x);
}

/// log(2x) where `x` is so large that its square may overflow, else `result`.
static Value orLogOfTwice(MathBuilder &b, Value x, Value result) {
  Value large = b.add(emitLog(b, x), b.real(0x1.62e43p-1));
  return b.select(b.compare(CmpFPredicate::OGT, x, b.real(0x1p60)), large,
                  result);
}

Value seqc::emitSinh(MathBuilder &b, Value x) {
  // With u = e^|x| - 1: (u + u / (u + 1)) / 2; the quotient is 1 for large u.
  Value u = emitExpM1(b, b.abs(x));
  Value bounded = b.atMost(u, 0x1p60);
  Value quotient = b.div(bounded, b.add(bounded, b.real(1)));
  return withSign(b, b.mul(b.add(u, quotient), b.real(0.5)), x);
}

Value seqc::emitAsinh(MathBuilder &b, Value x) {
  // log(1 + a + a^2 / (1 + sqrt(a^2 + 1))) of a = |x|.
  Value a = b.abs(x);
  Value root = squareRoot(b, b.fma(a, a, b.real(1)));
  Value quotient = b.div(b.mul(a, a), b.add(root, b.real(1)));
  return withSign(b, orLogOfTwice(b, a, emitLog1p(b, b.add(a, quotient))), x);
}

Value seqc::emitAcosh(MathBuilder &b, Value x) {
  // log(1 + t + sqrt(t (t + 2))) of t = x - 1.
  Value t = b.sub(x, b.real(1));
  Value root = squareRoot(b, b.mul(t, b.add(t, b.real(2))));
  Value result = orLogOfTwice(b, x, emitLog1p(b, b.add(t, root)));
  return b.select(b.compare(CmpFPredicate::OLT, x, b.real(1)),
                  b.real(std::numeric_limits<double>::quiet_NaN()), result);
}

Value seqc::emitAtanh(MathBuilder &b, Value x) {
  // log(1 + 2a / (1 - a)) / 2 of a = |x|.
  Value a = b.abs(x);
  Value quotient = b.div(b.add(a, a), b.sub(b.real(1), a));
  return withSign(b, b.mul(emitLog1p(b, quotient), b.real(0.5)), x);
}
