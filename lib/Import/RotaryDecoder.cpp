//===- RotaryDecoder.cpp - decoders of Llama's kind ----------------------===//

#include "RotaryDecoder.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

RotaryDecoder::RotaryDecoder(Config &config, Model &model,
                             const RotaryKind &kind)
    : config(config), model(model), b(model.b),
      tensors{model, model.hasWeight("embed_tokens.weight") ? "" : "model."} {
  ending = readHead(config, kind.architectures,
                    tensors.prefix.empty() ? Head::none : Head::language);
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  inner = config.size("intermediate_size");
  attention = GroupedAttention::read(config, C, kind.keyHeads, kind.headSize);
  frequencies = readRotary(config, attention.D);
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  act = config.choice("hidden_act", activationNames("silu"));
  attention.bias = attention.outputBias =
      kind.attentionBias && config.flag("attention_bias", false);
  if (kind.headNorms)
    attention.headNorms = epsilon;
  perceptronBias = kind.perceptronBias && config.flag("mlp_bias", false);
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
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
  auto part = [&](StringRef name) {
    return Tensors{model, tensors.prefix + "layers.{}." + name.str()};
  };
  GroupedAttention seeing = attention;
  seeing.window = window;
  return transformerBlock(
      b, NormOrder::before, x, norm("input_layernorm"),
      [&](Value x) { return seeing.attend(part("self_attn."), x, &angles); },
      norm("post_attention_layernorm"),
      [&](Value x) {
        return gatedPerceptron(part("mlp."), x, inner, act, perceptronBias);
      });
}

Value RotaryDecoder::body(Value ids) {
  Rotary angles = rotary(b, positions(b, ids), frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}));
  Value inputs[] = {x, angles.cos, angles.sin};
  auto layer = [&](ValueRange inputs, std::optional<int64_t> window) {
    return block(inputs[0], Rotary{inputs[1], inputs[2]}, window);
  };
  if (!kinds.empty())
    return model.stack(kinds, inputs, [&](StringRef kind, ValueRange inputs) {
      return layer(inputs, kind == "sliding_attention" ? window : std::nullopt);
    });
  return model.layers("layer", {0, depth}, inputs,
                      [&](ValueRange inputs) -> Model::Values {
                        return {layer(inputs, window)};
                      });
}

llvm::Expected<ModelFacts> RotaryDecoder::build() {
  if (window && *window - 1 > seq::MaskAttr::kMostSize)
    config.fail("sliding_window", "at most 2^30 + 1 tokens");
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
