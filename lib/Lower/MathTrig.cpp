//===- MathTrig.cpp - sine, cosine and powers as arithmetic
//--------------------------===//
// What needs more than f32 on the way is computed in f64, in which the
// reduction of an argument and the product of an exponent are plain.
//===----------------------------------------------------------------------===//

#include "MathFunctions.h"

#include "mlir/IR/TypeUtilities.h"

#include <limits>

using namespace mlir;
using namespace seqc;
using arith::CmpFPredicate;

static MathBuilder inF64(MathBuilder &b) {
  return MathBuilder(b.getBuilder(),
                     withElements(b.getType(), b.getBuilder().getF64Type()));
}

static Value extend(MathBuilder &wide, Value x) {
  return arith::ExtFOp::create(wide.getBuilder(), wide.getType(), x);
}

static Value truncate(MathBuilder &b, Value x) {
  return arith::TruncFOp::create(b.getBuilder(), b.getType(), x);
}

// Adding it rounds to an integer that is left in the low bits.
constexpr double kRound64 = 0x1.8p52;

/// sin(x + turns · π/2).
static Value sine(MathBuilder &b, Value x, int64_t turns) {
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  constexpr double kHalfPiHi = 0x1.921fb54442d18p+0;
  constexpr double kHalfPiLo = 0x1.1a62633145c07p-54;
  // Minimax for |r| up to π/4: (sin r - r) / r^3 and (cos r - 1 + r^2/2) / r^4.
  constexpr double kSin[] = {-1.6666654611e-1, 8.3321608736e-3,
                             -1.9515295891e-4};
  constexpr double kCos[] = {4.166664568298827e-2, -1.388731625493765e-3,
                             2.443315711809948e-5};
  ImplicitLocOpBuilder &ob = b.getBuilder();
  MathBuilder wide = inF64(b);
  Value x64 = extend(wide, x);
  Value shifted = wide.fma(x64, wide.real(kTwoOverPi), wide.real(kRound64));
  Value quarters = wide.sub(shifted, wide.real(kRound64));
  Value r64 = wide.fma(quarters, wide.real(-kHalfPiHi), x64);
  r64 = wide.fma(quarters, wide.real(-kHalfPiLo), r64);
  // π/4, and more where 2/π times a large x was rounded to the next integer.
  // Beyond 2^48 it may be any number.
  Value r = b.atMost(b.atLeast(truncate(b, r64), -0.82), 0.82);
  Value quadrant = arith::TruncIOp::create(
      ob, withElements(b.getType(), ob.getI32Type()), wide.bits(shifted));
  if (turns)
    quadrant = b.addInt(quadrant, b.integer(turns));

  Value z = b.mul(r, r);
  Value s = b.fma(b.mul(b.polynomial(z, kSin), z), r, r);
  Value c = b.fma(b.fma(b.polynomial(z, kCos), z, b.real(-0.5)), z, b.real(1));
  Value isOdd =
      arith::CmpIOp::create(ob, arith::CmpIPredicate::ne,
                            b.andInt(quadrant, b.integer(1)), b.integer(0));
  Value sign = b.shiftLeft(b.andInt(quadrant, b.integer(2)), 30);
  return b.fromBits(b.xorInt(b.bits(b.select(isOdd, c, s)), sign));
}

Value seqc::emitSin(MathBuilder &b, Value x) { return sine(b, x, 0); }
Value seqc::emitCos(MathBuilder &b, Value x) { return sine(b, x, 1); }

/// log2 of a positive number.
static Value log2InF64(MathBuilder &b, Value x) {
  // 2 artanh(s) / log 2 with s = (m - 1) / (m + 1), m within √2 of 1.
  constexpr double k2OverLn2 = 0x1.71547652b82fep+1;
  SmallVector<double> series;
  for (int odd = 1; odd <= 13; odd += 2)
    series.push_back(k2OverLn2 / odd);
  Value e = b.andInt(b.subInt(b.bits(x), b.integer(0x3fe6a09e667f3bcd)),
                     b.integer(int64_t(-1) << 52));
  Value m = b.fromBits(b.subInt(b.bits(x), e));
  Value s = b.div(b.sub(m, b.real(1)), b.add(m, b.real(1)));
  Value whole = arith::SIToFPOp::create(
      b.getBuilder(), b.getType(),
      arith::ShRSIOp::create(b.getBuilder(), e, b.integer(52)));
  return b.fma(b.polynomial(b.mul(s, s), series), s, whole);
}

/// 2^w for |w| up to 1000.
static Value exp2InF64(MathBuilder &b, Value w) {
  constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  SmallVector<double> series{1};
  for (int power = 1; power <= 8; ++power)
    series.push_back(series.back() * kLn2 / power);
  Value shifted = b.add(w, b.real(kRound64));
  Value f = b.sub(w, b.sub(shifted, b.real(kRound64)));
  Value power = b.fromBits(b.addInt(b.shiftLeft(b.bits(shifted), 52),
                                    b.integer(int64_t(1023) << 52)));
  return b.mul(b.polynomial(f, series), power);
}

Value seqc::emitPow(MathBuilder &b, Value x, Value y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ImplicitLocOpBuilder &ob = b.getBuilder();
  MathBuilder wide = inF64(b);
  auto equal = [](MathBuilder &b, Value v, double to) {
    return b.compare(CmpFPredicate::OEQ, v, b.real(to));
  };
  Value base = wide.abs(extend(wide, x));
  Value log = log2InF64(wide, base);
  log = wide.select(equal(wide, base, 0), wide.real(-kInfinity), log);
  log = wide.select(equal(wide, base, kInfinity), wide.real(kInfinity), log);
  // 1 to the power of inf is 1.
  Value w = wide.select(equal(wide, log, 0), wide.real(0),
                        wide.mul(extend(wide, y), log));
  w = wide.atMost(wide.atLeast(w, -300), 300);
  Value power = truncate(b, exp2InF64(wide, w));

  // A negative base: the sign of an odd exponent, NaN for one that is no
  // integer.
  auto differsFromFloor = [&](CmpFPredicate predicate, Value v) {
    return b.compare(predicate, math::FloorOp::create(ob, v), v);
  };
  Value isFraction = differsFromFloor(CmpFPredicate::UNE, y);
  Value isEven = differsFromFloor(CmpFPredicate::OEQ, b.mul(y, b.real(0.5)));
  Value sign =
      b.select(arith::OrIOp::create(ob, isFraction, isEven), b.real(1), x);
  power = math::CopySignOp::create(ob, power, sign);
  Value isNegative = arith::AndIOp::create(
      ob, b.compare(CmpFPredicate::OLT, x, b.real(0)),
      b.compare(CmpFPredicate::OGT, x, b.real(-kInfinity)));
  Value isUndefined = arith::OrIOp::create(
      ob, arith::AndIOp::create(ob, isFraction, isNegative),
      b.compare(CmpFPredicate::UNO, x, y));
  power = b.select(isUndefined,
                   b.real(std::numeric_limits<double>::quiet_NaN()), power);
  Value isOne = arith::OrIOp::create(ob, equal(b, y, 0), equal(b, x, 1));
  return b.select(isOne, b.real(1), power);
}
