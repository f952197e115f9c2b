//===- Llama.cpp - Llama -------------------------------------------------===//
//
// Touvron et al., arXiv:2302.13971 and 2307.09288, as transformers'
// LlamaForCausalLM, or LlamaModel, which has no head and no prefix "model." in
// its tensors' names. Rotary embeddings: Su et al., arXiv:2104.09864; SwiGLU:
// Shazeer, arXiv:2002.05202.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// The module holds one frequency for each pair of a head's channels.
static constexpr int64_t kLargestHead = 65536;

namespace {
struct Llama {
  Llama(Config &config, Model &model);

  Value block(Value x, const Rotary &angles);
  Value attend(Value x, const Rotary &angles);
  Value perceptron(Value x);
  Value head(Value x);

  Value weight(const Twine &name, ArrayRef<int64_t> shape) {
    return model.weight((prefix + name).str(), shape);
  }
  Value norm(const Twine &name, Value x) {
    return rmsNorm(b, x, weight(name + ".weight", {C}), epsilon);
  }
  Value project(const Twine &name, Value x, int64_t from, int64_t to,
                bool bias) {
    return linear(b, x, weight(name + ".weight", {to, from}),
                  bias ? weight(name + ".bias", {to}) : Value());
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t D; // channels of a head
  int64_t heads, keyHeads, depth, inner;
  double epsilon, theta;
  bool attentionBias, perceptronBias, tied;
  std::string act, prefix;
};
} // namespace

/// Only the plain kind of rotary embeddings, and its base.
static double readRotary(Config &config) {
  for (StringRef key : {"rope_parameters.rope_type", "rope_parameters.type",
                        "rope_scaling.rope_type", "rope_scaling.type"})
    config.choice(key, {"default"});
  double theta = config.atLeastOne("rope_theta", 10000);
  return config.atLeastOne("rope_parameters.rope_theta", theta);
}

Llama::Llama(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  heads = config.size("num_attention_heads");
  keyHeads = config.size("num_key_value_heads", heads);
  inner = config.size("intermediate_size");
  if (heads % keyHeads != 0)
    config.fail("num_key_value_heads",
                "a divisor of num_attention_heads = " + Twine(heads));
  if (!config.has("head_dim") && C % heads != 0)
    config.fail("num_attention_heads",
                "a divisor of hidden_size = " + Twine(C));
  D = config.size("head_dim", std::max<int64_t>(C / heads, 1));
  if (D % 2 != 0 || D > kLargestHead)
    config.fail("head_dim", "an even size up to " + Twine(kLargestHead));
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  theta = readRotary(config);
  act = config.choice("hidden_act", activationNames("silu"));
  attentionBias = config.flag("attention_bias", false);
  perceptronBias = config.flag("mlp_bias", false);
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("num_attention_heads * head_dim * hidden_size",
                      {3, heads, D, C});
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  // Of training, or of the way to compute. Angles have no greatest position.
  config.ignore({"attention_dropout", "initializer_range",
                 "max_position_embeddings", "pretraining_tp"});
  prefix = model.hasWeight("embed_tokens.weight") ? "" : "model.";
  // Older files have it among the tensors.
  model.ignoreLayerWeights(prefix + "layers.{}.self_attn.rotary_emb.inv_freq");
}

Value Llama::block(Value x, const Rotary &angles) {
  StringRef layer = "layers.{}.";
  x = add(b, attend(norm(layer + "input_layernorm", x), angles), x);
  return add(b, perceptron(norm(layer + "post_attention_layernorm", x)), x);
}

Value Llama::attend(Value x, const Rotary &angles) {
  auto part = [&](StringRef name, int64_t count) {
    return splitHeads(
        b,
        project("layers.{}.self_attn." + name, x, C, count * D, attentionBias),
        count);
  };
  Value query = part("q_proj", heads), key = part("k_proj", keyHeads),
        value = part("v_proj", keyHeads);
  Value y = attention(b, rotate(b, query, angles), rotate(b, key, angles),
                      value, seq::MaskAttr::getCausal(b.getContext()),
                      1 / std::sqrt(double(D)));
  return project("layers.{}.self_attn.o_proj", y, heads * D, C, attentionBias);
}

Value Llama::perceptron(Value x) {
  auto widen = [&](StringRef name) {
    return project("layers.{}.mlp." + name, x, C, inner, perceptronBias);
  };
  Value gate = widen("gate_proj"), up = widen("up_proj");
  return project("layers.{}.mlp.down_proj", gated(b, act, gate, up), inner, C,
                 perceptronBias);
}

Value Llama::head(Value x) {
  return linear(b, x,
                tied ? weight("embed_tokens.weight", {V, C})
                     : model.weight("lm_head.weight", {V, C}));
}

static llvm::Expected<ModelFacts> buildLlama(Config &config, Model &model) {
  Llama llama(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  bool hasHead = !llama.prefix.empty();
  if (hasHead && llama.tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      model, llama.V, hasHead,
      [&](Value ids) {
        Rotary angles =
            rotary(model.b, positions(model.b, ids), llama.D, llama.theta);
        Value x =
            embedding(model.b, ids,
                      llama.weight("embed_tokens.weight", {llama.V, llama.C}));
        return model.layers(
            "layer", {0, llama.depth}, {x, angles.cos, angles.sin},
            [&](ValueRange inputs) -> Model::Values {
              return {llama.block(inputs[0], Rotary{inputs[1], inputs[2]})};
            });
      },
      [&](Value x) { return llama.norm("norm", x); },
      [&](Value x) { return llama.head(x); });
}

void seqc::registerLlama(Families &families) {
  families.push_back({"llama",
                      "transformers LlamaForCausalLM, LlamaModel; Touvron et "
                      "al., arXiv:2302.13971",
                      "hidden_act, num_key_value_heads, head_dim, rope_theta, "
                      "attention_bias, mlp_bias, tie_word_embeddings",
                      buildLlama});
}
