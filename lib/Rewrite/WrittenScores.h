//===- WrittenScores.h - products of products in linalg -------------------===//

#ifndef SEQC_LIB_REWRITE_WRITTENSCORES_H
#define SEQC_LIB_REWRITE_WRITTENSCORES_H

#include "LinearStages.h"
#include "ProductChain.h"
#include "TimeDecay.h"

#include <vector>

namespace seqc {

/// A sum over elements of `product` (the scores), perhaps times another tensor:
///
///   root = Σ_s stages(product) · value
///
/// Steps that do not depend on s commute with the sum and come after it; those
/// that depend on nothing but keys and values belong to the keys. Of the others,
/// a causal mask and decays with the distance are known.
struct ScoreSum {
  mlir::linalg::LinalgOp root;
  ProductChain chain;
  llvm::SmallVector<LinearStage> afterSum, ofKeys;
  std::optional<Causality> causality;
  llvm::SmallVector<TimeDecay> decays; ///< with a causal mask only

  /// The same result, scores left out.
  mlir::Value build(mlir::ImplicitLocOpBuilder &b) const;
};

/// What becomes of a product of two tensors.
struct WrittenScores {
  /// All that is computed from it, if that is nothing but such sums; in order.
  std::vector<ScoreSum> sums;
  /// Sums were found, but one could not be read: what hinders.
  mlir::Operation *obstacle = nullptr;
  llvm::StringRef reason;
  /// Whether what hinders is a factor under a causal mask.
  bool underMask = false;
};

/// Reads the uses of `product`, a contraction of two tensors.
WrittenScores readScores(mlir::linalg::LinalgOp product);

/// Reads one of these sums again, after its operands have changed.
std::optional<ScoreSum> readSum(mlir::linalg::LinalgOp product,
                                mlir::linalg::LinalgOp root);

/// Whether the operation is a sum of products of two tensors, into zeros.
bool isContraction(mlir::linalg::LinalgOp op);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_WRITTENSCORES_H
