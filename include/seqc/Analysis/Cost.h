//===- Cost.h - what a computation costs on a machine --------------------===//
//
// Counted from the operations themselves, so that every form is judged by what
// it was rewritten to and not by a formula of its own. All is a function of n,
// the number of times; see docs/Targets.md for the model.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_ANALYSIS_COST_H
#define SEQC_ANALYSIS_COST_H

#include "seqc/Analysis/Expression.h"
#include "seqc/Analysis/Machine.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <utility>
#include <vector>

namespace seqc {

/// Seconds that one part of the machine is busy with a computation.
struct Bound {
  std::string part; ///< "arithmetic", "states", "chain", or a level of memory
  Expression seconds;
};

struct Cost {
  Expression work;         ///< operations on numbers, a multiply-add is two
  Expression exponentials; ///< exp and what is computed from it
  Expression bytes;        ///< read from tensors and written to tensors
  Expression stored;       ///< bytes of tensors between operations
  Expression chain;        ///< steps of which each waits for the last one
  double state = 0;        ///< bytes

  /// What all parts wait for: dispatches and barriers.
  Expression fixed;
  std::vector<Bound> bounds;

  /// fixed + max over the bounds.
  double seconds(double n) const;
  /// The part that is busy longest at n.
  llvm::StringRef bottleneck(double n) const;
  /// The closed form of seconds(n), in microseconds.
  std::string timeText() const;
  /// This, and then the other.
  void add(const Cost &other);
};

/// The cost of operations that follow one another in a block: linalg and
/// elementwise operations, data movement, recurrences, scans, attention. Others
/// are free. A recurrence keeps its states in registers or in the cache and
/// stores nothing else; elementwise operations with one user share its loop.
Cost getCost(llvm::ArrayRef<mlir::Operation *> operations,
             const Machine &machine);

/// The lengths in [1, 2^20] from which on `b` is faster than `a`, then slower,
/// and so on, each the first of its kind.
std::vector<int64_t> getCrossovers(const Cost &a, const Cost &b);

constexpr int64_t kLongest = 1 << 20;

} // namespace seqc

#endif // SEQC_ANALYSIS_COST_H
