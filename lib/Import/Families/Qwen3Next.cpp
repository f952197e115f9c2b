//===- Qwen3Next.cpp - Qwen3-Next ----------------------------------------===//
//
// Gated DeltaNet (Yang et al., arXiv:2412.06464) and gated attention (Qiu et
// al., arXiv:2505.06708) in turns, as transformers' Qwen3NextForCausalLM, or
// Qwen3NextModel, which has no head and no prefix "model.".
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../LinearAttention.h"
#include "../Moe.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct Qwen3Next {
  Qwen3Next(Config &config, Model &model);

  Value body(Value ids);
  Value attend(Tensors tensors, Value x, const Rotary &angles);
  Value deltaNet(Tensors tensors, Value x);
  Value decay(Tensors tensors, Value x);
  Value mixture(Tensors tensors, Value x);
  Value norm(const Twine &name, Value x) {
    return tensors.rmsNormFromOne(name, x, epsilon);
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  MixtureOfExperts experts;
  std::vector<std::string> kinds; // of the layers, with "_moe" for experts
  int64_t V;                      // vocabulary
  int64_t C;                      // channels of the model
  int64_t heads, keyHeads, D;     // attention: heads and their channels
  int64_t Hk, Hv, K, E;           // Gated DeltaNet: the same of k and v
  int64_t W;                      // taps of its convolution
  int64_t inner, sharedInner;
  double epsilon;
  bool bias, tied;
  SmallVector<float> frequencies;

private:
  void readLayers(Config &config);
};
} // namespace

Qwen3Next::Qwen3Next(Config &config, Model &model)
    : model(model),
      b(model.b), tensors{model, model.hasWeight("embed_tokens.weight")
                                     ? ""
                                     : "model."} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  heads = config.size("num_attention_heads", 16);
  keyHeads = config.size("num_key_value_heads", 2);
  if (heads % keyHeads != 0)
    config.fail("num_key_value_heads",
                "a divisor of num_attention_heads = " + Twine(heads));
  D = config.size("head_dim", 256);
  frequencies = readRotary(config, D, /*theta=*/10000, /*share=*/0.25);
  Hk = config.size("linear_num_key_heads", 16);
  Hv = config.size("linear_num_value_heads", 32);
  if (Hv % Hk != 0)
    config.fail("linear_num_value_heads",
                "a multiple of linear_num_key_heads = " + Twine(Hk));
  K = config.size("linear_key_head_dim", 128);
  E = config.size("linear_value_head_dim", 128);
  W = config.size("linear_conv_kernel_dim", 4);
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  bias = config.flag("attention_bias", false);
  inner = config.size("intermediate_size", 5632);
  // Also what follows the convolution.
  experts.act = config.choice("hidden_act", {"silu", "swish"});
  tied = config.flag("tie_word_embeddings", false);
  readLayers(config);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("num_attention_heads * head_dim * hidden_size",
                      {4, heads, D, C});
  config.checkProduct("linear heads * linear head sizes * hidden_size",
                      {4, Hv, std::max(K, E), C});
  config.checkProduct("batch * linear heads * linear head sizes",
                      {model.batch, Hv, K, E});
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  // Of training, or of the way to compute. Angles have no greatest position.
  config.ignore({"attention_dropout", "initializer_range",
                 "max_position_embeddings", "output_router_logits",
                 "router_aux_loss_coef"});
  if (tied)
    model.ignoreWeight("lm_head.weight");
}

void Qwen3Next::readLayers(Config &config) {
  int64_t depth = config.size("num_hidden_layers");
  kinds = config.choices("layer_types", {"full_attention", "linear_attention"});
  int64_t interval = config.size("full_attention_interval", 4);
  if (!kinds.empty() && int64_t(kinds.size()) != depth)
    config.fail("layer_types",
                "one for each of the " + Twine(depth) + " layers");
  depth = model.limitCount(depth);
  for (int64_t layer = kinds.size(); layer < depth; ++layer)
    kinds.push_back((layer + 1) % interval ? "linear_attention"
                                           : "full_attention");
  std::vector<int64_t> dense = config.integers("mlp_only_layers");
  int64_t step = config.size("decoder_sparse_step", 1);
  if (config.has("num_experts") && config.sizeOrNone("num_experts") == 0) {
    config.ignore({"num_experts_per_tok", "moe_intermediate_size",
                   "shared_expert_intermediate_size", "norm_topk_prob"});
    return;
  }
  experts.read(config, "num_experts", 512, 10);
  experts.inner = config.size("moe_intermediate_size", 512);
  sharedInner = config.size("shared_expert_intermediate_size", 512);
  experts.normalised = config.flag("norm_topk_prob", true);
  experts.checkProducts(config, "moe_intermediate_size", C);
  config.checkProduct("shared_expert_intermediate_size * hidden_size",
                      {2, sharedInner, C});
  for (int64_t layer = 0; layer < depth; ++layer)
    if (!llvm::is_contained(dense, layer) && (layer + 1) % step == 0)
      kinds[layer] += "_moe";
}

/// Attention whose output is gated: W_o (σ(g) ⊙ attend(q, k, v)), where the
/// projection of queries gives each head's g too.
Value Qwen3Next::attend(Tensors tensors, Value x, const Rotary &angles) {
  auto part = [&](StringRef name, int64_t count) {
    return tensors.linear(name, x, count, bias);
  };
  Value both = splitHeads(b, part("q_proj", heads * 2 * D), heads);
  Value gate = joinHeads(b, channels(b, both, D, D));
  auto turn = [&](StringRef name, Value x) {
    return rotate(b, tensors.rmsNormFromOne(name, x, epsilon), angles);
  };
  Value query = turn("q_norm", channels(b, both, 0, D));
  Value key =
      turn("k_norm", splitHeads(b, part("k_proj", keyHeads * D), keyHeads));
  Value value = splitHeads(b, part("v_proj", keyHeads * D), keyHeads);
  Value y =
      attention(b, query, key, value, seq::MaskAttr::getCausal(b.getContext()),
                1 / std::sqrt(double(D)));
  return tensors.linear("o_proj", gated(b, "sigmoid", gate, y), C, bias);
}

/// g = -exp(A_log) softplus(a + dt_bias) of each value head.
Value Qwen3Next::decay(Tensors tensors, Value x) {
  return structured(
      b, "bth,h,h->bth",
      {x, tensors.weight("dt_bias", {Hv}), tensors.weight("A_log", {Hv})},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value delta = softplus(b, arith::AddFOp::create(b, v[0], v[1]));
        Value rate = arith::NegFOp::create(b, math::ExpOp::create(b, v[2]));
        return arith::MulFOp::create(b, rate, delta);
      });
}

/// Gated DeltaNet, section 3.4:
///
///   q, k, v, z, b, a = W x        q, k, v := silu(conv(q, k, v))
///   W_out (norm(linearAttention(q / |q|, k / |k|, v, g(a), σ(b))) ⊙ silu(z))
///
/// Projections are ordered by key heads, each with its value heads.
Value Qwen3Next::deltaNet(Tensors tensors, Value x) {
  int64_t group = Hv / Hk;
  Value all =
      splitHeads(b,
                 tensors.linear("in_proj_qkvz", x, 2 * Hk * K + 2 * Hv * E,
                                /*bias=*/false),
                 Hk);
  auto part = [&](int64_t begin, int64_t size) {
    return joinHeads(b, channels(b, all, begin, size));
  };
  Value mixed = tensor::ConcatOp::create(
      b, /*dim=*/2, ValueRange{part(0, K), part(K, K), part(2 * K, group * E)});
  Value z = part(2 * K + group * E, group * E);
  mixed = tensors.shortConvolution("conv1d", mixed, W, /*bias=*/false);
  auto normal = [&](int64_t begin) {
    Value heads = splitHeads(b, channels(b, mixed, begin, Hk * K), Hk);
    return l2Norm(b, heads, 1e-6);
  };
  Value query = normal(0), key = normal(Hk * K);
  Value value = splitHeads(b, channels(b, mixed, 2 * Hk * K, Hv * E), Hv);

  Value gates = splitHeads(
      b, tensors.linear("in_proj_ba", x, 2 * Hv, /*bias=*/false), Hk);
  Value beta =
      activation(b, "sigmoid", joinHeads(b, channels(b, gates, 0, group)));
  Value g = decay(tensors, joinHeads(b, channels(b, gates, group, group)));
  Value y = linearAttention(b, query, key, value, g, beta);
  y = joinHeads(b, tensors.rmsNorm("norm", y, epsilon));
  return tensors.linear("out_proj", gated(b, "silu", z, y), C, /*bias=*/false);
}

/// Experts, and one for all tokens: σ(w · x) shared(x).
Value Qwen3Next::mixture(Tensors tensors, Value x) {
  Tensors shared{model, tensors.prefix + "shared_expert."};
  Value common =
      gatedPerceptron(shared, x, sharedInner, experts.act, /*bias=*/false);
  Value share = tensor::CollapseShapeOp::create(
      b,
      activation(b, "sigmoid",
                 tensors.linear("shared_expert_gate", x, 1, /*bias=*/false)),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  return structured(b, "btc,bt,btc->btc",
                    {common, share, experts.mix(tensors, x)}, multiplyAdd);
}

Value Qwen3Next::body(Value ids) {
  Rotary angles = rotary(b, positions(b, ids), frequencies);
  Value x = embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}));
  return model.stack(
      kinds, {x, angles.cos, angles.sin},
      [&](StringRef kind, ValueRange inputs) {
        std::string layer = tensors.prefix + "layers.{}.";
        bool sparse = kind.consume_back("_moe");
        Tensors perceptron{model, layer + "mlp."};
        return transformerBlock(
            b, NormOrder::before, inputs[0],
            [&](Value x) { return norm("layers.{}.input_layernorm", x); },
            [&](Value x) {
              return kind == "full_attention"
                         ? attend({model, layer + "self_attn."}, x,
                                  {inputs[1], inputs[2]})
                         : deltaNet({model, layer + "linear_attn."}, x);
            },
            [&](Value x) {
              return norm("layers.{}.post_attention_layernorm", x);
            },
            [&](Value x) {
              return sparse ? mixture(perceptron, x)
                            : gatedPerceptron(perceptron, x, inner, experts.act,
                                              /*bias=*/false);
            });
      });
}

static llvm::Expected<ModelFacts> buildQwen3Next(Config &config, Model &model) {
  Qwen3Next qwen(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  Tensors &tensors = qwen.tensors;
  bool hasHead = !tensors.prefix.empty();
  return addDecoder(
      model, qwen.V, hasHead, [&](Value ids) { return qwen.body(ids); },
      [&](Value x) { return qwen.norm("norm", x); },
      [&](Value x) {
        SmallVector<int64_t> shape{qwen.V, qwen.C};
        return linear(model.b, x,
                      qwen.tied ? tensors.weight("embed_tokens.weight", shape)
                                : model.weight("lm_head.weight", shape));
      });
}

void seqc::registerQwen3Next(Families &families) {
  families.push_back(
      {"qwen3_next",
       "transformers Qwen3NextForCausalLM, Qwen3NextModel; Yang et al., "
       "arXiv:2412.06464",
       "layer_types, linear_num_key_heads, linear_num_value_heads, "
       "linear_key_head_dim, linear_value_head_dim, linear_conv_kernel_dim, "
       "num_key_value_heads, head_dim, num_experts, num_experts_per_tok, "
       "norm_topk_prob, decoder_sparse_step, mlp_only_layers, "
       "rope_parameters, attention_bias, tie_word_embeddings",
       buildQwen3Next});
}
