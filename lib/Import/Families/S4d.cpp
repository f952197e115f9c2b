//===- S4d.cpp - S4D -----------------------------------------------------===//
//
// Gu et al., arXiv:2206.11893: a state space that is diagonal and the same at
// all times, with complex numbers. Layers and names of tensors are those of the
// authors' minimal version (state-spaces/s4, models/s4/s4d.py and example.py);
// docs/Models.md has the keys of the config, which are ours.
//
//===----------------------------------------------------------------------===//

#include "../Structured.h"
#include "../Transformer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// A complex number or tensor.
struct Complex {
  Value re, im;
};

struct S4d {
  S4d(Config &config, Model &model);

  Value body(Value x);
  Value head(Value x);
  Value block(Value x);
  Value stateSpace(Value u);
  ModelFacts build();

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  int64_t V;          // vocabulary; 0: the input is no tokens
  int64_t inputSize;  // its channels
  int64_t H;          // channels
  int64_t N;          // complex states of a channel
  int64_t outputSize; // 0: no head
  int64_t depth;
  bool normFirst, pooled, bilinear;
};
} // namespace

S4d::S4d(Config &config, Model &model)
    : model(model), b(model.b), tensors{model, ""} {
  V = config.sizeOrNone("vocab_size");
  inputSize = V ? 0 : config.size("input_size");
  H = config.size("hidden_size");
  depth = config.size("num_layers", 4);
  // Each complex number stands for itself and its conjugate.
  int64_t states = config.size("state_size", 64);
  if (states % 2 != 0)
    config.fail("state_size", "an even size");
  N = std::max<int64_t>(states / 2, 1);
  outputSize = config.sizeOrNone("output_size");
  normFirst = config.flag("prenorm", false);
  pooled = config.choice("pooling", {"none", "mean"}) == "mean";
  bilinear = config.choice("discretization", {"zoh", "bilinear"}) == "bilinear";
  config.checkProduct("vocab_size * hidden_size", {V + inputSize, H});
  config.checkProduct("hidden_size * hidden_size", {2, H, H});
  config.checkProduct("batch * hidden_size * state_size",
                      {model.batch, H, 2, N});
  config.checkProduct("output_size * hidden_size", {outputSize, H});
  config.ignore({"dropout"}); // of training
}

//===----------------------------------------------------------------------===//
// The state space
//===----------------------------------------------------------------------===//

/// Computes an element of a complex tensor.
using ComplexScalar = llvm::function_ref<Complex(ImplicitLocOpBuilder &, ValueRange)>;

static Complex complexStructured(ImplicitLocOpBuilder &b, StringRef spec,
                                 ValueRange operands, ComplexScalar scalar) {
  Value re = structured(b, spec, operands,
                        [&](ImplicitLocOpBuilder &b, ValueRange v) {
                          return scalar(b, v).re;
                        });
  Value im = structured(b, spec, operands,
                        [&](ImplicitLocOpBuilder &b, ValueRange v) {
                          return scalar(b, v).im;
                        });
  return {re, im};
}

static Value times(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
static Complex times(ImplicitLocOpBuilder &b, Complex x, Complex y) {
  return {arith::SubFOp::create(b, times(b, x.re, y.re), times(b, x.im, y.im)),
          arith::AddFOp::create(b, times(b, x.re, y.im), times(b, x.im, y.re))};
}
static Complex divide(ImplicitLocOpBuilder &b, Complex x, Complex y) {
  Complex conjugate{y.re, arith::NegFOp::create(b, y.im)};
  Value norm = times(b, y, conjugate).re;
  Complex product = times(b, x, conjugate);
  return {arith::DivFOp::create(b, product.re, norm),
          arith::DivFOp::create(b, product.im, norm)};
}

/// exp(z) and exp(z) - 1, which is expm1(re) cos(im) - 2 sin²(im / 2) in its
/// real part: the difference would lose what is left of small z.
static Complex exponential(ImplicitLocOpBuilder &b, Complex z, bool minusOne) {
  Value size = math::ExpOp::create(b, z.re), cos = math::CosOp::create(b, z.im);
  Value im = times(b, size, math::SinOp::create(b, z.im));
  if (!minusOne)
    return {times(b, size, cos), im};
  Value half =
      math::SinOp::create(b, times(b, z.im, constant(b, 0.5)));
  Value less = times(b, constant(b, 2), times(b, half, half));
  Value more = times(b, math::ExpM1Op::create(b, z.re), cos);
  return {arith::SubFOp::create(b, more, less), im};
}

/// y_t = 2 Re Σ_n C_n s_t[n] + D u_t with s_t = Ā s_{t-1} + B̄ u_t for B = 1 and
/// A = -exp(log_A_real) + i A_imag, discretised with steps Δ = exp(log_dt):
///
///   zoh, equation (2):   Ā = exp(ΔA)                  B̄ = (exp(ΔA) - 1) / A
///   bilinear:            Ā = (1 + ΔA/2) / (1 - ΔA/2)   B̄ = Δ / (1 - ΔA/2)
///
/// The state here is s / B̄, and B̄ is in the readout. Each complex number is a
/// rotation of two real states.
Value S4d::stateSpace(Value u) {
  StringRef layer = "s4_layers.{}.";
  Value c = tensors.weight(layer + "kernel.C", {H, N, 2});
  auto partOf = [&](int64_t index) -> Value {
    return tensor::CollapseShapeOp::create(
        b, channels(b, c, index, 1), ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  };
  Value parameters[] = {tensors.weight(layer + "kernel.log_dt", {H}),
                        tensors.weight(layer + "kernel.log_A_real", {H, N}),
                        tensors.weight(layer + "kernel.A_imag", {H, N}),
                        partOf(0), partOf(1)};
  struct Continuous {
    Value step;
    Complex a, z; // A and ΔA
  };
  auto continuous = [](ImplicitLocOpBuilder &b, ValueRange v) {
    Value step = math::ExpOp::create(b, v[0]);
    Complex a{arith::NegFOp::create(b, math::ExpOp::create(b, v[1])), v[2]};
    return Continuous{step, a, {times(b, step, a.re), times(b, step, a.im)}};
  };
  // 1 + ΔA/2 and 1 - ΔA/2
  auto around = [](ImplicitLocOpBuilder &b, Complex z, double half) {
    return Complex{
        arith::AddFOp::create(b, constant(b, 1),
                              times(b, z.re, constant(b, half))),
        times(b, z.im, constant(b, half))};
  };
  StringRef spec = "h,hn,hn,hn,hn->hn";
  Complex a = complexStructured(
      b, spec, parameters, [&](ImplicitLocOpBuilder &b, ValueRange v) {
        Complex z = continuous(b, v).z;
        return bilinear ? divide(b, around(b, z, 0.5), around(b, z, -0.5))
                        : exponential(b, z, /*minusOne=*/false);
      });
  Complex readout = complexStructured(
      b, spec, parameters, [&](ImplicitLocOpBuilder &b, ValueRange v) {
        auto [step, a, z] = continuous(b, v);
        Complex in = bilinear
                         ? divide(b, {step, constant(b, 0)}, around(b, z, -0.5))
                         : divide(b, exponential(b, z, /*minusOne=*/true), a);
        Complex twice = times(b, {v[3], v[4]}, in);
        return Complex{times(b, constant(b, 2), twice.re),
                       times(b, constant(b, 2), twice.im)};
      });

  auto state = RankedTensorType::get({model.batch, H, N}, b.getF32Type());
  auto slice = RankedTensorType::get({model.batch, H}, b.getF32Type());
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), u), b.getF32Type());
  Value start = zeros(b, state.getShape());
  auto recurrence =
      seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false, u, slots,
                                ValueRange{start, start});
  {
    OpBuilder::InsertionGuard guard(b);
    Location loc = b.getLoc();
    Block &step = recurrence.getBody().emplaceBlock();
    step.addArguments({slice, slice, state, state}, {loc, loc, loc, loc});
    b.setInsertionPointToStart(&step);
    Value operands[] = {a.re, a.im, step.getArgument(2), step.getArgument(3),
                        step.getArgument(0)};
    Complex next = complexStructured(
        b, "hn,hn,bhn,bhn,bh->bhn", operands,
        [](ImplicitLocOpBuilder &b, ValueRange v) {
          Complex turned = times(b, Complex{v[0], v[1]}, Complex{v[2], v[3]});
          return Complex{arith::AddFOp::create(b, turned.re, v[4]), turned.im};
        });
    Value y = structured(
        b, "hn,hn,bhn,bhn->bh", {readout.re, readout.im, next.re, next.im},
        [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          Value real = times(b, Complex{v[0], v[1]}, Complex{v[2], v[3]}).re;
          return arith::AddFOp::create(b, v[4], real);
        });
    seq::YieldOp::create(b, ValueRange{y, next.re, next.im});
  }
  return structured(
      b, "bth,bth,h->bth",
      {recurrence.getResult(0), u, tensors.weight(layer + "D", {H})},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::AddFOp::create(b, v[0], times(b, v[1], v[2]));
      });
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// x + glu(W gelu(stateSpace(x))), with a norm before or after.
Value S4d::block(Value x) {
  auto norm = [&](Value x) {
    return tensors.layerNorm("norms.{}", x, /*epsilon=*/1e-5);
  };
  Value y = stateSpace(normFirst ? norm(x) : x);
  StringRef output = "s4_layers.{}.output_linear.0";
  Value matrix = tensor::CollapseShapeOp::create(
      b, tensors.weight(output + ".weight", {2 * H, H, 1}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  y = linear(b, activation(b, "gelu", y), matrix,
             tensors.weight(output + ".bias", {2 * H}));
  y = structured(b, "bth,bth->bth", {channels(b, y, 0, H), channels(b, y, H, H)},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return times(b, v[0], sigmoid(b, v[1]));
                 });
  y = add(b, y, x);
  return normFirst ? y : norm(y);
}

Value S4d::body(Value x) {
  x = V ? embedding(b, x, tensors.weight("encoder.weight", {V, H}))
        : tensors.linear("encoder", x, H);
  return model.layers(
      "layer", {0, depth}, x,
      [&](ValueRange x) -> Model::Values { return {block(x[0])}; });
}

Value S4d::head(Value x) {
  return outputSize ? tensors.linear("decoder", x, outputSize) : x;
}

ModelFacts S4d::build() {
  auto idsType = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                       b.getI64Type());
  Model::Input input{"inputs_embeds", model.sequence(inputSize)};
  if (V)
    input = {"input_ids", idsType, V};
  func::FuncOp states = model.function(
      "body", Type(input.type),
      [&](ValueRange x) -> Model::Values { return {body(x[0])}; });
  StringRef name = outputSize ? "logits"
                   : pooled   ? "pooler_output"
                              : "last_hidden_state";
  model.entryPoint("forward", input, name, [&](ValueRange x) -> Model::Values {
    Value y = model.call(states, x)[0];
    return {head(pooled ? meanTime(b, y) : y)};
  });
  if (!V || outputSize != V || pooled)
    return ModelFacts();
  model.entryPoint("last", input, name, [&](ValueRange x) -> Model::Values {
    return {head(lastTime(b, model.call(states, x)[0]))};
  });
  return ModelFacts{V};
}

static llvm::Expected<ModelFacts> buildS4d(Config &config, Model &model) {
  S4d s4d(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return s4d.build();
}

void seqc::registerS4d(Families &families) {
  families.push_back({"s4d",
                      "state-spaces/s4, models/s4/s4d.py; Gu et al., "
                      "arXiv:2206.11893",
                      "input_size, vocab_size, output_size, state_size, "
                      "discretization, prenorm, pooling",
                      buildS4d});
}
