//===- GptNeoX.cpp - GPT-NeoX --------------------------------------------===//
//
// Black et al., arXiv:2204.06745, as transformers' GPTNeoXForCausalLM,
// GPTNeoXForSequenceClassification, or GPTNeoXModel, which has no prefix
// "gpt_neox." in its tensors' names. Attention and perceptron read the same
// input, and a part of each head is turned.
//
//===----------------------------------------------------------------------===//

#include "../Transformer.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct GptNeoX {
  GptNeoX(Config &config, Model &model);

  Value body(Value ids);
  Value block(Value x, const Rotary &angles);
  Value attend(Value x, const Rotary &angles);
  Value perceptron(Value x);
  Value head(Value x);

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  Head ending;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t D; // channels of a head
  int64_t heads, depth, inner;
  double epsilon;
  bool bias, tied;
  NormOrder order;
  std::string act;
  SmallVector<float> frequencies;
};
} // namespace

GptNeoX::GptNeoX(Config &config, Model &model)
    : model(model),
      b(model.b), tensors{model, model.hasWeight("embed_in.weight")
                                     ? ""
                                     : "gpt_neox."} {
  ending = readHead(config,
                    {"GPTNeoXModel", "GPTNeoXForCausalLM",
                     "GPTNeoXForSequenceClassification"},
                    tensors.prefix.empty() ? Head::none : Head::language);
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  heads = config.size("num_attention_heads");
  inner = config.size("intermediate_size");
  if (C % heads != 0)
    config.fail("num_attention_heads",
                "a divisor of hidden_size = " + Twine(C));
  D = std::max<int64_t>(C / heads, 1);
  double theta = config.atLeastOne("rotary_emb_base", 10000);
  frequencies =
      readRotary(config, D, theta, config.fraction("rotary_pct", 0.25));
  epsilon = config.fraction("layer_norm_eps", 1e-5);
  act = config.choice("hidden_act", activationNames("gelu"));
  bias = config.flag("attention_bias", true);
  tied = config.flag("tie_word_embeddings", false);
  order = config.flag("use_parallel_residual", true) ? NormOrder::parallel
                                                     : NormOrder::before;
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("hidden_size * hidden_size", {3, C, C});
  config.checkProduct("intermediate_size * hidden_size", {inner, C});
  // Angles have no greatest position.
  config.size("max_position_embeddings", 1);
  // Of training, or of heads that are not part of the model.
  config.ignore({"attention_dropout", "classifier_dropout", "hidden_dropout",
                 "initializer_range", "is_decoder"});
  for (StringRef name : {"bias", "masked_bias", "rotary_emb.inv_freq"})
    model.ignoreLayerWeights(
        (tensors.prefix + "layers.{}.attention." + name).str());
}

Value GptNeoX::body(Value ids) {
  Rotary angles = rotary(b, positions(b, ids), frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_in.weight", {V, C}));
  return model.layers("layer", {0, depth}, {x, angles.cos, angles.sin},
                      [&](ValueRange inputs) -> Model::Values {
                        return {block(inputs[0], Rotary{inputs[1], inputs[2]})};
                      });
}

Value GptNeoX::block(Value x, const Rotary &angles) {
  auto norm = [&](StringRef name) {
    return [this, name](Value x) {
      return tensors.layerNorm("layers.{}." + name, x, epsilon);
    };
  };
  return transformerBlock(
      b, order, x, norm("input_layernorm"),
      [&](Value x) { return attend(x, angles); },
      norm("post_attention_layernorm"), [&](Value x) { return perceptron(x); });
}

Value GptNeoX::attend(Value x, const Rotary &angles) {
  // Each head's query, key and value are side by side.
  Value all = splitHeads(
      b, tensors.linear("layers.{}.attention.query_key_value", x, 3 * C, bias),
      heads);
  Value query = channels(b, all, 0, D), key = channels(b, all, D, D),
        value = channels(b, all, 2 * D, D);
  Value y = attention(b, rotate(b, query, angles), rotate(b, key, angles),
                      value, seq::MaskAttr::getCausal(b.getContext()),
                      1 / std::sqrt(double(D)));
  return tensors.linear("layers.{}.attention.dense", y, C, bias);
}

Value GptNeoX::perceptron(Value x) {
  Value wide = tensors.linear("layers.{}.mlp.dense_h_to_4h", x, inner);
  return tensors.linear("layers.{}.mlp.dense_4h_to_h", activation(b, act, wide),
                        C);
}

Value GptNeoX::head(Value x) {
  // Older files have the older name.
  StringRef own =
      model.hasWeight("lm_head.weight") ? "lm_head.weight" : "embed_out.weight";
  return linear(b, x,
                tied ? tensors.weight("embed_in.weight", {V, C})
                     : model.weight(own, {V, C}));
}

static llvm::Expected<ModelFacts> buildGptNeoX(Config &config, Model &model) {
  GptNeoX neox(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  if (neox.tied)
    for (StringRef name : {"lm_head.weight", "embed_out.weight"})
      model.ignoreWeight(name);
  return addDecoder(
      config, model, neox.V, neox.ending,
      [&](Value ids) { return neox.body(ids); },
      [&](Value x) {
        return neox.tensors.layerNorm("final_layer_norm", x, neox.epsilon);
      },
      [&](Value x) { return neox.head(x); });
}

void seqc::registerGptNeoX(Families &families) {
  families.push_back({"gpt_neox",
                      "transformers GPTNeoXForCausalLM, GPTNeoXModel, "
                      "GPTNeoXForSequenceClassification; Black et al., "
                      "arXiv:2204.06745",
                      "hidden_act, use_parallel_residual, rope_parameters, "
                      "rotary_pct, attention_bias, tie_word_embeddings",
                      buildGptNeoX});
}
