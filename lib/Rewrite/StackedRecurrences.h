//===- StackedRecurrences.h - recurrences that run side by side -----------===//

#ifndef SEQC_LIB_REWRITE_STACKEDRECURRENCES_H
#define SEQC_LIB_REWRITE_STACKEDRECURRENCES_H

#include "seq/Seq.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace seqc {

/// What is computed from the results of an operation, later in its block.
class Readers {
public:
  explicit Readers(mlir::Operation *op);

  bool has(mlir::Operation *other) const { return readers.contains(other); }
  /// Whether the value is a result of the operation or of one of these.
  bool have(mlir::Value value) const;
  /// Moves those in front of `place`, which is in the block, behind it.
  void moveBehind(mlir::Operation *place) const;

private:
  mlir::Operation *op;
  llvm::SetVector<mlir::Operation *> readers;
};

/// A recurrence `upper` that reads, as sequences, what `lower` computes at the
/// same time, through pointwise operations or not at all.
class StackedRecurrences {
public:
  StackedRecurrences(mlir::seq::RecurrenceOp lower,
                     mlir::seq::RecurrenceOp upper)
      : lower(lower), upper(upper), readers(lower) {}

  /// Whether upper depends on lower, and in this way only.
  bool match();

  /// One recurrence in which upper is a step behind lower. The outputs of lower
  /// that upper reads are further states of it. With m = min(1, T):
  ///
  ///   lower at 0 … m-1;  both, lower at m … T-1, upper at 0 … T-m-1;
  ///   upper at T-m … T-1
  void merge();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  bool canSink(mlir::Value value);
  Values takePart(mlir::OpBuilder &b, mlir::ValueRange sequences,
                  mlir::OpFoldResult first, mlir::OpFoldResult count);
  Values upperStep(mlir::OpBuilder &b, mlir::ValueRange others,
                   mlir::ValueRange outputs, mlir::ValueRange states,
                   mlir::ValueRange carried);
  mlir::Value sink(mlir::OpBuilder &b, mlir::Value value,
                   mlir::IRMapping &slices);

  mlir::seq::RecurrenceOp lower, upper;
  Readers readers; // of lower
  /// Outputs of lower that upper reads; what else it reads.
  llvm::SetVector<mlir::Value> carried, others;
  llvm::DenseSet<mlir::Value> asked; // whether it can be sunk
};

/// The values that the body of the recurrence yields for these arguments.
llvm::SmallVector<mlir::Value> cloneStep(mlir::OpBuilder &b,
                                         mlir::seq::RecurrenceOp op,
                                         mlir::ValueRange arguments);

/// A recurrence with an empty region that has its arguments.
mlir::seq::RecurrenceOp createRecurrence(mlir::OpBuilder &b, mlir::Location loc,
                                         int64_t dim, bool reverse,
                                         mlir::ValueRange inputs,
                                         mlir::ValueRange outputs,
                                         mlir::ValueRange states);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_STACKEDRECURRENCES_H
