//===- BertEncoder.cpp - BERT, and what differs from it in embeddings ----===//

#include "BertEncoder.h"
#include "Structured.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static constexpr EncoderNames kNames{
    "encoder.layer.{}.attention.self.query",
    "encoder.layer.{}.attention.self.key",
    "encoder.layer.{}.attention.self.value",
    "encoder.layer.{}.attention.output.dense",
    "encoder.layer.{}.attention.output.LayerNorm",
    "encoder.layer.{}.intermediate.dense",
    "encoder.layer.{}.output.dense",
    "encoder.layer.{}.output.LayerNorm"};

BertEncoder::BertEncoder(Config &config, Model &model, StringRef prefix,
                         const Architectures &architectures)
    : model(model),
      encoder(model,
              model.hasWeight("embeddings.word_embeddings.weight") ? ""
                                                                   : prefix,
              kNames),
      classifies(hasClassifier(config, architectures)) {
  // As in the first checkpoints.
  if (model.hasWeight(encoder.tensors.prefix + "embeddings.LayerNorm.gamma")) {
    encoder.tensors.scale = "gamma";
    encoder.tensors.shift = "beta";
  }
  V = config.size("vocab_size");
  encoder.readSizes(config);
  positions = config.size("max_position_embeddings", 512);
  types = config.size("type_vocab_size", 2);
  labels = classifies ? config.labels() : 0;
  config.choice("position_embedding_type", {"absolute"});
  for (StringRef key : {"is_decoder", "add_cross_attention"})
    if (config.flag(key, false))
      config.fail(key, "false");
  config.checkProduct("vocab_size * hidden_size", {V, encoder.H});
  config.checkProduct("max_position_embeddings * hidden_size",
                      {positions, encoder.H});
  // Of training, or of heads that are not part of the model.
  config.ignore({"classifier_dropout", "tie_word_embeddings"});
  model.ignoreWeight(encoder.tensors.prefix + "embeddings.position_ids");
}

Value BertEncoder::embed(Value ids, Value types, Value positions) {
  ImplicitLocOpBuilder &b = model.b;
  Tensors &tensors = encoder.tensors;
  int64_t H = encoder.H;
  Value words = embedding(
      b, ids, tensors.weight("embeddings.word_embeddings.weight", {V, H}));
  Value kinds =
      embedding(b, types,
                tensors.weight("embeddings.token_type_embeddings.weight",
                               {this->types, H}));
  Value x = add(b, words, kinds);
  x = typeOf(positions).getRank() == 2 ? addRows(b, x, positions)
                                       : add(b, x, positions);
  return tensors.layerNorm("embeddings.LayerNorm", x, encoder.epsilon);
}

Value BertEncoder::pool(Value x) {
  return math::TanhOp::create(
      model.b,
      encoder.tensors.linear("pooler.dense", firstTime(model.b, x), encoder.H));
}

ModelFacts BertEncoder::build(llvm::function_ref<Value(Value ids)> position,
                              MapValue classify) {
  auto poolAll = [&](Value x) { return pool(x); };
  bool hasPooler =
      model.hasWeight(encoder.tensors.prefix + "pooler.dense.weight");
  return addEncoder(
      model, getTextInputs(model, V, types),
      [&](ValueRange inputs) {
        Value x = embed(inputs[0], inputs[2], position(inputs[0]));
        return encoder.run(x, isNonzero(model.b, inputs[1]));
      },
      hasPooler ? MapValue(poolAll) : MapValue(),
      classifies ? classify : MapValue());
}
