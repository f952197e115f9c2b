//===- AffineScan.h - the steps of a recurrence as maps to compose ----------===//

#ifndef SEQC_LIB_REWRITE_AFFINESCAN_H
#define SEQC_LIB_REWRITE_AFFINESCAN_H

#include "TermSequences.h"

#include <string>
#include <vector>

namespace seqc {

/// States that are scanned together: s ← A s + f, where A s is
///
///   elementwise   Σ_k A[g][k] ⊙ s_k   of states of one type, one or several
///   a matrix      Σ_j A[…, i, j] s[…, j]   over some dimensions of one state
///
/// and A[g][k] may be missing (0) or, of a single state, be 1.
struct StateGroup {
  llvm::SmallVector<unsigned> states;
  /// The dimensions of the one state that its matrix mixes; empty: elementwise.
  llvm::SmallVector<unsigned> mixed;
  /// The dimensions of the states that A has; others are of size 1.
  llvm::SmallBitVector used;
  bool isOne = false;
  /// The terms of A[g][k], which is missing unless `present`; those of f.
  std::vector<std::vector<llvm::SmallVector<const Term *>>> terms;
  std::vector<llvm::SmallBitVector> present;
  std::vector<llvm::SmallVector<const Term *>> added;
};

/// Sorts the states of a normalized recurrence into groups. Empty, with the
/// reason as the end of "the recurrence …", where some state is not affine or
/// has a matrix of more than `maxMatrix` rows. The terms are the analysis's.
std::vector<StateGroup> groupStates(mlir::seq::RecurrenceOp recurrence,
                                    const StepAnalysis &analysis,
                                    int64_t maxMatrix, std::string &reason);

/// Builds the scan of a group's maps,
///
///   (A₁, f₁) ∘ (A₂, f₂) = (A₂ A₁, A₂ f₁ + f₂),
///
/// from (0, s₀), the constant map to the initial state.
class AffineScan {
public:
  AffineScan(mlir::seq::RecurrenceOp recurrence, const StateGroup &group,
             TermSequences &sequences, mlir::OpBuilder &builder)
      : recurrence(recurrence), group(group), sequences(sequences),
        builder(builder) {}

  void build(bool exclusive);
  /// Instead, the scan of the coefficients alone, from the identity, for a
  /// group that is elementwise.
  void buildPowers(bool reverse, bool exclusive);
  /// (A_t … A_0)[g][k], or without A_t; and the product of all. Null: 1 for
  /// a group that is one.
  mlir::Value getPower(unsigned g, unsigned k) {
    return scan ? scan.getSequenceResults()[place[g][k]] : mlir::Value();
  }
  mlir::Value getLastPower(unsigned g, unsigned k) {
    return scan ? scan.getTotalResults()[place[g][k]] : mlir::Value();
  }
  /// States of the group after each time, or before it if exclusive.
  mlir::Value getSequence(unsigned member) {
    return scan.getSequenceResults()[numCoefficients + member];
  }
  mlir::Value getFinal(unsigned member) {
    return scan.getTotalResults()[numCoefficients + member];
  }

private:
  using Values = llvm::SmallVector<mlir::Value>;
  mlir::Value multiplyAdd(mlir::OpBuilder &b, mlir::Value x, mlir::Value y,
                          mlir::Value added);
  mlir::Value multiplyMatrix(mlir::OpBuilder &b, mlir::Value matrix,
                             mlir::Value right, mlir::Value added);
  Values buildCoefficients();
  Values composeCoefficients(mlir::OpBuilder &b, mlir::ValueRange earlier,
                             mlir::ValueRange later);
  Values composeElementwise(mlir::OpBuilder &b, mlir::ValueRange earlier,
                            mlir::ValueRange later);
  Values composeMatrix(mlir::OpBuilder &b, mlir::ValueRange earlier,
                       mlir::ValueRange later);

  mlir::seq::RecurrenceOp recurrence;
  const StateGroup &group;
  TermSequences &sequences;
  mlir::OpBuilder &builder;
  mlir::seq::ScanOp scan;
  unsigned numCoefficients = 0;
  /// The member that is A[g][k], where present.
  llvm::SmallVector<llvm::SmallVector<unsigned>> place;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_AFFINESCAN_H
