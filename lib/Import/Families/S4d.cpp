//===- S4d.cpp - S4D -----------------------------------------------------===//
//
// Gu et al., arXiv:2206.11893: a state space that is diagonal and the same at
// all times, with complex numbers. Layers and names of tensors are those of the
// authors' minimal version (state-spaces/s4, models/s4/s4d.py and example.py);
// docs/Models.md has the keys of the config, which are ours.
//
//===----------------------------------------------------------------------===//

#include "../S4dMixer.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct S4d {
  S4d(Config &config, Model &model);

  Value body(Value x);
  Value head(Value x);
  Value block(Value x);
  ModelFacts build();

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  int64_t V;          // vocabulary; 0: the input is no tokens
  int64_t inputSize;  // its channels
  int64_t H;          // channels
  int64_t outputSize; // 0: no head
  int64_t depth;
  S4dMixer mixer;
  bool normFirst, pooled;
};
} // namespace

S4d::S4d(Config &config, Model &model)
    : model(model), b(model.b), tensors{model, ""} {
  V = config.sizeOrNone("vocab_size");
  inputSize = V ? 0 : config.size("input_size");
  H = config.size("hidden_size");
  depth = config.size("num_layers", 4);
  outputSize = config.sizeOrNone("output_size");
  normFirst = config.flag("prenorm", false);
  pooled = config.choice("pooling", {"none", "mean"}) == "mean";
  config.checkProduct("vocab_size * hidden_size", {V + inputSize, H});
  mixer = S4dMixer::read(config, H, model.batch);
  config.checkProduct("output_size * hidden_size", {outputSize, H});
  config.ignore({"dropout"}); // of training
}

/// x + mixer(x), with a norm before or after.
Value S4d::block(Value x) {
  auto norm = [&](Value x) {
    return tensors.layerNorm("norms.{}", x, /*epsilon=*/1e-5);
  };
  Value y = mixer.mix({model, "s4_layers.{}."}, normFirst ? norm(x) : x);
  y = add(b, y, x);
  return normFirst ? y : norm(y);
}

Value S4d::body(Value x) {
  x = V ? embedding(b, x, tensors.weight("encoder.weight", {V, H}))
        : tensors.linear("encoder", x, H);
  return model.layers(
      "layer", {0, depth}, x,
      [&](ValueRange x) -> Model::Values { return {block(x[0])}; });
}

Value S4d::head(Value x) {
  return outputSize ? tensors.linear("decoder", x, outputSize) : x;
}

ModelFacts S4d::build() {
  auto idsType = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                       b.getI64Type());
  Model::Input input{"inputs_embeds", model.sequence(inputSize)};
  if (V)
    input = {"input_ids", idsType, V};
  func::FuncOp states = model.function(
      "body", Type(input.type),
      [&](ValueRange x) -> Model::Values { return {body(x[0])}; });
  StringRef name = outputSize ? "logits"
                   : pooled   ? "pooler_output"
                              : "last_hidden_state";
  model.entryPoint("forward", input, name, [&](ValueRange x) -> Model::Values {
    Value y = model.call(states, x)[0];
    return {head(pooled ? meanTime(b, y) : y)};
  });
  if (!V || outputSize != V || pooled)
    return ModelFacts();
  model.entryPoint("last", input, name, [&](ValueRange x) -> Model::Values {
    return {head(lastTime(b, model.call(states, x)[0]))};
  });
  return ModelFacts{V};
}

static llvm::Expected<ModelFacts> buildS4d(Config &config, Model &model) {
  S4d s4d(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return s4d.build();
}

void seqc::registerS4d(Families &families) {
  families.push_back({"s4d",
                      "state-spaces/s4, models/s4/s4d.py; Gu et al., "
                      "arXiv:2206.11893",
                      "input_size, vocab_size, output_size, state_size, "
                      "discretization, prenorm, pooling",
                      buildS4d});
}
