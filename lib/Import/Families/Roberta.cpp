//===- Roberta.cpp - RoBERTa ---------------------------------------------===//
//
// Liu et al., arXiv:1907.11692, as transformers' RobertaModel, or
// RobertaForSequenceClassification: BERT, whose positions begin behind the
// number of the padding token and leave padding out.
//
//===----------------------------------------------------------------------===//

#include "../BertEncoder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static llvm::Expected<ModelFacts> buildRoberta(Config &config, Model &model) {
  BertEncoder roberta(config, model, "roberta.",
                      {"RobertaModel", "", "RobertaForSequenceClassification"});
  std::vector<int64_t> padding = config.integers("pad_token_id");
  int64_t pad = padding.empty() ? 1 : padding.front();
  if (pad < 0 || pad >= roberta.positions - 1)
    config.fail("pad_token_id",
                "a token before the last of max_position_embeddings = " +
                    Twine(roberta.positions));
  if (llvm::Error error = config.takeError())
    return error;
  return roberta.build(
      [&](Value ids) {
        Value numbers = positionsBehind(model.b, ids, pad, roberta.positions);
        return embedding(model.b, numbers, roberta.positionTable());
      },
      [&](Value x) {
        Tensors head{model, "classifier."};
        x = head.linear("dense", firstTime(model.b, x), roberta.encoder.H);
        return head.linear("out_proj", math::TanhOp::create(model.b, x),
                           roberta.labels);
      });
}

void seqc::registerRoberta(Families &families) {
  families.push_back({"roberta",
                      "transformers RobertaModel, "
                      "RobertaForSequenceClassification; Liu et al., "
                      "arXiv:1907.11692",
                      "hidden_act, pad_token_id", buildRoberta});
}
