//===- BertEncoder.h - BERT, and what differs from it in embeddings ------===//

#ifndef SEQC_LIB_IMPORT_BERTENCODER_H
#define SEQC_LIB_IMPORT_BERTENCODER_H

#include "Encoder.h"

namespace seqc {

/// The keys and tensors of transformers' BertModel. Models with a head of their
/// own have a prefix in the tensors' names.
struct BertEncoder {
  BertEncoder(Config &config, Model &model, llvm::StringRef prefix,
              const Architectures &architectures);

  /// Words, kinds and `positions` [T, H] or [B, T, H], normalised.
  mlir::Value embed(mlir::Value ids, mlir::Value types, mlir::Value positions);
  mlir::Value positionTable() {
    return encoder.tensors.weight("embeddings.position_embeddings.weight",
                                  {positions, encoder.H});
  }
  /// tanh of a linear layer of the first token.
  mlir::Value pool(mlir::Value x);
  /// Adds the entry point; `classify` is that of models with a classifier.
  ModelFacts build(llvm::function_ref<mlir::Value(mlir::Value ids)> position,
                   MapValue classify);

  Model &model;
  Encoder encoder;
  bool classifies;
  int64_t V; // vocabulary
  int64_t positions, types, labels;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_BERTENCODER_H
