//===- StepStates.h - the states of a function's recurrences -------------------------===//

#ifndef SEQC_LIB_REWRITE_STEPSTATES_H
#define SEQC_LIB_REWRITE_STEPSTATES_H

#include "Refuse.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace seqc {

/// Where a state comes from and goes to.
struct StateOrigin {
  /// The function takes it as argument `argument` and returns it as result
  /// `result`; without a result, it is to be returned in addition.
  std::optional<unsigned> argument;
  std::optional<unsigned> result;
  /// Otherwise every element of the initial state has this value.
  mlir::TypedAttr initial;
};

/// The value of all elements, if they are the same constant.
mlir::TypedAttr getSplatConstant(mlir::Value value);

/// Finds the origin of the state that begins as `init` and ends as `last`, the
/// values of `op`'s operand and result. An argument may reach `init` by slices,
/// reshapes and casts, one for each iteration of a loop as well, if the returned
/// value has `last` at the very same place. An iteration must have a part of the
/// state for itself.
mlir::FailureOr<StateOrigin> findStateOrigin(mlir::Value init, mlir::Value last,
                                             mlir::Operation *op,
                                             Refuse refuse);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_STEPSTATES_H
