//===- DecoderParts.h - attention and perceptrons of decoders -------------===//

#ifndef SEQC_LIB_IMPORT_DECODERPARTS_H
#define SEQC_LIB_IMPORT_DECODERPARTS_H

#include "Transformer.h"

namespace seqc {

/// Causal attention whose keys and values are shared by groups of heads
/// (Ainslie et al., arXiv:2305.13245), with projections q_proj, k_proj, v_proj
/// and o_proj.
struct GroupedAttention {
  int64_t heads, keyHeads;
  int64_t D; // channels of a head
  bool bias = false, outputBias = false;
  /// How many keys a query sees; none: all up to its own.
  std::optional<int64_t> window = std::nullopt;
  /// The epsilon of RMS norms of each head's queries and keys, q_norm and
  /// k_norm; none: there are no such norms.
  std::optional<double> headNorms = std::nullopt;

  /// Queries and keys are turned by `angles`, unless that is null.
  mlir::Value attend(Tensors tensors, mlir::Value x,
                     const layers::Rotary *angles) const;

  /// The keys num_attention_heads, num_key_value_heads and head_dim, for models
  /// of C channels. `keyHeads` and `headSize` stand for what is absent; without
  /// them there are as many heads of keys as of queries, and they share the C
  /// channels. A num_key_value_heads of null is as many, too.
  static GroupedAttention read(Config &config, int64_t C,
                               std::optional<int64_t> keyHeads = std::nullopt,
                               std::optional<int64_t> headSize = std::nullopt);
};

/// down(act(gate x) ⊙ up x), a gated perceptron (Shazeer, arXiv:2002.05202),
/// with tensors gate_proj, up_proj and down_proj.
mlir::Value gatedPerceptron(Tensors tensors, mlir::Value x, int64_t inner,
                            llvm::StringRef act, bool bias);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_DECODERPARTS_H
