//===- MathBuilder.cpp - arithmetic that functions are written in
//--------------------===//

#include "MathBuilder.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace seqc;

Type seqc::withElements(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

MathBuilder::MathBuilder(ImplicitLocOpBuilder &builder, Type type)
    : builder(builder), type(type),
      integerType(withElements(
          type, builder.getIntegerType(
                    getElementTypeOrSelf(type).getIntOrFloatBitWidth()))) {}

static Value constant(ImplicitLocOpBuilder &builder, Type type,
                      TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, Attribute(element));
  return arith::ConstantOp::create(builder, element);
}

Value MathBuilder::real(double value) {
  return constant(builder, type,
                  builder.getFloatAttr(getElementTypeOrSelf(type), value));
}

Value MathBuilder::integer(int64_t value) {
  auto element = cast<IntegerType>(getElementTypeOrSelf(integerType));
  return constant(
      builder, integerType,
      builder.getIntegerAttr(element, APInt(element.getWidth(), value,
                                            /*isSigned=*/true)));
}

Value MathBuilder::polynomial(Value x, ArrayRef<double> coefficients,
                              double factor) {
  Value sum = real(coefficients.back() * factor);
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, real(coefficient * factor));
  return sum;
}

Value MathBuilder::bits(Value a) {
  return arith::BitcastOp::create(builder, integerType, a);
}

Value MathBuilder::fromBits(Value a) {
  return arith::BitcastOp::create(builder, type, a);
}

Value MathBuilder::shiftLeft(Value a, int64_t by) {
  return make<arith::ShLIOp>(a, integer(by));
}

Value MathBuilder::compare(arith::CmpFPredicate predicate, Value a, Value b) {
  return arith::CmpFOp::create(builder, predicate, a, b);
}

Value MathBuilder::atLeast(Value a, double bound) {
  Value limit = real(bound);
  return select(compare(arith::CmpFPredicate::OLT, a, limit), limit, a);
}

Value MathBuilder::atMost(Value a, double bound) {
  Value limit = real(bound);
  return select(compare(arith::CmpFPredicate::OGT, a, limit), limit, a);
}
