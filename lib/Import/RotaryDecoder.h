//===- RotaryDecoder.h - decoders of Llama's kind ------------------------===//

#ifndef SEQC_LIB_IMPORT_ROTARYDECODER_H
#define SEQC_LIB_IMPORT_ROTARYDECODER_H

#include "DecoderParts.h"

namespace seqc {

/// What sets one family of them apart from another.
struct RotaryKind {
  Architectures architectures;
  /// Heads of keys where num_key_value_heads is absent (null: as many as
  /// queries have), and channels of a head where head_dim is absent (their
  /// share of hidden_size).
  std::optional<int64_t> keyHeads = std::nullopt, headSize = std::nullopt;
  /// Whether there are keys attention_bias and mlp_bias.
  bool attentionBias = false, perceptronBias = false;
  /// Norms of each head's queries and keys, before they are turned.
  bool headNorms = false;
};

/// A decoder with rotary embeddings (Su et al., arXiv:2104.09864), keys and
/// values shared by groups of heads (Ainslie et al., arXiv:2305.13245), RMS
/// norms before, and a gated perceptron (Shazeer, arXiv:2002.05202). Tensors
/// are named as in transformers' LlamaForCausalLM, with the prefix "model." but
/// in models without a head.
class RotaryDecoder {
public:
  RotaryDecoder(Config &config, Model &model, const RotaryKind &kind);

  int64_t depth; // layers
  /// How many keys a token sees; none: all.
  std::optional<int64_t> window;
  /// In which layers: those that are "sliding_attention", or all of them where
  /// this is empty.
  std::vector<std::string> kinds;

  /// Adds the entry points, unless a key was wrong.
  llvm::Expected<ModelFacts> build();

private:
  mlir::Value block(mlir::Value x, const layers::Rotary &angles,
                    std::optional<int64_t> window);
  mlir::Value body(mlir::Value ids);

  Config &config;
  Model &model;
  mlir::ImplicitLocOpBuilder &b;
  Tensors tensors;
  GroupedAttention attention;
  Head ending;
  int64_t V; // vocabulary
  int64_t C; // channels of the model
  int64_t inner;
  double epsilon;
  bool tied, perceptronBias;
  std::string act;
  llvm::SmallVector<float> frequencies;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_ROTARYDECODER_H
