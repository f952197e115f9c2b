//===- Arith.cpp - arith on numbers
//----------------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace seqc::reference;

static Type resultType(Operation *op) {
  return getElementTypeOrSelf(op->getResult(0));
}

static Type operandType(Operation *op) {
  return getElementTypeOrSelf(op->getOperand(0));
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

template <typename Op>
static void addReal(Registry &registry, double (*function)(double, double)) {
  registry.addScalar<Op>([function](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(function(v[0].real, v[1].real));
  });
}

/// IEEE 754's maximum: NaN if one is, and +0 is above -0.
static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

static double minimum(double a, double b) { return -maximum(-a, -b); }

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  case P::UNO:
    return unordered;
  case P::AlwaysTrue:
    return true;
  }
  return false;
}

static void registerFloats(Registry &registry) {
  addReal<arith::AddFOp>(registry, [](double a, double b) { return a + b; });
  addReal<arith::SubFOp>(registry, [](double a, double b) { return a - b; });
  addReal<arith::MulFOp>(registry, [](double a, double b) { return a * b; });
  addReal<arith::DivFOp>(registry, [](double a, double b) { return a / b; });
  addReal<arith::RemFOp>(registry, std::fmod);
  addReal<arith::MaximumFOp>(registry, maximum);
  addReal<arith::MinimumFOp>(registry, minimum);
  addReal<arith::MaxNumFOp>(registry, std::fmax);
  addReal<arith::MinNumFOp>(registry, std::fmin);
  registry.addScalar<arith::NegFOp>([](Operation *, ArrayRef<Element> v) {
    return Element::ofReal(-v[0].real);
  });
  registry.addScalar<arith::CmpFOp>([](Operation *op, ArrayRef<Element> v) {
    return Element::ofInteger(
        compare(cast<arith::CmpFOp>(op).getPredicate(), v[0].real, v[1].real));
  });
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// Two integers of one width: as signed and as unsigned numbers.
namespace {
struct Pair {
  int64_t a, b;
  uint64_t ua, ub;
  unsigned width;
};
} // namespace

/// An operation on two integers; the result is wrapped to the result's width.
/// Nothing stands for poison.
template <typename Op>
static void addInteger(Registry &registry,
                       std::optional<uint64_t> (*function)(const Pair &)) {
  registry.addScalar<Op>([function](Operation *op,
                                    ArrayRef<Element> v) -> FailureOr<Element> {
    Type type = operandType(op);
    std::optional<uint64_t> result =
        function({asSigned(v[0].integer, type), asSigned(v[1].integer, type),
                  asUnsigned(v[0].integer, type),
                  asUnsigned(v[1].integer, type), integerWidth(type)});
    if (!result)
      return uninitializedElement(resultType(op));
    return Element::ofInteger(wrap(*result, resultType(op)));
  });
}

/// The same for divisions: a divisor of zero is an error. The smallest number
/// divided by -1 wraps.
template <typename Op>
static void addDivision(Registry &registry,
                        uint64_t (*function)(const Pair &)) {
  registry.addScalar<Op>(
      [function](Operation *op, ArrayRef<Element> v) -> FailureOr<Element> {
        Type type = operandType(op);
        Pair pair = {asSigned(v[0].integer, type), asSigned(v[1].integer, type),
                     asUnsigned(v[0].integer, type),
                     asUnsigned(v[1].integer, type), integerWidth(type)};
        if (pair.b == 0)
          return op->emitOpError("division by zero");
        return Element::ofInteger(wrap(function(pair), resultType(op)));
      });
}

static bool compare(arith::CmpIPredicate predicate, const Pair &p) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return p.a == p.b;
  case P::ne:
    return p.a != p.b;
  case P::slt:
    return p.a < p.b;
  case P::sle:
    return p.a <= p.b;
  case P::sgt:
    return p.a > p.b;
  case P::sge:
    return p.a >= p.b;
  case P::ult:
    return p.ua < p.ub;
  case P::ule:
    return p.ua <= p.ub;
  case P::ugt:
    return p.ua > p.ub;
  case P::uge:
    return p.ua >= p.ub;
  }
  return false;
}

static void registerIntegers(Registry &registry) {
  using R = std::optional<uint64_t>;
  using P = const Pair &;
  addInteger<arith::AddIOp>(registry, [](P p) -> R { return p.ua + p.ub; });
  addInteger<arith::SubIOp>(registry, [](P p) -> R { return p.ua - p.ub; });
  addInteger<arith::MulIOp>(registry, [](P p) -> R { return p.ua * p.ub; });
  addInteger<arith::AndIOp>(registry, [](P p) -> R { return p.ua & p.ub; });
  addInteger<arith::OrIOp>(registry, [](P p) -> R { return p.ua | p.ub; });
  addInteger<arith::XOrIOp>(registry, [](P p) -> R { return p.ua ^ p.ub; });
  addInteger<arith::MaxSIOp>(registry,
                             [](P p) -> R { return std::max(p.a, p.b); });
  addInteger<arith::MinSIOp>(registry,
                             [](P p) -> R { return std::min(p.a, p.b); });
  addInteger<arith::MaxUIOp>(registry,
                             [](P p) -> R { return std::max(p.ua, p.ub); });
  addInteger<arith::MinUIOp>(registry,
                             [](P p) -> R { return std::min(p.ua, p.ub); });
  // A shift by the width or more is poison.
  addInteger<arith::ShLIOp>(registry, [](P p) -> R {
    return p.ub < p.width ? R(p.ua << p.ub) : R();
  });
  addInteger<arith::ShRUIOp>(registry, [](P p) -> R {
    return p.ub < p.width ? R(p.ua >> p.ub) : R();
  });
  addInteger<arith::ShRSIOp>(
      registry, [](P p) -> R { return p.ub < p.width ? R(p.a >> p.ub) : R(); });

  // The smallest int64_t by -1 is undefined in C++: -1 goes its own way.
  addDivision<arith::DivSIOp>(registry, [](P p) -> uint64_t {
    return p.b == -1 ? 0 - uint64_t(p.a) : p.a / p.b;
  });
  addDivision<arith::FloorDivSIOp>(registry, [](P p) -> uint64_t {
    return p.b == -1 ? 0 - uint64_t(p.a) : llvm::divideFloorSigned(p.a, p.b);
  });
  addDivision<arith::CeilDivSIOp>(registry, [](P p) -> uint64_t {
    return p.b == -1 ? 0 - uint64_t(p.a) : llvm::divideCeilSigned(p.a, p.b);
  });
  addDivision<arith::RemSIOp>(
      registry, [](P p) -> uint64_t { return p.b == -1 ? 0 : p.a % p.b; });
  addDivision<arith::DivUIOp>(registry,
                              [](P p) -> uint64_t { return p.ua / p.ub; });
  addDivision<arith::CeilDivUIOp>(registry, [](P p) -> uint64_t {
    return p.ua / p.ub + (p.ua % p.ub != 0);
  });
  addDivision<arith::RemUIOp>(registry,
                              [](P p) -> uint64_t { return p.ua % p.ub; });

  registry.addScalar<arith::CmpIOp>([](Operation *op, ArrayRef<Element> v) {
    Type type = operandType(op);
    Pair pair = {asSigned(v[0].integer, type), asSigned(v[1].integer, type),
                 asUnsigned(v[0].integer, type), asUnsigned(v[1].integer, type),
                 integerWidth(type)};
    return Element::ofInteger(
        compare(cast<arith::CmpIOp>(op).getPredicate(), pair));
  });
}

//===----------------------------------------------------------------------===//
// Casts and select
//===----------------------------------------------------------------------===//

static Element sameReal(Operation *, ArrayRef<Element> v) { return v[0]; }

static Element fromSigned(Operation *op, ArrayRef<Element> v) {
  return Element::ofInteger(
      wrap(asSigned(v[0].integer, operandType(op)), resultType(op)));
}

static Element fromUnsigned(Operation *op, ArrayRef<Element> v) {
  return Element::ofInteger(
      wrap(asUnsigned(v[0].integer, operandType(op)), resultType(op)));
}

/// Rounds towards zero; what does not fit is poison.
static Element toInteger(Operation *op, double value, bool isSigned) {
  Type type = resultType(op);
  llvm::APSInt integer(integerWidth(type), !isSigned);
  bool exact;
  if (llvm::APFloat(value).convertToInteger(
          integer, llvm::APFloat::rmTowardZero, &exact) ==
      llvm::APFloat::opInvalidOp)
    return uninitializedElement(type);
  return Element::ofInteger(wrap(integer.getExtValue(), type));
}

/// The bits of the declared width: a float is rounded to it first.
static FailureOr<Element> bitcast(Operation *op, ArrayRef<Element> v) {
  llvm::APInt bits;
  bool inexact;
  if (auto from = dyn_cast<FloatType>(operandType(op))) {
    llvm::APFloat value(v[0].real);
    value.convert(from.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                  &inexact);
    bits = value.bitcastToAPInt();
  } else {
    Type type = operandType(op);
    bits = llvm::APInt(integerWidth(type), asUnsigned(v[0].integer, type));
  }
  auto to = dyn_cast<FloatType>(resultType(op));
  if (!to)
    return Element::ofInteger(wrap(bits.getZExtValue(), resultType(op)));
  llvm::APFloat value(to.getFloatSemantics(), bits);
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &inexact);
  return Element::ofReal(value.convertToDouble());
}

static void registerCasts(Registry &registry) {
  registry.addScalar<arith::ExtFOp>(sameReal);
  registry.addScalar<arith::TruncFOp>(sameReal);
  registry.addScalar<arith::ExtSIOp>(fromSigned);
  registry.addScalar<arith::IndexCastOp>(fromSigned);
  registry.addScalar<arith::ExtUIOp>(fromUnsigned);
  registry.addScalar<arith::TruncIOp>(fromUnsigned);
  registry.addScalar<arith::IndexCastUIOp>(fromUnsigned);
  registry.addScalar<arith::SIToFPOp>([](Operation *op, ArrayRef<Element> v) {
    return Element::ofReal(asSigned(v[0].integer, operandType(op)));
  });
  registry.addScalar<arith::UIToFPOp>([](Operation *op, ArrayRef<Element> v) {
    return Element::ofReal(asUnsigned(v[0].integer, operandType(op)));
  });
  registry.addScalar<arith::FPToSIOp>([](Operation *op, ArrayRef<Element> v) {
    return toInteger(op, v[0].real, /*isSigned=*/true);
  });
  registry.addScalar<arith::FPToUIOp>([](Operation *op, ArrayRef<Element> v) {
    return toInteger(op, v[0].real, /*isSigned=*/false);
  });
  registry.addScalar<arith::BitcastOp>(bitcast);
}

/// One condition for whole tensors chooses one of them as it is, even if their
/// shapes differ; otherwise it goes element by element.
static LogicalResult runSelect(Interpreter &interpreter, arith::SelectOp op) {
  const Datum &condition = interpreter.get(op.getCondition());
  if (const auto *element = std::get_if<Element>(&condition)) {
    interpreter.set(
        op.getResult(),
        Datum(interpreter.get(element->integer ? op.getTrueValue()
                                               : op.getFalseValue())));
    return success();
  }
  Tensor conditions = std::get<Tensor>(condition);
  Tensor result = interpreter.getTensor(op.getTrueValue());
  Tensor otherwise = interpreter.getTensor(op.getFalseValue());
  if (conditions.getShape() != result.getShape() ||
      conditions.getShape() != otherwise.getShape())
    return op.emitOpError("operands have different shapes: ")
           << toString(conditions.getShape()) << ", "
           << toString(result.getShape()) << " and "
           << toString(otherwise.getShape());
  for (auto [element, choice, other] :
       llvm::zip_equal(result.getMutableElements(), conditions.getElements(),
                       otherwise.getElements()))
    if (!choice.integer)
      element = other;
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static Element toElement(const llvm::APFloat &value) {
  llvm::APFloat copy = value;
  bool inexact;
  copy.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
               &inexact);
  return Element::ofReal(copy.convertToDouble());
}

static Element toElement(const llvm::APInt &value, Type type) {
  return Element::ofInteger(wrap(value.getZExtValue(), type));
}

static FailureOr<Tensor> toTensor(Operation *op, ElementsAttr attribute) {
  ArrayRef<int64_t> shape = attribute.getShapedType().getShape();
  Type type = attribute.getElementType();
  if (failed(checkShape(op, shape)))
    return failure();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return op->emitOpError("resource '")
             << resource.getRawHandle().getKey() << "' is missing";
    bool isSplat;
    if (!DenseElementsAttr::isValidRawBuffer(attribute.getShapedType(),
                                             blob->getData(), isSplat))
      return op->emitOpError("resource '")
             << resource.getRawHandle().getKey() << "' has "
             << blob->getData().size() << " bytes, which are no "
             << attribute.getShapedType();
    attribute = DenseElementsAttr::getFromRawBuffer(attribute.getShapedType(),
                                                    blob->getData());
  }
  Tensor tensor = Tensor::filled(shape, type, Element());
  MutableArrayRef<Element> elements = tensor.getMutableElements();
  if (isa<FloatType>(type)) {
    if (auto values = attribute.tryGetValues<llvm::APFloat>()) {
      for (auto [element, value] : llvm::zip_equal(elements, *values))
        element = toElement(value);
      return tensor;
    }
  } else if (auto values = attribute.tryGetValues<llvm::APInt>()) {
    for (auto [element, value] : llvm::zip_equal(elements, *values))
      element = toElement(value, type);
    return tensor;
  }
  return op->emitOpError("has a value of a kind that cannot be evaluated");
}

static LogicalResult runConstant(Interpreter &interpreter,
                                 arith::ConstantOp op) {
  Attribute attribute = op.getValue();
  if (auto number = dyn_cast<FloatAttr>(attribute)) {
    interpreter.set(op.getResult(), toElement(number.getValue()));
  } else if (auto number = dyn_cast<IntegerAttr>(attribute)) {
    interpreter.set(op.getResult(), toElement(number.getValue(), op.getType()));
  } else if (auto elements = dyn_cast<ElementsAttr>(attribute)) {
    FailureOr<Tensor> tensor = toTensor(op, elements);
    if (failed(tensor))
      return failure();
    interpreter.set(op.getResult(), std::move(*tensor));
  } else {
    return op.emitOpError("has a value of a kind that cannot be evaluated");
  }
  return success();
}

void seqc::reference::registerArith(Registry &registry) {
  registerFloats(registry);
  registerIntegers(registry);
  registerCasts(registry);
  registry.add<arith::SelectOp>(runSelect);
  registry.add<arith::ConstantOp>(runConstant);
}
