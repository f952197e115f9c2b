//===- RecurrentGemma.cpp - Griffin as RecurrentGemma --------------------===//
//
// De et al., arXiv:2402.19427, and Botev et al., arXiv:2404.07839, as
// transformers' RecurrentGemmaForCausalLM, or RecurrentGemmaModel, which has no
// head and no prefix "model." in its tensors' names.
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
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
  Value recurrent(Value x, Value positions);
  Value gate(StringRef name, Value x);
  Value unit(Value x, Value positions);
  Value norm(StringRef name, Value x) {
    return tensors.rmsNormFromOne(name, x, epsilon);
  }
  Value head(Value x);

  Model &model;
  ImplicitLocOpBuilder &b;
  Tensors tensors;
  GroupedAttention attention;
  std::vector<std::string> kinds; // of the layers
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t E; // channels of the recurrent unit
  int64_t W; // taps of the convolution
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
  int64_t depth = config.size("num_hidden_layers");
  attention = GroupedAttention::read(config, C);
  attention.bias = config.flag("attention_bias", false);
  attention.outputBias = true;
  attention.window = config.size("attention_window_size", 2048);
  if (*attention.window > seq::MaskAttr::kMostSize)
    config.fail("attention_window_size", "at most 2^30 tokens");
  frequencies = readRotary(config, attention.D, /*theta=*/10000,
                           /*share=*/0.5);
  E = config.size("lru_width", C);
  if (E % attention.heads != 0)
    config.fail("lru_width", "a multiple of num_attention_heads = " +
                                 Twine(attention.heads));
  W = config.size("conv1d_width", 4);
  inner = std::max<int64_t>(config.size("intermediate_size", 3 * C) / 2, 1);
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  softCap = config.positive("logits_soft_cap", 30);
  act = config.choice("hidden_activation",
                      activationNames("gelu_pytorch_tanh"));
  tied = config.flag("tie_word_embeddings", true);
  std::vector<std::string> pattern =
      config.choices("block_types", {"recurrent", "attention"});
  if (pattern.empty())
    pattern = {"recurrent", "recurrent", "attention"};
  for (int64_t layer = 0; layer < depth; ++layer)
    kinds.push_back(pattern[layer % pattern.size()]);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  config.checkProduct("lru_width * hidden_size", {E, std::max(C, E)});
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
        return kind == "attention"
                   ? attention.attend(mixer, x, &shared.angles)
                   : recurrent(x, shared.positions);
      },
      [&](Value x) { return norm("layers.{}.channel_pre_norm", x); },
      [&](Value x) {
        return gatedPerceptron(perceptron, x, inner, act, /*bias=*/true);
      });
}

/// Griffin's recurrent block, section 2.3: W_out (act(W_y x) ⊙ unit(conv(W_x x)))
Value RecurrentGemma::recurrent(Value x, Value positions) {
  std::string layer = "layers.{}.temporal_block.";
  Value side = activation(b, act, tensors.linear(layer + "linear_y", x, E));
  Value u = tensors.linear(layer + "linear_x", x, E);
  Value taps = tensor::CollapseShapeOp::create(
      b, tensors.weight(layer + "conv_1d.weight", {E, 1, W}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  Value window = zeros(b, {model.batch, W - 1, E});
  u = seq::CausalConvOp::create(b, u.getType(), window.getType(), u, taps,
                                tensors.weight(layer + "conv_1d.bias", {E}),
                                window, seq::ConvActivation::none)
          .getOutput();
  Value y = arith::MulFOp::create(b, unit(u, positions), side);
  return tensors.linear(layer + "linear_out", y, C);
}

/// sigmoid(W x + b), where W has a block for each head: equations (1) and (2).
Value RecurrentGemma::gate(StringRef name, Value x) {
  std::string tensor = "layers.{}.temporal_block.rg_lru." + name.str();
  int64_t heads = attention.heads, size = E / heads;
  Value product = structured(
      b, "bthk,hkn->bthn",
      {splitHeads(b, x, heads),
       tensors.weight(tensor + "_weight", {heads, size, size})},
      multiplyAdd);
  Value y = structured(
      b, "bthn,hn->bthn",
      {product, tensors.weight(tensor + "_bias", {heads, size})},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return sigmoid(b, arith::AddFOp::create(b, v[0], v[1]));
      });
  return joinHeads(b, y);
}

/// The real-gated linear recurrent unit, equations (3) and (4), with the gates
/// r and i:
///
///   log a_t = -8 softplus(Λ) r_t
///   h_t = a_t h_{t-1} + sqrt(1 - a_t²) (i_t ⊙ x_t)     at time 0: i_0 ⊙ x_0
Value RecurrentGemma::unit(Value x, Value positions) {
  Value rate = structured(
      b, "c->c",
      tensors.weight("layers.{}.temporal_block.rg_lru.recurrent_param", {E}),
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::MulFOp::create(b, constant(b, -8), softplus(b, v[0]));
      });
  Value log = structured(b, "btc,c->btc", {gate("recurrent_gate", x), rate},
                         [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                           return arith::MulFOp::create(b, v[0], v[1]);
                         });
  Value input = structured(
      b, "btc,btc,btc,t->btc", {x, gate("input_gate", x), log, positions},
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        // 1 - a² = -expm1(2 log a)
        Value square = arith::AddFOp::create(b, v[2], v[2]);
        Value rest =
            arith::NegFOp::create(b, math::ExpM1Op::create(b, square));
        Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
        Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, v[3],
                                            zero);
        Value scale = arith::SelectOp::create(b, first, constant(b, 1),
                                              math::SqrtOp::create(b, rest));
        Value gated = arith::MulFOp::create(b, v[0], v[1]);
        return arith::MulFOp::create(b, gated, scale);
      });

  auto state = RankedTensorType::get({model.batch, E}, b.getF32Type());
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), x), b.getF32Type());
  Value start = zeros(b, state.getShape());
  auto recurrence = seq::RecurrenceOp::create(
      b, /*dim=*/1, /*reverse=*/false, ValueRange{log, input}, slots, start);
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getLoc();
  Block &step = recurrence.getBody().emplaceBlock();
  step.addArguments({state, state, state, state}, {loc, loc, loc, loc});
  b.setInsertionPointToStart(&step);
  Value a = math::ExpOp::create(b, step.getArgument(0));
  Value h = arith::MulFOp::create(b, a, step.getArgument(3));
  h = arith::AddFOp::create(b, h, step.getArgument(1));
  seq::YieldOp::create(b, ValueRange{h, h});
  return recurrence.getResult(0);
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
       "transformers RecurrentGemmaForCausalLM, RecurrentGemmaModel; De et al., "
       "arXiv:2402.19427, Botev et al., arXiv:2404.07839",
       "block_types, lru_width, conv1d_width, attention_window_size, "
       "num_key_value_heads, head_dim, rope_parameters, attention_bias, "
       "hidden_activation, logits_soft_cap, tie_word_embeddings",
       buildRecurrentGemma});
}
