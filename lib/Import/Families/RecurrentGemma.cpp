//===- RecurrentGemma.cpp - Griffin as RecurrentGemma --------------------===//
//
// De et al., arXiv:2402.19427, and Botev et al., arXiv:2404.07839, as
// transformers' RecurrentGemmaForCausalLM, or RecurrentGemmaModel, which has no
// head and no prefix "model." in its tensors' names.
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../GriffinMixer.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// What layers get beside x, the same for all of them.
struct Shared {
  Value positions;
  Rotary angles;
};

struct RecurrentGemma {
  RecurrentGemma(Config &config, Model &model);

  Value body(Value ids);
  Value block(StringRef kind, Value x, const Shared &shared);
  Value norm(StringRef name, Value x) {
    return tensors.rmsNormFromOne(name, x, epsilon);
  }
  Value head(Value x);

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  GroupedAttention attention;
  GriffinMixer recurrence;
  std::vector<std::string> kinds; // of the layers
  int64_t V;                      // vocabulary
  int64_t C;                      // channels of the model
  int64_t inner;
  double epsilon, softCap;
  bool tied;
  std::string act;
  SmallVector<float> frequencies;
};
} // namespace

RecurrentGemma::RecurrentGemma(Config &config, Model &model)
    : model(model), b(model.b),
      tensors{model, model.hasWeight("embed_tokens.weight") ? "" : "model."} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  int64_t depth = model.limitCount(config.size("num_hidden_layers"));
  attention = GroupedAttention::read(config, C);
  attention.bias = config.flag("attention_bias", false);
  attention.outputBias = true;
  attention.window = config.size("attention_window_size", 2048);
  if (*attention.window > seq::MaskAttr::kMostSize)
    config.fail("attention_window_size", "at most 2^30 tokens");
  frequencies = readRotary(config, attention.D, /*theta=*/10000,
                           /*share=*/0.5);
  inner = std::max<int64_t>(config.size("intermediate_size", 3 * C) / 2, 1);
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  softCap = config.positive("logits_soft_cap", 30);
  act =
      config.choice("hidden_activation", activationNames("gelu_pytorch_tanh"));
  recurrence = GriffinMixer::read(config, C, attention.heads, act);
  tied = config.flag("tie_word_embeddings", true);
  std::vector<std::string> pattern =
      config.choices("block_types", {"recurrent", "attention"});
  if (pattern.empty())
    pattern = {"recurrent", "recurrent", "attention"};
  for (int64_t layer = 0; layer < depth; ++layer)
    kinds.push_back(pattern[layer % pattern.size()]);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("intermediate_size * hidden_size", {inner, C});
  // Of training.
  config.ignore({"attention_dropout", "initializer_range",
                 "w_init_variance_scale", "final_w_init_variance_scale"});
  if (tied)
    model.ignoreWeight("lm_head.weight");
}

/// x := x + mixer(norm(x)); x + perceptron(norm(x))
Value RecurrentGemma::block(StringRef kind, Value x, const Shared &shared) {
  Tensors mixer{model, tensors.prefix + "layers.{}.temporal_block."},
      perceptron{model, tensors.prefix + "layers.{}.mlp_block."};
  return transformerBlock(
      b, NormOrder::before, x,
      [&](Value x) { return norm("layers.{}.temporal_pre_norm", x); },
      [&](Value x) {
        return kind == "attention" ? attention.attend(mixer, x, &shared.angles)
                                   : recurrence.mix(mixer, x, shared.positions);
      },
      [&](Value x) { return norm("layers.{}.channel_pre_norm", x); },
      [&](Value x) {
        return gatedPerceptron(perceptron, x, inner, act, /*bias=*/true);
      });
}

Value RecurrentGemma::body(Value ids) {
  Value times = positions(b, ids);
  Rotary angles = rotary(b, times, frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}));
  // The square root as the model was trained with it.
  llvm::APFloat root(std::sqrt(double(C)));
  bool inexact;
  root.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven,
               &inexact);
  x = structured(b, "btc->btc", x,
                 [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::MulFOp::create(
                       b, v[0], constant(b, root.convertToFloat()));
                 });
  return model.stack(kinds, {x, times, angles.cos, angles.sin},
                     [&](StringRef kind, ValueRange inputs) {
                       Shared shared{inputs[1], {inputs[2], inputs[3]}};
                       return block(kind, inputs[0], shared);
                     });
}

/// Logits between -softCap and softCap.
Value RecurrentGemma::head(Value x) {
  Value table = tied ? tensors.weight("embed_tokens.weight", {V, C})
                     : model.weight("lm_head.weight", {V, C});
  std::string dims = rowsOf(x) + "v";
  return structured(b, dims + "->" + dims, linear(b, x, table),
                    [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      Value cap = constant(b, softCap);
                      Value share = arith::DivFOp::create(b, v[0], cap);
                      return arith::MulFOp::create(
                          b, math::TanhOp::create(b, share), cap);
                    });
}

static llvm::Expected<ModelFacts> buildRecurrentGemma(Config &config,
                                                      Model &model) {
  RecurrentGemma gemma(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  bool hasHead = !gemma.tensors.prefix.empty();
  return addDecoder(
      model, gemma.V, hasHead, [&](Value ids) { return gemma.body(ids); },
      [&](Value x) { return gemma.norm("final_norm", x); },
      [&](Value x) { return gemma.head(x); });
}

void seqc::registerRecurrentGemma(Families &families) {
  families.push_back(
      {"recurrent_gemma",
       "transformers RecurrentGemmaForCausalLM, RecurrentGemmaModel; De et "
       "al., "
       "arXiv:2402.19427, Botev et al., arXiv:2404.07839",
       "block_types, lru_width, conv1d_width, attention_window_size, "
       "num_key_value_heads, head_dim, rope_parameters, attention_bias, "
       "hidden_activation, logits_soft_cap, tie_word_embeddings",
       buildRecurrentGemma});
}
