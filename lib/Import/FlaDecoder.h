//===- FlaDecoder.h - decoders of flash-linear-attention's kind -----------===//

#ifndef SEQC_LIB_IMPORT_FLADECODER_H
#define SEQC_LIB_IMPORT_FLADECODER_H

#include "Transformer.h"

namespace seqc {

/// x := x + attend(norm(x)); x + perceptron(norm(x)), layers of linear
/// attention between an embedding of tokens and a head. Tensors are named as in
/// the models of the package flash-linear-attention (GLAForCausalLM, …); a
/// model without a head has no prefix "model.".
class FlaDecoder {
public:
  /// What is where a key is absent.
  struct Defaults {
    double expandKeys, expandValues;
    int64_t ratio; // of the perceptron
    int64_t heads;
    bool shortConvolution;
  };
  /// Reads the keys of what the families share.
  FlaDecoder(Config &config, Model &model, const Defaults &defaults);

  Config &config;
  Model &model;
  mlir::ImplicitLocOpBuilder &b;
  int64_t C; // channels of the model
  int64_t K; // channels of a head of queries and keys
  int64_t V; // channels of a head of values
  int64_t heads, keyHeads;
  double epsilon;
  bool isGated; // the output
  int64_t taps; // of the short convolutions; 0: there are none
  bool convolutionBias;

  /// The layer's attention.
  Tensors tensors() const { return {model, prefix + "layers.{}.attn."}; }
  /// W x, then silu(conv(·)) where there are short convolutions, in heads of
  /// `size` channels; `part` is "q", "k" or "v".
  mlir::Value project(llvm::StringRef part, mlir::Value x, int64_t heads,
                      int64_t size) const;
  /// W_o norm(y), gated by silu(W_g x) where the output is.
  mlir::Value output(llvm::StringRef norm, mlir::Value y, mlir::Value x) const;

  /// Reads keys of keys and values that groups of heads share, and of norms,
  /// which DeltaNet has not.
  void readShared();
  /// The norm's name with and without a gate, as the package has it.
  llvm::StringRef normName() const {
    return isGated ? "g_norm_swish_gate" : "g_norm";
  }

  /// Those of rotary embeddings; none: positions count in no layer.
  llvm::SmallVector<float> frequencies;
  /// `angles` is null without frequencies.
  using Attend = llvm::function_ref<mlir::Value(mlir::Value x,
                                                const layers::Rotary *angles)>;
  /// Adds the entry points, unless a key was wrong.
  llvm::Expected<ModelFacts> build(Attend attend);

private:
  mlir::Value body(mlir::Value ids, Attend attend);

  std::string prefix;
  int64_t depth, vocabulary, inner;
  bool tied;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_FLADECODER_H
