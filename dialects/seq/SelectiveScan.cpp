//===- SelectiveScan.cpp - seq.selective_scan
//----------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

LogicalResult SelectiveScanOp::verify() {
  return verifyShapes(*this, {{"input", getInput(), "B T C"},
                              {"delta", getDelta(), "B T C"},
                              {"a", getA(), "C N"},
                              {"b", getB(), "B T N"},
                              {"c", getC(), "B T N"},
                              {"skip", getSkip(), "C"},
                              {"gate", getGate(), "B T C"},
                              {"delta_bias", getDeltaBias(), "C"},
                              {"initial_state", getInitialState(), "B C N"},
                              {"output", getOutput(), "B T C"},
                              {"final_state", getFinalState(), "B C N"}});
}

SmallVector<Value> SelectiveScanOp::getSequences() {
  return present({getInput(), getDelta(), getB(), getC(), getGate(), getOutput()});
}

SmallVector<CarriedState> SelectiveScanOp::getCarriedStates() {
  return {{"ssm", &getInitialStateMutable(), cast<OpResult>(getFinalState())}};
}

FailureOr<SmallVector<Value>> SelectiveScanOp::generalize(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value output = emptySequence(b, getOutput().getType(), getInput());
  return recurrence(
      b, /*reverse=*/false, {getInput(), getDelta(), getB(), getC(), getGate()},
      output, getInitialState(),
      [&](ValueRange inputs, ValueRange states) -> SmallVector<Value> {
        Value x = inputs[0];
        Value delta = addBias(b, inputs[1], getDeltaBias());
        if (getDeltaSoftplus())
          delta = softplus(b, delta);
        Value drive = arith::MulFOp::create(b, delta, x);
        Value state =
            pointwise(b, "bcn,bc,cn,bc,bn->bcn",
                      {states[0], delta, getA(), drive, inputs[2]},
                      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        Value decay = math::ExpOp::create(
                            b, arith::MulFOp::create(b, v[1], v[2]));
                        return arith::AddFOp::create(
                            b, arith::MulFOp::create(b, decay, v[0]),
                            arith::MulFOp::create(b, v[3], v[4]));
                      });
        Value y = einsum(b, "bcn,bn->bc", {state, inputs[3]});
        if (getSkip())
          y = pointwise(b, "bc,bc,c->bc", {y, x, getSkip()},
                        [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                          return arith::AddFOp::create(
                              b, v[0], arith::MulFOp::create(b, v[1], v[2]));
                        });
        if (getGate())
          y = arith::MulFOp::create(b, y, silu(b, inputs[4]));
        return {y, state};
      });
}
