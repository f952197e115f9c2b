//===- S4dMixer.cpp - the mixer of S4D ------------------------------------===//

#include "S4dMixer.h"

#include "Structured.h"

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
} // namespace

S4dMixer S4dMixer::read(Config &config, int64_t H, int64_t batch) {
  // Each complex number stands for itself and its conjugate.
  int64_t states = config.size("state_size", 64);
  if (states % 2 != 0)
    config.fail("state_size", "an even size");
  S4dMixer mixer;
  mixer.H = H;
  mixer.N = std::max<int64_t>(states / 2, 1);
  mixer.bilinear =
      config.choice("discretization", {"zoh", "bilinear"}) == "bilinear";
  config.checkProduct("hidden_size * hidden_size", {2, H, H});
  config.checkProduct("batch * hidden_size * state_size",
                      {batch, H, 2, mixer.N});
  return mixer;
}

/// Computes an element of a complex tensor.
using ComplexScalar =
    llvm::function_ref<Complex(ImplicitLocOpBuilder &, ValueRange)>;

static Complex complexStructured(ImplicitLocOpBuilder &b, StringRef spec,
                                 ValueRange operands, ComplexScalar scalar) {
  Value re =
      structured(b, spec, operands, [&](ImplicitLocOpBuilder &b, ValueRange v) {
        return scalar(b, v).re;
      });
  Value im =
      structured(b, spec, operands, [&](ImplicitLocOpBuilder &b, ValueRange v) {
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
  Value half = math::SinOp::create(b, times(b, z.im, constant(b, 0.5)));
  Value less = times(b, constant(b, 2), times(b, half, half));
  Value more = times(b, math::ExpM1Op::create(b, z.re), cos);
  return {arith::SubFOp::create(b, more, less), im};
}

/// The state here is s / B̄, and B̄ is in the readout. Each complex number is a
/// rotation of two real states.
Value S4dMixer::stateSpace(Tensors tensors, Value u) const {
  Model &model = tensors.model;
  ImplicitLocOpBuilder &b = model.b;
  Value c = tensors.weight("kernel.C", {H, N, 2});
  auto partOf = [&](int64_t index) -> Value {
    return tensor::CollapseShapeOp::create(
        b, channels(b, c, index, 1),
        ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  };
  Value parameters[] = {tensors.weight("kernel.log_dt", {H}),
                        tensors.weight("kernel.log_A_real", {H, N}),
                        tensors.weight("kernel.A_imag", {H, N}), partOf(0),
                        partOf(1)};
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
    return Complex{arith::AddFOp::create(b, constant(b, 1),
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
  auto recurrence = seq::RecurrenceOp::create(
      b, /*dim=*/1, /*reverse=*/false, u, slots, ValueRange{start, start});
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
  return structured(b, "bth,bth,h->bth",
                    {recurrence.getResult(0), u, tensors.weight("D", {H})},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::AddFOp::create(b, v[0],
                                                   times(b, v[1], v[2]));
                    });
}

Value S4dMixer::mix(Tensors tensors, Value u) const {
  ImplicitLocOpBuilder &b = tensors.model.b;
  Value y = stateSpace(tensors, u);
  Value matrix = tensor::CollapseShapeOp::create(
      b, tensors.weight("output_linear.0.weight", {2 * H, H, 1}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  y = linear(b, activation(b, "gelu", y), matrix,
             tensors.weight("output_linear.0.bias", {2 * H}));
  return structured(b, "bth,bth->bth",
                    {channels(b, y, 0, H), channels(b, y, H, H)},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return times(b, v[0], sigmoid(b, v[1]));
                    });
}
