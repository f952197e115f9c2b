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

llvm::Expected<ModelFacts> buildMamba(Config &config, Model &model);
llvm::Expected<ModelFacts> buildRnn(Config &config, Model &model);
llvm::Expected<ModelFacts> buildLstm(Config &config, Model &model);
llvm::Expected<ModelFacts> buildGru(Config &config, Model &model);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_FAMILIES_H
