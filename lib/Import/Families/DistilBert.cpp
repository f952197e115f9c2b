//===- DistilBert.cpp - DistilBERT ---------------------------------------===//
//
// Sanh et al., arXiv:1910.01108, as transformers' DistilBertModel, or
// DistilBertForSequenceClassification: BERT without kinds of tokens and pooler.
// In models with a head, tensors have the prefix "distilbert.".
//
//===----------------------------------------------------------------------===//

#include "../Encoder.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static constexpr EncoderNames kNames{"transformer.layer.{}.attention.q_lin",
                                     "transformer.layer.{}.attention.k_lin",
                                     "transformer.layer.{}.attention.v_lin",
                                     "transformer.layer.{}.attention.out_lin",
                                     "transformer.layer.{}.sa_layer_norm",
                                     "transformer.layer.{}.ffn.lin1",
                                     "transformer.layer.{}.ffn.lin2",
                                     "transformer.layer.{}.output_layer_norm"};

static llvm::Expected<ModelFacts> buildDistilBert(Config &config,
                                                  Model &model) {
  StringRef table = "embeddings.word_embeddings.weight";
  Encoder encoder(model, model.hasWeight(table) ? "" : "distilbert.", kNames);
  bool classifies = hasClassifier(
      config, {"DistilBertModel", "", "DistilBertForSequenceClassification"});
  int64_t V = config.size("vocab_size");
  int64_t H = encoder.H = config.size("dim", 768);
  encoder.A = config.size("n_heads", 12);
  encoder.L = config.size("n_layers", 6);
  encoder.inner = config.size("hidden_dim", 4 * 768);
  encoder.epsilon = 1e-12;
  encoder.act = config.choice("activation", activationNames("gelu"));
  encoder.checkSizes(config, "dim", "n_heads", "hidden_dim");
  int64_t positions = config.size("max_position_embeddings", 512);
  config.checkProduct("vocab_size * dim", {V, H});
  config.checkProduct("max_position_embeddings * dim", {positions, H});
  int64_t labels = classifies ? config.labels() : 0;
  // Of training, or of heads that are not part of the model. The positions'
  // embeddings are in the file, whatever they were at first.
  config.ignore({"attention_dropout", "dropout", "initializer_range",
                 "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds",
                 "tie_weights_", "tie_word_embeddings"});
  model.ignoreWeight(encoder.tensors.prefix + "embeddings.position_ids");
  if (llvm::Error error = config.takeError())
    return error;

  ImplicitLocOpBuilder &b = model.b;
  Tensors &tensors = encoder.tensors;
  auto classify = [&](Value x) -> Value {
    Tensors head{model, ""};
    x = head.linear("pre_classifier", firstTime(b, x), H);
    return head.linear("classifier", activation(b, "relu", x), labels);
  };
  return addEncoder(
      model, getTextInputs(model, V),
      [&](ValueRange inputs) {
        Value ids = inputs[0];
        Value rows =
            firstRows(b,
                      tensors.weight("embeddings.position_embeddings.weight",
                                     {positions, H}),
                      ids);
        Value words = embedding(b, ids, tensors.weight(table, {V, H}));
        Value x = tensors.layerNorm("embeddings.LayerNorm",
                                    addRows(b, words, rows), encoder.epsilon);
        return encoder.run(x, isNonzero(b, inputs[1]));
      },
      /*pool=*/{}, classifies ? MapValue(classify) : MapValue());
}

void seqc::registerDistilBert(Families &families) {
  families.push_back({"distilbert",
                      "transformers DistilBertModel, "
                      "DistilBertForSequenceClassification; Sanh et al., "
                      "arXiv:1910.01108",
                      "activation", buildDistilBert});
}
