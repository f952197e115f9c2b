//===- TermSequences.h - the terms of a step for all times ------------------===//

#ifndef SEQC_LIB_REWRITE_TERMSEQUENCES_H
#define SEQC_LIB_REWRITE_TERMSEQUENCES_H

#include "TimeLifter.h"

#include "seqc/Analysis/StepAnalysis.h"

#include "llvm/ADT/SmallBitVector.h"

namespace seqc {

/// Builds, in front of a recurrence, what its terms multiply states by and add
/// to them.
class TermSequences {
public:
  /// The dimensions of a tensor that stands for terms of a next state:
  ///
  ///   v[d_0, …, d_{rank-1}, j_0, …]
  ///
  /// d are those of the state, of size 1 where `used` has none; j are the
  /// dimensions `columns` of the state that a term reads, if that is a matrix.
  struct Shape {
    unsigned state = 0;
    llvm::SmallBitVector used;
    llvm::SmallVector<unsigned> columns;
  };

  /// The sum, with a time where one of the factors has one (at the dimension of
  /// the recurrence's sequences).
  struct Result {
    mlir::Value value;
    bool hasTime = false;
  };

  TermSequences(mlir::seq::RecurrenceOp recurrence,
                const DimensionAnalysis &dimensions, TimeLifter &lifter,
                mlir::OpBuilder &builder)
      : recurrence(recurrence), dimensions(dimensions), lifter(lifter),
        builder(builder) {}

  /// Whether the factors of the term can be had outside of the recurrence.
  bool canBuild(const Term &term);

  /// Σ terms without their states; each asks for canBuild. No terms: zeros.
  Result build(llvm::ArrayRef<const Term *> terms, const Shape &shape);

  /// The result for all times, a linalg.broadcast if it is the same at all.
  mlir::Value toSequence(const Result &result);

  /// Marks the dims of the state on which the term's coefficient depends.
  static void findUsed(const Term &term, llvm::SmallBitVector &used);

private:
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(const Shape &shape,
                                                bool hasTime);
  mlir::Value fill(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                   mlir::Type element);
  mlir::Value asFactor(const Term &term, const Shape &shape, bool hasTime);
  mlir::Value buildTerm(const Term &term, const Shape &shape, bool hasTime);

  mlir::seq::RecurrenceOp recurrence;
  const DimensionAnalysis &dimensions;
  TimeLifter &lifter;
  mlir::OpBuilder &builder;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TERMSEQUENCES_H
