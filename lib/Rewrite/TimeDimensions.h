//===- TimeDimensions.h - where time is in the values of a function ------------------===//

#ifndef SEQC_LIB_REWRITE_TIMEDIMENSIONS_H
#define SEQC_LIB_REWRITE_TIMEDIMENSIONS_H

#include "seq/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <optional>

namespace seqc {

/// For each of a list of values, the dimension that is time.
using TimeDims = llvm::SmallVector<std::optional<unsigned>>;

/// Which dimension of each value of a function is time: the one along which its
/// recurrences, and those of the functions it calls, run, and all that
/// DimensionRelation relates to it; loops and calls hand dimensions on.
class TimeDimensions {
public:
  /// `arguments` and `results` tell what the callers know already (they may be
  /// empty). Fails with an error where time is not a dimension of pointwise
  /// operations throughout.
  static mlir::FailureOr<TimeDimensions>
  compute(mlir::func::FuncOp function, llvm::ArrayRef<std::optional<unsigned>> arguments,
          llvm::ArrayRef<std::optional<unsigned>> results,
          mlir::SymbolTableCollection &symbols);

  std::optional<unsigned> of(mlir::Value value) const;
  TimeDims of(mlir::ValueRange values) const;
  bool touches(mlir::Operation *op) const;
  bool empty() const { return dims.empty(); }

private:
  llvm::DenseMap<mlir::Value, unsigned> dims;
};

/// The function that `call` calls, if it is in the module and has a body.
mlir::func::FuncOp getCallee(mlir::func::CallOp call,
                             mlir::SymbolTableCollection &symbols);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TIMEDIMENSIONS_H
