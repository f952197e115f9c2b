//===- Evaluator.h - the reference evaluator
//-------------------------------------===//
//
// The oracle of the project: it evaluates a function of a module, operation by
// operation, slowly and clearly. Every rewrite is tested by evaluating before
// and after, every compiled kernel against it.
//
// Arithmetic on floats is done in f64 whatever the declared type, and nothing
// is rounded to that type: f32 code is evaluated as the mathematics it stands
// for. So `arith.truncf` and `arith.extf` change nothing, and fast-math flags
// mean nothing. `arith.bitcast` alone looks at the declared width. Sums are
// taken in the order of the loops. Integers wrap to their width.
//
// What is evaluated how:
//
//   func       functions of one block; func.call, func.return
//   scf        for, if, while, forall (one iteration after the other);
//              cf.assert
//   affine     apply, min, max
//   arith,     one function on numbers an operation, mapped over the elements
//   math       where the operands are tensors
//   linalg     every structured operation by running its region once for each
//              point of its iteration space, the last loop fastest; pack and
//              unpack by their definition; softmax by its decomposition
//   tensor     by definition; `tensor.empty` holds NaN, so that a read of
//              uninitialised data shows (integers: Tensor.h)
//   seq        recurrence and scan by running their region once for each time;
//              weight through Options::weights; named layers by their
//              `generalize`, on a copy of the operation
//
// What is not in the list is an error that names the operation, as are indices
// out of bounds, shapes that do not match, a division of integers by zero. An
// error is emitted as a diagnostic at the operation's location.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_REFERENCE_EVALUATOR_H
#define SEQC_REFERENCE_EVALUATOR_H

#include "seqc/Reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace seqc::reference {

struct Options {
  /// The tensor that `seq.weight @name[index]` of this type stands for. The
  /// name still holds `{}` where there is an index: see weightName.
  std::function<llvm::Expected<Tensor>(llvm::StringRef name,
                                       std::optional<int64_t> index,
                                       mlir::RankedTensorType type)>
      weights;

  /// Tries each `seq.scan associative` that runs on random tuples of its slices'
  /// sizes: that (a ∘ b) ∘ c and a ∘ (b ∘ c) differ by more than rounding is an
  /// error at the scan, which says by how much.
  bool checkAssociative = false;
};

/// Evaluates `function` of `module`. Arguments must have the declared rank,
/// static sizes and kind (float or integer); scalars are tensors of rank 0, and
/// so are scalar results.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluate(mlir::ModuleOp module, llvm::StringRef function,
         llvm::ArrayRef<Tensor> arguments, const Options &options = {});

/// The name in the weight file: `name` with its `{}` replaced by `index`.
std::string weightName(llvm::StringRef name, std::optional<int64_t> index);

/// Says in one line what is wrong with `tensor` as a value of `type`: its kind,
/// its rank or a static size; empty if nothing is.
std::string describeMismatch(const Tensor &tensor, mlir::Type type);

} // namespace seqc::reference

#endif // SEQC_REFERENCE_EVALUATOR_H
