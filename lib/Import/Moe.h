//===- Moe.h - mixtures of experts ----------------------------------------===//

#ifndef SEQC_LIB_IMPORT_MOE_H
#define SEQC_LIB_IMPORT_MOE_H

#include "Transformer.h"

namespace seqc {

/// Gated perceptrons of which each token has a few (Shazeer et al.,
/// arXiv:1701.06538, equations (1) and (3), with a softmax behind the choice as
/// in Jiang et al., arXiv:2401.04088). With p = softmax(W_r x):
///
///   y = Σ_{e among the `chosen` largest of p} p_e / s · expert_e(x)
///   expert_e(x) = W_down (act(W_gate x) ⊙ W_up x)
///
/// where s is the sum of the chosen p where they are `normalised`, else 1. Of
/// equal p the first are chosen. Tensors are named "experts.<e>.<name>", the
/// router as `router`.
struct MixtureOfExperts {
  int64_t experts, chosen;
  int64_t inner; // channels of an expert
  std::string act;
  bool normalised = true;
  llvm::StringRef router = "gate", gate = "gate_proj", up = "up_proj",
                  down = "down_proj";

  mlir::Value mix(Tensors tensors, mlir::Value x) const;

  /// Reads how many of how many experts, by the keys `count` and
  /// num_experts_per_tok.
  void read(Config &config, llvm::StringRef count, int64_t byDefault,
            int64_t chosenByDefault);
  /// Of a model of C channels.
  void checkProducts(Config &config, llvm::StringRef innerKey,
                     int64_t C) const;

private:
  /// What each expert has of the output [B, T, experts], 0 for most.
  mlir::Value shares(mlir::ImplicitLocOpBuilder &b, mlir::Value logits) const;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_MOE_H
