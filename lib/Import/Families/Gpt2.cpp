//===- Gpt2.cpp - GPT-2 --------------------------------------------------===//
//
// Radford et al., Language Models are Unsupervised Multitask Learners (2019),
// as transformers' GPT2LMHeadModel, or GPT2Model, which has no head. Names of
// tensors may lack the prefix "transformer." in both.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct Gpt2 {
  Gpt2(Config &config, Model &model);

  Value embed(Value ids);
  Value block(Value x);
  Value attend(Value x);
  Value head(Value x);

  Value weight(const Twine &name, ArrayRef<int64_t> shape) {
    return model.weight((prefix + name).str(), shape);
  }
  Value norm(const Twine &name, Value x) {
    return layerNorm(b, x, weight(name + ".weight", {C}),
                     weight(name + ".bias", {C}), epsilon);
  }
  Value project(const Twine &name, Value x, int64_t from, int64_t to) {
    return conv1D(b, x, weight(name + ".weight", {from, to}),
                  weight(name + ".bias", {to}));
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t heads, depth, inner, positions;
  double epsilon, scale;
  bool tied, hasHead;
  std::string act, prefix;
};
} // namespace

Gpt2::Gpt2(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("vocab_size");
  C = config.size("n_embd");
  heads = config.size("n_head");
  depth = config.size("n_layer");
  config.checkProduct("n_embd * n_embd", {4, C, C});
  inner = config.size("n_inner", 4 * C);
  positions = config.size("n_positions", 1024);
  epsilon = config.fraction("layer_norm_epsilon", 1e-5);
  act = config.choice("activation_function", activationNames("gelu_new"));
  if (C % heads != 0)
    config.fail("n_head", "a divisor of n_embd = " + Twine(C));
  bool scaled = config.flag("scale_attn_weights", true);
  scale = scaled ? 1 / std::sqrt(double(C / heads)) : 1;
  for (StringRef key :
       {"scale_attn_by_inverse_layer_idx", "add_cross_attention"})
    if (config.flag(key, false))
      config.fail(key, "false");
  tied = config.flag("tie_word_embeddings", true);
  config.checkProduct("vocab_size * n_embd", {V, C});
  config.checkProduct("n_positions * n_embd", {positions, C});
  config.checkProduct("n_inner * n_embd", {inner, C});
  // Of training, of heads that are not part of the model, or of the way to
  // compute.
  config.ignore({"attn_pdrop", "embd_pdrop", "gradient_checkpointing",
                 "initializer_range", "n_ctx", "reorder_and_upcast_attn",
                 "resid_pdrop", "summary_activation", "summary_first_dropout",
                 "summary_proj_to_labels", "summary_type", "summary_use_proj",
                 "task_specific_params"});
  prefix = model.hasWeight("wte.weight") ? "" : "transformer.";
  hasHead = !config.lists("architectures", "GPT2Model");
  // Causal masks, which older files have among the tensors.
  model.ignoreLayerWeights(prefix + "h.{}.attn.bias");
  model.ignoreLayerWeights(prefix + "h.{}.attn.masked_bias");
}

Value Gpt2::embed(Value ids) {
  Value rows = embedding(b, layers::positions(b, ids, positions),
                         weight("wpe.weight", {positions, C}));
  return addRows(b, embedding(b, ids, weight("wte.weight", {V, C})), rows);
}

/// Attention, then a perceptron of two layers; each adds to its input what it
/// makes of the normalised one.
Value Gpt2::block(Value x) {
  StringRef layer = "h.{}.";
  x = add(b, attend(norm(layer + "ln_1", x)), x);
  Value wide = activation(
      b, act, project(layer + "mlp.c_fc", norm(layer + "ln_2", x), C, inner));
  return add(b, project(layer + "mlp.c_proj", wide, inner, C), x);
}

Value Gpt2::attend(Value x) {
  Value all = project("h.{}.attn.c_attn", x, C, 3 * C);
  auto part = [&](int64_t number) {
    return splitHeads(b, channels(b, all, number * C, C), heads);
  };
  Value query = part(0), key = part(1), value = part(2);
  Value y = attention(b, query, key, value,
                      seq::MaskAttr::getCausal(b.getContext()), scale);
  return project("h.{}.attn.c_proj", y, C, C);
}

Value Gpt2::head(Value x) {
  return linear(b, x,
                tied ? weight("wte.weight", {V, C})
                     : model.weight("lm_head.weight", {V, C}));
}

static llvm::Expected<ModelFacts> buildGpt2(Config &config, Model &model) {
  Gpt2 gpt2(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  if (gpt2.hasHead && gpt2.tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      model, gpt2.V, gpt2.hasHead,
      [&](Value ids) {
        return model.layers(
            "layer", {0, gpt2.depth}, gpt2.embed(ids),
            [&](ValueRange x) -> Model::Values { return {gpt2.block(x[0])}; });
      },
      [&](Value x) { return gpt2.norm("ln_f", x); },
      [&](Value x) { return gpt2.head(x); });
}

void seqc::registerGpt2(Families &families) {
  families.push_back(
      {"gpt2", "transformers GPT2LMHeadModel, GPT2Model; Radford et al., 2019",
       "activation_function, scale_attn_weights, tie_word_embeddings",
       buildGpt2});
}
