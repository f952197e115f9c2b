//===- CausalCheck.h - whether sequences may come in pieces ---------------===//

#ifndef SEQC_LIB_REWRITE_CAUSALCHECK_H
#define SEQC_LIB_REWRITE_CAUSALCHECK_H

#include "AfterAll.h"

#include <functional>

namespace seqc {

/// Refuses functions in which what is computed for each time reads what is there
/// after all times only: in pieces they would give other results than on the
/// whole.
class CausalCheck {
public:
  /// Whether a recurrence or a layer is in the function or in one that it calls.
  using RunsThroughTime =
      std::function<mlir::FailureOr<bool>(mlir::func::FuncOp, Refuse)>;
  /// Sees the times of each function, the called ones after their callers.
  using Visit = std::function<mlir::LogicalResult(
      mlir::func::FuncOp, const TimeDimensions &, Refuse)>;

  /// Operands in `handedOn` take a last state as the initial one of the next
  /// run.
  CausalCheck(mlir::SymbolTableCollection &symbols,
              const llvm::DenseSet<mlir::OpOperand *> &handedOn,
              RunsThroughTime runsThroughTime, Visit visit)
      : symbols(symbols), handedOn(handedOn), runsThroughTime(std::move(runsThroughTime)),
        visit(std::move(visit)) {}

  mlir::LogicalResult run(mlir::func::FuncOp function, Refuse refuse) {
    return findAfterAll(function, {}, {}, refuse);
  }

private:
  /// For each result, whether it is there after all times only.
  mlir::FailureOr<llvm::SmallVector<bool>>
  findAfterAll(mlir::func::FuncOp function,
               llvm::ArrayRef<std::optional<unsigned>> arguments,
               llvm::ArrayRef<std::optional<unsigned>> results, Refuse refuse);

  mlir::SymbolTableCollection &symbols;
  const llvm::DenseSet<mlir::OpOperand *> &handedOn;
  RunsThroughTime runsThroughTime;
  Visit visit;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CAUSALCHECK_H
