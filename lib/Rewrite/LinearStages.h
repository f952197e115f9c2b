//===- LinearStages.h - elementwise operations that scale or hide ---------===//

#ifndef SEQC_LIB_REWRITE_LINEARSTAGES_H
#define SEQC_LIB_REWRITE_LINEARSTAGES_H

#include "ProductChain.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace seqc {

/// A number for each index of some loops: a scalar in the body of an
/// elementwise linalg operation, or an operand of an elementwise operation on
/// tensors.
struct Scalar {
  mlir::Value value;
  mlir::Operation *op;
  llvm::SmallVector<unsigned> loops; ///< the number of each loop of `op`

  /// Where it is an element of a tensor: that tensor, and its indices over the
  /// loops of `op`.
  std::optional<std::pair<mlir::Value, mlir::AffineMap>> getElement() const;
  /// The scalar that it copies, as far as that is known: through transposed and
  /// spread tensors, filled ones, and those made of indices.
  Scalar resolve() const;
  /// Besides copies, through elementwise operations: what computes it is then
  /// getOperation().
  Scalar open() const;
  /// The operation that computes it from scalars of the same loops, if any.
  mlir::Operation *getOperation() const;
  Scalar getOperand(unsigned number) const {
    return {getOperation()->getOperand(number), op, loops};
  }
  /// The loops on which it depends; false if it cannot be computed elsewhere.
  bool collectLoops(llvm::SetVector<unsigned> &found) const;
};

/// One step of an elementwise operation that is linear in one operand x.
struct LinearStage {
  enum Kind { multiply, divide, negate, select } kind;
  Scalar operand;        ///< a factor, a divisor, or a condition
  bool keepsTrue = true; ///< select: x where the condition is this, else 0
};

/// The number of loops of an operation that computes each element of its result
/// from elements at the same index; none for other operations. Operations on
/// whole tensors have the loops of their result.
std::optional<unsigned> getElementwiseLoops(mlir::Operation *op);

/// Appends the steps from `x`, an operand of the elementwise `op`, to its
/// result; false if the result is not linear in x. `loops` are the numbers of
/// the loops of `op`.
bool readLinearStages(mlir::Operation *op, mlir::OpOperand &x,
                      llvm::ArrayRef<unsigned> loops,
                      llvm::SmallVectorImpl<LinearStage> &stages);

/// The steps that multiplying by `factor` is: its own factors, and conditions
/// outside of which it is 0. Where a factor is exp(x) and x is -∞ outside of a
/// condition, that is a condition too, and `exponents` gets the other x.
void splitFactor(const Scalar &factor, llvm::SmallVectorImpl<LinearStage> &stages,
                 llvm::SmallVectorImpl<Scalar> &exponents);

/// The tensor x after the steps; its loops are those of `result`, which are at
/// least those of x and of the steps.
Factor applyStages(mlir::ImplicitLocOpBuilder &b, Factor x,
                   llvm::ArrayRef<LinearStage> stages,
                   llvm::ArrayRef<unsigned> result,
                   llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// Σ coefficient · loop + constant
struct LinearIndex {
  llvm::MapVector<unsigned, int64_t> coefficients;
  int64_t constant = 0;

  LinearIndex plus(const LinearIndex &other, int64_t sign) const;
};

/// An integer that is linear in loops, as far as that is known.
std::optional<LinearIndex> readIndex(const Scalar &scalar, unsigned depth = 0);

/// The keys s that a step leaves to the query t, if it is known to hide those
/// after the query and no others: s ≤ t or s < t. A condition on indices or a
/// constant triangle, as a mask that selects or one that is multiplied.
/// `isKey` says which loop is s.
std::optional<Causality>
findCausality(const LinearStage &stage,
              llvm::function_ref<bool(unsigned)> isKey);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_LINEARSTAGES_H
