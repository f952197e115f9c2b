//===- FlaDecoder.cpp - decoders of flash-linear-attention's kind ---------===//

#include "FlaDecoder.h"

#include "DecoderParts.h"
#include "LinearAttention.h"
#include "Structured.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// `ratio` · C channels in `heads` heads.
static int64_t readHeadSize(Config &config, StringRef key, double byDefault,
                            int64_t C, int64_t heads) {
  double ratio = config.positive(key, byDefault);
  // Of a tensor that no file holds, checkProduct tells.
  double channels = std::min(std::trunc(ratio * C), std::ldexp(1.0, 40));
  if (channels < 1 || std::fmod(channels, heads) != 0) {
    config.fail(key, "a multiple of num_heads = " + Twine(heads) +
                         " channels in all");
    return 1;
  }
  return int64_t(channels) / heads;
}

FlaDecoder::FlaDecoder(Config &config, Model &model, const Defaults &defaults)
    : config(config), model(model), b(model.b),
      prefix(model.hasWeight("embeddings.weight") ? "" : "model.") {
  vocabulary = config.size("vocab_size", 32000);
  C = config.size("hidden_size", 2048);
  depth = config.size("num_hidden_layers", 24);
  heads = keyHeads = config.size("num_heads", defaults.heads);
  K = readHeadSize(config, "expand_k", defaults.expandKeys, C, heads);
  V = readHeadSize(config, "expand_v", defaults.expandValues, C, heads);
  epsilon = config.fraction("norm_eps", 1e-6);
  tied = config.flag("tie_word_embeddings", false);
  config.choice("hidden_act", {"swish", "silu"});
  // The package's own choice: 2/3 of the ratio, up to the next 256.
  int64_t ratio = config.size("hidden_ratio", defaults.ratio);
  inner = config.size("intermediate_size",
                      llvm::alignTo(uint64_t(C) * ratio * 2 / 3, 256));
  isGated = false;
  bool convolved = config.flag("use_short_conv", defaults.shortConvolution);
  int64_t size = config.size("conv_size", 4);
  taps = convolved ? size : 0;
  convolutionBias = config.flag("conv_bias", false);
  if (config.has("attn"))
    config.fail("attn", "null: layers of attention are not supported");
  config.checkProduct("vocab_size * hidden_size", {vocabulary, C});
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  config.checkProduct("num_heads * head size * hidden_size",
                      {heads, std::max(K, V), C});
  config.checkProduct("batch * num_heads * head size of keys * of values",
                      {model.batch, heads, K, V});
  // Of training, or of the way to compute. Angles have no greatest position.
  config.ignore({"attn_mode", "fuse_norm", "fuse_swiglu", "fuse_cross_entropy",
                 "fuse_linear_cross_entropy", "initializer_range",
                 "max_position_embeddings", "use_l2warp"});
  if (tied)
    model.ignoreWeight("lm_head.weight");
}

void FlaDecoder::readShared() {
  keyHeads = config.size("num_kv_heads", heads);
  if (heads % keyHeads != 0)
    config.fail("num_kv_heads", "a divisor of num_heads = " + Twine(heads));
  isGated = config.flag("use_output_gate", true);
  if (config.has("feature_map"))
    config.fail("feature_map", "null");
  if (!config.flag("elementwise_affine", true))
    config.fail("elementwise_affine", "true");
}

Value FlaDecoder::project(StringRef part, Value x, int64_t count,
                          int64_t size) const {
  Tensors layer = tensors();
  Value y = layer.linear(part + "_proj", x, count * size, /*bias=*/false);
  if (taps)
    y = layer.shortConvolution(part + "_conv1d", y, taps, convolutionBias);
  return splitHeads(b, y, count);
}

Value FlaDecoder::output(StringRef norm, Value y, Value x) const {
  Tensors layer = tensors();
  Value gate;
  if (isGated)
    gate = splitHeads(b, layer.linear("g_proj", x, heads * V, /*bias=*/false),
                      heads);
  y = gatedHeadNorm(layer, norm, y, gate, epsilon);
  return layer.linear("o_proj", joinHeads(b, y), C, /*bias=*/false);
}

Value FlaDecoder::body(Value ids, Attend attend) {
  Tensors all{model, prefix};
  SmallVector<Value> inputs{
      embedding(b, ids, all.weight("embeddings.weight", {vocabulary, C}))};
  if (!frequencies.empty()) {
    Rotary angles = rotary(b, positions(b, ids), frequencies);
    inputs.append({angles.cos, angles.sin});
  }
  auto norm = [&](StringRef name) {
    return [&, name](Value x) {
      return all.rmsNorm("layers.{}." + name, x, epsilon);
    };
  };
  return model.layers(
      "layer", {0, depth}, inputs, [&](ValueRange inputs) -> Model::Values {
        Rotary angles;
        if (inputs.size() == 3)
          angles = {inputs[1], inputs[2]};
        return {transformerBlock(
            b, NormOrder::before, inputs[0], norm("attn_norm"),
            [&](Value x) { return attend(x, angles.cos ? &angles : nullptr); },
            norm("mlp_norm"),
            [&](Value x) {
              return gatedPerceptron({model, prefix + "layers.{}.mlp."}, x,
                                     inner, "silu", /*bias=*/false);
            })};
      });
}

llvm::Expected<ModelFacts> FlaDecoder::build(Attend attend) {
  if (llvm::Error error = config.takeError())
    return error;
  Tensors all{model, prefix};
  return addDecoder(
      model, vocabulary, /*hasHead=*/!prefix.empty(),
      [&](Value ids) { return body(ids, attend); },
      [&](Value x) { return all.rmsNorm("norm", x, epsilon); },
      [&](Value x) {
        return linear(b, x,
                      tied ? all.weight("embeddings.weight", {vocabulary, C})
                           : model.weight("lm_head.weight", {vocabulary, C}));
      });
}
