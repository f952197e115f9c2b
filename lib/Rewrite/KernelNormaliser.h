//===- KernelNormaliser.h - seq.attention as a chain of products ----------===//

#ifndef SEQC_LIB_REWRITE_KERNELNORMALISER_H
#define SEQC_LIB_REWRITE_KERNELNORMALISER_H

#include "ProductChain.h"

#include "seq/Seq.h"

namespace seqc {

/// `seq.attention` with the normaliser kernel: y = N / z for
///
///   N[t] = Σ_s (q_t · k_s) v_s      z[t] = Σ_s q_t · k_s
///
/// over the keys that t sees, and 0 where z is. (The scale is in both.)
class KernelNormaliser {
public:
  /// Why the attention has no such form, or nothing.
  static std::optional<llvm::StringRef> findObstacle(mlir::seq::AttentionOp op);

  /// Multiply-adds of both orders.
  static double workInOrder(mlir::seq::AttentionOp op);
  static double workReordered(mlir::seq::AttentionOp op);

  /// The output. `sameTimes`: there are as many queries as keys.
  static mlir::Value build(mlir::ImplicitLocOpBuilder &b,
                           mlir::seq::AttentionOp op, bool sameTimes);
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_KERNELNORMALISER_H
