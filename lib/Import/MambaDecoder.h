//===- MambaDecoder.h - decoders of Mamba's kind --------------------------===//

#ifndef SEQC_LIB_IMPORT_MAMBADECODER_H
#define SEQC_LIB_IMPORT_MAMBADECODER_H

#include "Families.h"

namespace seqc {

/// Layers x + mixer(norm(x)) of one kind between an embedding of tokens and a
/// head. Tensors are named as in transformers' MambaForCausalLM, or MambaModel,
/// which has no head and no prefix "backbone.".
class MambaDecoder {
public:
  /// Reads the keys of what is around the mixers.
  MambaDecoder(Config &config, Model &model, bool tiedByDefault);

  int64_t D; // channels of the model
  double epsilon;
  /// What the names of a mixer's tensors begin with.
  std::string mixerPrefix;

  /// Adds the entry points, unless a key was wrong.
  llvm::Expected<ModelFacts> build(MapValue mixer);

private:
  mlir::Value norm(const llvm::Twine &name, mlir::Value x);

  Config &config;
  Model &model;
  int64_t V, depth;
  bool tied;
  std::string prefix, table; // of all tensors; the embedding's name
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_MAMBADECODER_H
