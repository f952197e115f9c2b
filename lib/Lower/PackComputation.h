//===- PackComputation.h - computations of weights, taken out of a program -------------===//

#ifndef SEQC_LOWER_PACKCOMPUTATION_H
#define SEQC_LOWER_PACKCOMPUTATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace seqc {
/// What selects one of several weights: `base + offset`, or `offset` alone, or
/// the number at that place of a table.
struct WeightIndex {
  mlir::Value base;
  int64_t offset = 0;
  mlir::DenseIntElementsAttr table = {};
};

/// The form of an index; of another form it is a base of itself.
WeightIndex readWeightIndex(mlir::Value index);

/// The values first … first+count-1 of a base.
struct IndexRange {
  int64_t first = 0, count = 1;
};

/// What the program says of a base; nothing if it says nothing.
std::optional<IndexRange> findIndexRange(mlir::Value base);

/// The computation of one value from seq.weight and constants, by itself.
struct PackComputation {
  /// One argument, the number of the first of the repeated weights; one result.
  mlir::OwningOpRef<mlir::func::FuncOp> function;
  mlir::Value base;         ///< of the program; null if nothing is repeated
  IndexRange range;         ///< of the argument
  std::string name;         ///< of the tensors, with `{}` for the argument
  std::string key;          ///< equal for equal computations

  mlir::Value getResult() {
    return function->getBody().front().getTerminator()->getOperand(0);
  }
  mlir::Type getType() { return function->getResultTypes().front(); }
};

/// Whether `value`, which isFromWeights, may be computed in advance as a whole:
/// a tensor that a weight file can hold, selected by one base, and not much
/// larger than what it is computed from.
bool isWorthStoring(mlir::Value value);

/// Copies the computation of a value that isWorthStoring and whose base, if
/// there is one, has a range.
PackComputation copyPackComputation(mlir::Value value);
} // namespace seqc

#endif // SEQC_LOWER_PACKCOMPUTATION_H
