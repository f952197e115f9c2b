//===- Mamba.cpp - Mamba -------------------------------------------------===//
//
// Gu and Dao, arXiv:2312.00752, as transformers' MambaForCausalLM (or
// MambaModel, which has no head and no prefix "backbone." in its tensors'
// names).
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// Sizes with the letters of the paper, where it has one.
struct Mamba {
  Mamba(Config &config, Model &model);

  Value block(Value x);
  Value mixer(Value x);
  Value norm(const Twine &name, Value x) {
    return rmsNorm(b, x, model.weight(name.str(), {D}), epsilon);
  }
  Value head(Value x);

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V;     // vocabulary
  int64_t D;     // channels of the model
  int64_t E;     // channels of the mixer
  int64_t N;     // states of a channel
  int64_t W;     // taps of the convolution
  int64_t R;     // rank of Δ
  int64_t depth; // layers
  double epsilon;
  bool bias, convBias, tied;
  std::string prefix, table; // of all tensors; the embedding's name
};
} // namespace

Mamba::Mamba(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("vocab_size");
  D = config.size("hidden_size");
  depth = config.size("num_hidden_layers");
  N = config.size("state_size", 16);
  W = config.size("conv_kernel", 4);
  int64_t expand = config.size("expand", 2);
  config.checkProduct("expand * hidden_size", {expand, D});
  E = expand * D;
  if (config.size("intermediate_size", E) != E)
    config.fail("intermediate_size", "expand * hidden_size = " + Twine(E));
  bool automatic =
      !config.has("time_step_rank") || config.isText("time_step_rank", "auto");
  R = automatic ? llvm::divideCeil(D, 16) : config.size("time_step_rank");
  config.checkProduct("hidden_size * intermediate_size", {2, D, E});
  config.checkProduct("batch * intermediate_size * state_size",
                      {model.batch, E, N});
  epsilon = config.fraction("layer_norm_epsilon", 1e-5);
  bias = config.flag("use_bias", false);
  convBias = config.flag("use_conv_bias", true);
  tied = config.flag("tie_word_embeddings", true);
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
  // The first checkpoints name it as the authors do.
  table = prefix + (has(prefix + "embedding.weight") ? "embedding.weight"
                                                     : "embeddings.weight");
}

/// x + mixer(norm(x))
Value Mamba::block(Value x) {
  return add(b, mixer(norm(prefix + "layers.{}.norm.weight", x)), x);
}

Value Mamba::mixer(Value x) {
  auto weight = [&](const Twine &name, ArrayRef<int64_t> shape) {
    return model.weight((prefix + "layers.{}.mixer." + name).str(), shape);
  };
  auto project = [&](const Twine &name, Value x, int64_t from, int64_t to,
                     bool hasBias) {
    Value matrix = weight(name + ".weight", {to, from});
    return linear(b, x, matrix,
                  hasBias ? weight(name + ".bias", {to}) : Value());
  };
  RankedTensorType type = model.sequence(E);

  Value both = project("in_proj", x, D, 2 * E, bias);
  Value u = channels(b, both, 0, E), gate = channels(b, both, E, E);

  Value taps = tensor::CollapseShapeOp::create(
      b, weight("conv1d.weight", {E, 1, W}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  Value tapsBias = convBias ? weight("conv1d.bias", {E}) : Value();
  Value window = zeros(b, {model.batch, W - 1, E});
  u = seq::CausalConvOp::create(b, type, window.getType(), u, taps, tapsBias,
                                window, seq::ConvActivation::silu)
          .getOutput();

  // Δ, B and C of every time.
  Value selected = project("x_proj", u, E, R + 2 * N, false);
  Value delta = project("dt_proj", channels(b, selected, 0, R), R, E, false);
  Value in = channels(b, selected, R, N), out = channels(b, selected, R + N, N);
  Value a =
      arith::NegFOp::create(b, math::ExpOp::create(b, weight("A_log", {E, N})));
  Value skip = weight("D", {E}), deltaBias = weight("dt_proj.bias", {E});
  Value state = zeros(b, {model.batch, E, N});
  Value y = seq::SelectiveScanOp::create(b, type, state.getType(), u, delta, a,
                                         in, out, skip, gate, deltaBias, state,
                                         /*delta_softplus=*/true)
                .getOutput();
  return project("out_proj", y, E, D, bias);
}

Value Mamba::head(Value x) {
  StringRef name = tied ? StringRef(table) : "lm_head.weight";
  return linear(b, x, model.weight(name, {V, D}));
}

static llvm::Expected<ModelFacts> buildMamba(Config &config, Model &model) {
  Mamba mamba(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  bool hasHead = !mamba.prefix.empty();
  if (hasHead && mamba.tied)
    model.ignoreWeight("lm_head.weight");
  return addDecoder(
      model, mamba.V, hasHead,
      [&](Value ids) {
        Value table = model.weight(mamba.table, {mamba.V, mamba.D});
        return model.layers(
            "layer", {0, mamba.depth}, embedding(model.b, ids, table),
            [&](ValueRange x) -> Model::Values { return {mamba.block(x[0])}; });
      },
      [&](Value x) { return mamba.norm(mamba.prefix + "norm_f.weight", x); },
      [&](Value x) { return mamba.head(x); });
}

void seqc::registerMamba(Families &families) {
  families.push_back({"mamba",
                      "transformers MambaForCausalLM, MambaModel; Gu and Dao, "
                      "arXiv:2312.00752",
                      "state_size, conv_kernel, expand, time_step_rank, "
                      "use_bias, use_conv_bias, tie_word_embeddings",
                      buildMamba});
}
