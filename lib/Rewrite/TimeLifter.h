//===- TimeLifter.h - a step's values for all times at once ------------------------===//

#ifndef SEQC_LIB_REWRITE_TIMELIFTER_H
#define SEQC_LIB_REWRITE_TIMELIFTER_H

#include "seqc/Analysis/Dimensions.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace seqc {

/// Builds, outside of a recurrence `along d`, the sequences of body values: for
/// a value of shape S the tensor of shape S[:d] × T × S[d:]. Operations get the
/// time as one more parallel dimension; linalg ones become linalg.generic.
///
/// Sequences of region arguments are known: the recurrence's operands. Others
/// are built from them on demand, or are told by `setSequence`.
class TimeLifter {
public:
  /// Builds at `builder`'s insertion point.
  TimeLifter(mlir::seq::RecurrenceOp recurrence,
             const DimensionAnalysis &analysis, mlir::OpBuilder &builder);

  void setSequence(mlir::Value value, mlir::Value sequence) {
    sequences[value] = sequence;
  }

  /// Whether `lift` can build the value's sequence.
  bool canLift(mlir::Value value);
  /// The value's sequence; asks for canLift.
  mlir::Value lift(mlir::Value value);

  /// Whether a time-invariant value can be computed outside.
  bool canMoveOut(mlir::Value value);
  /// A copy of a time-invariant value outside; asks for canMoveOut.
  mlir::Value moveOut(mlir::Value value);

  /// Body values whose sequence has been built or told.
  const llvm::DenseMap<mlir::Value, mlir::Value> &getSequences() const {
    return sequences;
  }

  /// The type of a value's sequence.
  mlir::RankedTensorType getSequenceType(mlir::RankedTensorType slice);
  /// An uninitialised sequence for slices like `slice`, which is a value from
  /// outside, a region argument or of static shape.
  mlir::Value createEmptySequence(mlir::Value slice);

private:
  mlir::OpFoldResult getTimes();
  bool isOutside(mlir::Value value);
  bool canLiftOperation(mlir::Operation *op);
  bool hasKnownSizes(mlir::Value value);
  llvm::SmallVector<mlir::OpFoldResult> getSliceSizes(mlir::Value value);
  mlir::Value createEmpty(mlir::Value like);

  mlir::Value liftDestination(mlir::Value destination, bool isRead);
  void liftLinalg(mlir::linalg::LinalgOp op);
  void liftElementwise(mlir::Operation *op);
  void liftOperation(mlir::Operation *op);

  mlir::seq::RecurrenceOp recurrence;
  const DimensionAnalysis &analysis;
  mlir::OpBuilder &builder;
  unsigned time;
  int64_t staticTimes = mlir::ShapedType::kDynamic;
  mlir::OpFoldResult times;
  llvm::DenseMap<mlir::Value, mlir::Value> sequences;
  llvm::DenseMap<mlir::Value, mlir::Value> outside;
  llvm::DenseMap<mlir::Value, bool> liftable;
};

/// Whether the operation only makes or rearranges elements, so that there is
/// nothing to save by computing it earlier.
bool isDataMovement(mlir::Operation *op);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TIMELIFTER_H
