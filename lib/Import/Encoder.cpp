//===- Encoder.cpp - encoders of tokens and of patches -------------------===//

#include "Encoder.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

void Encoder::readSizes(Config &config) {
  H = config.size("hidden_size");
  A = config.size("num_attention_heads");
  L = config.size("num_hidden_layers");
  inner = config.size("intermediate_size");
  epsilon = config.fraction("layer_norm_eps", 1e-12);
  act = config.choice("hidden_act", activationNames("gelu"));
  checkSizes(config, "hidden_size", "num_attention_heads", "intermediate_size");
  // Of training.
  config.ignore({"attention_probs_dropout_prob", "gradient_checkpointing",
                 "hidden_dropout_prob", "initializer_range"});
}

void Encoder::checkSizes(Config &config, StringRef channels,
                         StringRef headCount, StringRef perceptron) {
  if (H % A != 0)
    config.fail(headCount, "a divisor of " + channels + " = " + Twine(H));
  config.checkProduct((perceptron + " * " + channels).str(), {inner, H});
  config.checkProduct((channels + " * " + channels).str(), {3, H, H});
}

Value Encoder::run(Value x, Value keyMask) {
  SmallVector<Value> inputs{x};
  if (keyMask)
    inputs.push_back(keyMask);
  return tensors.model.layers(
      "layer", {0, L}, inputs, [&](ValueRange inputs) -> Model::Values {
        return {block(inputs[0], keyMask ? inputs[1] : Value())};
      });
}

Value Encoder::block(Value x, Value keyMask) {
  auto norm = [&](StringRef name) {
    return
        [this, name](Value x) { return tensors.layerNorm(name, x, epsilon); };
  };
  ImplicitLocOpBuilder &b = tensors.model.b;
  return transformerBlock(
      b, order, x, norm(names.norm1),
      [&](Value x) { return attend(x, keyMask); }, norm(names.norm2),
      [&](Value x) {
        Value wide = tensors.linear(names.wide, x, inner);
        return tensors.linear(names.narrow, activation(b, act, wide), H);
      });
}

Value Encoder::attend(Value x, Value keyMask) {
  ImplicitLocOpBuilder &b = tensors.model.b;
  auto heads = [&](StringRef name) {
    return splitHeads(b, tensors.linear(name, x, H, bias), A);
  };
  Value query = heads(names.query), key = heads(names.key),
        value = heads(names.value);
  Value y =
      attention(b, query, key, value, seq::MaskAttr::getFull(b.getContext()),
                1 / std::sqrt(double(H / A)), keyMask);
  return tensors.linear(names.attended, y, H);
}

ModelFacts seqc::addEncoder(Model &model, ArrayRef<Model::Input> inputs,
                            llvm::function_ref<Value(ValueRange)> body,
                            MapValue pool, MapValue classify) {
  if (classify) {
    model.entryPoint("forward", inputs, {"logits"},
                     [&](ValueRange inputs) -> Model::Values {
                       return {classify(body(inputs))};
                     });
    return ModelFacts();
  }
  SmallVector<StringRef> results{"last_hidden_state"};
  if (pool)
    results.push_back("pooler_output");
  model.entryPoint("forward", inputs, results,
                   [&](ValueRange inputs) -> Model::Values {
                     Model::Values outputs{body(inputs)};
                     if (pool)
                       outputs.push_back(pool(outputs[0]));
                     return outputs;
                   });
  return ModelFacts();
}

SmallVector<Model::Input> seqc::getTextInputs(Model &model, int64_t vocabulary,
                                              int64_t types) {
  auto type = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                    model.b.getI64Type());
  SmallVector<Model::Input> inputs{{"input_ids", type, vocabulary},
                                   {"attention_mask", type}};
  if (types)
    inputs.push_back({"token_type_ids", type, types});
  return inputs;
}
