//===- ProductChain.h - two products in a row, in either order ------------===//
//
// The names are those of attention, which is the usual chain; nothing depends
// on it being one.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_REWRITE_PRODUCTCHAIN_H
#define SEQC_LIB_REWRITE_PRODUCTCHAIN_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <optional>

namespace seqc {

/// A tensor, and for each of its dimensions the number of a loop.
struct Factor {
  mlir::Value value;
  llvm::SmallVector<unsigned> loops;

  bool has(unsigned loop) const { return llvm::is_contained(loops, loop); }
  explicit operator bool() const { return static_cast<bool>(value); }
};

/// Of which keys a query reads the sum: those with s ≤ t + `last`.
struct Causality {
  unsigned queryTime, keyTime; ///< the loops t and s
  /// 0 or -1 (a key is seen after its own time only).
  int64_t last = 0;
  /// Where the numbers of times T and S may differ, t counts from S - T: the
  /// last query is beside the last key.
  bool atEnd = false;
  /// Whether T and S are known to be equal.
  bool sameTimes = false;
};

/// What the state decays by before a key is added: for each time, or, without
/// that loop, for all; itself or as a logarithm.
struct StepDecay {
  Factor factor;
  bool isLog = false;
};

/// The sums
///
///   y[…] = Σ_s (Σ_k query[…,k] · key[…,s,k]) · value[…,s,…]
///
/// over numbered loops. The loops s are `summed`, the loops k are those that
/// query and key share and y has not. Without a value that is 1.
struct ProductChain {
  Factor query, key, value;
  llvm::SmallVector<unsigned> result; ///< the loop of each dimension of y
  llvm::SmallVector<unsigned> summed;
  mlir::RankedTensorType type; ///< of y

  /// Multiply-adds of the order above without the first product, Σ_k, and of
  ///
  ///   M[…,k,…] = Σ_s key[…,s,k] · value[…,s,…]     y[…] = Σ_k query[…,k] · M
  ///
  /// An unknown size counts as `kUnknownSize`. What rests on weights alone is
  /// computed in advance, and costs nothing.
  double workOfLast() const;
  double workReordered() const;
  /// The same for the product Σ_k of all chains that share it.
  double workOfFirst() const;

  /// y by the second order.
  mlir::Value buildReordered(mlir::ImplicitLocOpBuilder &b) const;

  /// y where a query reads the sum of some keys: a seq.recurrence whose state
  /// is M of the keys so far. Other loops are as above; one loop is summed. A
  /// key from s is multiplied with the decays of the times s + 1 to t, whose
  /// loops are those of M.
  mlir::Value buildCausal(mlir::ImplicitLocOpBuilder &b,
                          const Causality &causality,
                          llvm::ArrayRef<StepDecay> decays = {}) const;

  static constexpr int64_t kUnknownSize = 1 << 20;

private:
  llvm::SmallVector<unsigned> stateLoops() const;
};

/// A linalg.generic over the loops of `result`, which are parallel, and all
/// others of the inputs, which are reduced into a tensor of zeros. `body` gets
/// an element of each input, and of the result so far where there is a
/// reduction.
using ScalarFn = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                mlir::ValueRange)>;
mlir::Value createGeneric(mlir::ImplicitLocOpBuilder &b,
                          llvm::ArrayRef<Factor> inputs,
                          llvm::ArrayRef<unsigned> result, ScalarFn body);

/// Σ of the product of all factors over the loops that `result` has not.
Factor sumOfProducts(mlir::ImplicitLocOpBuilder &b,
                     llvm::ArrayRef<Factor> factors,
                     llvm::ArrayRef<unsigned> result);

/// Whether the value is computed from seq.weight and constants alone.
bool restsOnWeights(mlir::Value value);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_PRODUCTCHAIN_H
