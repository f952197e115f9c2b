//===- Positions.cpp - positions of tokens and rotary embeddings -------===//

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static void assertAtMost(ImplicitLocOpBuilder &b, Value times, int64_t most) {
  Value limit = arith::ConstantIndexOp::create(b, most);
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, times, limit);
  cf::AssertOp::create(b, fits,
                       "expected at most " + std::to_string(most) + " tokens");
}

Value layers::firstRows(ImplicitLocOpBuilder &b, Value table, Value x) {
  Value times = tensor::DimOp::create(b, x, 1);
  assertAtMost(b, times, typeOf(table).getDimSize(0));
  OpFoldResult start = b.getIndexAttr(0), step = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      b, table, ArrayRef<OpFoldResult>{start, start},
      ArrayRef<OpFoldResult>{times,
                             b.getIndexAttr(typeOf(table).getDimSize(1))},
      ArrayRef<OpFoldResult>{step, step});
}

Value layers::addRows(ImplicitLocOpBuilder &b, Value x, Value rows) {
  return structured(b, "btc,tc->btc", {x, rows}, addElements);
}

Value layers::positions(ImplicitLocOpBuilder &b, Value x, int64_t most) {
  // A batch of one: sequences that run together are at one position.
  auto type = RankedTensorType::get({1, ShapedType::kDynamic}, b.getI64Type());
  auto state = RankedTensorType::get({1}, b.getI64Type());
  Value times = tensor::DimOp::create(b, x, 1);
  Value slots = tensor::EmptyOp::create(b, type, times);
  Value start = arith::ConstantOp::create(b, b.getZeroAttr(state));
  auto count = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false,
                                         ValueRange(), slots, start);
  {
    OpBuilder::InsertionGuard guard(b);
    Location loc = b.getLoc();
    Block &step = count.getBody().emplaceBlock();
    step.addArguments({state, state}, {loc, loc});
    b.setInsertionPointToStart(&step);
    Value position = step.getArgument(1);
    Value one = arith::ConstantOp::create(
        b, DenseElementsAttr::get(state, b.getI64IntegerAttr(1)));
    Value next = arith::AddIOp::create(b, position, one);
    seq::YieldOp::create(b, ValueRange{position, next});
  }
  if (most) {
    // Both ends: what a state holds may come from a file.
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value end = arith::IndexCastOp::create(
        b, b.getIndexType(),
        tensor::ExtractOp::create(b, count.getResult(1), zero));
    auto expect = [&](arith::CmpIPredicate predicate, Value limit,
                      const Twine &message) {
      Value holds = arith::CmpIOp::create(b, predicate, end, limit);
      cf::AssertOp::create(b, holds, message.str());
    };
    expect(arith::CmpIPredicate::sle, arith::ConstantIndexOp::create(b, most),
           "expected at most " + Twine(most) +
               " tokens: the model has no more positions");
    expect(arith::CmpIPredicate::sge, times,
           "the position in the state is negative");
  }
  return tensor::CollapseShapeOp::create(
      b, count.getResult(0), ArrayRef<ReassociationIndices>{{0, 1}});
}

Value layers::positionsBehind(ImplicitLocOpBuilder &b, Value ids,
                              int64_t padding, int64_t most) {
  RankedTensorType type = typeOf(ids);
  assertAtMost(b, tensor::DimOp::create(b, ids, 1), most - padding - 1);
  auto state =
      RankedTensorType::get({type.getDimSize(0)}, type.getElementType());
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), ids), type.getElementType());
  Value start = arith::ConstantOp::create(b, b.getZeroAttr(state));
  auto count = seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false, ids,
                                         slots, start);
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getLoc();
  Block &step = count.getBody().emplaceBlock();
  step.addArguments({state, state, state}, {loc, loc, loc});
  b.setInsertionPointToStart(&step);
  Value id = step.getArgument(0), before = step.getArgument(2);
  auto constant = [&](int64_t value) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(state, b.getI64IntegerAttr(value)));
  };
  Value counts =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, id, constant(padding));
  Value after = arith::AddIOp::create(b, before, constant(1));
  Value number = arith::AddIOp::create(b, after, constant(padding));
  seq::YieldOp::create(
      b,
      ValueRange{arith::SelectOp::create(b, counts, number, constant(padding)),
                 arith::SelectOp::create(b, counts, after, before)});
  return count.getResult(0);
}

SmallVector<float> layers::rotaryFrequencies(int64_t size, double theta) {
  SmallVector<float> frequencies;
  for (int64_t i = 0; i < size; i += 2)
    frequencies.push_back(1.0f /
                          std::pow(float(theta), float(i) / float(size)));
  return frequencies;
}

layers::Rotary layers::rotary(ImplicitLocOpBuilder &b, Value positions,
                              int64_t headSize, double theta) {
  return rotary(b, positions, rotaryFrequencies(headSize, theta));
}

layers::Rotary layers::rotary(ImplicitLocOpBuilder &b, Value positions,
                              ArrayRef<float> frequencies) {
  auto type =
      RankedTensorType::get(int64_t(frequencies.size()), b.getF32Type());
  Value table =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, frequencies));
  Value angles = structured(b, "t,i->ti", {positions, table},
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              Value position = arith::SIToFPOp::create(
                                  b, b.getF32Type(), v[0]);
                              return arith::MulFOp::create(b, position, v[1]);
                            });
  return {math::CosOp::create(b, angles), math::SinOp::create(b, angles)};
}

Value layers::rotate(ImplicitLocOpBuilder &b, Value x, const Rotary &rotary) {
  int64_t half = typeOf(rotary.cos).getDimSize(1);
  Value first = channels(b, x, 0, half), second = channels(b, x, half, half);
  auto turn = [&](Value one, Value other, auto combine) {
    return structured(b, "bthi,bthi,ti,ti->bthi",
                      {one, other, rotary.cos, rotary.sin},
                      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        return combine(b, arith::MulFOp::create(b, v[0], v[2]),
                                       arith::MulFOp::create(b, v[1], v[3]));
                      });
  };
  SmallVector<Value> parts{
      turn(first, second,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::SubFOp::create(b, lhs, rhs);
           }),
      turn(second, first,
           [](ImplicitLocOpBuilder &b, Value lhs, Value rhs) -> Value {
             return arith::AddFOp::create(b, lhs, rhs);
           })};
  if (int64_t rest = typeOf(x).getDimSize(3) - 2 * half)
    parts.push_back(channels(b, x, 2 * half, rest));
  return tensor::ConcatOp::create(b, /*dim=*/3, parts);
}
