//===- S4dMixer.h - the mixer of S4D --------------------------------------===//

#ifndef SEQC_LIB_IMPORT_S4DMIXER_H
#define SEQC_LIB_IMPORT_S4DMIXER_H

#include "Transformer.h"

namespace seqc {

/// S4D (Gu et al., arXiv:2206.11893) on H channels with N complex states each,
/// and a gated linear unit, glu(W gelu(y)):
///
///   s_t = Ā s_{t-1} + B̄ u_t        y_t = 2 Re Σ_n C_n s_t[n] + D u_t
///
/// for B = 1 and A = -exp(log_A_real) + i A_imag, with steps Δ = exp(log_dt):
///
///   zoh, section 3.1:    Ā = exp(ΔA)                  B̄ = (exp(ΔA) - 1) / A
///   bilinear:            Ā = (1 + ΔA/2) / (1 - ΔA/2)   B̄ = Δ / (1 - ΔA/2)
struct S4dMixer {
  int64_t H, N;
  bool bilinear;

  /// Tensors are named as in S4D of state-spaces/s4, models/s4/s4d.py.
  mlir::Value mix(Tensors tensors, mlir::Value u) const;

  /// The keys state_size, which counts conjugates too, and discretization.
  static S4dMixer read(Config &config, int64_t H, int64_t batch);

private:
  mlir::Value stateSpace(Tensors tensors, mlir::Value u) const;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_S4DMIXER_H
