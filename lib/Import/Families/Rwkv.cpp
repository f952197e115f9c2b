//===- Rwkv.cpp - RWKV-4 -------------------------------------------------===//
//
// Peng et al., arXiv:2305.13048, as transformers' RwkvForCausalLM, or
// RwkvModel, which has no head and no prefix "rwkv." in its tensors' names.
//
//===----------------------------------------------------------------------===//

#include "../Structured.h"
#include "../Transformer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct Rwkv {
  Rwkv(Config &config, Model &model);

  Value body(Value ids);
  Value before(Value x);
  Value mixed(Tensors tensors, StringRef name, Value x, Value earlier);
  Value timeMix(Tensors tensors, Value x);
  Value wkv(Tensors tensors, Value key, Value value);
  Value channelMix(Tensors tensors, Value x);
  /// A norm's epsilon in front of a layer. In inference x is halved after some
  /// layers, and so is what later ones add: the same as four times the epsilon.
  double epsilonAt(int64_t layer, double epsilon) const {
    return rescaleEvery ? epsilon * std::pow(4.0, layer / rescaleEvery)
                        : epsilon;
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t A; // channels of time mixing
  int64_t inner, depth;
  int64_t rescaleEvery; // layers after which x is halved; 0: never
  double epsilon;
  bool tied;
};
} // namespace

Rwkv::Rwkv(Config &config, Model &model)
    : model(model), b(model.b),
      tensors{model, model.hasWeight("embeddings.weight") ? "" : "rwkv."} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  A = config.size("attention_hidden_size", C);
  depth = config.size("num_hidden_layers");
  inner = config.size("intermediate_size", 4 * C);
  rescaleEvery = config.has("rescale_every")
                     ? config.sizeOrNone("rescale_every")
                     : 6;
  epsilon = config.fraction("layer_norm_epsilon", 1e-5);
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("attention_hidden_size * hidden_size",
                      {A, C, model.batch});
  config.checkProduct("intermediate_size * hidden_size", {inner, C});
  // States have no greatest length.
  config.ignore({"context_length", "max_position_embeddings"});
  if (tied)
    model.ignoreWeight("head.weight");
}

/// x at the time before, 0 before the first: a convolution of two taps.
Value Rwkv::before(Value x) {
  auto type = RankedTensorType::get({C, 1}, b.getF32Type());
  Value one =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, 1.0f));
  Value matrix = tensor::ConcatOp::create(
      b, /*dim=*/1, ValueRange{one, zeros(b, type.getShape())});
  Value window = zeros(b, {model.batch, 1, C});
  return seq::CausalConvOp::create(b, x.getType(), window.getType(), x, matrix,
                                   /*bias=*/Value(), window,
                                   seq::ConvActivation::none)
      .getOutput();
}

/// μ ⊙ x_t + (1 - μ) ⊙ x_{t-1}, equations (11) to (13).
Value Rwkv::mixed(Tensors tensors, StringRef name, Value x, Value earlier) {
  Value share = tensor::CollapseShapeOp::create(
      b, tensors.weight("time_mix_" + name, {1, 1, C}),
      ArrayRef<ReassociationIndices>{{0, 1, 2}});
  return structured(
      b, "btc,btc,c->btc", {x, earlier, share},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value rest = arith::SubFOp::create(b, constant(b, 1), v[2]);
        return arith::AddFOp::create(b, arith::MulFOp::create(b, v[0], v[2]),
                                     arith::MulFOp::create(b, v[1], rest));
      });
}

/// Equation (16), with the decay w = exp(time_decay) and u = time_first:
///
///   wkv_t = (Σ_{s<t} e^{-(t-1-s) w + k_s} v_s + e^{u + k_t} v_t) / the same
///           without v
///
/// as appendix D has it: sums are held scaled by e^{-m}, where m is the
/// largest exponent so far.
Value Rwkv::wkv(Tensors tensors, Value key, Value value) {
  Value decay = structured(
      b, "c->c", tensors.weight("time_decay", {A}),
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::NegFOp::create(b, math::ExpOp::create(b, v[0]));
      });
  Value now = structured(b, "btc,c->btc",
                         {key, tensors.weight("time_first", {A})}, addElements);
  auto state = RankedTensorType::get({model.batch, A}, b.getF32Type());
  Value none = zeros(b, state.getShape());
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), value), b.getF32Type());
  auto recurrence = seq::RecurrenceOp::create(
      b, /*dim=*/1, /*reverse=*/false, ValueRange{now, key, value}, slots,
      ValueRange{none, none, none});

  OpBuilder::InsertionGuard guard(b);
  Block &step = recurrence.getBody().emplaceBlock();
  for (int argument = 0; argument < 7; ++argument)
    step.addArgument(state, b.getLoc());
  b.setInsertionPointToStart(&step);
  Value v = step.getArgument(2), numerator = step.getArgument(4),
        denominator = step.getArgument(5), most = step.getArgument(6);
  // A first state of zeros is that of no times, whose largest exponent is least;
  // after one the denominator is at least 1.
  Value any = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, denominator,
                                    none);
  Value least = arith::ConstantOp::create(
      b, DenseElementsAttr::get(state, -1e38f));
  most = arith::SelectOp::create(b, any, most, least);
  struct Sums {
    Value numerator, denominator, most;
  };
  // The sums, which are scaled by e^{-past}, with a time of exponent k.
  auto include = [&](Value past, Value k) -> Sums {
    Value most = arith::MaximumFOp::create(b, past, k);
    Value old = math::ExpOp::create(b, arith::SubFOp::create(b, past, most));
    Value fresh = math::ExpOp::create(b, arith::SubFOp::create(b, k, most));
    auto sum = [&](Value state, Value term) -> Value {
      return arith::AddFOp::create(
          b, arith::MulFOp::create(b, old, state), term);
    };
    return {sum(numerator, arith::MulFOp::create(b, fresh, v)),
            sum(denominator, fresh), most};
  };
  Sums output = include(most, step.getArgument(0));
  Value y =
      arith::DivFOp::create(b, output.numerator, output.denominator);
  Value past = structured(b, "bc,c->bc", {most, decay}, addElements);
  Sums next = include(past, step.getArgument(1));
  seq::YieldOp::create(
      b, ValueRange{y, next.numerator, next.denominator, next.most});
  return recurrence.getResult(0);
}

/// W_o (σ(r) ⊙ wkv(k, v)), equation (17).
Value Rwkv::timeMix(Tensors tensors, Value x) {
  Value earlier = before(x);
  auto part = [&](StringRef name) {
    return tensors.linear(name, mixed(tensors, name, x, earlier), A,
                          /*bias=*/false);
  };
  Value y = wkv(tensors, part("key"), part("value"));
  return tensors.linear("output", gated(b, "sigmoid", part("receptance"), y), C,
                        /*bias=*/false);
}

/// σ(r) ⊙ W_v max(k, 0)², equation (18).
Value Rwkv::channelMix(Tensors tensors, Value x) {
  Value earlier = before(x);
  auto part = [&](StringRef name, int64_t channels) {
    return tensors.linear(name, mixed(tensors, name, x, earlier), channels,
                          /*bias=*/false);
  };
  Value key = structured(b, "btc->btc", part("key", inner),
                         [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                           Value positive = arith::MaximumFOp::create(
                               b, v[0], constant(b, 0));
                           return arith::MulFOp::create(b, positive, positive);
                         });
  Value y = tensors.linear("value", key, C, /*bias=*/false);
  return gated(b, "sigmoid", part("receptance", C), y);
}

Value Rwkv::body(Value ids) {
  Value x = embedding(b, ids, tensors.weight("embeddings.weight", {V, C}));
  x = tensors.layerNorm("blocks.0.pre_ln", x, epsilon);
  int64_t run = rescaleEvery ? rescaleEvery : depth;
  for (int64_t first = 0; first < depth; first += run) {
    std::string name = "layer";
    if (first)
      name += "_from_" + std::to_string(first);
    x = model.layers(
        name, {first, std::min(run, depth - first)}, x,
        [&](ValueRange inputs) -> Model::Values {
          auto norm = [&](StringRef name) {
            return [this, name, first](Value x) {
              return tensors.layerNorm("blocks.{}." + name, x,
                                       epsilonAt(first, epsilon));
            };
          };
          std::string layer = tensors.prefix + "blocks.{}.";
          return {transformerBlock(
              b, NormOrder::before, inputs[0], norm("ln1"),
              [&](Value x) {
                return timeMix({model, layer + "attention."}, x);
              },
              norm("ln2"),
              [&](Value x) {
                return channelMix({model, layer + "feed_forward."}, x);
              })};
        });
  }
  return x;
}

static llvm::Expected<ModelFacts> buildRwkv(Config &config, Model &model) {
  Rwkv rwkv(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  Tensors &tensors = rwkv.tensors;
  bool hasHead = !tensors.prefix.empty();
  return addDecoder(
      model, rwkv.V, hasHead, [&](Value ids) { return rwkv.body(ids); },
      [&](Value x) {
        return tensors.layerNorm("ln_out", x,
                                 rwkv.epsilonAt(rwkv.depth, 1e-5));
      },
      [&](Value x) {
        SmallVector<int64_t> shape{rwkv.V, rwkv.C};
        return linear(model.b, x,
                      rwkv.tied ? tensors.weight("embeddings.weight", shape)
                                : model.weight("head.weight", shape));
      });
}

void seqc::registerRwkv(Families &families) {
  families.push_back({"rwkv",
                      "transformers RwkvForCausalLM, RwkvModel; Peng et al., "
                      "arXiv:2305.13048",
                      "attention_hidden_size, intermediate_size, "
                      "rescale_every, layer_norm_epsilon, tie_word_embeddings",
                      buildRwkv});
}
