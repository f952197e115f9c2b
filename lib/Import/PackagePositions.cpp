//===- PackagePositions.cpp - positions from tables in the file -----------===//

#include "PackagePositions.h"

#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

void PackagePositions::check(Config &config) {
  if (kind == Kind::Rotary && channels % 2 != 0)
    config.fail("dim", "an even size where positions are rotary");
  if (kind == Kind::Rotary && headSize % 2 != 0)
    config.fail("dim_head", "an even size where positions are rotary");
  config.checkProduct("positions * channels", {most, channels});
}

/// 0, 1, … for the times of x, at most `most`.
static Value numberWhole(ImplicitLocOpBuilder &b, Value x, int64_t most) {
  Value times = tensor::DimOp::create(b, x, 1);
  Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, times,
                                     arith::ConstantIndexOp::create(b, most));
  cf::AssertOp::create(b, fits,
                       "expected at most " + std::to_string(most) + " tokens");
  Value init =
      tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{times}, b.getI64Type());
  return linalg::GenericOp::create(
             b, init.getType(), ValueRange(), init, b.getMultiDimIdentityMap(1),
             utils::IteratorType::parallel,
             [](OpBuilder &builder, Location loc, ValueRange) {
               Value time = linalg::IndexOp::create(builder, loc, 0);
               Value number = arith::IndexCastOp::create(
                   builder, loc, builder.getI64Type(), time);
               linalg::YieldOp::create(builder, loc, number);
             })
      .getResult(0);
}

Value PackagePositions::number(Model &model, Value ids, bool causal) const {
  return causal ? layers::positions(model.b, ids, most)
                : numberWhole(model.b, ids, most);
}

Value PackagePositions::addTo(Model &model, Value x, Value positions) const {
  ImplicitLocOpBuilder &b = model.b;
  if (kind != Kind::Axial) {
    StringRef name =
        kind == Kind::Learned ? "pos_emb.emb.weight" : "pos_emb.emb";
    Value table = model.weight(name, {most, channels});
    return addRows(b, x, embedding(b, positions, table));
  }
  // Position p has row p / inner of one table and p % inner of the other.
  auto rows = [&](auto divide, StringRef name, ArrayRef<int64_t> shape) {
    Value numbers = structured(
        b, "t->t", positions,
        [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          Value divisor =
              arith::ConstantOp::create(b, b.getI64IntegerAttr(inner));
          return divide(b, v[0], divisor);
        },
        b.getI64Type());
    Value table = tensor::CollapseShapeOp::create(
        b, model.weight(name, shape),
        ArrayRef<ReassociationIndices>{{0, 1, 2}, {3}});
    return embedding(b, numbers, table);
  };
  Value first = rows(
      [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
        return arith::DivUIOp::create(b, lhs, rhs);
      },
      "pos_emb.weights.0", {1, outer, 1, channels});
  Value second = rows(
      [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
        return arith::RemUIOp::create(b, lhs, rhs);
      },
      "pos_emb.weights.1", {1, 1, inner, channels});
  return addRows(b, x, add(b, first, second));
}

Rotary PackagePositions::angles(Model &model, Value positions) const {
  ImplicitLocOpBuilder &b = model.b;
  Value rows = embedding(b, positions,
                         model.weight("layer_pos_emb.emb", {most, headSize}));
  int64_t half = headSize / 2;
  return {layers::channels(b, rows, half, half),
          layers::channels(b, rows, 0, half)};
}

Value layers::rotatePairs(ImplicitLocOpBuilder &b, Value x,
                          const Rotary &rotary) {
  RankedTensorType type = typeOf(x);
  int64_t half = type.getDimSize(3) / 2;
  SmallVector<ReassociationIndices> groups{{0}, {1}, {2}, {3, 4}};
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes.back() = b.getIndexAttr(half);
  sizes.push_back(b.getIndexAttr(2));
  SmallVector<int64_t> shape(type.getShape().drop_back());
  shape.append({half, 2});
  Value pairs =
      tensor::ExpandShapeOp::create(b, type.clone(shape), x, groups, sizes);
  Value first = layers::channels(b, pairs, 0, 1),
        second = layers::channels(b, pairs, 1, 1);
  auto turn = [&](Value one, Value other, auto combine) {
    return structured(b, "bthij,bthij,ti,ti->bthij",
                      {one, other, rotary.cos, rotary.sin},
                      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        return combine(b, arith::MulFOp::create(b, v[0], v[2]),
                                       arith::MulFOp::create(b, v[1], v[3]));
                      });
  };
  Value turned[] = {
      turn(first, second,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::SubFOp::create(b, lhs, rhs);
           }),
      turn(second, first,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::AddFOp::create(b, lhs, rhs);
           })};
  return tensor::CollapseShapeOp::create(
      b, tensor::ConcatOp::create(b, /*dim=*/4, ValueRange(turned)), groups);
}
