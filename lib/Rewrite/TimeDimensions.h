//===- TimeDimensions.h - where time is in the values of a function ------------------===//

#ifndef SEQC_LIB_REWRITE_TIMEDIMENSIONS_H
#define SEQC_LIB_REWRITE_TIMEDIMENSIONS_H

#include "FunctionRelation.h"
#include "Refuse.h"

#include <optional>

namespace seqc {

/// For each of a list of values, the dimension that is time.
using TimeDims = llvm::SmallVector<std::optional<unsigned>>;

/// What a function may do with time besides pointwise operations: read a
/// sequence at the last time, by a slice of one time at T - 1.
enum class LastTime { refused, allowed };

/// Which dimension of each value of a function is time: the one along which its
/// recurrences and named layers, and those of the functions it calls, run, and all that
/// DimensionRelation relates to it; loops and calls hand dimensions on.
class TimeDimensions {
public:
  /// `arguments` and `results` tell what the callers know already (they may be
  /// empty). Refuses where time is not a dimension of pointwise
  /// operations throughout.
  static mlir::FailureOr<TimeDimensions>
  compute(mlir::func::FuncOp function, llvm::ArrayRef<std::optional<unsigned>> arguments,
          llvm::ArrayRef<std::optional<unsigned>> results,
          mlir::SymbolTableCollection &symbols, Refuse refuse,
          LastTime lastTime = LastTime::refused);

  std::optional<unsigned> of(mlir::Value value) const;
  TimeDims of(mlir::ValueRange values) const;
  bool touches(mlir::Operation *op) const;
  bool isLastTime(mlir::Operation *op) const { return lastTimes.contains(op); }

private:
  void findLastTimes(mlir::func::FuncOp function, FunctionRelation &relation);

  llvm::DenseMap<mlir::Value, unsigned> dims;
  /// Slices at T - 1, and the operations that say T for nothing else.
  llvm::DenseSet<mlir::Operation *> lastTimes;
  llvm::DenseSet<mlir::Operation *> counts;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TIMEDIMENSIONS_H
