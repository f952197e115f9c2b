//===- HybridDecoder.cpp - decoders whose layers mix in several ways ------===//

#include "HybridDecoder.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

HybridDecoder::HybridDecoder(Config &config, Model &model,
                             double epsilonByDefault)
    : config(config), model(model),
      tensors{model, model.hasWeight("embed_tokens.weight") ? "" : "model."} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  depth = model.limitCount(config.size("num_hidden_layers"));
  inner = config.size("intermediate_size");
  epsilon = config.fraction("rms_norm_eps", epsilonByDefault);
  act = config.choice("hidden_act", {"silu", "swish"});
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  // Of training, or of the way to compute. Angles have no greatest position.
  config.ignore({"attention_dropout", "initializer_range", "num_logits_to_keep",
                 "max_position_embeddings", "layer_types"});
  if (tied)
    model.ignoreWeight("lm_head.weight");
}

Tensors HybridDecoder::tensorsOf(StringRef part) const {
  return {model, tensors.prefix + "layers.{}." + part.str() + "."};
}

Value HybridDecoder::body(Value ids, ArrayRef<std::string> kinds, Mix mix,
                          Perceptron perceptron) {
  ImplicitLocOpBuilder &b = model.b;
  SmallVector<Value> inputs{
      embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}))};
  if (!frequencies.empty()) {
    Rotary angles = rotary(b, positions(b, ids), frequencies);
    inputs.append({angles.cos, angles.sin});
  }
  auto norm = [&](StringRef name) {
    return [this, name](Value x) {
      return tensors.rmsNorm("layers.{}." + name, x, epsilon);
    };
  };
  return model.stack(kinds, inputs, [&](StringRef kind, ValueRange inputs) {
    Rotary angles;
    if (inputs.size() == 3)
      angles = {inputs[1], inputs[2]};
    return transformerBlock(
        b, NormOrder::before, inputs[0], norm("input_layernorm"),
        [&](Value x) { return mix(kind, x, angles.cos ? &angles : nullptr); },
        norm("pre_ff_layernorm"), [&](Value x) { return perceptron(kind, x); });
  });
}

llvm::Expected<ModelFacts> HybridDecoder::build(ArrayRef<std::string> kinds,
                                                Mix mix,
                                                Perceptron perceptron) {
  if (llvm::Error error = config.takeError())
    return error;
  bool hasHead = !tensors.prefix.empty();
  return addDecoder(
      model, V, hasHead,
      [&](Value ids) { return body(ids, kinds, mix, perceptron); },
      [&](Value x) { return tensors.rmsNorm("final_layernorm", x, epsilon); },
      [&](Value x) {
        return linear(model.b, x,
                      tied ? tensors.weight("embed_tokens.weight", {V, C})
                           : model.weight("lm_head.weight", {V, C}));
      });
}
