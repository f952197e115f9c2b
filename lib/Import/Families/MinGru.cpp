//===- MinGru.cpp - minGRU and minLSTM -----------------------------------===//
//
// Feng et al., arXiv:2410.01201: recurrent layers whose gates do not see the
// state, so that the step is a mean of the state and a candidate,
//
//   minGRU    z = σ(W_z x), h' = (1 - z) h + z g(W_h x)             (3.1)
//   minLSTM   f = σ(W_f x), i = σ(W_i x), h' = (f h + i g(W_h x)) / (f + i)
//                                                                   (3.2)
//   g(x) = x + 1/2 where x ≥ 0, σ(x) elsewhere                      (B.3)
//
// in the model minLM of the package minGRU-pytorch, whose keys and names of
// tensors these are.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"
#include "../Structured.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
enum class Cell { Gru, Lstm };

struct MinLanguageModel {
  MinLanguageModel(Cell cell, Config &config, Model &model);

  Value block(Value x);
  Value convolve(Value x);
  Value mix(Value x);
  Value perceptron(Value x);
  Value head(Value x) {
    return linear(b, x, model.weight("to_logits.weight", {V, C}));
  }

  Value weight(const Twine &name, ArrayRef<int64_t> shape) {
    return model.weight(("layers.{}." + name).str(), shape);
  }
  /// torch's RMSNorm without an epsilon of its own takes that of f32.
  Value norm(Value x, Value weight) {
    return rmsNorm(b, x, weight, std::numeric_limits<float>::epsilon());
  }

  Cell cell;
  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t E; // channels of the state
  int64_t inner, depth;
  int64_t W; // taps of the convolution, 0: there is none
  bool projected;
};
} // namespace

MinLanguageModel::MinLanguageModel(Cell cell, Config &config, Model &model)
    : cell(cell), model(model), b(model.b) {
  V = config.size("num_tokens");
  C = config.size("dim");
  depth = config.size("depth");
  // Rounded down, as the package does.
  auto scaled = [&](StringRef key, double byDefault) {
    double factor = config.positive(key, byDefault);
    double size = double(C) * factor;
    if (size < 1 || size > std::numeric_limits<int32_t>::max()) {
      config.fail(key, "a number that leaves at least one channel of dim = " +
                           Twine(C));
      return std::pair<int64_t, double>(1, factor);
    }
    return std::pair<int64_t, double>(int64_t(size), factor);
  };
  auto [state, expansion] = scaled("expansion", 1.5);
  E = state;
  projected = expansion != 1;
  inner = scaled("ff_mult", 4).first;
  int64_t taps = config.size("conv_kernel_size", 3);
  W = config.flag("enable_conv", false) ? taps : 0;
  config.ignore({"dropout"});
  config.checkProduct("num_tokens * dim", {V, C});
  config.checkProduct("dim * dim * expansion", {3, C, E});
  config.checkProduct("dim * dim * ff_mult", {C, inner});
  config.checkProduct("dim * conv_kernel_size", {C, taps});
  config.checkProduct("batch * dim * expansion", {model.batch, E});
}

Value MinLanguageModel::block(Value x) {
  if (W)
    x = add(b, convolve(x), x);
  x = add(b, mix(norm(x, weight("1.weight", {C}))), x);
  return add(b, perceptron(norm(x, weight("3.weight", {C}))), x);
}

/// A causal convolution of each channel, then one of width 1 across them.
Value MinLanguageModel::convolve(Value x) {
  auto flat = [&](Value taps) -> Value {
    SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
    return tensor::CollapseShapeOp::create(b, taps, groups);
  };
  Value window = zeros(b, {model.batch, W - 1, C});
  Value y = seq::CausalConvOp::create(b, x.getType(), window.getType(), x,
                                      flat(weight("0.net.0.weight", {C, 1, W})),
                                      weight("0.net.0.bias", {C}), window,
                                      seq::ConvActivation::none)
                .getOutput();
  return linear(b, y, flat(weight("0.net.1.weight", {C, C, 1})),
                weight("0.net.1.bias", {C}));
}

/// g of one element.
static Value positivePart(ImplicitLocOpBuilder &b, Value x) {
  Value isPositive =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, x, constant(b, 0));
  return arith::SelectOp::create(b, isPositive,
                                 arith::AddFOp::create(b, x, constant(b, 0.5)),
                                 sigmoid(b, x));
}

Value MinLanguageModel::mix(Value x) {
  bool isLstm = cell == Cell::Lstm;
  int64_t parts = isLstm ? 3 : 2;
  StringRef name = isLstm ? "2.to_hidden_and_f_i_gate.weight"
                          : "2.to_hidden_and_gate.weight";
  Value all = linear(b, x, weight(name, {parts * E, C}));
  SmallVector<Value> inputs;
  for (int64_t part = 0; part < parts; ++part)
    inputs.push_back(channels(b, all, part * E, E));
  Value slots = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), inputs[0]), b.getF32Type());
  auto mixed =
      seq::RecurrenceOp::create(b, /*dim=*/1, /*reverse=*/false, inputs, slots,
                                zeros(b, {model.batch, E}));
  {
    OpBuilder::InsertionGuard guard(b);
    auto type = RankedTensorType::get({model.batch, E}, b.getF32Type());
    Block &step = mixed.getBody().emplaceBlock();
    for (int64_t i = 0; i < parts + 2; ++i)
      step.addArgument(type, b.getLoc());
    b.setInsertionPointToStart(&step);
    SmallVector<Value> operands(step.getArguments().take_front(parts));
    operands.push_back(step.getArguments().back());
    Value next =
        structured(b, isLstm ? "be,be,be,be->be" : "be,be,be->be", operands,
                   [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                     Value candidate = positivePart(b, v[0]);
                     Value keep, take, state = v[parts];
                     if (isLstm) {
                       // f / (f + i) = σ(log f - log i), which no small gates
                       // make 0 / 0.
                       Value ratio = arith::SubFOp::create(
                           b, softplus(b, arith::NegFOp::create(b, v[2])),
                           softplus(b, arith::NegFOp::create(b, v[1])));
                       keep = sigmoid(b, ratio);
                       take = sigmoid(b, arith::NegFOp::create(b, ratio));
                     } else {
                       take = sigmoid(b, v[1]);
                       keep = arith::SubFOp::create(b, constant(b, 1), take);
                     }
                     return arith::AddFOp::create(
                         b, arith::MulFOp::create(b, keep, state),
                         arith::MulFOp::create(b, take, candidate));
                   });
    seq::YieldOp::create(b, ValueRange{next, next});
  }
  Value y = mixed.getResult(0);
  return projected ? linear(b, y, weight("2.to_out.weight", {C, E})) : y;
}

Value MinLanguageModel::perceptron(Value x) {
  Value wide = linear(b, x, weight("4.0.weight", {inner, C}),
                      weight("4.0.bias", {inner}));
  return linear(b, activation(b, "gelu", wide),
                weight("4.2.weight", {C, inner}), weight("4.2.bias", {C}));
}

static llvm::Expected<ModelFacts> build(Cell cell, Config &config,
                                        Model &model) {
  MinLanguageModel lm(cell, config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return addDecoder(
      model, lm.V, /*hasHead=*/true,
      [&](Value ids) {
        Value x = embedding(model.b, ids,
                            model.weight("token_emb.weight", {lm.V, lm.C}));
        return model.layers(
            "layer", {0, lm.depth}, x,
            [&](ValueRange x) -> Model::Values { return {lm.block(x[0])}; });
      },
      [&](Value x) { return lm.norm(x, model.weight("norm.weight", {lm.C})); },
      [&](Value x) { return lm.head(x); });
}

static llvm::Expected<ModelFacts> buildMinGru(Config &config, Model &model) {
  return build(Cell::Gru, config, model);
}
static llvm::Expected<ModelFacts> buildMinLstm(Config &config, Model &model) {
  return build(Cell::Lstm, config, model);
}

void seqc::registerMinGru(Families &families) {
  constexpr StringLiteral options = "expansion, ff_mult, enable_conv";
  families.push_back({"mingru",
                      "minGRU-pytorch minLM; Feng et al., arXiv:2410.01201",
                      options, buildMinGru});
  families.push_back(
      {"minlstm",
       "minGRU-pytorch minLM with use_lstm; Feng et al., arXiv:2410.01201",
       options, buildMinLstm});
}
