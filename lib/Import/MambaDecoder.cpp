//===- MambaDecoder.cpp - decoders of Mamba's kind ------------------------===//

#include "MambaDecoder.h"

#include "Layers.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

MambaDecoder::MambaDecoder(Config &config, Model &model, bool tiedByDefault)
    : config(config), model(model) {
  V = config.size("vocab_size");
  D = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  epsilon = config.fraction("layer_norm_epsilon", 1e-5);
  tied = config.flag("tie_word_embeddings", tiedByDefault);
  config.checkProduct("vocab_size * hidden_size", {V, D});
  config.choice("hidden_act", {"silu", "swish"});
  config.flag("residual_in_fp32", true); // all is f32 here
  if (!config.flag("rms_norm", true))
    config.fail("rms_norm", "true");
  // Of training, of the way to compute, or of the authors' own code.
  config.ignore({"initializer_range", "rescale_prenorm_residual",
                 "time_step_scale", "time_step_min", "time_step_max",
                 "time_step_init_scheme", "time_step_floor", "use_mambapy",
                 "use_associative_scan", "layer_types", "d_inner", "d_model",
                 "n_layer", "ssm_cfg", "fused_add_norm",
                 "pad_vocab_size_multiple"});
  auto has = [&](StringRef name) { return model.hasWeight(name); };
  prefix =
      has("embeddings.weight") || has("embedding.weight") ? "" : "backbone.";
  mixerPrefix = prefix + "layers.{}.mixer.";
  // The first checkpoints name it as the authors do.
  table = prefix + (has(prefix + "embedding.weight") ? "embedding.weight"
                                                     : "embeddings.weight");
}

Value MambaDecoder::norm(const Twine &name, Value x) {
  return rmsNorm(model.b, x, model.weight((prefix + name).str(), {D}), epsilon);
}

llvm::Expected<ModelFacts> MambaDecoder::build(MapValue mixer) {
  if (llvm::Error error = config.takeError())
    return error;
  bool hasHead = !prefix.empty();
  if (hasHead && tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      model, V, hasHead,
      [&](Value ids) {
        return model.layers(
            "layer", {0, depth},
            embedding(model.b, ids, model.weight(table, {V, D})),
            [&](ValueRange x) -> Model::Values {
              Value y = mixer(norm("layers.{}.norm.weight", x[0]));
              return {add(model.b, y, x[0])};
            });
      },
      [&](Value x) { return norm("norm_f.weight", x); },
      [&](Value x) {
        StringRef name = tied ? StringRef(table) : "lm_head.weight";
        return linear(model.b, x, model.weight(name, {V, D}));
      });
}
