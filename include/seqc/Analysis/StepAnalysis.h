//===- StepAnalysis.h - how a step depends on its states ------------------===//
//
// The class of each state of a recurrence, with what proves it: the affine form
// of the next state. It knows no layer, only the operations of the body.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_ANALYSIS_STEPANALYSIS_H
#define SEQC_ANALYSIS_STEPANALYSIS_H

#include "seqc/Analysis/Dimensions.h"
#include "seqc/Analysis/Ranges.h"

#include "mlir/IR/AffineMap.h"

#include <memory>
#include <optional>
#include <string>

namespace seqc {

/// A free factor of a product: one element of a body value (or region argument,
/// or capture) that no state reaches.
struct Factor {
  /// · v, / v, v ? rest : 0, v ? 0 : rest
  enum Kind { Times, Over, Where, WhereNot };

  Kind kind = Times;
  /// A tensor or a scalar, of i1 for Where and WhereNot, else of floats.
  mlir::Value value;
  /// (the term's dims) -> index of an element of value; no results for scalars.
  mlir::AffineMap map;

  bool operator==(const Factor &other) const = default;
};

/// scale · Π factors [· state], summed over the dims from `rank` on.
///
/// Dims 0 … rank-1 index the value that the term belongs to; dims from rank on
/// are reductions. In general:
///
///   diagonal       v[i]   = a[i] s[i]             no reduction
///   contraction    v[j]   = Σ_i w[i,j] s[i]
///   low rank       v[i,j] = Σ_k u[i] w[k] s[k,j]
///   outer product  v[i,j] = k[i] v[j]             no state
struct Term {
  double scale = 1.0;
  unsigned rank = 0;
  /// Of all dims; ShapedType::kDynamic where unknown.
  llvm::SmallVector<int64_t> sizes;
  /// [low, high) of the value's dims where the term is present on a part only
  /// (concat, insert_slice); empty: everywhere.
  llvm::SmallVector<std::pair<int64_t, int64_t>> ranges;
  llvm::SmallVector<Factor> factors;
  /// The number of the state.
  std::optional<unsigned> state;
  /// The state after this step's update (readouts only).
  bool after = false;
  /// (the term's dims) -> index of the state. Where the state's size is 1, the
  /// index may be a dim of that size or 0.
  mlir::AffineMap stateMap;

  /// Whether the term is present everywhere along a dim.
  bool isWhole(unsigned dim) const;
};

/// v = Σ terms.
struct AffineValue {
  llvm::SmallVector<Term, 0> terms;
};

enum class StepClass {
  Constant,        ///< next = s
  Free,            ///< next does not depend on any state
  Diagonal,        ///< next[i] = a[i] s[i] + f[i]
  Rotation,        ///< 2×2 blocks: pairs of states, or a dimension of size 2
  DiagonalLowRank, ///< next[i,j] = a s[i,j] + Σ_k u[i] w[k] s[k,j] + f[i,j]
  Affine,          ///< any other affine map, of several states perhaps
  Nonlinear
};

/// The class in words: "diagonal", "diagonal plus low rank", …
llvm::StringRef stringify(StepClass cls);

/// What is known of one state.
struct StateInfo {
  StepClass cls = StepClass::Nonlinear;
  /// The next state; empty if Nonlinear.
  AffineValue next;
  /// Diagonal, DiagonalLowRank: the terms of `next` by role. Several diagonal
  /// terms add up to the coefficient, as in h - z h. For the other classes,
  /// `added` holds the terms without a state.
  llvm::SmallVector<unsigned> diagonal, lowRank, added;
  /// Dimensions of the state, of size other than 1, on which the coefficient
  /// depends (through the maps of its factors).
  llvm::SmallVector<unsigned> decayDims;
  /// The coefficient is 1.
  bool decayIsOne = false;
  /// What multiplies states is the same at all times (the added terms need
  /// not).
  bool timeInvariant = false;
  /// Bounds of the coefficient: 0 ≤ low and high ≤ 1 prove log a ≤ 0.
  Interval decay;
  /// Rotation: the other state of the pair, or the dimension of size 2.
  std::optional<unsigned> partner, pairDim;
  /// Affine, Nonlinear: why the class is no better, as the end of the sentence
  /// "state 0 …", and where (null: no single operation).
  mlir::Operation *cause = nullptr;
  std::string reason;

  /// Nonlinear: what the state is where the states `given` are known, before
  /// and after the update; its factors may depend on them. So is the cell of an
  /// LSTM diagonal, the hidden state given. Null if no other states help.
  std::shared_ptr<StateInfo> whenGiven;
  llvm::SmallVector<unsigned> given;
  /// s' = max(s + f, e), elementwise, f and e free (or no f): max-plus.
  bool isMaximum = false;
  /// Sum of exponentials relative to a running maximum m, itself a state:
  /// s' = exp(m + f - m') s + Σ exp(e - m') …, the online softmax. With its m
  /// it is an associative scan: see docs/Forms.md.
  std::optional<unsigned> maximum;
};

/// A value, affine in the states, that is an output itself or feeds something
/// that is not affine; no affine value contains it.
struct Readout {
  mlir::Value value;
  AffineValue terms;
};

/// How the step of a recurrence depends on its states. Values that a payload
/// computes by several operations have no affine form: ask for it after
/// normalizeStep.
///
/// It is found by evaluating the body with sums of terms for values:
///
///   add, sub, neg       join terms
///   mul, div, select    scale by a value that no state reaches
///   linalg              substitutes indexing maps, sums over reduction loops
///   slice, reshape, …   substitute the index of the source
///
/// and everything else that a state reaches is nonlinear.
class StepAnalysis {
public:
  explicit StepAnalysis(mlir::seq::RecurrenceOp recurrence);
  ~StepAnalysis();

  llvm::ArrayRef<StateInfo> getStates() const { return states; }
  llvm::ArrayRef<Readout> getReadouts() const { return readouts; }
  const DimensionAnalysis &getDimensions() const { return dimensions; }

  /// Whether a body value is computed from the elements of a state. (Unlike
  /// DimensionAnalysis::dependsOnState, output slices do not count: what they
  /// hold is no state's.)
  bool dependsOnState(mlir::Value value) const;

  /// The affine form of a body value. With `readout`, a next state stands for
  /// itself (`after`), unless it is free of all states.
  std::optional<AffineValue> getAffine(mlir::Value value, bool readout) const;

  /// Bounds of the elements of a value in or around the body.
  Interval getRange(mlir::Value value) const { return ranges.get(value); }
  /// Bounds of scale · Π factors, whatever the state.
  Interval getRange(const Term &term) const;
  /// Of the sum of some of its terms.
  Interval getSum(const AffineValue &value,
                  llvm::ArrayRef<unsigned> indices) const;

private:
  class Evaluator;
  StateInfo classify(unsigned number, Evaluator &evaluator) const;
  void classifyPairs();
  void classifyGiven(unsigned number);
  void findMaxima();
  void findReadouts();

  mlir::seq::RecurrenceOp recurrence;
  DimensionAnalysis dimensions;
  mutable RangeAnalysis ranges;
  std::unique_ptr<Evaluator> evaluator;
  llvm::SmallVector<StateInfo, 0> states;
  llvm::SmallVector<Readout, 0> readouts;
};

/// Rewrites the body so that every elementwise operation is one operation of
/// arith or math, on tensors or, where shapes differ, as the payload of a
/// linalg.generic, and every product is a linalg.generic of one multiplication
/// and one addition; dead operations go. The meaning stays. Operations that
/// cannot be brought to this form are left as they are.
///
/// Passes clone the recurrence, normalize the clone, and erase it if nothing
/// comes of it. Defined in lib/Rewrite.
void normalizeStep(mlir::seq::RecurrenceOp recurrence);

/// The elementwise value by operations that normalizeStep would make of its own,
/// at the builder; the value itself where it is none or is by one already.
mlir::Value splitPayload(mlir::Value value, mlir::OpBuilder &builder);

} // namespace seqc

#endif // SEQC_ANALYSIS_STEPANALYSIS_H
