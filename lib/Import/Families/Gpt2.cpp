//===- Gpt2.cpp - GPT-2 --------------------------------------------------===//
//
// Radford et al., Language Models are Unsupervised Multitask Learners (2019),
// as transformers' GPT2LMHeadModel, GPT2ForSequenceClassification, or
// GPT2Model, which has no head. Names of tensors may lack the prefix
// "transformer.".
//
//===----------------------------------------------------------------------===//

#include "../Transformer.h"

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
  Value perceptron(Value x);
  Value head(Value x);

  Value project(const Twine &name, Value x, int64_t from, int64_t to) {
    return conv1D(b, x, tensors.weight(name + ".weight", {from, to}),
                  tensors.weight(name + ".bias", {to}));
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  Head ending;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t heads, depth, inner, positions;
  double epsilon, scale;
  bool tied;
  std::string act;
};
} // namespace

Gpt2::Gpt2(Config &config, Model &model)
    : model(model),
      b(model.b), tensors{model,
                          model.hasWeight("wte.weight") ? "" : "transformer."} {
  ending = readHead(
      config, {"GPT2Model", "GPT2LMHeadModel", "GPT2ForSequenceClassification"},
      Head::language);
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
  // Causal masks, which older files have among the tensors.
  model.ignoreLayerWeights(tensors.prefix + "h.{}.attn.bias");
  model.ignoreLayerWeights(tensors.prefix + "h.{}.attn.masked_bias");
}

Value Gpt2::embed(Value ids) {
  Value rows = embedding(b, layers::positions(b, ids, positions),
                         tensors.weight("wpe.weight", {positions, C}));
  Value words = embedding(b, ids, tensors.weight("wte.weight", {V, C}));
  return addRows(b, words, rows);
}

Value Gpt2::block(Value x) {
  auto norm = [&](StringRef name) {
    return [this, name](Value x) {
      return tensors.layerNorm("h.{}." + name, x, epsilon);
    };
  };
  return transformerBlock(
      b, NormOrder::before, x, norm("ln_1"), [&](Value x) { return attend(x); },
      norm("ln_2"), [&](Value x) { return perceptron(x); });
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

Value Gpt2::perceptron(Value x) {
  Value wide = activation(b, act, project("h.{}.mlp.c_fc", x, C, inner));
  return project("h.{}.mlp.c_proj", wide, inner, C);
}

Value Gpt2::head(Value x) {
  return linear(b, x,
                tied ? tensors.weight("wte.weight", {V, C})
                     : model.weight("lm_head.weight", {V, C}));
}

static llvm::Expected<ModelFacts> buildGpt2(Config &config, Model &model) {
  Gpt2 gpt2(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  if (gpt2.tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      config, model, gpt2.V, gpt2.ending,
      [&](Value ids) {
        return model.layers(
            "layer", {0, gpt2.depth}, gpt2.embed(ids),
            [&](ValueRange x) -> Model::Values { return {gpt2.block(x[0])}; });
      },
      [&](Value x) { return gpt2.tensors.layerNorm("ln_f", x, gpt2.epsilon); },
      [&](Value x) { return gpt2.head(x); });
}

void seqc::registerGpt2(Families &families) {
  families.push_back(
      {"gpt2",
       "transformers GPT2LMHeadModel, GPT2Model, "
       "GPT2ForSequenceClassification; "
       "Radford et al., 2019",
       "activation_function, scale_attn_weights, tie_word_embeddings",
       buildGpt2});
}
