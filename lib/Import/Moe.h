//===- Moe.h - mixtures of experts ----------------------------------------===//

#ifndef SEQC_LIB_IMPORT_MOE_H
#define SEQC_LIB_IMPORT_MOE_H

#include "Transformer.h"

namespace seqc {

/// Perceptrons of which a router chooses some for each token (Shazeer et al.,
/// arXiv:1701.06538):
///
///   p = softmax(W x)        y = Σ_e p_e expert_e(x) over the k largest p
///
/// Of equal ones the first count. All experts are computed for all tokens.
struct MixtureOfExperts {
  int64_t experts, perToken;
  int64_t inner; // channels in an expert
  std::string act;
  /// Whether the k weights are divided by their sum.
  bool normalised = false;
  /// The tensors of an expert's gated perceptron, behind "experts.<number>.".
  llvm::StringRef gate = "gate_proj", up = "up_proj", down = "down_proj";

  /// The keys num_experts and num_experts_per_tok, for models of C channels.
  static MixtureOfExperts read(Config &config, int64_t inner, int64_t C,
                               llvm::StringRef act);

  /// The experts' share in y [B, T, experts], for the router's output W x.
  mlir::Value route(mlir::ImplicitLocOpBuilder &b, mlir::Value logits) const;
  /// y for the router's tensor `router`.weight.
  mlir::Value mix(Tensors tensors, llvm::StringRef router, mlir::Value x) const;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_MOE_H
