//===- Dimensions.h - the dimensions of a recurrence ------------------------------===//
//
// Which dimensions of the values in a recurrence's body are one and the same
// loop, and which of these loops can be moved out of the time loop.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_ANALYSIS_DIMENSIONS_H
#define SEQC_ANALYSIS_DIMENSIONS_H

#include "seq/Seq.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace seqc {

/// A class of (value, dimension) pairs that are indexed alike.
struct DimensionClass {
  /// Body values (region arguments included) and captured tensors that have
  /// the dimension, with its position; region arguments first: states, outputs,
  /// inputs; then captures, then the body in its order.
  llvm::SmallVector<std::pair<mlir::Value, unsigned>> members;

  /// The number of elements, or ShapedType::kDynamic.
  int64_t size = mlir::ShapedType::kDynamic;

  /// Time loops of different indices of this dimension never meet; see
  /// DimensionAnalysis.
  bool separable = false;

  /// As separable, up to sums into output slices; see DimensionAnalysis.
  bool reductionOnly = false;

  /// Some state (output, input, captured tensor) has the dimension.
  bool inStates = false;
  bool inOutputs = false;
  bool inInputs = false;
  bool inCaptures = false;

  /// Where neither separable nor reductionOnly: the operation that couples the
  /// indices (the recurrence itself if no single one does) and what it does,
  /// as the end of the sentence "the dimension …".
  mlir::Operation *obstacle = nullptr;
  llvm::StringRef reason;
};

/// The dimensions of a `seq.recurrence`.
///
/// Pairs (v, i) of a tensor v of the body, or captured by it, and a dimension i
/// are related as DimensionRelation says, and by
///
///   seq.yield       (yielded, i) ~ (out slice or state argument, i)
///
/// A class is *separable* if it is not broken, no operation reduces over it, no
/// value has it twice (so that a state leaves with it where it came in), and
/// every state and every output has it. Then for every index of the class
///
///   recurrence(values)[index] = recurrence(values[index])
///
/// where values[index] slices each operand and capture that has the dimension.
///
/// A class is *reductionOnly* if it would be separable but for reductions of
/// this kind, and each output either has it or is such a sum:
///
///   ^step(…, %out, …):
///     %sum = linalg op … outs(%out)      payload: yields out + (…)
///     seq.yield …, %sum, …               %out and %sum have no other use
///
/// Then the recurrences over parts of the class may run one after the other,
/// each adding into what the last one left in the output.
///
/// The time dimension is in no class.
class DimensionAnalysis {
public:
  explicit DimensionAnalysis(mlir::seq::RecurrenceOp recurrence);

  /// All classes, in a stable order: by first appearance in the states, the
  /// outputs, the inputs, the captures, the body.
  llvm::ArrayRef<DimensionClass> getClasses() const { return classes; }

  /// Indices into getClasses(), ascending.
  llvm::SmallVector<unsigned> getSeparableClasses() const;
  llvm::SmallVector<unsigned> getReductionClasses() const;

  /// Tensors from outside that the body reads, in order of first use.
  llvm::ArrayRef<mlir::Value> getCaptures() const { return captures; }

  /// The class of dimension `dim` of `value`: a body value, a region argument,
  /// a capture or a result of the recurrence. None for time and other values.
  std::optional<unsigned> classOf(mlir::Value value, unsigned dim) const;
  /// The same for an operand of the recurrence. (One value may be several
  /// operands, of different classes.)
  std::optional<unsigned> classOf(mlir::OpOperand &operand, unsigned dim) const;

  /// The first dimension of that class, if there is one.
  std::optional<unsigned> dimOf(mlir::Value value, unsigned cls) const;
  std::optional<unsigned> dimOf(mlir::OpOperand &operand, unsigned cls) const;

  /// Whether a body value is computed from the elements of a state or of an
  /// output slice. A destination that the operation does not read, and the
  /// size of a tensor, do not count. False for values from outside.
  bool dependsOnState(mlir::Value value) const {
    return stateful.contains(value);
  }
  /// The same for any region argument: whether the value differs from time to
  /// time. False for values from outside.
  bool dependsOnTime(mlir::Value value) const {
    return timeVarying.contains(value);
  }

private:
  mlir::seq::RecurrenceOp recurrence;
  llvm::SmallVector<DimensionClass> classes;
  llvm::SmallVector<mlir::Value> captures;
  /// For each value, the class of each dimension.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> classesOfValue;
  llvm::DenseSet<mlir::Value> stateful;
  llvm::DenseSet<mlir::Value> timeVarying;
};

} // namespace seqc

#endif // SEQC_ANALYSIS_DIMENSIONS_H
