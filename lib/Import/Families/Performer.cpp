//===- Performer.cpp - Performer ------------------------------------------===//
//
// Choromanski et al., arXiv:2009.14794: random features of the softmax kernel
// (FAVOR+, equation (5) with Lemma 1), or of ReLU (section 2.2), as
// performer-pytorch has them in PerformerLM, whose keys and names of tensors
// these are. The features' projection is a tensor of the file.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../KernelAttention.h"
#include "../PackagePositions.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// What the package adds to exponentials, to generalized features, and to sums
/// of keys.
constexpr double kSoftmaxEpsilon = 1e-4, kKernelEpsilon = 1e-3,
                 kSumEpsilon = 1e-6;

struct Performer {
  Performer(Config &config, Model &model);

  Value body(Value ids, Value keyMask);
  Value block(Value x, Value keyMask, const Rotary &angles, Value at);
  Value attend(Value x, Value keyMask, const Rotary &angles, Value at);
  Value perceptron(Value x);
  Value head(Value x);

  /// A part of a block: what it makes of the normalised x, added to x; ReZero
  /// scales it instead.
  Value residual(const Twine &name, Value x, MapValue part);

  struct Projected {
    Value products, halfSquares; // w_j · x and |x|² / 2
  };
  Projected projectFeatures(Value x);
  Value softmaxFeatures(Value products, StringRef spec, Value halfSquares,
                        Value most, double epsilon);
  Value attendByFeatures(Value query, Value key, Value value);
  Value attendByRunningMaximum(Value query, Value key, Value value, Value at);

  Value weight(const Twine &name, ArrayRef<int64_t> shape);
  Value project(const Twine &name, Value x, int64_t to, bool bias) {
    int64_t from = typeOf(x).getShape().back();
    Value matrix = weight(name + ".weight", {to, from});
    return linear(b, x, matrix, bias ? weight(name + ".bias", {to}) : Value());
  }
  Value norm(const Twine &name, Value x) {
    return layerNorm(b, x, weight(name + ".weight", {C}),
                     weight(name + ".bias", {C}), /*epsilon=*/1e-5);
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t D; // channels of a head
  int64_t M; // features
  int64_t heads, depth, inner;
  enum class Features { Softmax, RunningSoftmax, Generalized, None } features;
  enum class Norm { Layer, Scale, ReZero } normalised;
  bool causal, streams; // streams: no key changes what is before it
  bool gatedPerceptron, tied, bias, outputBias;
  std::string kernel;
  PackagePositions positions;
};
} // namespace

Performer::Performer(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("num_tokens");
  C = config.size("dim");
  heads = config.size("heads");
  D = config.size("dim_head", 64);
  depth = config.size("depth");
  if (C % heads != 0)
    config.fail("heads", "a divisor of dim = " + Twine(C));
  causal = config.flag("causal", false);
  M = config.size("nb_features",
                  std::max<int64_t>(double(D) * std::log(double(D)), 1));
  bool running =
      config.choice("key_maximum", {"sequence", "running"}) == "running";
  if (running && !causal)
    config.fail("key_maximum", "\"sequence\" where causal is false");
  features = running ? Features::RunningSoftmax : Features::Softmax;
  kernel = config.choice("kernel_fn", activationNames("relu"));
  if (config.flag("generalized_attention", false))
    features = Features::Generalized;
  if (config.flag("no_projection", false))
    features = Features::None;
  streams = causal && features != Features::Softmax;
  normalised = config.flag("use_rezero", false) ? Norm::ReZero : Norm::Layer;
  if (config.flag("use_scalenorm", false))
    normalised = Norm::Scale;
  int64_t factor = config.size("ff_mult", 4);
  config.checkProduct("ff_mult * dim", {2, factor, C});
  inner = factor * C;
  gatedPerceptron = config.flag("ff_glu", false);
  tied = config.flag("tie_embed", false);
  bias = config.flag("qkv_bias", false);
  outputBias = config.flag("attn_out_bias", false);

  int64_t most = config.size("max_seq_len");
  positions = {PackagePositions::Kind::Learned, most, C, D};
  bool axial = config.flag("axial_position_emb", false);
  std::vector<int64_t> shape = config.integers("axial_position_shape");
  if (shape.empty())
    shape = {int64_t(llvm::divideCeil(most, 64)), 64};
  if (config.flag("rotary_position_emb", true)) {
    positions.kind = PackagePositions::Kind::Rotary;
  } else if (axial) {
    positions.kind = PackagePositions::Kind::Axial;
    if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 ||
        std::max(shape[0], shape[1]) > most)
      config.fail("axial_position_shape",
                  "two integers from 1 to max_seq_len = " + Twine(most));
    else
      positions.outer = shape[0], positions.inner = shape[1];
    positions.most = std::min(most, positions.outer * positions.inner);
  }
  positions.check(config);

  for (StringRef key : {"cross_attend", "reversible", "shift_tokens"})
    if (config.flag(key, false))
      config.fail(key, "false");
  if (config.sizeOrNone("local_attn_heads"))
    config.fail("local_attn_heads", "0");
  config.checkProduct("num_tokens * dim", {V, C});
  config.checkProduct("dim * heads * dim_head", {C, heads, D});
  config.checkProduct("ff_mult * dim * dim", {2, inner, C});
  config.checkProduct("heads * nb_features * dim_head", {heads, M, D});
  // Of training, of the way to compute, or of layers that there are not.
  config.ignore({"attn_dropout", "auto_check_redraw", "emb_dropout",
                 "feature_redraw_interval", "ff_chunks", "ff_dropout",
                 "local_window_size"});
  model.ignoreWeight("performer.proj_updater.calls_since_last_redraw");
  if (features == Features::None)
    for (StringRef net : {"performer.net.", "performer.proj_updater.instance."})
      model.ignoreLayerWeights(
          (net + "layers.{}.0.fn.fast_attention.projection_matrix").str());
}

/// The package lists every layer a second time, in what redraws projections.
Value Performer::weight(const Twine &name, ArrayRef<int64_t> shape) {
  std::string text = name.str();
  StringRef rest = text;
  if (rest.consume_front("performer.net."))
    model.ignoreLayerWeights(("performer.proj_updater.instance." + rest).str());
  return model.weight(text, shape);
}

Value Performer::body(Value ids, Value keyMask) {
  Value at = positions.number(model, ids, streams);
  Value x = embedding(b, ids, weight("token_emb.weight", {V, C}));
  x = positions.addTo(model, x, at);
  SmallVector<Value> inputs{x};
  auto pass = [&](Value value) {
    inputs.push_back(value);
    return inputs.size() - 1;
  };
  size_t mask = keyMask ? pass(keyMask) : 0;
  size_t numbers = features == Features::RunningSoftmax ? pass(at) : 0;
  size_t cos = 0;
  if (positions.kind == PackagePositions::Kind::Rotary) {
    Rotary angles = positions.angles(model, at);
    cos = pass(angles.cos);
    pass(angles.sin);
  }
  return model.layers(
      "layer", {0, depth}, inputs, [&](ValueRange inputs) -> Model::Values {
        return {block(inputs[0], mask ? inputs[mask] : Value(),
                      cos ? Rotary{inputs[cos], inputs[cos + 1]} : Rotary(),
                      numbers ? inputs[numbers] : Value())};
      });
}

Value Performer::block(Value x, Value keyMask, const Rotary &angles, Value at) {
  x = residual("performer.net.layers.{}.0.", x,
               [&](Value x) { return attend(x, keyMask, angles, at); });
  return residual("performer.net.layers.{}.1.", x,
                  [&](Value x) { return perceptron(x); });
}

Value Performer::residual(const Twine &name, Value x, MapValue part) {
  if (normalised == Norm::Layer)
    return add(b, part(norm(name + "norm", x)), x);
  if (normalised == Norm::ReZero) {
    Value g = weight(name + "g", {});
    return add(b,
               structured(b, "btc,->btc", {part(x), g},
                          [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                            return arith::MulFOp::create(b, v[0], v[1]);
                          }),
               x);
  }
  // g x / |x|: Nguyen and Salazar, arXiv:1910.05895.
  Value g = weight(name + "g", {1});
  Value squares = structured(b, "btc,btc->bt", {x, x}, multiplyAdd);
  Value scales =
      structured(b, "bt,o->bt", {squares, g},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   Value length = arith::MaximumFOp::create(
                       b, math::SqrtOp::create(b, v[0]), constant(b, 1e-5));
                   return arith::DivFOp::create(b, v[1], length);
                 });
  Value scaled = structured(b, "btc,bt->btc", {x, scales},
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              return arith::MulFOp::create(b, v[0], v[1]);
                            });
  return add(b, part(scaled), x);
}

Value Performer::attend(Value x, Value keyMask, const Rotary &angles,
                        Value at) {
  std::string name = "performer.net.layers.{}.0.fn.";
  auto part = [&](StringRef matrix) {
    return splitHeads(b, project(name + matrix, x, heads * D, bias), heads);
  };
  Value query = part("to_q"), key = part("to_k"), value = part("to_v");
  // Padding is a key whose value is 0.
  if (keyMask)
    value = maskTimes(b, value, keyMask);
  if (angles.cos) {
    query = rotatePairs(b, query, angles);
    key = rotatePairs(b, key, angles);
  }
  Value y = features == Features::RunningSoftmax
                ? attendByRunningMaximum(query, key, value, at)
                : attendByFeatures(query, key, value);
  return project(name + "to_out", mergeHeads(b, y), C, outputBias);
}

//===----------------------------------------------------------------------===//
// Features
//===----------------------------------------------------------------------===//

/// Of x / D^(1/4), so that products of queries and keys are over √D.
Performer::Projected Performer::projectFeatures(Value x) {
  x = scaled(b, x, std::pow(double(D), -0.25));
  Value w = weight(
      "performer.net.layers.{}.0.fn.fast_attention.projection_matrix", {M, D});
  return {structured(b, "bthd,md->bthm", {x, w}, multiplyAdd),
          scaled(b, dotOfChannels(b, x, x), 0.5)};
}

/// (exp(w_j · x - |x|² / 2 - most) + epsilon) / √M: any `most` that is one for
/// all keys of a head cancels out, but for epsilon.
Value Performer::softmaxFeatures(Value products, StringRef spec,
                                 Value halfSquares, Value most,
                                 double epsilon) {
  double ratio = 1 / std::sqrt(double(M));
  return structured(
      b, spec, {products, halfSquares, most},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value exponent = arith::SubFOp::create(
            b, arith::SubFOp::create(b, v[0], v[1]), v[2]);
        Value power = math::ExpOp::create(b, exponent);
        if (epsilon)
          power = arith::AddFOp::create(b, power, constant(b, epsilon));
        return arith::MulFOp::create(b, power, constant(b, ratio));
      });
}

/// N / D with the package's epsilon in the sums of keys that come one after the
/// other.
static Value divideBySums(ImplicitLocOpBuilder &b, Value products, Value query,
                          Value sums) {
  Value shifted = structured(
      b, "bthd->bthd", sums,
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::AddFOp::create(b, v[0], constant(b, kSumEpsilon));
      });
  return structured(b, "bthd,bth->bthd",
                    {products, dotOfChannels(b, query, shifted)},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], v[1]);
                    });
}

Value Performer::attendByFeatures(Value query, Value key, Value value) {
  switch (features) {
  case Features::None:
    query = softmaxOfChannels(b, query);
    if (!causal)
      return efficientAttention(b, query, key, value);
    key = math::ExpOp::create(b, key);
    break;
  case Features::Generalized: {
    auto map = [&](Value x) {
      Value products = mergeHeads(b, projectFeatures(x).products);
      Value raised = structured(
          b, "btc->btc", activation(b, kernel, products),
          [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
            return arith::AddFOp::create(b, v[0], constant(b, kKernelEpsilon));
          });
      return splitHeads(b, raised, heads);
    };
    query = map(query);
    key = map(key);
    break;
  }
  default: {
    Projected q = projectFeatures(query), k = projectFeatures(key);
    query =
        softmaxFeatures(q.products, "bthm,bth,bth->bthm", q.halfSquares,
                        maximum(b, "bthm->bth", q.products), kSoftmaxEpsilon);
    key = softmaxFeatures(k.products, "bthm,bth,bh->bthm", k.halfSquares,
                          maximum(b, "bthm->bh", k.products), kSoftmaxEpsilon);
  }
  }
  if (!causal)
    return kernelAttention(b, query, key, value, /*causal=*/false);
  return divideBySums(b, causalProducts(b, query, key, value), query,
                      runningSum(b, key));
}

/// The same with m_t, the largest product of keys so far (or 0), for the
/// largest of the whole sequence, so that no key changes what is before it:
/// with k'_s = exp(w · k_s - |k_s|² / 2 - m_s) / √M,
///   Σ_{s ≤ t} (q_t · (exp(m_s - m_t) k'_s + ε / √M)) v_s
/// over its sum of weights. The parts with ε are running sums.
Value Performer::attendByRunningMaximum(Value query, Value key, Value value,
                                        Value at) {
  Projected q = projectFeatures(query), k = projectFeatures(key);
  query = softmaxFeatures(q.products, "bthm,bth,bth->bthm", q.halfSquares,
                          maximum(b, "bthm->bth", q.products), kSoftmaxEpsilon);
  RunningMaximum most = runningMaximum(b, maximum(b, "bthm->bth", k.products));
  key = softmaxFeatures(k.products, "bthm,bth,bth->bthm", k.halfSquares,
                        most.values, /*epsilon=*/0);
  double epsilon = kSoftmaxEpsilon / std::sqrt(double(M));

  Value querySums = structured(b, "bthm->bth", query, addElements);
  Value products = structured(
      b, "bthd,bth,bthd->bthd",
      {causalProducts(b, query, key, value, most.decay), querySums,
       runningSum(b, value)},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value rest = arith::MulFOp::create(
            b, arith::MulFOp::create(b, v[1], v[2]), constant(b, epsilon));
        return arith::AddFOp::create(b, v[0], rest);
      });
  Value sums = structured(
      b, "bthm,t->bthm", {runningSum(b, key, most.decay), at},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value count = arith::AddFOp::create(
            b, arith::SIToFPOp::create(b, b.getF32Type(), v[1]),
            constant(b, 1));
        return arith::AddFOp::create(
            b, v[0], arith::MulFOp::create(b, count, constant(b, epsilon)));
      });
  return divideBySums(b, products, query, sums);
}

Value Performer::perceptron(Value x) {
  std::string name = "performer.net.layers.{}.1.fn.fn.";
  Value wide = project(name + "w1", x, gatedPerceptron ? 2 * inner : inner,
                       /*bias=*/true);
  wide = gatedPerceptron ? gated(b, "gelu", channels(b, wide, 0, inner),
                                 channels(b, wide, inner, inner))
                         : activation(b, "gelu", wide);
  return project(name + "w2", wide, C, /*bias=*/true);
}

Value Performer::head(Value x) {
  return tied ? linear(b, x, weight("token_emb.weight", {V, C}))
              : project("to_out", x, V, /*bias=*/true);
}

static llvm::Expected<ModelFacts> buildPerformer(Config &config, Model &model) {
  Performer performer(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  if (performer.streams)
    return addDecoder(
        model, performer.V, /*hasHead=*/true,
        [&](Value ids) { return performer.body(ids, Value()); },
        [&](Value x) { return performer.norm("norm", x); },
        [&](Value x) { return performer.head(x); });
  auto type = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                    model.b.getI64Type());
  SmallVector<Model::Input> inputs{{"input_ids", type, performer.V}};
  if (!performer.causal)
    inputs.push_back({"attention_mask", type});
  model.entryPoint(
      "forward", inputs, {"logits"}, [&](ValueRange inputs) -> Model::Values {
        Value keyMask =
            performer.causal ? Value() : isNonzero(model.b, inputs[1]);
        Value x = performer.body(inputs[0], keyMask);
        return {performer.head(performer.norm("norm", x))};
      });
  return ModelFacts();
}

void seqc::registerPerformer(Families &families) {
  families.push_back(
      {"performer",
       "performer-pytorch PerformerLM; Choromanski et al., arXiv:2009.14794",
       "causal, nb_features, generalized_attention, kernel_fn, no_projection, "
       "key_maximum, use_scalenorm, use_rezero, ff_glu, tie_embed, "
       "rotary_position_emb, axial_position_emb, qkv_bias, attn_out_bias",
       buildPerformer});
}
