//===- DeltaRule.h - linear attention by the delta rule -------------------===//

#ifndef SEQC_LIB_IMPORT_DELTARULE_H
#define SEQC_LIB_IMPORT_DELTARULE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc::layers {

/// y_t = S_tᵀ q_t / √K with S'_t = exp(g_t) S_{t-1} and S_t = S'_t +
/// β_t k_t (v_t - S'_tᵀ k_t)ᵀ, for q and k [B, T, H, K], v [B, T, H, V] and β
/// and g [B, T, H], where H may be fewer for q and k. Without g S'_t = S_{t-1}.
/// Schlag et al., arXiv:2102.11174, equation (24); with g Yang et al.,
/// arXiv:2412.06464, equation (10).
mlir::Value deltaRule(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                      mlir::Value key, mlir::Value value, mlir::Value beta,
                      mlir::Value decay = {});

} // namespace seqc::layers

#endif // SEQC_LIB_IMPORT_DELTARULE_H
