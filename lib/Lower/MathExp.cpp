//===- MathExp.cpp - exponentials as arithmetic
//--------------------------------------===//
// e^x = 2^n · e^r with n the integer next to x / log 2. Adding and subtracting
// 1.5 · 2^23 rounds to an integer and leaves it in the low bits of the sum.
// Polynomials are minimax in relative error on the reduced range, with the
// first coefficients fixed.
//===----------------------------------------------------------------------===//

#include "MathFunctions.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace seqc;

constexpr double kRound = 0x1.8p23;
constexpr double kLog2E = 0x1.715476p+0;
// log 2 in two parts.
constexpr double kLn2Hi = 0x1.62e43p-1, kLn2Lo = -0x1.05c61p-29;
// e^r for |r| up to log(2) / 2.
constexpr double kExp[] = {1,
                           1,
                           0x1.fffffcp-2,
                           0x1.555492p-3,
                           0x1.5558aap-5,
                           0x1.12396ep-7,
                           0x1.6a524ep-10};
// (e^r - 1 - r) / r^2 for the same r.
constexpr double kExpM1[] = {0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556f6p-5,
                             0x1.122538p-7, 0x1.6b97acp-10};
// 2^f for |f| up to 1/2.
constexpr double kExp2[] = {1,
                            0x1.62e430p-1,
                            0x1.ebfbdcp-3,
                            0x1.c6af7cp-5,
                            0x1.3b2de0p-7,
                            0x1.5f082ep-10,
                            0x1.416b5ep-13};

namespace {
struct Reduced {
  Value shifted; // n in the low bits
  Value n;
  Value r;
};
} // namespace

static Reduced reduce(MathBuilder &b, Value x) {
  Value shifted = b.fma(x, b.real(kLog2E), b.real(kRound));
  Value n = b.sub(shifted, b.real(kRound));
  Value r = b.fma(n, b.real(-kLn2Hi), x);
  return {shifted, n, b.fma(n, b.real(-kLn2Lo), r)};
}

/// 2^(n + offset), 0 for an exponent of -127.
static Value powerOfTwo(MathBuilder &b, Value shifted, int64_t offset) {
  return b.fromBits(b.addInt(b.shiftLeft(b.bits(shifted), 23),
                             b.integer((127 + offset) << 23)));
}

/// Lanes that one vscalefps takes, 0 if there is no fit.
static int64_t scaleLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || vector.getRank() != 1 || vector.isScalable())
    return 0;
  for (int64_t lanes : {16, 8, 4})
    if (vector.getDimSize(0) % lanes == 0)
      return lanes;
  return 0;
}

/// p · 2^n. Gives inf and 0 for infinite n whatever p is, NaN included.
static Value scale(MathBuilder &b, Value p, Value n, int64_t lanes) {
  ImplicitLocOpBuilder &ob = b.getBuilder();
  auto type = cast<VectorType>(b.getType());
  int64_t width = type.getDimSize(0);
  auto part = VectorType::get({lanes}, type.getElementType());
  std::string name =
      "llvm.x86.avx512.mask.scalef.ps." + std::to_string(lanes * 32);
  Value all = arith::ConstantOp::create(
      ob, ob.getIntegerAttr(ob.getIntegerType(lanes == 16 ? 16 : 8), -1));
  auto scalePart = [&](Value p, Value n) {
    SmallVector<Value> operands{p, n, p, all};
    if (lanes == 16) // rounds as the environment says
      operands.push_back(
          arith::ConstantOp::create(ob, ob.getI32IntegerAttr(4)));
    return LLVM::CallIntrinsicOp::create(ob, part, ob.getStringAttr(name),
                                         operands)
        .getResult(0);
  };
  if (lanes == width)
    return scalePart(p, n);
  Value result = b.real(0);
  for (int64_t at = 0; at < width; at += lanes) {
    auto slice = [&](Value v) {
      return vector::ExtractStridedSliceOp::create(ob, v, at, lanes, 1);
    };
    result = vector::InsertStridedSliceOp::create(
        ob, scalePart(slice(p), slice(n)), result, at, 1);
  }
  return result;
}

Value seqc::emitExp(MathBuilder &b, Value x, bool avx512) {
  if (int64_t lanes = avx512 ? scaleLanes(b.getType()) : 0) {
    // Below, the reduction of large numbers would overflow the polynomial.
    // Above, it may: the polynomial is positive everywhere.
    Reduced x0 = reduce(b, b.atLeast(x, -150));
    return scale(b, b.polynomial(x0.r, kExp), x0.n, lanes);
  }
  // 2p · 2^(n-1) overflows where it should; n = -126 gives 0.
  Reduced x0 = reduce(b, b.atMost(b.atLeast(x, -87.33), 89));
  return b.mul(b.polynomial(x0.r, kExp, 2), powerOfTwo(b, x0.shifted, -1));
}

Value seqc::emitExp2(MathBuilder &b, Value x, bool avx512) {
  if (int64_t lanes = avx512 ? scaleLanes(b.getType()) : 0) {
    Value n = math::RoundEvenOp::create(b.getBuilder(), x);
    return scale(b, b.polynomial(b.sub(x, n), kExp2), n, lanes);
  }
  x = b.atMost(b.atLeast(x, -126), 128);
  Value shifted = b.add(x, b.real(kRound));
  Value f = b.sub(x, b.sub(shifted, b.real(kRound)));
  return b.mul(b.polynomial(f, kExp2, 2), powerOfTwo(b, shifted, -1));
}

/// e^r - 1.
static Value expM1Reduced(MathBuilder &b, Value r) {
  return b.fma(b.mul(b.polynomial(r, kExpM1), r), r, r);
}

Value seqc::emitExpM1(MathBuilder &b, Value x) {
  Reduced x0 = reduce(b, b.atMost(b.atLeast(x, -87), 89));
  // Half of it first, which does not overflow too early.
  Value half = powerOfTwo(b, x0.shifted, -1);
  Value result = b.fma(expM1Reduced(b, x0.r), half, b.sub(half, b.real(0.5)));
  return b.add(result, result);
}

Value seqc::emitTanh(MathBuilder &b, Value x) {
  // With u = e^(2|x|) - 1: tanh |x| = u / (u + 2).
  Value magnitude = b.atMost(b.abs(x), 9.02);
  Reduced x0 = reduce(b, b.add(magnitude, magnitude));
  Value power = powerOfTwo(b, x0.shifted, 0);
  Value u = b.fma(expM1Reduced(b, x0.r), power, b.sub(power, b.real(1)));
  return math::CopySignOp::create(b.getBuilder(), b.div(u, b.add(u, b.real(2))),
                                  x);
}

Value seqc::emitErf(MathBuilder &b, Value x, bool avx512) {
  // Next to 0 an odd polynomial, beyond 1 - e^q(|x|).
  constexpr double kBorder = 0.927734375;
  constexpr double kNear[] = {1.28379166e-1,  -3.76125336e-1, 1.12819925e-1,
                              -2.67681349e-2, 4.99119423e-3,  -5.96761703e-4};
  constexpr double kFar[] = {-1.28717512e-1, -6.34846687e-1, -1.06777877e-1,
                             2.42546219e-2,  -3.88396438e-3, 3.83197126e-4,
                             -1.72853470e-5};
  Value t = b.abs(x);
  Value near = b.fma(b.polynomial(b.mul(x, x), kNear), x, x);
  // From 4 on erf is 1.
  Value bounded = b.atMost(t, 4);
  Value q = b.fma(b.polynomial(bounded, kFar), bounded, b.neg(bounded));
  Value far = b.sub(b.real(1), emitExp(b, q, avx512));
  far = math::CopySignOp::create(b.getBuilder(), far, x);
  return b.select(b.compare(arith::CmpFPredicate::OGT, t, b.real(kBorder)), far,
                  near);
}
