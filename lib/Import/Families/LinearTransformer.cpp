//===- LinearTransformer.cpp - transformers with linear attention ---------===//
//
// The features of elu + 1: Katharopoulos et al., arXiv:2006.16236, equations
// (5) to (12). Those of softmax: Shen et al., arXiv:1812.01243, as the package
// linear-attention-transformer has them in LinearAttentionTransformerLM, whose
// keys and names of tensors these are.
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
struct LinearTransformer {
  LinearTransformer(Config &config, Model &model);

  Value body(Value ids, Value keyMask);
  Value block(Value x, Value keyMask, const Rotary &angles);
  Value attend(Value x, Value keyMask, const Rotary &angles);
  Value attendBefore(Value query, Value key, Value value);
  Value perceptron(Value x);

  Value norm(const Twine &name, Value x) {
    int64_t size = typeOf(x).getShape().back();
    return layerNorm(b, x, model.weight((name + ".weight").str(), {size}),
                     model.weight((name + ".bias").str(), {size}),
                     /*epsilon=*/1e-5);
  }
  Value project(const Twine &name, Value x, int64_t to, bool bias = true) {
    int64_t from = typeOf(x).getShape().back();
    Value matrix = model.weight((name + ".weight").str(), {to, from});
    return linear(b, x, matrix,
                  bias ? model.weight((name + ".bias").str(), {to}) : Value());
  }
  Value head(Value x) { return hasHead ? project("out", x, V) : x; }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t E; // channels of the embedding
  int64_t C; // channels of the layers
  int64_t D; // channels of a head
  int64_t heads, depth;
  bool causal, hasHead, softmax;
  PackagePositions positions;
  std::string prefix;
};
} // namespace

LinearTransformer::LinearTransformer(Config &config, Model &model)
    : model(model), b(model.b) {
  V = config.size("num_tokens");
  C = config.size("dim");
  E = config.size("emb_dim", C);
  heads = config.size("heads", 8);
  D = config.size("dim_head", 64);
  depth = config.size("depth");
  causal = config.flag("causal", false);
  softmax = config.choice("feature_map", {"softmax", "elu"}) == "softmax";
  hasHead = !config.flag("return_embeddings", false);
  if (!hasHead && E != C)
    config.fail("emb_dim", "dim = " + Twine(C) + " where there is no head");

  int64_t most = config.size("max_seq_len");
  positions = {PackagePositions::Kind::Learned, most, E, D};
  bool axial = config.flag("use_axial_pos_emb", true);
  int64_t window = config.size("local_attn_window_size", 128);
  if (config.flag("use_rotary_emb", false)) {
    positions.kind = PackagePositions::Kind::Rotary;
  } else if (axial) {
    positions.kind = PackagePositions::Kind::Axial;
    positions.outer = llvm::divideCeil(most, window);
    positions.inner = window;
    positions.most = positions.outer * window;
  }
  positions.check(config);

  for (StringRef key :
       {"attend_axially", "receives_context", "reversible", "shift_tokens"})
    if (config.flag(key, false))
      config.fail(key, "false");
  if (config.sizeOrNone("n_local_attn_heads"))
    config.fail("n_local_attn_heads", "0");
  if (config.size("blindspot_size", 1) != 1)
    config.fail("blindspot_size", "1");
  if (!config.integers("pkm_layers").empty())
    config.fail("pkm_layers", "none");
  for (StringRef key : {"linformer_settings", "context_linformer_settings"})
    if (config.has(key))
      config.fail(key, "none");
  config.checkProduct("num_tokens * emb_dim", {V, E});
  config.checkProduct("dim * dim * 4", {std::max(C, E), C, 4});
  config.checkProduct("dim * heads * dim_head", {C, heads, D});
  // Of training, of the way to compute, or of layers that there are not.
  config.ignore({"attn_dropout", "attn_layer_dropout", "ff_chunks",
                 "ff_dropout", "ff_glu", "pkm_num_keys"});
  prefix = E == C ? "transformer.layers.layers.{}."
                  : "transformer.fn.layers.layers.{}.";
}

Value LinearTransformer::body(Value ids, Value keyMask) {
  Value at = positions.number(model, ids, causal);
  Value x = embedding(b, ids, model.weight("token_emb.weight", {V, E}));
  x = positions.addTo(model, x, at);
  if (E != C)
    x = project("transformer.project_in", x, C);
  SmallVector<Value> inputs{x};
  if (keyMask)
    inputs.push_back(keyMask);
  bool rotary = positions.kind == PackagePositions::Kind::Rotary;
  if (rotary) {
    Rotary angles = positions.angles(model, at);
    inputs.append({angles.cos, angles.sin});
  }
  x = model.layers(
      "layer", {0, depth}, inputs, [&](ValueRange inputs) -> Model::Values {
        Rotary angles;
        if (rotary)
          angles = {inputs.drop_back().back(), inputs.back()};
        return {block(inputs[0], keyMask ? inputs[1] : Value(), angles)};
      });
  return E != C ? project("transformer.project_out", x, E) : x;
}

Value LinearTransformer::block(Value x, Value keyMask, const Rotary &angles) {
  x = add(b, attend(norm(prefix + "0.norm", x), keyMask, angles), x);
  return add(b, perceptron(norm(prefix + "1.norm", x)), x);
}

Value LinearTransformer::attend(Value x, Value keyMask, const Rotary &angles) {
  auto part = [&](StringRef name) {
    return splitHeads(
        b, project(prefix + "0.fn." + name, x, heads * D, /*bias=*/false),
        heads);
  };
  Value query = part("to_q"), key = part("to_k"), value = part("to_v");
  if (angles.cos) {
    query = rotatePairs(b, query, angles);
    key = rotatePairs(b, key, angles);
  }
  Value y;
  if (!softmax) {
    y = kernelAttention(b, eluPlusOne(b, query), eluPlusOne(b, key), value,
                        causal, keyMask);
  } else {
    query = scaled(b, softmaxOfChannels(b, query), 1 / std::sqrt(double(D)));
    y = causal ? attendBefore(query, key, value)
               : efficientAttention(b, query, key, value, keyMask);
  }
  return project(prefix + "0.fn.to_out", mergeHeads(b, y), C);
}

/// Σ_{s ≤ t} (q_t · exp(k_s)) v_s over the sum of the weights, which is not
/// taken below 1e-3.
Value LinearTransformer::attendBefore(Value query, Value key, Value value) {
  key = math::ExpOp::create(b, key);
  Value sums = dotOfChannels(b, query, runningSum(b, key));
  return structured(
      b, "bthd,bth->bthd", {causalProducts(b, query, key, value), sums},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value sum = arith::MaximumFOp::create(b, v[1], constant(b, 1e-3));
        return arith::DivFOp::create(b, v[0], sum);
      });
}

Value LinearTransformer::perceptron(Value x) {
  Value wide = activation(b, "gelu", project(prefix + "1.fn.fn.w1", x, 4 * C));
  return project(prefix + "1.fn.fn.w2", wide, C);
}

static llvm::Expected<ModelFacts> buildLinearTransformer(Config &config,
                                                         Model &model) {
  LinearTransformer transformer(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  if (transformer.causal)
    return addDecoder(
        model, transformer.V, transformer.hasHead,
        [&](Value ids) { return transformer.body(ids, Value()); },
        [&](Value x) { return transformer.norm("norm", x); },
        [&](Value x) { return transformer.head(x); });
  auto type = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                    model.b.getI64Type());
  model.entryPoint(
      "forward", {{"input_ids", type, transformer.V}, {"attention_mask", type}},
      {transformer.hasHead ? "logits" : "last_hidden_state"},
      [&](ValueRange inputs) -> Model::Values {
        Value x = transformer.body(inputs[0], isNonzero(model.b, inputs[1]));
        return {transformer.head(transformer.norm("norm", x))};
      });
  return ModelFacts();
}

void seqc::registerLinearTransformer(Families &families) {
  families.push_back(
      {"linear_transformer",
       "linear-attention-transformer LinearAttentionTransformerLM; "
       "Katharopoulos et al., arXiv:2006.16236",
       "feature_map, causal, emb_dim, dim_head, use_axial_pos_emb, "
       "use_rotary_emb, return_embeddings",
       buildLinearTransformer});
}
