//===- Bert.cpp - BERT ---------------------------------------------------===//
//
// Devlin et al., arXiv:1810.04805, as transformers' BertModel. Models with a
// head of their own have the prefix "bert." in the tensors' names.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../Layers.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
/// Sizes with the letters of the paper, where it has one.
struct Bert {
  Bert(Config &config, Model &model);

  Value embed(Value ids, Value types);
  Value block(Value x, Value keyMask);
  Value attend(Value x, Value keyMask);
  Value pool(Value x);

  Value weight(const Twine &name, ArrayRef<int64_t> shape) {
    return model.weight((prefix + name).str(), shape);
  }
  Value norm(const Twine &name, Value x) {
    return layerNorm(b, x, weight(name + ".weight", {H}),
                     weight(name + ".bias", {H}), epsilon);
  }
  Value project(const Twine &name, Value x, int64_t from, int64_t to) {
    return linear(b, x, weight(name + ".weight", {to, from}),
                  weight(name + ".bias", {to}));
  }

  Model &model;
  ImplicitLocOpBuilder &b;
  int64_t V; // vocabulary
  int64_t H; // channels of the model
  int64_t A; // heads
  int64_t L; // layers
  int64_t inner, positions, types;
  double epsilon;
  std::string act, prefix;
};
} // namespace

Bert::Bert(Config &config, Model &model) : model(model), b(model.b) {
  V = config.size("vocab_size");
  H = config.size("hidden_size");
  A = config.size("num_attention_heads");
  L = config.size("num_hidden_layers");
  inner = config.size("intermediate_size");
  positions = config.size("max_position_embeddings", 512);
  types = config.size("type_vocab_size", 2);
  epsilon = config.fraction("layer_norm_eps", 1e-12);
  act = config.choice("hidden_act", activationNames("gelu"));
  if (H % A != 0)
    config.fail("num_attention_heads",
                "a divisor of hidden_size = " + Twine(H));
  config.choice("position_embedding_type", {"absolute"});
  for (StringRef key : {"is_decoder", "add_cross_attention"})
    if (config.flag(key, false))
      config.fail(key, "false");
  config.checkProduct("vocab_size * hidden_size", {V, H});
  config.checkProduct("max_position_embeddings * hidden_size", {positions, H});
  config.checkProduct("intermediate_size * hidden_size", {inner, H});
  config.checkProduct("hidden_size * hidden_size", {3, H, H});
  // Of training, or of heads that are not part of the model.
  config.ignore({"attention_probs_dropout_prob", "classifier_dropout",
                 "gradient_checkpointing", "hidden_dropout_prob",
                 "initializer_range", "tie_word_embeddings"});
  prefix = model.hasWeight("embeddings.word_embeddings.weight") ? "" : "bert.";
  model.ignoreWeight(prefix + "embeddings.position_ids");
}

Value Bert::embed(Value ids, Value types) {
  Value words =
      embedding(b, ids, weight("embeddings.word_embeddings.weight", {V, H}));
  Value kinds = embedding(
      b, types,
      weight("embeddings.token_type_embeddings.weight", {this->types, H}));
  Value rows = firstRows(
      b, weight("embeddings.position_embeddings.weight", {positions, H}), ids);
  Value x = addRows(b, add(b, words, kinds), rows);
  return norm("embeddings.LayerNorm", x);
}

/// Attention, then a perceptron of two layers; each adds to its input, and is
/// normalised afterwards.
Value Bert::block(Value x, Value keyMask) {
  StringRef layer = "encoder.layer.{}.";
  Value attended =
      project(layer + "attention.output.dense", attend(x, keyMask), H, H);
  x = norm(layer + "attention.output.LayerNorm", add(b, attended, x));
  Value wide =
      activation(b, act, project(layer + "intermediate.dense", x, H, inner));
  Value narrow = project(layer + "output.dense", wide, inner, H);
  return norm(layer + "output.LayerNorm", add(b, narrow, x));
}

Value Bert::attend(Value x, Value keyMask) {
  auto heads = [&](StringRef name) {
    return splitHeads(
        b, project("encoder.layer.{}.attention.self." + name, x, H, H), A);
  };
  Value query = heads("query"), key = heads("key"), value = heads("value");
  return attention(b, query, key, value, seq::MaskAttr::getFull(b.getContext()),
                   1 / std::sqrt(double(H / A)), keyMask);
}

/// tanh of a linear layer of the first token.
Value Bert::pool(Value x) {
  return math::TanhOp::create(b,
                              project("pooler.dense", firstTime(b, x), H, H));
}

static llvm::Expected<ModelFacts> buildBert(Config &config, Model &model) {
  Bert bert(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  auto type = RankedTensorType::get({model.batch, ShapedType::kDynamic},
                                    model.b.getI64Type());
  SmallVector<StringRef> results{"last_hidden_state"};
  bool hasPooler = model.hasWeight(bert.prefix + "pooler.dense.weight");
  if (hasPooler)
    results.push_back("pooler_output");
  model.entryPoint("forward",
                   {{"input_ids", type, bert.V},
                    {"attention_mask", type},
                    {"token_type_ids", type, bert.types}},
                   results, [&](ValueRange inputs) {
                     Value x = bert.embed(inputs[0], inputs[2]);
                     x = model.layers("layer", {0, bert.L},
                                      {x, isNonzero(model.b, inputs[1])},
                                      [&](ValueRange inputs) -> Model::Values {
                                        return {
                                            bert.block(inputs[0], inputs[1])};
                                      });
                     Model::Values outputs{x};
                     if (hasPooler)
                       outputs.push_back(bert.pool(x));
                     return outputs;
                   });
  return ModelFacts();
}

void seqc::registerBert(Families &families) {
  families.push_back({"bert",
                      "transformers BertModel; Devlin et al., arXiv:1810.04805",
                      "hidden_act", buildBert});
}
