//===- FactorProduct.cpp - the product of a term's factors ----------------===//

#include "FactorProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace seqc;

static Value convert(OpBuilder &b, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  unsigned from = value.getType().getIntOrFloatBitWidth(),
           to = type.getIntOrFloatBitWidth();
  if (from < to)
    return arith::ExtFOp::create(b, loc, type, value);
  if (from > to)
    return arith::TruncFOp::create(b, loc, type, value);
  // f16 and bf16 meet in f32.
  return arith::TruncFOp::create(
      b, loc, type, arith::ExtFOp::create(b, loc, b.getF32Type(), value));
}

Value seqc::multiplyFactors(OpBuilder &b, Location loc,
                            ArrayRef<Factor::Kind> kinds, ValueRange scalars,
                            double scale, Type element) {
  auto constant = [&](double number) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(element, number));
  };
  Value product = scale == 1.0 ? Value() : constant(scale);
  for (auto [kind, scalar] : llvm::zip(kinds, scalars)) {
    if (kind != Factor::Times && kind != Factor::Over)
      continue;
    Value factor = convert(b, loc, scalar, element);
    if (kind == Factor::Over)
      product = arith::DivFOp::create(b, loc, product ? product : constant(1.0),
                                      factor);
    else
      product = product ? arith::MulFOp::create(b, loc, product, factor)
                              .getResult()
                        : factor;
  }
  if (!product)
    product = constant(1.0);
  for (auto [kind, scalar] : llvm::zip(kinds, scalars)) {
    if (kind == Factor::Where)
      product = arith::SelectOp::create(b, loc, scalar, product, constant(0.0));
    if (kind == Factor::WhereNot)
      product = arith::SelectOp::create(b, loc, scalar, constant(0.0), product);
  }
  return product;
}
