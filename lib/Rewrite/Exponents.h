//===- Exponents.h - values that are exponentials ------------------------------------===//

#ifndef SEQC_LIB_REWRITE_EXPONENTS_H
#define SEQC_LIB_REWRITE_EXPONENTS_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace seqc {

/// log(value[i]) in terms of another tensor's element.
struct Exponent {
  enum Kind {
    Plain,        ///< value = exp(x)
    MinusSoftplus ///< value = 1 / (1 + exp(x)), whose log is -log(1 + exp(x))
  };
  Kind kind;
  mlir::Value x;
  /// (index of value) -> index of x
  mlir::AffineMap map;
};

/// The exponent of a tensor that is computed as an exponential or a sigmoid, by
/// operations on tensors or by linalg.generics of one operation.
std::optional<Exponent> findExponent(mlir::Value value);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_EXPONENTS_H
