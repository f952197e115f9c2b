//===- Math.cpp - math on numbers
//------------------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace seqc::reference;

template <typename Op>
static void addUnary(Registry &registry, double (*function)(double)) {
  registry.addScalar<Op>([function](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(function(v[0].real));
  });
}

template <typename Op>
static void addBinary(Registry &registry, double (*function)(double, double)) {
  registry.addScalar<Op>([function](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(function(v[0].real, v[1].real));
  });
}

template <typename Op>
static void addClassification(Registry &registry, bool (*function)(double)) {
  registry.addScalar<Op>([function](Operation *, ArrayRef<Element> v) {
    return Element::ofInteger(function(v[0].real));
  });
}

/// An operation on the bits of one integer.
template <typename Op>
static void addBits(Registry &registry, uint64_t (*function)(llvm::APInt)) {
  registry.addScalar<Op>([function](Operation *op, ArrayRef<Element> v) {
    Type type = getElementTypeOrSelf(op->getResult(0));
    llvm::APInt bits(integerWidth(type), asUnsigned(v[0].integer, type));
    return Element::ofInteger(wrap(function(bits), type));
  });
}

/// base^exponent in integers, wrapped. A negative exponent gives the integer
/// part of the real power; zero to a negative power is poison, as upstream's
/// expansion divides by it.
static Element integerPower(Operation *op, ArrayRef<Element> v) {
  Type type = getElementTypeOrSelf(op->getResult(0));
  int64_t base = asSigned(v[0].integer, type);
  int64_t exponent = asSigned(v[1].integer, type);
  if (exponent < 0) {
    if (base == 0)
      return uninitializedElement(type);
    bool odd = exponent % 2 != 0;
    int64_t power = base == 1 ? 1 : base == -1 ? (odd ? -1 : 1) : 0;
    return Element::ofInteger(wrap(power, type));
  }
  uint64_t power = 1, factor = base;
  for (; exponent; exponent /= 2, factor *= factor)
    if (exponent % 2)
      power *= factor;
  return Element::ofInteger(wrap(power, type));
}

static void registerFunctions(Registry &registry) {
  addUnary<math::AbsFOp>(registry, std::fabs);
  addUnary<math::AcosOp>(registry, std::acos);
  addUnary<math::AcoshOp>(registry, std::acosh);
  addUnary<math::AsinOp>(registry, std::asin);
  addUnary<math::AsinhOp>(registry, std::asinh);
  addUnary<math::AtanOp>(registry, std::atan);
  addUnary<math::AtanhOp>(registry, std::atanh);
  addUnary<math::CbrtOp>(registry, std::cbrt);
  addUnary<math::CosOp>(registry, std::cos);
  addUnary<math::CoshOp>(registry, std::cosh);
  addUnary<math::ErfOp>(registry, std::erf);
  addUnary<math::ErfcOp>(registry, std::erfc);
  addUnary<math::ExpOp>(registry, std::exp);
  addUnary<math::Exp2Op>(registry, std::exp2);
  addUnary<math::ExpM1Op>(registry, std::expm1);
  addUnary<math::LogOp>(registry, std::log);
  addUnary<math::Log10Op>(registry, std::log10);
  addUnary<math::Log1pOp>(registry, std::log1p);
  addUnary<math::Log2Op>(registry, std::log2);
  addUnary<math::RsqrtOp>(registry, [](double x) { return 1 / std::sqrt(x); });
  addUnary<math::SinOp>(registry, std::sin);
  addUnary<math::SinhOp>(registry, std::sinh);
  addUnary<math::SqrtOp>(registry, std::sqrt);
  addUnary<math::TanOp>(registry, std::tan);
  addUnary<math::TanhOp>(registry, std::tanh);
  addBinary<math::Atan2Op>(registry, std::atan2);
  addBinary<math::CopySignOp>(registry, std::copysign);
  addBinary<math::PowFOp>(registry, std::pow);
  registry.addScalar<math::FPowIOp>([](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(std::pow(v[0].real, v[1].integer));
  });
  registry.addScalar<math::FmaOp>([](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(std::fma(v[0].real, v[1].real, v[2].real));
  });
}

static void registerRounding(Registry &registry) {
  addUnary<math::CeilOp>(registry, std::ceil);
  addUnary<math::FloorOp>(registry, std::floor);
  addUnary<math::RoundOp>(registry, std::round);
  addUnary<math::TruncOp>(registry, std::trunc);
  // The default rounding mode is to nearest, ties to even.
  addUnary<math::RoundEvenOp>(registry, std::nearbyint);
  registry.addScalar<math::ClampFOp>([](Operation *, ArrayRef<Element> v) {
    double value = v[0].real, low = v[1].real, high = v[2].real;
    return Element::ofReal(value < low ? low : value > high ? high : value);
  });
}

void seqc::reference::registerMath(Registry &registry) {
  registerFunctions(registry);
  registerRounding(registry);
  addClassification<math::IsFiniteOp>(
      registry, [](double x) { return bool(std::isfinite(x)); });
  addClassification<math::IsInfOp>(
      registry, [](double x) { return bool(std::isinf(x)); });
  addClassification<math::IsNaNOp>(
      registry, [](double x) { return bool(std::isnan(x)); });
  addClassification<math::IsNormalOp>(
      registry, [](double x) { return bool(std::isnormal(x)); });
  addBits<math::AbsIOp>(
      registry, [](llvm::APInt bits) { return bits.abs().getZExtValue(); });
  addBits<math::CountLeadingZerosOp>(
      registry,
      [](llvm::APInt bits) -> uint64_t { return bits.countl_zero(); });
  addBits<math::CountTrailingZerosOp>(
      registry,
      [](llvm::APInt bits) -> uint64_t { return bits.countr_zero(); });
  addBits<math::CtPopOp>(
      registry, [](llvm::APInt bits) -> uint64_t { return bits.popcount(); });
  registry.addScalar<math::IPowIOp>(integerPower);
}
