//===- LayerUtils.h - what the named layers share ------------------*- C++
//-*-===//
// Private to dialects/seq: the shape verifier of layers, and the words in which
// `generalize` states them.
//===----------------------------------------------------------------------===//

#ifndef SEQ_LAYERUTILS_H
#define SEQ_LAYERUTILS_H

#include "seq/Seq.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::seq::layer {

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// An operand or result (null if absent) and the sizes its documentation gives:
/// one word a dimension, a letter with an optional factor before it and an
/// optional number taken off, as in "B T I", "4H P" and "B W-1 C".
struct NamedShape {
  StringRef name;
  Value value;
  StringRef sizes;
};

/// Checks what all layers demand: (C1) one element type, (C2) only the sizes T
/// and S (times of queries and of keys) may be unknown, (C3) the shapes are
/// those stated. Ranks are the business of
/// the operation's type constraints.
LogicalResult verifyShapes(Operation *layer, ArrayRef<NamedShape> shapes);

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// Time is dimension 1 of every sequence of a layer.
constexpr int64_t kTimeDim = 1;

/// The values that are not null.
SmallVector<Value> present(ArrayRef<Value> values);

/// The destination of an output sequence of type `type`, with as many times as
/// the sequence `like`.
Value emptySequence(ImplicitLocOpBuilder &b, RankedTensorType type, Value like);

/// The body of a step: given the slices of the inputs and the states, it
/// returns the output slices, then the next states.
using StepFn =
    function_ref<SmallVector<Value>(ValueRange inputs, ValueRange states)>;

/// A seq.recurrence whose region `step` builds. Null inputs are left out, so
/// that a layer can list its optional sequences last.
SmallVector<Value> recurrence(ImplicitLocOpBuilder &b, bool reverse,
                              ArrayRef<Value> inputs, ValueRange outputs,
                              ValueRange states, StepFn step);

//===----------------------------------------------------------------------===//
// Tensors of one time slice
//===----------------------------------------------------------------------===//

/// The sum of products that `spec` states in the notation of Einstein sums: one
/// letter a dimension, as in "bi,gi->bg"; letters not in the result are summed.
Value einsum(ImplicitLocOpBuilder &b, StringRef spec, ValueRange operands);

/// Computes each element of the result from elements of the operands. `spec` is
/// as for einsum; an operand without a letter of the result is broadcast.
Value pointwise(ImplicitLocOpBuilder &b, StringRef spec, ValueRange operands,
                function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> scalar);

/// `x` plus a vector along its last dimension; `x` where the vector is null.
Value addBias(ImplicitLocOpBuilder &b, Value x, Value bias);

/// Columns [index * size, (index + 1) * size) of a matrix: one of its gates.
Value gate(ImplicitLocOpBuilder &b, Value matrix, int64_t index, int64_t size);

/// A tensor of `like`'s type, every element of which is `value`.
Value splat(ImplicitLocOpBuilder &b, Value like, double value);

/// 1 / (1 + exp(-x))
Value sigmoid(ImplicitLocOpBuilder &b, Value x);
/// x · sigmoid(x)
Value silu(ImplicitLocOpBuilder &b, Value x);
/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which never overflows
Value softplus(ImplicitLocOpBuilder &b, Value x);

} // namespace mlir::seq::layer

#endif // SEQ_LAYERUTILS_H
