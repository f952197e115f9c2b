//===- Rnn.cpp - stacked RNN, LSTM and GRU -------------------------------===//
//
// torch.nn.RNN, LSTM and GRU with PyTorch's names of tensors, and optionally an
// embedding of tokens in front and a linear head behind. docs/Models.md has the
// keys of the config, which are ours.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
enum class Cell { Rnn, Lstm, Gru };

class Recurrent {
public:
  Recurrent(Cell cell, Config &config, Model &model);
  ModelFacts build();

private:
  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t width() const { return directions() * outputSize; }
  /// The output of one direction of a layer and its final states.
  Model::Values direction(Value x, bool reverse);
  /// The output of a layer and its final states [directions, B, …].
  Model::Values layer(Value x);
  /// The output of all layers and their final states [layers · directions, B,
  /// …].
  Model::Values stack(Value x);
  Value head(Value x);

  Cell cell;
  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t vocabulary; // 0: the input is embedded already
  int64_t inputSize, hiddenSize, depth;
  int64_t outputSize; // of one direction of a layer
  int64_t headSize;   // 0: no head
  bool bidirectional, bias, headBias, tied, projected;
  seq::RnnActivation activation = seq::RnnActivation::tanh;
  std::string prefix;
};
} // namespace

Recurrent::Recurrent(Cell cell, Config &config, Model &model)
    : cell(cell), model(model), b(model.b) {
  vocabulary = config.sizeOrNone("vocab_size");
  if (vocabulary && config.has("embedding_size")) {
    inputSize = config.size("embedding_size");
    if (config.size("input_size", inputSize) != inputSize)
      config.fail("input_size", "embedding_size = " + Twine(inputSize));
  } else {
    inputSize = config.size("input_size");
    if (config.sizeOrNone("embedding_size"))
      config.fail("vocab_size", "a size, as there is an embedding_size");
  }
  hiddenSize = config.size("hidden_size");
  depth = config.size("num_layers", 1);
  bidirectional = config.flag("bidirectional", false);
  bias = config.flag("bias", true);
  int64_t projection = cell == Cell::Lstm ? config.sizeOrNone("proj_size") : 0;
  projected = projection != 0;
  if (projection >= hiddenSize)
    config.fail("proj_size", "less than hidden_size = " + Twine(hiddenSize));
  outputSize = projected ? projection : hiddenSize;
  if (cell == Cell::Rnn &&
      config.choice("nonlinearity", {"tanh", "relu"}) == "relu")
    activation = seq::RnnActivation::relu;

  tied = config.flag("tie_word_embeddings", false);
  headSize = config.sizeOrNone("output_size");
  if (tied) {
    if (!vocabulary || width() != inputSize)
      config.fail("tie_word_embeddings",
                  "false where the embedding has not as many channels as the "
                  "last layer's output, " +
                      Twine(width()));
    if (headSize && headSize != vocabulary)
      config.fail("output_size", "vocab_size = " + Twine(vocabulary) +
                                     ", as the head is tied");
    headSize = vocabulary;
  }
  headBias = config.flag("output_bias", true);
  if (!config.flag("batch_first", true))
    config.fail("batch_first", "true");
  config.ignore({"dropout"});
  config.checkProduct("gates * hidden_size * input_size",
                      {4, hiddenSize, std::max(inputSize, width())});
  config.checkProduct("layers * batch * hidden_size",
                      {directions(), depth, model.batch, hiddenSize});
  config.checkProduct("vocab_size * embedding_size", {vocabulary, inputSize});
  config.checkProduct("output_size * hidden_size", {headSize, width()});

  StringRef name = cell == Cell::Rnn    ? "rnn."
                   : cell == Cell::Lstm ? "lstm."
                                        : "gru.";
  prefix = model.hasWeight((name + "weight_ih_l0").str()) ? name : "";
}

Model::Values Recurrent::direction(Value x, bool reverse) {
  int64_t gates = cell == Cell::Rnn ? 1 : cell == Cell::Lstm ? 4 : 3;
  int64_t rows = gates * hiddenSize;
  int64_t channels = cast<RankedTensorType>(x.getType()).getDimSize(2);
  auto weight = [&](StringRef name, ArrayRef<int64_t> shape) {
    return model.weight(
        prefix + name.str() + "_l{}" + (reverse ? "_reverse" : ""), shape);
  };
  Value w = weight("weight_ih", {rows, channels});
  Value r = weight("weight_hh", {rows, outputSize});
  Value bw = bias ? weight("bias_ih", {rows}) : Value();
  Value br = bias ? weight("bias_hh", {rows}) : Value();
  Value h = zeros(b, {model.batch, outputSize});
  RankedTensorType type = model.sequence(outputSize);

  if (cell == Cell::Rnn)
    return Model::Values(seq::RnnOp::create(b, type, h.getType(), x, w, r, bw,
                                            br, h, activation, reverse)
                             .getResults());
  if (cell == Cell::Gru)
    return Model::Values(seq::GruOp::create(b, type, h.getType(), x, w, r, bw,
                                            br, h, /*reset_before=*/false,
                                            reverse)
                             .getResults());
  Value q = projected ? weight("weight_hr", {outputSize, hiddenSize}) : Value();
  Value c = zeros(b, {model.batch, hiddenSize});
  return Model::Values(seq::LstmOp::create(b, type, h.getType(), c.getType(), x,
                                           w, r, bw, br, q, h, c, reverse)
                           .getResults());
}

Model::Values Recurrent::layer(Value x) {
  // [B, …] as [1, B, …]
  auto expand = [&](Value state) -> Value {
    auto type = cast<RankedTensorType>(state.getType());
    return tensor::ExpandShapeOp::create(
        b,
        RankedTensorType::get({1, type.getDimSize(0), type.getDimSize(1)},
                              type.getElementType()),
        state, ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  };
  Model::Values results = direction(x, /*reverse=*/false);
  for (Value &state : llvm::drop_begin(results))
    state = expand(state);
  if (!bidirectional)
    return results;
  Model::Values reversed = direction(x, /*reverse=*/true);
  for (Value &state : llvm::drop_begin(reversed))
    state = expand(state);
  for (auto [number, pair] :
       llvm::enumerate(llvm::zip_equal(results, reversed))) {
    auto &[forward, backward] = pair;
    forward = tensor::ConcatOp::create(b, /*dim=*/number == 0 ? 2 : 0,
                                       ValueRange{forward, backward});
  }
  return results;
}

Model::Values Recurrent::stack(Value x) {
  int64_t states = model.countLayers(depth) * directions();
  auto empty = [&](int64_t channels) -> Value {
    return tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{states, model.batch, channels}, b.getF32Type());
  };
  Model::Values finals{empty(outputSize)};
  if (cell == Cell::Lstm)
    finals.push_back(empty(hiddenSize));
  auto run = [&](StringRef name, Model::LayerRange range) {
    x = model.layers(name, range, x, finals,
                     [&](ValueRange x) { return layer(x[0]); });
  };
  // The first layer has weights of its own shape, unless its input is as wide
  // as the others'.
  if (inputSize == width() || depth == 1) {
    run("layer", {0, depth});
  } else {
    run("first_layer", {0, 1});
    run("layer", {1, depth - 1});
  }
  Model::Values results{x};
  results.append(finals);
  return results;
}

Value Recurrent::head(Value x) {
  Value matrix = model.weight(tied ? "embedding.weight" : "head.weight",
                              {headSize, width()});
  return linear(b, x, matrix,
                headBias ? model.weight("head.bias", {headSize}) : Value());
}

ModelFacts Recurrent::build() {
  auto idsType = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                       b.getI64Type());
  Model::Input input{"inputs_embeds", model.sequence(inputSize)};
  if (vocabulary)
    input = {"input_ids", idsType, vocabulary};
  func::FuncOp body =
      model.function("body", input.type, [&](ValueRange arguments) {
        Value x = arguments[0];
        if (vocabulary)
          x = embedding(
              b, x, model.weight("embedding.weight", {vocabulary, inputSize}));
        return stack(x);
      });

  SmallVector<StringRef> names{headSize ? "logits" : "last_hidden_state",
                               "h_n"};
  if (cell == Cell::Lstm)
    names.push_back("c_n");
  model.entryPoint("forward", input, names, [&](ValueRange arguments) {
    Model::Values results(model.call(body, arguments));
    if (headSize)
      results[0] = head(results[0]);
    return results;
  });
  if (!vocabulary || headSize != vocabulary || bidirectional)
    return ModelFacts();
  model.entryPoint("last", input, {"logits"},
                   [&](ValueRange arguments) -> Model::Values {
                     Value x = model.call(body, arguments)[0];
                     return {head(lastTime(b, x))};
                   });
  return ModelFacts{vocabulary};
}

static llvm::Expected<ModelFacts> buildRecurrent(Cell cell, Config &config,
                                                 Model &model) {
  Recurrent recurrent(cell, config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return recurrent.build();
}

static llvm::Expected<ModelFacts> buildRnn(Config &config, Model &model) {
  return buildRecurrent(Cell::Rnn, config, model);
}
static llvm::Expected<ModelFacts> buildLstm(Config &config, Model &model) {
  return buildRecurrent(Cell::Lstm, config, model);
}
static llvm::Expected<ModelFacts> buildGru(Config &config, Model &model) {
  return buildRecurrent(Cell::Gru, config, model);
}

void seqc::registerRnn(Families &families) {
  families.push_back({"gru", "torch.nn.GRU; Cho et al., arXiv:1406.1078",
                      "num_layers, bidirectional, bias, vocab_size, "
                      "output_size, output_bias, tie_word_embeddings",
                      buildGru});
  families.push_back(
      {"lstm", "torch.nn.LSTM; Hochreiter and Schmidhuber, 1997",
       "num_layers, bidirectional, bias, vocab_size, output_size, output_bias, "
       "tie_word_embeddings, proj_size",
       buildLstm});
  families.push_back(
      {"rnn", "torch.nn.RNN; Elman, 1990",
       "num_layers, bidirectional, bias, vocab_size, output_size, output_bias, "
       "tie_word_embeddings, nonlinearity",
       buildRnn});
}
