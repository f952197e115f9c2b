//===- Structured.cpp - linalg.generic by Einstein's notation -------------===//

#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

Value layers::structured(ImplicitLocOpBuilder &b, StringRef spec,
                         ValueRange operands, Scalar scalar, Type element) {
  auto [lhs, result] = spec.split("->");
  SmallVector<StringRef> terms;
  lhs.split(terms, ',');

  std::string letters = result.str();
  SmallVector<OpFoldResult> sizes(letters.size());
  for (auto [term, operand] : llvm::zip_equal(terms, operands))
    for (auto [dim, letter] : llvm::enumerate(term)) {
      size_t loop = letters.find(letter);
      if (loop == std::string::npos)
        letters += letter;
      else if (loop < sizes.size() && !sizes[loop])
        sizes[loop] = tensor::getMixedSize(b, b.getLoc(), operand, dim);
    }

  terms.push_back(result);
  SmallVector<AffineMap> maps;
  for (StringRef term : terms) {
    SmallVector<unsigned> dims;
    for (char letter : term)
      dims.push_back(letters.find(letter));
    maps.push_back(AffineMap::getMultiDimMapWithTargets(letters.size(), dims,
                                                        b.getContext()));
  }
  SmallVector<utils::IteratorType> iterators(result.size(),
                                             utils::IteratorType::parallel);
  iterators.resize(letters.size(), utils::IteratorType::reduction);

  Value init =
      tensor::EmptyOp::create(b, sizes, element ? element : b.getF32Type());
  if (letters.size() > result.size()) {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    init = linalg::FillOp::create(b, zero, init).getResult(0);
  }
  return linalg::GenericOp::create(
             b, init.getType(), operands, init, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(nested, scalar(nested, elements));
             })
      .getResult(0);
}

RankedTensorType layers::typeOf(Value x) {
  return cast<RankedTensorType>(x.getType());
}

std::string layers::rowsOf(Value x) {
  return StringRef("bth").take_front(typeOf(x).getRank() - 1).str();
}

Value layers::constant(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

Value layers::sigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value power = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  Value one = constant(b, 1);
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, power));
}

Value layers::softplus(ImplicitLocOpBuilder &b, Value x) {
  // exp(x) may overflow: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
  Value size = arith::NegFOp::create(b, math::AbsFOp::create(b, x));
  Value rest = math::Log1pOp::create(b, math::ExpOp::create(b, size));
  return arith::AddFOp::create(
      b, arith::MaximumFOp::create(b, x, constant(b, 0)), rest);
}

Value layers::addElements(ImplicitLocOpBuilder &b, ValueRange v) {
  return arith::AddFOp::create(b, v[0], v[1]);
}

Value layers::multiplyAdd(ImplicitLocOpBuilder &b, ValueRange v) {
  return arith::AddFOp::create(b, v[2], arith::MulFOp::create(b, v[0], v[1]));
}
