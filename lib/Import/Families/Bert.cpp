//===- Bert.cpp - BERT ---------------------------------------------------===//
//
// Devlin et al., arXiv:1810.04805, as transformers' BertModel, or
// BertForSequenceClassification.
//
//===----------------------------------------------------------------------===//

#include "../BertEncoder.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

static llvm::Expected<ModelFacts> buildBert(Config &config, Model &model) {
  BertEncoder bert(config, model, "bert.",
                   {"BertModel", "", "BertForSequenceClassification"});
  if (llvm::Error error = config.takeError())
    return error;
  return bert.build(
      [&](Value ids) { return firstRows(model.b, bert.positionTable(), ids); },
      [&](Value x) {
        return Tensors{model, ""}.linear("classifier", bert.pool(x),
                                         bert.labels);
      });
}

void seqc::registerBert(Families &families) {
  families.push_back({"bert",
                      "transformers BertModel, BertForSequenceClassification; "
                      "Devlin et al., arXiv:1810.04805",
                      "hidden_act", buildBert});
}
