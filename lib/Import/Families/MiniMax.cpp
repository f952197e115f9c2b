//===- MiniMax.cpp - MiniMax ---------------------------------------------===//
//
// Li et al., arXiv:2501.08313, as transformers' MiniMaxForCausalLM, or
// MiniMaxModel, which has no head and no prefix "model." in its tensors' names.
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../KernelAttention.h"
#include "../Moe.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// α x + β mixer(x), with x after a norm.
struct Residual {
  double alpha, beta;
};

struct MiniMax {
  MiniMax(Config &config, Model &model);

  Value body(Value ids);
  Value block(StringRef kind, Value x, const Rotary &angles);
  Value lightning(Tensors tensors, Value x);
  Value addScaled(const Residual &factors, Value x, Value y);

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  GroupedAttention attention;
  MixtureOfExperts experts;
  std::vector<std::string> kinds; // of the layers
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  double epsilon;
  Residual full, linear, perceptron;
  bool tied;
  SmallVector<float> frequencies;
};
} // namespace

MiniMax::MiniMax(Config &config, Model &model)
    : model(model), b(model.b),
      tensors{model, model.hasWeight("embed_tokens.weight") ? "" : "model."} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  int64_t depth = config.size("num_hidden_layers");
  attention = GroupedAttention::read(config, C, /*keyHeads=*/8);
  if (config.has("sliding_window"))
    attention.window = config.size("sliding_window");
  if (attention.window && *attention.window - 1 > seq::MaskAttr::kMostSize)
    config.fail("sliding_window", "at most 2^30 + 1 tokens");
  frequencies = readRotary(config, attention.D, /*theta=*/1e6);
  epsilon = config.fraction("rms_norm_eps", 1e-5);
  experts.read(config, "num_local_experts", 8, 2);
  experts.inner = config.size("intermediate_size");
  experts.act = config.choice("hidden_act", activationNames("silu"));
  experts.gate = "w1";
  experts.up = "w3";
  experts.down = "w2";
  auto factors = [&](StringRef name) {
    return Residual{config.positive((name + "_alpha_factor").str(), 1),
                    config.positive((name + "_beta_factor").str(), 1)};
  };
  full = factors("full_attn");
  linear = factors("linear_attn");
  perceptron = factors("mlp");
  tied = config.flag("tie_word_embeddings", false);
  kinds = config.choices("layer_types", {"full_attention", "linear_attention"});
  if (!kinds.empty() && int64_t(kinds.size()) != depth)
    config.fail("layer_types",
                "one for each of the " + Twine(depth) + " layers");
  for (int64_t layer = kinds.size(); layer < depth; ++layer)
    kinds.push_back(layer % 2 ? "linear_attention" : "full_attention");
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("batch * num_attention_heads * head_dim * head_dim",
                      {model.batch, attention.heads, attention.D, attention.D});
  experts.checkProducts(config, "intermediate_size", C);
  // Of training, or of the way to compute. Angles have no greatest position.
  config.ignore({"attention_dropout", "initializer_range", "block_size",
                 "max_position_embeddings", "output_router_logits",
                 "router_aux_loss_coef", "router_jitter_noise"});
  if (tied)
    model.ignoreWeight("lm_head.weight");
  // What slope_rate makes of a block's times.
  for (auto [layer, kind] : llvm::enumerate(kinds))
    for (StringRef name : {"query_decay", "key_decay", "diagonal_decay"})
      if (kind == "linear_attention")
        model.ignoreWeight((tensors.prefix + "layers." + Twine(layer) +
                            ".self_attn." + name)
                               .str());
}

/// Lightning attention, section 2.2.1, with a decay exp(-slope) of each head:
///
///   q, k, v = silu(W x)        S_t = exp(-slope) S_{t-1} + k_t v_tᵀ
///   W_out (σ(W_g x) ⊙ norm(S_tᵀ q_t))
Value MiniMax::lightning(Tensors tensors, Value x) {
  int64_t H = attention.heads, D = attention.D;
  Value all = tensors.linear("qkv_proj", x, 3 * H * D, /*bias=*/false);
  all = splitHeads(b, activation(b, experts.act, all), H);
  Value query = channels(b, all, 0, D), key = channels(b, all, D, D),
        value = channels(b, all, 2 * D, D);
  Value slope = tensor::CollapseShapeOp::create(
      b, tensors.weight("slope_rate", {H, 1, 1}),
      ArrayRef<ReassociationIndices>{{0, 1, 2}});
  // The same at all times.
  Value decay =
      structured(b, "btk,h->bth", {channels(b, x, 0, 1), slope},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::SubFOp::create(b, v[2], v[1]);
                 });
  Value y = joinHeads(b, causalProducts(b, query, key, value, decay));
  y = tensors.rmsNorm("norm", y, /*epsilon=*/1e-6);
  Value gate = tensors.linear("output_gate", x, H * D, /*bias=*/false);
  return tensors.linear("out_proj", gated(b, "sigmoid", gate, y), C,
                        /*bias=*/false);
}

Value MiniMax::addScaled(const Residual &factors, Value x, Value y) {
  return structured(
      b, "btc,btc->btc", {x, y},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::AddFOp::create(
            b, arith::MulFOp::create(b, v[0], constant(b, factors.alpha)),
            arith::MulFOp::create(b, v[1], constant(b, factors.beta)));
      });
}

Value MiniMax::block(StringRef kind, Value x, const Rotary &angles) {
  std::string layer = tensors.prefix + "layers.{}.";
  Tensors mixer{model, layer + "self_attn."},
      sparse{model, layer + "block_sparse_moe."};
  x = tensors.rmsNorm("layers.{}.input_layernorm", x, epsilon);
  x = kind == "full_attention"
          ? addScaled(full, x, attention.attend(mixer, x, &angles))
          : addScaled(linear, x, lightning(mixer, x));
  x = tensors.rmsNorm("layers.{}.post_attention_layernorm", x, epsilon);
  return addScaled(perceptron, x, experts.mix(sparse, x));
}

Value MiniMax::body(Value ids) {
  Rotary angles = rotary(b, positions(b, ids), frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}));
  return model.stack(kinds, {x, angles.cos, angles.sin},
                     [&](StringRef kind, ValueRange inputs) {
                       return block(kind, inputs[0], {inputs[1], inputs[2]});
                     });
}

static llvm::Expected<ModelFacts> buildMiniMax(Config &config, Model &model) {
  MiniMax miniMax(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  Tensors &tensors = miniMax.tensors;
  bool hasHead = !tensors.prefix.empty();
  return addDecoder(
      model, miniMax.V, hasHead, [&](Value ids) { return miniMax.body(ids); },
      [&](Value x) { return tensors.rmsNorm("norm", x, miniMax.epsilon); },
      [&](Value x) {
        SmallVector<int64_t> shape{miniMax.V, miniMax.C};
        return linear(model.b, x,
                      miniMax.tied ? tensors.weight("embed_tokens.weight", shape)
                                   : model.weight("lm_head.weight", shape));
      });
}

void seqc::registerMiniMax(Families &families) {
  families.push_back(
      {"minimax",
       "transformers MiniMaxForCausalLM, MiniMaxModel; Li et al., "
       "arXiv:2501.08313",
       "layer_types, num_key_value_heads, head_dim, sliding_window, "
       "num_local_experts, num_experts_per_tok, full_attn_alpha_factor and its "
       "like, rope_parameters, hidden_act, tie_word_embeddings",
       buildMiniMax});
}
