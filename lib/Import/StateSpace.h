//===- StateSpace.h - the mixers of Mamba and Mamba-2 ---------------------===//

#ifndef SEQC_LIB_IMPORT_STATESPACE_H
#define SEQC_LIB_IMPORT_STATESPACE_H

#include "Model.h"

namespace seqc {

class Config;

/// Mamba's mixer (Gu and Dao, arXiv:2312.00752, figure 3), on D channels. With
/// σ = silu, for E channels of N states each:
///
///   u, z = W_in x        u := σ(conv(u))
///   δ, B, C = W_x u      Δ = softplus(W_Δ δ + b_Δ)
///   s_t[c,n] = exp(Δ_t[c] A[c,n]) s_{t-1}[c,n] + Δ_t[c] B_t[n] u_t[c]
///   y_t[c] = Σ_n C_t[n] s_t[c,n] + D[c] u_t[c]
///   W_out (y ⊙ σ(z))
struct MambaMixer {
  int64_t D; // channels of the model
  int64_t E; // channels of the mixer
  int64_t N; // states of a channel
  int64_t W; // taps of the convolution
  int64_t R; // rank of Δ
  bool bias = false, convBias = true;

  /// Of the part "dt", "b" or "c" of what is selected, before its use.
  using Norm = llvm::function_ref<mlir::Value(llvm::StringRef, mlir::Value)>;
  /// Tensors are named as in transformers, with `prefix`.
  mlir::Value mix(Model &model, llvm::StringRef prefix, mlir::Value x,
                  Norm norm = nullptr) const;

  /// The keys mamba_d_state, mamba_d_conv, mamba_expand, mamba_dt_rank,
  /// mamba_proj_bias and mamba_conv_bias of Jamba.
  static MambaMixer read(Config &config, int64_t D, int64_t batch);
  /// The rank of Δ; ⌈D / 16⌉ where it is "auto" or absent.
  static int64_t readRank(Config &config, llvm::StringRef key, int64_t D);
  void checkProducts(Config &config, int64_t batch) const;
};

/// Mamba-2's mixer (Dao and Gu, arXiv:2405.21060, section 7), for H heads of P
/// channels and G groups of heads that share B and C:
///
///   z, u, B, C, δ = W_in x        u, B, C := σ(conv(u, B, C))
///   Δ = softplus(δ + b_Δ), kept within `limit`
///   S_t = exp(Δ_t A) S_{t-1} + B_t (Δ_t u_t)ᵀ        of each head
///   y_t = S_tᵀ C_t + D u_t
///   W_out norm(y ⊙ σ(z)), the RMS norm of each group's channels
struct Mamba2Mixer {
  int64_t D; // channels of the model
  int64_t H; // heads
  int64_t P; // channels of a head
  int64_t N; // states of a channel
  int64_t G; // groups
  int64_t W; // taps of the convolution
  std::pair<double, double> limit;
  double epsilon;
  bool bias = false, convBias = true;

  mlir::Value mix(Model &model, llvm::StringRef prefix, mlir::Value x) const;

  /// The keys mamba_n_heads, mamba_d_head, mamba_d_state, mamba_n_groups,
  /// mamba_d_conv, mamba_expand, mamba_proj_bias, mamba_conv_bias and
  /// time_step_limit of Bamba.
  static Mamba2Mixer read(Config &config, int64_t D, double epsilon,
                          int64_t batch);
  /// The keys of the sizes, for messages.
  struct Keys {
    llvm::StringRef heads, headSize, groups, expand;
  };
  void check(Config &config, const Keys &keys, int64_t batch) const;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_STATESPACE_H
