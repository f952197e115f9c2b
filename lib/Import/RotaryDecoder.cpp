//===- RotaryDecoder.cpp - decoders of Llama's kind ----------------------===//

#include "RotaryDecoder.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

RotaryDecoder::RotaryDecoder(Config &config, Model &model,
                             const RotaryKind &kind)
    : config(config), model(model), b(model.b),
      kind(kind), tensors{model, model.hasWeight("embed_tokens.weight")
                                     ? ""
                                     : "model."} {
  ending = readHead(config, kind.architectures,
                    tensors.prefix.empty() ? Head::none : Head::language);
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  heads = config.size("num_attention_heads");
  keyHeads =
      config.isNull("num_key_value_heads")
          ? heads
          : config.size("num_key_value_heads", kind.keyHeads.value_or(heads));
  inner = config.size("intermediate_size");
  if (heads % keyHeads != 0)
    config.fail("num_key_value_heads",
                "a divisor of num_attention_heads = " + Twine(heads));
  if (!config.has("head_dim") && !kind.headSize && C % heads != 0)
    config.fail("num_attention_heads",
                "a divisor of hidden_size = " + Twine(C));
  D = config.size("head_dim",
                  kind.headSize.value_or(std::max<int64_t>(C / heads, 1)));
  frequencies = readRotary(config, D);
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  act = config.choice("hidden_act", activationNames("silu"));
  attentionBias = kind.attentionBias && config.flag("attention_bias", false);
  perceptronBias = kind.perceptronBias && config.flag("mlp_bias", false);
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("num_attention_heads * head_dim * hidden_size",
                      {3, heads, D, C});
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  // Angles have no greatest position.
  config.size("max_position_embeddings", 1);
  // Of training, or of the way to compute.
  config.ignore({"attention_dropout", "initializer_range", "pretraining_tp"});
  model.ignoreLayerWeights(tensors.prefix +
                           "layers.{}.self_attn.rotary_emb.inv_freq");
}

Value RotaryDecoder::block(Value x, const Rotary &angles,
                           std::optional<int64_t> window) {
  auto norm = [&](StringRef name) {
    return [this, name](Value x) {
      return tensors.rmsNorm("layers.{}." + name, x, epsilon);
    };
  };
  return transformerBlock(
      b, NormOrder::before, x, norm("input_layernorm"),
      [&](Value x) { return attend(x, angles, window); },
      norm("post_attention_layernorm"), [&](Value x) { return perceptron(x); });
}

Value RotaryDecoder::attend(Value x, const Rotary &angles,
                            std::optional<int64_t> window) {
  StringRef layer = "layers.{}.self_attn.";
  auto part = [&](StringRef name, int64_t count) {
    Value all = tensors.linear(layer + name, x, count * D, attentionBias);
    return splitHeads(b, all, count);
  };
  auto turn = [&](StringRef normName, Value x) {
    if (kind.headNorms)
      x = tensors.rmsNorm(layer + normName, x, epsilon);
    return rotate(b, x, angles);
  };
  Value query = part("q_proj", heads), key = part("k_proj", keyHeads),
        value = part("v_proj", keyHeads);
  MLIRContext *context = b.getContext();
  auto mask = window ? seq::MaskAttr::get(context, *window - 1, /*right=*/0)
                     : seq::MaskAttr::getCausal(context);
  Value y = attention(b, turn("q_norm", query), turn("k_norm", key), value,
                      mask, 1 / std::sqrt(double(D)));
  return tensors.linear(layer + "o_proj", y, C, attentionBias);
}

Value RotaryDecoder::perceptron(Value x) {
  auto widen = [&](StringRef name) {
    return tensors.linear("layers.{}.mlp." + name, x, inner, perceptronBias);
  };
  Value gate = widen("gate_proj"), up = widen("up_proj");
  return tensors.linear("layers.{}.mlp.down_proj", gated(b, act, gate, up), C,
                        perceptronBias);
}

Value RotaryDecoder::body(Value ids) {
  Rotary angles = rotary(b, positions(b, ids), frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}));
  int64_t first = 0;
  for (auto [count, window] : runs) {
    std::string name = "layer";
    if (first)
      name += "_from_" + std::to_string(first);
    x = model.layers(
        name, {first, count}, {x, angles.cos, angles.sin},
        [&, window = window](ValueRange inputs) -> Model::Values {
          return {block(inputs[0], Rotary{inputs[1], inputs[2]}, window)};
        });
    first += count;
  }
  return x;
}

void RotaryDecoder::addLayers(int64_t count, std::optional<int64_t> window) {
  if (window && *window - 1 > seq::MaskAttr::kMostSize)
    config.fail("sliding_window", "at most 2^30 + 1 tokens");
  if (!runs.empty() && runs.back().window == window)
    runs.back().count += count;
  else if (count)
    runs.push_back({count, window});
}

llvm::Expected<ModelFacts> RotaryDecoder::build() {
  if (runs.empty())
    addLayers(depth, std::nullopt);
  if (llvm::Error error = config.takeError())
    return error;
  if (tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      config, model, V, ending, [&](Value ids) { return body(ids); },
      [&](Value x) { return tensors.rmsNorm("norm", x, epsilon); },
      [&](Value x) {
        return linear(b, x,
                      tied ? tensors.weight("embed_tokens.weight", {V, C})
                           : model.weight("lm_head.weight", {V, C}));
      });
}
