//===- KernelAttention.h - attention by feature maps ----------------------===//
//
// Queries and keys meet as φ(q) · φ(k), so keys meet values first. Tensors are
// [B, T, H, D], with sizes of their own for features K and values V.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_KERNELATTENTION_H
#define SEQC_LIB_IMPORT_KERNELATTENTION_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc::layers {

//===----------------------------------------------------------------------===//
// Feature maps
//===----------------------------------------------------------------------===//

/// elu(x) + 1: x + 1 for x > 0, else exp(x).
mlir::Value eluPlusOne(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// exp(x) / Σ exp(x) over the channels of each head.
mlir::Value softmaxOfChannels(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// The largest elements over the dimensions that the result of `spec` has not,
/// "bthd->bth"; -∞ where there are none.
mlir::Value maximum(mlir::ImplicitLocOpBuilder &b, llvm::StringRef spec,
                    mlir::Value x);

/// Elements of x times a number.
mlir::Value scaled(mlir::ImplicitLocOpBuilder &b, mlir::Value x, double factor);

//===----------------------------------------------------------------------===//
// Sums over times
//===----------------------------------------------------------------------===//

/// Σ_s (q_t · k_s) v_s / Σ_s q_t · k_s over all times s, or over s ≤ t; only
/// over keys that `keyMask` [B, T] shows, where there is one.
mlir::Value kernelAttention(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                            mlir::Value key, mlir::Value value, bool causal,
                            mlir::Value keyMask = {});

/// y_t = S_tᵀ q_t with S_t = exp(g_t) S_{t-1} + k_t v_tᵀ, for log decays g
/// [B, T, H], 0 where absent: Σ_{s ≤ t} (q_t · k_s) v_s without them.
mlir::Value causalProducts(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                           mlir::Value key, mlir::Value value,
                           mlir::Value decay = {});

/// z_t = exp(g_t) z_{t-1} + x_t for the same decays.
mlir::Value runningSum(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                       mlir::Value decay = {});

/// m_t = max(m_{t-1}, x_t) for x [B, T, H], with m_{-1} = 0; and
/// m_{t-1} - m_t, what of a sum scaled by exp(-m) is left after a time.
struct RunningMaximum {
  mlir::Value values, decay;
};
RunningMaximum runningMaximum(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// Attention with a softmax of each key channel over the times, Σ_d q_t[d]
/// Σ_s softmax_s(k_s[d]) v_s, over keys that `keyMask` shows: Shen et al.,
/// arXiv:1812.01243.
mlir::Value efficientAttention(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                               mlir::Value key, mlir::Value value,
                               mlir::Value keyMask = {});

/// x_t · y_t of each head: [B, T, H].
mlir::Value dotOfChannels(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                          mlir::Value y);

/// x [B, T, H, D], or 0 where `keyMask` [B, T] is false.
mlir::Value maskTimes(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      mlir::Value keyMask);

/// [B, T, H, D] as [B, T, H · D].
mlir::Value mergeHeads(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

} // namespace seqc::layers

#endif // SEQC_LIB_IMPORT_KERNELATTENTION_H
