//===- Layers.cpp - the words of a model description -------------------===//

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// product + bias; the product where that is null.
static Value addBias(ImplicitLocOpBuilder &b, Value product, Value bias) {
  if (!bias)
    return product;
  std::string rows = rowsOf(product);
  return structured(b, rows + "n,n->" + rows + "n", {product, bias},
                    addElements);
}

Value layers::linear(ImplicitLocOpBuilder &b, Value x, Value weight,
                     Value bias) {
  std::string rows = rowsOf(x);
  return addBias(
      b, structured(b, rows + "k,nk->" + rows + "n", {x, weight}, multiplyAdd),
      bias);
}

Value layers::conv1D(ImplicitLocOpBuilder &b, Value x, Value weight,
                     Value bias) {
  std::string rows = rowsOf(x);
  return addBias(
      b, structured(b, rows + "k,kn->" + rows + "n", {x, weight}, multiplyAdd),
      bias);
}

Value layers::add(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::AddFOp::create(b, lhs, rhs);
}

Value layers::embedding(ImplicitLocOpBuilder &b, Value ids, Value table) {
  auto tableType = typeOf(table);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), ids);
  sizes.push_back(b.getIndexAttr(tableType.getDimSize(1)));
  Value init = tensor::EmptyOp::create(b, sizes, tableType.getElementType());
  unsigned rank = sizes.size();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps{all.getMajorSubMap(rank - 1), all};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, init.getType(), ids, init, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange elements) {
               ImplicitLocOpBuilder nested(loc, builder);
               Value row = arith::IndexCastOp::create(
                   nested, nested.getIndexType(), elements[0]);
               Value channel = linalg::IndexOp::create(nested, rank - 1);
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

/// T > 0, the number of times of x [B, T, C].
static Value countTimes(ImplicitLocOpBuilder &b, Value x) {
  Value times = tensor::DimOp::create(b, x, 1);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, times, zero);
  cf::AssertOp::create(b, any, "expected at least one token");
  return times;
}

/// x [B, C] at a time of [B, T, C] for T > 0.
static Value atTime(ImplicitLocOpBuilder &b, Value x,
                    llvm::function_ref<OpFoldResult(Value times)> number) {
  RankedTensorType type = typeOf(x);
  Value times = countTimes(b, x);
  OpFoldResult start = b.getIndexAttr(0), step = b.getIndexAttr(1);
  auto atType = RankedTensorType::get({type.getDimSize(0), type.getDimSize(2)},
                                      type.getElementType());
  return tensor::ExtractSliceOp::create(
      b, atType, x, ArrayRef<OpFoldResult>{start, number(times), start},
      ArrayRef<OpFoldResult>{b.getIndexAttr(type.getDimSize(0)), step,
                             b.getIndexAttr(type.getDimSize(2))},
      ArrayRef<OpFoldResult>{step, step, step});
}

Value layers::lastTime(ImplicitLocOpBuilder &b, Value x) {
  return atTime(b, x, [&](Value times) -> OpFoldResult {
    Value one = arith::ConstantIndexOp::create(b, 1);
    return arith::SubIOp::create(b, times, one).getResult();
  });
}

Value layers::firstTime(ImplicitLocOpBuilder &b, Value x) {
  return atTime(b, x, [&](Value) { return b.getIndexAttr(0); });
}

Value layers::meanTime(ImplicitLocOpBuilder &b, Value x) {
  Value times = arith::IndexCastOp::create(b, b.getI64Type(), countTimes(b, x));
  Value count = arith::SIToFPOp::create(b, b.getF32Type(), times);
  return structured(b, "bc->bc", structured(b, "btc->bc", x, addElements),
                    [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], count);
                    });
}

Value layers::lastOther(ImplicitLocOpBuilder &b, Value x, Value ids,
                        int64_t padding) {
  RankedTensorType type = typeOf(x);
  int64_t batch = type.getDimSize(0);
  auto state =
      RankedTensorType::get({batch, type.getDimSize(2)}, type.getElementType());
  auto slice = RankedTensorType::get({batch}, b.getI64Type());
  Value start = zeros(b, state.getShape());
  auto keep = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false,
                                        ValueRange{x, ids}, ValueRange(),
                                        ValueRange(start));
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getLoc();
  Block &step = keep.getBody().emplaceBlock();
  step.addArguments({state, slice, state}, {loc, loc, loc});
  b.setInsertionPointToStart(&step);
  Value next = structured(
      b, "bc,bc,b->bc",
      {step.getArgument(0), step.getArgument(2), step.getArgument(1)},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value none = arith::ConstantOp::create(b, b.getI64IntegerAttr(padding));
        Value other =
            arith::CmpIOp::create(b, arith::CmpIPredicate::ne, v[2], none);
        return arith::SelectOp::create(b, other, v[0], v[1]);
      });
  seq::YieldOp::create(b, next);
  return keep.getResult(0);
}

Value layers::zeros(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, b.getF32Type());
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}
