//===- HybridDecoder.h - decoders whose layers mix in several ways --------===//

#ifndef SEQC_LIB_IMPORT_HYBRIDDECODER_H
#define SEQC_LIB_IMPORT_HYBRIDDECODER_H

#include "Transformer.h"

namespace seqc {

/// x := x + mixer(norm(x)); x + perceptron(norm(x)), layers of several kinds
/// between an embedding of tokens and a head. Tensors are named as in
/// transformers' JambaForCausalLM and BambaForCausalLM, or JambaModel and
/// BambaModel, which have no head and no prefix "model.".
class HybridDecoder {
public:
  /// Reads the keys of what is around mixers and perceptrons.
  HybridDecoder(Config &config, Model &model, double epsilonByDefault);

  int64_t C; // channels of the model
  int64_t depth, inner;
  double epsilon;
  std::string act;
  /// Those of rotary embeddings; none: positions count in no layer.
  llvm::SmallVector<float> frequencies;

  /// Tensors of the layer's part `part`.
  Tensors tensorsOf(llvm::StringRef part) const;

  /// Of a layer of a kind; `angles` is null without frequencies.
  using Mix = llvm::function_ref<mlir::Value(
      llvm::StringRef kind, mlir::Value x, const layers::Rotary *angles)>;
  using Perceptron =
      llvm::function_ref<mlir::Value(llvm::StringRef kind, mlir::Value x)>;
  /// Adds the entry points, unless a key was wrong.
  llvm::Expected<ModelFacts> build(llvm::ArrayRef<std::string> kinds, Mix mix,
                                   Perceptron perceptron);

private:
  mlir::Value body(mlir::Value ids, llvm::ArrayRef<std::string> kinds, Mix mix,
                   Perceptron perceptron);

  Config &config;
  Model &model;
  Tensors tensors;
  int64_t V; // vocabulary
  bool tied;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_HYBRIDDECODER_H
