//===- AfterAll.h - values that are there after all times ------------------------------===//

#ifndef SEQC_LIB_REWRITE_AFTERALL_H
#define SEQC_LIB_REWRITE_AFTERALL_H

#include "TimeDimensions.h"

namespace seqc {

/// The values of a block that are there after all times only: last states, what
/// is read at the last time, and what is computed from these.
class AfterAll {
public:
  using Sources =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Operation *)>;

  /// `sources` gives the results of an operation that are such whatever its
  /// operands are. Operands in `handedOn` take a last state as the initial one
  /// of the next run.
  AfterAll(mlir::Block &block, const TimeDimensions &times,
           const llvm::DenseSet<mlir::OpOperand *> &handedOn,
           Sources sources);

  bool contains(mlir::Value value) const { return values.contains(value); }

  /// Refuses where what is computed for each time reads such a value.
  mlir::LogicalResult checkCausal(Refuse refuse) const {
    return checkCausal(block, refuse);
  }

private:
  bool spread(mlir::Block &block, Sources sources);
  bool reads(mlir::Operation *op) const;
  mlir::LogicalResult checkCausal(mlir::Block &block, Refuse refuse) const;

  mlir::Block &block;
  const TimeDimensions &times;
  const llvm::DenseSet<mlir::OpOperand *> &handedOn;
  llvm::DenseSet<mlir::Value> values;
};

/// Calls `use` for each operand of the operation and of what is nested in it
/// that comes from outside of the operation.
void forEachUse(mlir::Operation *op,
                llvm::function_ref<void(mlir::OpOperand &)> use);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_AFTERALL_H
