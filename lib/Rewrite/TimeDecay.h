//===- TimeDecay.h - factors of scores that decay with distance -----------===//

#ifndef SEQC_LIB_REWRITE_TIMEDECAY_H
#define SEQC_LIB_REWRITE_TIMEDECAY_H

#include "LinearStages.h"

namespace seqc {

/// A factor of the scores of times t and s that is a product of one number a for
/// each time from s + 1 to t:
///
///   exp((b[t] - b[s]) · c)   a_t = exp((b[t] - b[t-1]) · c)
///   exp((t - s) · c)         a = exp(c)
///   γ^(t - s)                a = γ
///   exp(D[t,s] · c)          a_t = exp(g_t · c)
///   D[t,s]                   a_t = g_t
///
/// where b is a value of one time, c and γ are free of both, and D comes from a
/// recurrence that adds up, or multiplies, g of the times from s + 1 to t.
struct TimeDecay {
  enum Kind { differences, exponential, power, logSteps, steps } kind;
  Scalar base;                         ///< b or g at the time t, or γ
  llvm::SmallVector<LinearStage> scale; ///< by c
  /// Whether b has one element for each time, so that t and s count the same.
  bool sharesTimes = false;

  /// The loops of a, besides the time; false if it cannot be computed elsewhere.
  bool collectLoops(unsigned queryTime, llvm::SetVector<unsigned> &found) const;
  /// What the state of a recurrence decays by. `sizes` are those of `loops`,
  /// which are those of a; the first is the time where a has one.
  StepDecay build(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<unsigned> loops,
                  llvm::ArrayRef<mlir::OpFoldResult> sizes) const;
};

/// Appends the decays whose product `factor` is, or exp(`exponent`); false if it
/// is not known to be one. The decays are between the times of a mask.
bool readDecays(const Scalar &factor, const Causality &causality,
                llvm::SmallVectorImpl<TimeDecay> &decays);
bool readLogDecays(const Scalar &exponent, const Causality &causality,
                   llvm::SmallVectorImpl<TimeDecay> &decays);

/// g at the time t, where `scalar` is D[t,s] of the scheme above: the output of
///
///   next[s] = s < t ? state[s] + g_t : 0     from zeros
///
/// or, without logarithms, the same with · and 1.
std::optional<Scalar> readRunningDecay(const Scalar &scalar,
                                       const Causality &causality, bool isLog);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TIMEDECAY_H
