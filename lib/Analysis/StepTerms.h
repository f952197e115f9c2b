//===- StepTerms.h - operations on sums of terms --------------------------===//

#ifndef SEQC_LIB_ANALYSIS_STEPTERMS_H
#define SEQC_LIB_ANALYSIS_STEPTERMS_H

#include "seqc/Analysis/StepAnalysis.h"

namespace seqc::terms {

/// The term that is the element itself of a value of these sizes, as a factor.
Term ofValue(mlir::Value value);
/// The same for a state.
Term ofState(mlir::Value argument, unsigned state, bool after);
/// A constant in a value of `sizes`.
Term ofNumber(double number, llvm::ArrayRef<int64_t> sizes);

/// v[map(i)] for i in `sizes`: the value's dims become map's results. Fails if
/// a term is present on a part that the new dims cannot tell.
mlir::LogicalResult substitute(AffineValue &value, mlir::AffineMap map,
                               llvm::ArrayRef<int64_t> sizes);

/// Σ over the dims of the value that `kept`, a projected permutation of them,
/// leaves out. Fails for a sum over a part whose size is not known.
llvm::LogicalResult reduce(AffineValue &value, mlir::AffineMap kept);

/// Keeps the terms on [low, high) of dimension `dim`.
void restrict(AffineValue &value, unsigned dim, int64_t low, int64_t high);

/// The product; at most one of the two has a state.
Term multiply(const Term &a, const Term &b);
/// 1 / term; none if it has a state, a reduction, a part or a mask.
std::optional<Term> invert(const Term &term);

/// Joins equal terms and drops those of scale 0.
void simplify(AffineValue &value);

} // namespace seqc::terms

#endif // SEQC_LIB_ANALYSIS_STEPTERMS_H
