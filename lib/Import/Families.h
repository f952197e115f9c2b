//===- Families.h - the model families that Import knows -----------------===//

#ifndef SEQC_LIB_IMPORT_FAMILIES_H
#define SEQC_LIB_IMPORT_FAMILIES_H

#include "Config.h"
#include "Model.h"

namespace seqc {

/// What the rest of the program is told of a model.
struct ModelFacts {
  /// Of a language model: the number of tokens.
  int64_t vocabulary = 0;
};

/// Reads the family's keys of the config, then adds the model's functions.
using BuildModel = llvm::Expected<ModelFacts> (*)(Config &config, Model &model);

/// The entry points of a decoder of token ids: `forward`, and `last` where
/// there is a head. `body` gives the hidden states, then come `norm` and
/// `head`.
using MapValue = llvm::function_ref<mlir::Value(mlir::Value)>;
ModelFacts addDecoder(Model &model, int64_t vocabulary, bool hasHead,
                      MapValue body, MapValue norm, MapValue head);

llvm::Expected<ModelFacts> buildBert(Config &config, Model &model);
llvm::Expected<ModelFacts> buildGpt2(Config &config, Model &model);
llvm::Expected<ModelFacts> buildLlama(Config &config, Model &model);
llvm::Expected<ModelFacts> buildMamba(Config &config, Model &model);
llvm::Expected<ModelFacts> buildRnn(Config &config, Model &model);
llvm::Expected<ModelFacts> buildLstm(Config &config, Model &model);
llvm::Expected<ModelFacts> buildGru(Config &config, Model &model);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_FAMILIES_H
