//===- StateSpace.cpp - the mixers of Mamba and Mamba-2 -------------------===//

#include "StateSpace.h"

#include "Config.h"
#include "Layers.h"
#include "Structured.h"
#include "Transformer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// A = -exp(A_log)
static Value negativeExp(ImplicitLocOpBuilder &b, Value log) {
  return arith::NegFOp::create(b, math::ExpOp::create(b, log));
}

//===----------------------------------------------------------------------===//
// Mamba
//===----------------------------------------------------------------------===//

int64_t MambaMixer::readRank(Config &config, StringRef key, int64_t D) {
  bool automatic = !config.has(key) || config.isText(key, "auto");
  return automatic ? llvm::divideCeil(D, 16) : config.size(key);
}

MambaMixer MambaMixer::read(Config &config, int64_t D, int64_t batch) {
  MambaMixer mixer;
  mixer.D = D;
  mixer.N = config.size("mamba_d_state", 16);
  mixer.W = config.size("mamba_d_conv", 4);
  int64_t expand = config.size("mamba_expand", 2);
  config.checkProduct("mamba_expand * hidden_size", {expand, D});
  mixer.E = expand * D;
  mixer.R = readRank(config, "mamba_dt_rank", D);
  mixer.bias = config.flag("mamba_proj_bias", false);
  mixer.convBias = config.flag("mamba_conv_bias", true);
  mixer.checkProducts(config, batch);
  return mixer;
}

void MambaMixer::checkProducts(Config &config, int64_t batch) const {
  config.checkProduct("hidden_size * intermediate_size", {2, D, E});
  config.checkProduct("batch * intermediate_size * state_size", {batch, E, N});
}

Value MambaMixer::mix(Model &model, StringRef prefix, Value x,
                      Norm norm) const {
  ImplicitLocOpBuilder &b = model.b;
  Tensors tensors{model, prefix.str()};
  auto normal = [&](StringRef part, Value x) {
    return norm ? norm(part, x) : x;
  };
  Value both = tensors.linear("in_proj", x, 2 * E, bias);
  Value u = channels(b, both, 0, E), gate = channels(b, both, E, E);
  u = tensors.shortConvolution("conv1d", u, W, convBias);

  Value selected = tensors.linear("x_proj", u, R + 2 * N, false);
  Value delta = normal("dt", channels(b, selected, 0, R));
  delta = tensors.linear("dt_proj", delta, E, false);
  Value in = normal("b", channels(b, selected, R, N)),
        out = normal("c", channels(b, selected, R + N, N));
  Value a = negativeExp(b, tensors.weight("A_log", {E, N}));
  Value skip = tensors.weight("D", {E}),
        deltaBias = tensors.weight("dt_proj.bias", {E});
  Value state = zeros(b, {model.batch, E, N});
  Value y =
      seq::SelectiveScanOp::create(b, u.getType(), state.getType(), u, delta, a,
                                   in, out, skip, gate, deltaBias, state,
                                   /*delta_softplus=*/true)
          .getOutput();
  return tensors.linear("out_proj", y, D, bias);
}

//===----------------------------------------------------------------------===//
// Mamba-2
//===----------------------------------------------------------------------===//

Mamba2Mixer Mamba2Mixer::read(Config &config, int64_t D, double epsilon,
                              int64_t batch) {
  Mamba2Mixer mixer;
  mixer.D = D;
  mixer.H = config.size("mamba_n_heads", 128);
  bool automatic =
      !config.has("mamba_d_head") || config.isText("mamba_d_head", "auto");
  int64_t share = config.size("mamba_expand", 2) * D / mixer.H;
  mixer.P =
      automatic ? std::max<int64_t>(share, 1) : config.size("mamba_d_head");
  mixer.N = config.size("mamba_d_state", 256);
  mixer.G = config.size("mamba_n_groups", 1);
  mixer.W = config.size("mamba_d_conv", 4);
  mixer.limit = config.interval("time_step_limit");
  mixer.epsilon = epsilon;
  mixer.bias = config.flag("mamba_proj_bias", false);
  mixer.convBias = config.flag("mamba_conv_bias", true);
  mixer.check(
      config,
      {"mamba_n_heads", "mamba_d_head", "mamba_n_groups", "mamba_expand"},
      batch);
  return mixer;
}

void Mamba2Mixer::check(Config &config, const Keys &keys, int64_t batch) const {
  int64_t expand = config.size(keys.expand, 2);
  config.checkProduct(keys.expand.str() + " * hidden_size", {expand, D});
  if (H * P != expand * D)
    config.fail(keys.headSize, keys.expand + " * hidden_size / " + keys.heads +
                                   " = " + Twine(expand * D) + " / " +
                                   Twine(H));
  if (H % G != 0)
    config.fail(keys.groups, "a divisor of " + keys.heads + " = " + Twine(H));
  config.checkProduct("hidden_size * heads * head size", {2, D, H, P});
  config.checkProduct("hidden_size * groups * state size", {2, D, G, N});
  config.checkProduct("batch * heads * head size * state size",
                      {batch, H, P, N});
}

/// softplus(x + bias), kept within the limits.
static Value stepSize(ImplicitLocOpBuilder &b, Value x, Value bias,
                      std::pair<double, double> limit) {
  return structured(
      b, "bth,h->bth", {x, bias},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value delta = softplus(b, arith::AddFOp::create(b, v[0], v[1]));
        if (limit.first > 0)
          delta = arith::MaximumFOp::create(b, delta, constant(b, limit.first));
        if (!std::isinf(limit.second))
          delta =
              arith::MinimumFOp::create(b, delta, constant(b, limit.second));
        return delta;
      });
}

/// norm(x ⊙ silu(gate)) ⊙ weight, the RMS norm of each of `groups` parts of the
/// channels.
static Value gatedNorm(ImplicitLocOpBuilder &b, Value x, Value gate,
                       Value weight, int64_t groups, double epsilon) {
  Value parts = splitHeads(b, gated(b, "silu", gate, x), groups);
  Value normal = joinHeads(b, rmsNorm(b, parts, /*weight=*/Value(), epsilon));
  return structured(b, "btc,c->btc", {normal, weight},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(b, v[0], v[1]);
                    });
}

Value Mamba2Mixer::mix(Model &model, StringRef prefix, Value x) const {
  ImplicitLocOpBuilder &b = model.b;
  Tensors tensors{model, prefix.str()};
  int64_t E = H * P, shared = G * N;
  Value all = tensors.linear("in_proj", x, 2 * E + 2 * shared + H, bias);
  Value gate = channels(b, all, 0, E);
  Value mixed = tensors.shortConvolution(
      "conv1d", channels(b, all, E, E + 2 * shared), W, convBias);
  Value delta = stepSize(b, channels(b, all, 2 * E + 2 * shared, H),
                         tensors.weight("dt_bias", {H}), limit);

  Value u = splitHeads(b, channels(b, mixed, 0, E), H);
  Value in = splitHeads(b, channels(b, mixed, E, shared), G),
        out = splitHeads(b, channels(b, mixed, E + shared, shared), G);
  auto multiply = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    return arith::MulFOp::create(b, v[0], v[1]);
  };
  Value decay = structured(
      b, "bth,h->bth", {delta, negativeExp(b, tensors.weight("A_log", {H}))},
      multiply);
  Value value = structured(b, "bthp,bth->bthp", {u, delta}, multiply);
  Value state = zeros(b, {model.batch, H, N, P});
  Value y = seq::LinearAttentionOp::create(
                b, u.getType(), state.getType(), /*query=*/out, /*key=*/in,
                value, decay, /*beta=*/Value(), state, seq::UpdateRule::gated,
                llvm::APFloat(1.0))
                .getOutput();
  y = structured(b, "bthp,bthp,h->bthp", {y, u, tensors.weight("D", {H})},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[0], arith::MulFOp::create(b, v[1], v[2]));
                 });
  y = gatedNorm(b, joinHeads(b, y), gate, tensors.weight("norm.weight", {E}), G,
                epsilon);
  return tensors.linear("out_proj", y, D, bias);
}
