//===- GriffinMixer.cpp - the recurrent mixer of Griffin ------------------===//

#include "GriffinMixer.h"

#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

GriffinMixer GriffinMixer::read(Config &config, int64_t C, int64_t heads,
                                StringRef act) {
  GriffinMixer mixer;
  mixer.C = C;
  mixer.E = config.size("lru_width", C);
  mixer.W = config.size("conv1d_width", 4);
  mixer.heads = heads;
  mixer.act = act;
  if (mixer.E % heads != 0)
    config.fail("lru_width",
                "a multiple of num_attention_heads = " + Twine(heads));
  config.checkProduct("lru_width * hidden_size",
                      {mixer.E, std::max(C, mixer.E)});
  return mixer;
}

Value GriffinMixer::mix(Tensors tensors, Value x, Value positions) const {
  Model &model = tensors.model;
  ImplicitLocOpBuilder &b = model.b;
  Value side = activation(b, act, tensors.linear("linear_y", x, E));
  Value u = tensors.linear("linear_x", x, E);
  Value taps = tensor::CollapseShapeOp::create(
      b, tensors.weight("conv_1d.weight", {E, 1, W}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  Value window = zeros(b, {model.batch, W - 1, E});
  u = seq::CausalConvOp::create(b, u.getType(), window.getType(), u, taps,
                                tensors.weight("conv_1d.bias", {E}), window,
                                seq::ConvActivation::none)
          .getOutput();
  Value y = arith::MulFOp::create(b, unit(tensors, u, positions), side);
  return tensors.linear("linear_out", y, C);
}

/// sigmoid(W x + b), where W has a block for each head: equations (1) and (2).
Value GriffinMixer::gate(Tensors tensors, StringRef name, Value x) const {
  ImplicitLocOpBuilder &b = tensors.model.b;
  int64_t size = E / heads;
  Value product = structured(
      b, "bthk,hkn->bthn",
      {splitHeads(b, x, heads),
       tensors.weight("rg_lru." + name + "_weight", {heads, size, size})},
      multiplyAdd);
  Value y = structured(
      b, "bthn,hn->bthn",
      {product, tensors.weight("rg_lru." + name + "_bias", {heads, size})},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return sigmoid(b, arith::AddFOp::create(b, v[0], v[1]));
      });
  return joinHeads(b, y);
}

/// The real-gated linear recurrent unit, equations (3) and (4), with the gates
/// r and i:
///
///   log a_t = -8 softplus(Λ) r_t
///   h_t = a_t h_{t-1} + sqrt(1 - a_t²) (i_t ⊙ x_t)     at time 0: i_0 ⊙ x_0
Value GriffinMixer::unit(Tensors tensors, Value x, Value positions) const {
  Model &model = tensors.model;
  ImplicitLocOpBuilder &b = model.b;
  Value rate = structured(
      b, "c->c", tensors.weight("rg_lru.recurrent_param", {E}),
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::MulFOp::create(b, constant(b, -8), softplus(b, v[0]));
      });
  Value log =
      structured(b, "btc,c->btc", {gate(tensors, "recurrent_gate", x), rate},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::MulFOp::create(b, v[0], v[1]);
                 });
  Value input = structured(
      b, "btc,btc,btc,t->btc",
      {x, gate(tensors, "input_gate", x), log, positions},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        // 1 - a² = -expm1(2 log a)
        Value square = arith::AddFOp::create(b, v[2], v[2]);
        Value rest = arith::NegFOp::create(b, math::ExpM1Op::create(b, square));
        Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
        Value first =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, v[3], zero);
        Value scale = arith::SelectOp::create(b, first, constant(b, 1),
                                              math::SqrtOp::create(b, rest));
        Value gated = arith::MulFOp::create(b, v[0], v[1]);
        return arith::MulFOp::create(b, gated, scale);
      });

  auto state = RankedTensorType::get({model.batch, E}, b.getF32Type());
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), x), b.getF32Type());
  Value start = zeros(b, state.getShape());
  auto recurrence = seq::RecurrenceOp::create(
      b, /*dim=*/1, /*reverse=*/false, ValueRange{log, input}, slots, start);
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getLoc();
  Block &step = recurrence.getBody().emplaceBlock();
  step.addArguments({state, state, state, state}, {loc, loc, loc, loc});
  b.setInsertionPointToStart(&step);
  Value a = math::ExpOp::create(b, step.getArgument(0));
  Value h = arith::MulFOp::create(b, a, step.getArgument(3));
  h = arith::AddFOp::create(b, h, step.getArgument(1));
  seq::YieldOp::create(b, ValueRange{h, h});
  return recurrence.getResult(0);
}
