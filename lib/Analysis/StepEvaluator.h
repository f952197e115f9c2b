//===- StepEvaluator.h - the body of a step in sums of terms --------------===//

#ifndef SEQC_LIB_ANALYSIS_STEPEVALUATOR_H
#define SEQC_LIB_ANALYSIS_STEPEVALUATOR_H

#include "StepTerms.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseSet.h"

namespace seqc {

/// What is known of a value.
struct StepForm {
  enum Kind { Free, Affine, Nonlinear };
  Kind kind = Free;
  /// Free: one term without a state, or none for 0. Affine: the sum.
  AffineValue terms;
  /// A free value of a payload that several operations compute: no term.
  bool isOpaque = false;
  /// Nonlinear: why, as the end of the sentence "state 0 …".
  mlir::Operation *cause = nullptr;
  std::string reason;

  static StepForm nonlinear(mlir::Operation *op, const llvm::Twine &reason);
  /// Nonlinear because of an operation that nothing is known of.
  static StepForm unknown(mlir::Operation *op);
  /// Nonlinear because of an opaque factor.
  static StepForm insidePayload(mlir::Operation *op);
};

/// Evaluates body values; see StepAnalysis for the rules.
class StepAnalysis::Evaluator {
public:
  /// The states `given` count as free values.
  explicit Evaluator(mlir::seq::RecurrenceOp recurrence,
                     llvm::ArrayRef<unsigned> given = {});

  const StepForm &get(mlir::Value value, bool readout);
  bool isFree(mlir::Value value) const { return !stateful.contains(value); }

private:
  StepForm compute(mlir::Value value, bool readout);
  StepForm ofOperation(mlir::OpResult value, bool readout);
  StepForm ofLinalg(mlir::linalg::LinalgOp op, unsigned result, bool readout);
  StepForm ofPayload(mlir::Value scalar,
                     llvm::DenseMap<mlir::Value, StepForm> &scalars,
                     llvm::ArrayRef<int64_t> loops);
  StepForm ofConcat(mlir::tensor::ConcatOp op, bool readout);
  StepForm ofInsertSlice(mlir::tensor::InsertSliceOp op, bool readout);
  StepForm ofSource(mlir::Operation *op, mlir::Value source,
                    mlir::AffineMap map, mlir::Type type, bool readout);
  /// One elementwise operation on operands of the same sizes.
  StepForm combine(mlir::Operation *op, llvm::ArrayRef<StepForm> operands,
                   llvm::ArrayRef<int64_t> sizes);
  StepForm product(mlir::Operation *op, const StepForm &a, const StepForm &b);
  StepForm sum(mlir::Operation *op, const StepForm &a, const StepForm &b,
               double scale);
  StepForm select(mlir::Operation *op, const StepForm &mask,
                  const StepForm &yes, const StepForm &no);

  mlir::seq::RecurrenceOp recurrence;
  llvm::DenseSet<mlir::Value> stateful;
  llvm::DenseMap<mlir::Value, StepForm> forms[2];
};

} // namespace seqc

#endif // SEQC_LIB_ANALYSIS_STEPEVALUATOR_H
