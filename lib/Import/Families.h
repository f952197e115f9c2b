//===- Families.h - the model families that Import knows -----------------===//

#ifndef SEQC_LIB_IMPORT_FAMILIES_H
#define SEQC_LIB_IMPORT_FAMILIES_H

#include "Config.h"
#include "Model.h"

#include <vector>

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

/// What a decoder ends with: nothing, a head of tokens, or a classifier of what
/// it has read.
enum class Head { none, language, classifier };
/// The same for any head. The classifier is the matrix "score.weight", for the
/// last token that is not pad_token_id.
ModelFacts addDecoder(Config &config, Model &model, int64_t vocabulary,
                      Head ending, MapValue body, MapValue norm, MapValue head);

struct Family {
  /// model_type of config.json.
  llvm::StringRef modelType;
  /// What it agrees with: the public implementation and the paper.
  llvm::StringRef reference;
  /// The keys of the config, beside sizes, that change results.
  llvm::StringRef options;
  BuildModel build;
};
using Families = std::vector<Family>;

/// Families/<Name>.cpp has a function register<Name>, which adds the families
/// in it. The build finds the file.
#define SEQ_FAMILY(Name) void register##Name(Families &families);
#include "Families.inc"
#undef SEQ_FAMILY

} // namespace seqc

#endif // SEQC_LIB_IMPORT_FAMILIES_H
