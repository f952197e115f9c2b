//===- Rnn.cpp - seq.rnn, seq.lstm, seq.gru
//------------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

/// x Wᵀ for x [B, I] and W [G, I].
static Value project(ImplicitLocOpBuilder &b, Value x, Value weight) {
  return einsum(b, "bi,gi->bg", {x, weight});
}

static Value add(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}

static Value mul(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}

/// x Wᵀ + bias + recurrent bias: all of the gates that does not depend on the
/// state, so that it can leave the recurrence as one product over all times.
static Value inputPart(ImplicitLocOpBuilder &b, Value x, Value weight,
                       Value bias, Value recurrentBias) {
  return addBias(b, addBias(b, project(b, x, weight), bias), recurrentBias);
}

//===----------------------------------------------------------------------===//
// seq.rnn
//===----------------------------------------------------------------------===//

LogicalResult RnnOp::verify() {
  return verifyShapes(*this, {{"input", getInput(), "B T I"},
                              {"initial_state", getInitialState(), "B H"},
                              {"weight", getWeight(), "H I"},
                              {"recurrent_weight", getRecurrentWeight(), "H H"},
                              {"bias", getBias(), "H"},
                              {"recurrent_bias", getRecurrentBias(), "H"},
                              {"output", getOutput(), "B T H"},
                              {"final_state", getFinalState(), "B H"}});
}

SmallVector<Value> RnnOp::getSequences() {
  return {getInput(), getOutput()};
}

SmallVector<CarriedState> RnnOp::getCarriedStates() {
  return {{"h", &getInitialStateMutable(), cast<OpResult>(getFinalState())}};
}

FailureOr<SmallVector<Value>> RnnOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value y = emptySequence(b, getOutput().getType(), getInput());
  return recurrence(
      b, getReverse(), {getInput()}, y, getInitialState(),
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        Value x =
            inputPart(b, inputs[0], getWeight(), getBias(), getRecurrentBias());
        Value sum = add(b, x, project(b, states[0], getRecurrentWeight()));
        Value h;
        if (getActivation() == RnnActivation::relu)
          h = arith::MaximumFOp::create(b, sum, splat(b, sum, 0.0));
        else
          h = math::TanhOp::create(b, sum);
        return {h, h};
      });
}

//===----------------------------------------------------------------------===//
// seq.lstm
//===----------------------------------------------------------------------===//

LogicalResult LstmOp::verify() {
  if (failed(verifyShapes(*this,
                          {{"input", getInput(), "B T I"},
                           {"initial_state", getInitialState(), "B P"},
                           {"initial_cell", getInitialCell(), "B H"},
                           {"weight", getWeight(), "4H I"},
                           {"recurrent_weight", getRecurrentWeight(), "4H P"},
                           {"bias", getBias(), "4H"},
                           {"recurrent_bias", getRecurrentBias(), "4H"},
                           {"projection", getProjection(), "P H"},
                           {"output", getOutput(), "B T P"},
                           {"final_state", getFinalState(), "B P"},
                           {"final_cell", getFinalCell(), "B H"}})))
    return failure();
  int64_t projected = getInitialState().getType().getDimSize(1);
  int64_t hidden = getInitialCell().getType().getDimSize(1);
  if (!getProjection() && projected != hidden)
    return emitOpError("C4: without a projection initial_state must have H = ")
           << hidden << " channels as initial_cell, not " << projected;
  return success();
}

SmallVector<Value> LstmOp::getSequences() {
  return {getInput(), getOutput()};
}

SmallVector<CarriedState> LstmOp::getCarriedStates() {
  return {{"h", &getInitialStateMutable(), cast<OpResult>(getFinalState())},
          {"c", &getInitialCellMutable(), cast<OpResult>(getFinalCell())}};
}

FailureOr<SmallVector<Value>> LstmOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  int64_t hidden = getInitialCell().getType().getDimSize(1);
  Value y = emptySequence(b, getOutput().getType(), getInput());
  return recurrence(
      b, getReverse(), {getInput()}, y, {getInitialState(), getInitialCell()},
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        Value x =
            inputPart(b, inputs[0], getWeight(), getBias(), getRecurrentBias());
        Value gates = add(b, x, project(b, states[0], getRecurrentWeight()));
        Value i = sigmoid(b, gate(b, gates, 0, hidden));
        Value f = sigmoid(b, gate(b, gates, 1, hidden));
        Value g = math::TanhOp::create(b, gate(b, gates, 2, hidden));
        Value o = sigmoid(b, gate(b, gates, 3, hidden));
        Value c = add(b, mul(b, f, states[1]), mul(b, i, g));
        Value h = mul(b, o, math::TanhOp::create(b, c));
        if (getProjection())
          h = project(b, h, getProjection());
        return {h, h, c};
      });
}

//===----------------------------------------------------------------------===//
// seq.gru
//===----------------------------------------------------------------------===//

LogicalResult GruOp::verify() {
  return verifyShapes(*this,
                      {{"input", getInput(), "B T I"},
                       {"initial_state", getInitialState(), "B H"},
                       {"weight", getWeight(), "3H I"},
                       {"recurrent_weight", getRecurrentWeight(), "3H H"},
                       {"bias", getBias(), "3H"},
                       {"recurrent_bias", getRecurrentBias(), "3H"},
                       {"output", getOutput(), "B T H"},
                       {"final_state", getFinalState(), "B H"}});
}

SmallVector<Value> GruOp::getSequences() {
  return {getInput(), getOutput()};
}

SmallVector<CarriedState> GruOp::getCarriedStates() {
  return {{"h", &getInitialStateMutable(), cast<OpResult>(getFinalState())}};
}

/// Rows [begin, begin + size) of a matrix.
static Value rows(ImplicitLocOpBuilder &b, Value matrix, int64_t begin,
                  int64_t size) {
  int64_t columns = cast<RankedTensorType>(matrix.getType()).getDimSize(1);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      b, matrix, {b.getIndexAttr(begin), zero},
      {b.getIndexAttr(size), b.getIndexAttr(columns)}, {one, one});
}

/// (1 - z) n + z h
static Value blend(ImplicitLocOpBuilder &b, Value z, Value n, Value h) {
  Value rest = arith::SubFOp::create(b, splat(b, z, 1.0), z);
  return add(b, mul(b, rest, n), mul(b, z, h));
}

FailureOr<SmallVector<Value>> GruOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  int64_t hidden = getInitialState().getType().getDimSize(1);
  Value y = emptySequence(b, getOutput().getType(), getInput());

  if (!getResetBefore())
    return recurrence(
        b, getReverse(), {getInput()}, y, getInitialState(),
        [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
          Value h = states[0];
          Value x = addBias(b, project(b, inputs[0], getWeight()), getBias());
          Value s = addBias(b, project(b, h, getRecurrentWeight()),
                            getRecurrentBias());
          auto sum = [&](int64_t index) {
            return add(b, gate(b, x, index, hidden), gate(b, s, index, hidden));
          };
          Value r = sigmoid(b, sum(0));
          Value z = sigmoid(b, sum(1));
          Value n =
              math::TanhOp::create(b, add(b, gate(b, x, 2, hidden),
                                          mul(b, r, gate(b, s, 2, hidden))));
          Value next = blend(b, z, n, h);
          return {next, next};
        });

  // r ⊙ h comes between the products of the gates and that of the new state.
  Value gateRows = rows(b, getRecurrentWeight(), 0, 2 * hidden);
  Value newRows = rows(b, getRecurrentWeight(), 2 * hidden, hidden);
  return recurrence(
      b, getReverse(), {getInput()}, y, getInitialState(),
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        Value h = states[0];
        Value x =
            inputPart(b, inputs[0], getWeight(), getBias(), getRecurrentBias());
        Value s = project(b, h, gateRows);
        Value r =
            sigmoid(b, add(b, gate(b, x, 0, hidden), gate(b, s, 0, hidden)));
        Value z =
            sigmoid(b, add(b, gate(b, x, 1, hidden), gate(b, s, 1, hidden)));
        Value n =
            math::TanhOp::create(b, add(b, gate(b, x, 2, hidden),
                                        project(b, mul(b, r, h), newRows)));
        Value next = blend(b, z, n, h);
        return {next, next};
      });
}
