//===- Ranges.h - bounds of the elements of tensors -----------------------===//

#ifndef SEQC_ANALYSIS_RANGES_H
#define SEQC_ANALYSIS_RANGES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <limits>

namespace seqc {

/// Bounds of values, closed; ±∞ where unknown. NaN is in every interval.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  /// Whether all values are in [low, high].
  bool isIn(double low, double high) const {
    return low <= this->low && this->high <= high;
  }
};

Interval operator+(Interval a, Interval b);
Interval operator-(Interval a);
Interval operator*(Interval a, Interval b);
/// Unknown where the divisor may be 0, up to its sign.
Interval operator/(Interval a, Interval b);
/// The smallest interval that holds both.
Interval hull(Interval a, Interval b);

/// Interval arithmetic on float values: of all elements of a tensor, whatever
/// the index and the time.
///
/// It follows operands to their definitions: through elementwise operations of
/// arith and math, payloads of linalg operations, slices, reshapes, joins and
/// casts, and out of a recurrence through its sequences. Where nothing is known
/// (arguments of functions, states, sums of products) it answers [-∞, ∞].
/// Bounds hold for exact arithmetic; rounding to nearest keeps those at 0 and
/// ±1 (monotonicity), which is what the users of this analysis ask for.
class RangeAnalysis {
public:
  Interval get(mlir::Value value);

private:
  Interval compute(mlir::Value value);
  Interval ofOperation(mlir::OpResult result);
  llvm::DenseMap<mlir::Value, Interval> known;
  unsigned depth = 0;
};

} // namespace seqc

#endif // SEQC_ANALYSIS_RANGES_H
