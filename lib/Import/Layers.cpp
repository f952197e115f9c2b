//===- Layers.cpp - the words of a model description ---------------------===//

#include "Layers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Structured operations
//===----------------------------------------------------------------------===//

namespace {
using Scalar = llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

/// A linalg.generic whose maps `spec` gives in the notation of Einstein sums,
/// one letter a dimension, as in "btk,nk->btn"; letters that the result has not
/// are reduced. `scalar` sees the operands' elements, then the destination's,
/// which is 0 at first where there is a reduction and else must not be read.
Value structured(ImplicitLocOpBuilder &b, StringRef spec, ValueRange operands,
                 Scalar scalar) {
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

  Value init = tensor::EmptyOp::create(b, sizes, b.getF32Type());
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

/// One letter for each dimension of a tensor but the last: "bt" or "b".
std::string rowsOf(Value x) {
  return cast<RankedTensorType>(x.getType()).getRank() == 3 ? "bt" : "b";
}

Value constant(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}
} // namespace

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value layers::linear(ImplicitLocOpBuilder &b, Value x, Value weight,
                     Value bias) {
  std::string rows = rowsOf(x);
  Value product =
      structured(b, rows + "k,nk->" + rows + "n", {x, weight},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[2], arith::MulFOp::create(b, v[0], v[1]));
                 });
  if (!bias)
    return product;
  return structured(b, rows + "n,n->" + rows + "n", {product, bias},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::AddFOp::create(b, v[0], v[1]);
                    });
}

Value layers::rmsNorm(ImplicitLocOpBuilder &b, Value x, Value weight,
                      double epsilon) {
  std::string rows = rowsOf(x);
  double channels = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  Value squares =
      structured(b, rows + "c->" + rows, x,
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[1], arith::MulFOp::create(b, v[0], v[0]));
                 });
  // Once a row, not once a channel.
  Value scale =
      structured(b, rows + "->" + rows, squares,
                 [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   Value mean =
                       arith::DivFOp::create(b, v[0], constant(b, channels));
                   return math::RsqrtOp::create(
                       b, arith::AddFOp::create(b, mean, constant(b, epsilon)));
                 });
  return structured(b, rows + "c," + rows + ",c->" + rows + "c",
                    {x, scale, weight},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(
                          b, arith::MulFOp::create(b, v[0], v[1]), v[2]);
                    });
}

Value layers::embedding(ImplicitLocOpBuilder &b, Value ids, Value table) {
  auto tableType = cast<RankedTensorType>(table.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), ids);
  sizes.push_back(b.getIndexAttr(tableType.getDimSize(1)));
  Value init = tensor::EmptyOp::create(b, sizes, tableType.getElementType());
  MLIRContext *context = b.getContext();
  SmallVector<AffineMap> maps{
      AffineMap::getMultiDimMapWithTargets(3, {0, 1}, context),
      b.getMultiDimIdentityMap(3)};
  SmallVector<utils::IteratorType> iterators(3, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, init.getType(), ids, init, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder nested(loc, builder);
               Value row = arith::IndexCastOp::create(
                   nested, nested.getIndexType(), elements[0]);
               Value channel = linalg::IndexOp::create(nested, 2);
               Value element = tensor::ExtractOp::create(
                   nested, table, ValueRange{row, channel});
               linalg::YieldOp::create(nested, element);
             })
      .getResult(0);
}

Value layers::channels(ImplicitLocOpBuilder &b, Value x, int64_t begin,
                       int64_t size) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  offsets.back() = b.getIndexAttr(begin);
  sizes.back() = b.getIndexAttr(size);
  return tensor::ExtractSliceOp::create(b, x, offsets, sizes, strides);
}

Value layers::lastTime(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  Value times = tensor::DimOp::create(b, x, 1);
  Value zero = arith::ConstantIndexOp::create(b, 0),
        one = arith::ConstantIndexOp::create(b, 1);
  Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, times, zero);
  cf::AssertOp::create(b, any, "expected at least one token");
  Value last = arith::SubIOp::create(b, times, one);
  OpFoldResult start = b.getIndexAttr(0), step = b.getIndexAttr(1);
  auto lastType = RankedTensorType::get(
      {type.getDimSize(0), type.getDimSize(2)}, type.getElementType());
  return tensor::ExtractSliceOp::create(
      b, lastType, x, ArrayRef<OpFoldResult>{start, last, start},
      ArrayRef<OpFoldResult>{b.getIndexAttr(type.getDimSize(0)), step,
                             b.getIndexAttr(type.getDimSize(2))},
      ArrayRef<OpFoldResult>{step, step, step});
}

Value layers::zeros(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, b.getF32Type());
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}
