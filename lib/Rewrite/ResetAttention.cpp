//===- ResetAttention.cpp - attention within sequences of a row -----------===//

#include "ResetAttention.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace seqc;

/// The number n_t of the sequence that a time is in, as i64 [B, T].
static Value numberSequences(ImplicitLocOpBuilder &b, Value reset) {
  auto resetType = cast<RankedTensorType>(reset.getType());
  Type i64 = b.getI64Type();
  auto slice = RankedTensorType::get({resetType.getDimSize(0)}, i64);
  Value numbers = linalg::MapOp::create(
                      b, reset,
                      tensor::EmptyOp::create(
                          b, tensor::getMixedSizes(b, b.getLoc(), reset), i64),
                      [&](OpBuilder &nested, Location loc, ValueRange v) {
                        Value wide = arith::ExtUIOp::create(nested, loc, i64, v[0]);
                        linalg::YieldOp::create(nested, loc, wide);
                      })
                      .getResult()[0];
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), reset), i64);
  Value start = arith::ConstantOp::create(b, b.getZeroAttr(slice));
  auto count = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false,
                                         numbers, slots, start);
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getLoc();
  Block &step = count.getBody().emplaceBlock();
  step.addArguments({slice, slice, slice}, {loc, loc, loc});
  b.setInsertionPointToStart(&step);
  Value next =
      arith::AddIOp::create(b, step.getArgument(0), step.getArgument(2));
  seq::YieldOp::create(b, ValueRange{next, next});
  return count.getResult(0);
}

void seqc::resetAttention(seq::AttentionOp op, Value reset) {
  OpBuilder builder(op);
  ImplicitLocOpBuilder b(op.getLoc(), builder);
  Value numbers = numberSequences(b, reset);
  FloatType element = cast<FloatType>(op.getQuery().getType().getElementType());
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), numbers);
  // [B, 1, T, S]: every head has the same.
  SmallVector<OpFoldResult> shape{sizes[0], b.getIndexAttr(1), sizes[1],
                                  sizes[1]};
  AffineExpr batch = b.getAffineDimExpr(0), query = b.getAffineDimExpr(2),
             key = b.getAffineDimExpr(3);
  SmallVector<AffineMap> maps{
      AffineMap::get(4, 0, {batch, query}, b.getContext()),
      AffineMap::get(4, 0, {batch, key}, b.getContext()),
      b.getMultiDimIdentityMap(4)};
  Value empty = tensor::EmptyOp::create(b, shape, element);
  Value bias =
      linalg::GenericOp::create(
          b, empty.getType(), ValueRange{numbers, numbers}, empty, maps,
          SmallVector(4, utils::IteratorType::parallel),
          [&](OpBuilder &nested, Location loc, ValueRange v) {
            ImplicitLocOpBuilder b(loc, nested);
            Value isOwn = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                                v[0], v[1]);
            Value seen = arith::ConstantOp::create(b, b.getZeroAttr(element));
            Value hidden = arith::ConstantOp::create(
                b, b.getFloatAttr(element,
                                  -std::numeric_limits<double>::infinity()));
            Value chosen = arith::SelectOp::create(b, isOwn, seen, hidden);
            linalg::YieldOp::create(b, chosen);
          })
          .getResult(0);
  op.getBiasMutable().assign(bias);
}
