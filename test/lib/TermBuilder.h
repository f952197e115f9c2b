//===- TermBuilder.h - products of a term's factors as tensors ------------===//

#ifndef SEQC_TEST_LIB_TERMBUILDER_H
#define SEQC_TEST_LIB_TERMBUILDER_H

#include "TimeLifter.h"

#include "seqc/Analysis/StepAnalysis.h"

namespace seqc {

/// A part of a term: the product of some of its factors, of its scale and of
/// its state, if they are wanted.
struct TermProduct {
  const Term *term;
  /// Indices into term->factors.
  llvm::SmallVector<unsigned> factors;
  bool scaled = true;
  /// What stands for the term's state; null to leave it out.
  mlir::Value state = {};
  /// `state` is the sequence of states of all times.
  bool stateHasTime = false;

  /// All factors and the scale.
  static TermProduct all(const Term &term);
};

/// Writes terms as tensors, one linalg.generic each:
///
///   (dims) -> Σ_products Σ_others scale · Π factors [· state]
///
/// `dims` are dims of the terms, in the order of the result; dims that a
/// product has and `dims` leaves out are summed over.
///
/// In place, factors are the body's values. With a lifter, the result is built
/// outside of the recurrence: factors are sequences or time-invariant values,
/// and `kTime` among the dims says where the result has the time.
class TermBuilder {
public:
  static constexpr unsigned kTime = ~0u;

  /// Builds at `builder`'s insertion point; for a lifter it must be the
  /// lifter's own builder.
  TermBuilder(mlir::seq::RecurrenceOp recurrence,
              const DimensionAnalysis &analysis, mlir::OpBuilder &builder,
              TimeLifter *lifter = nullptr)
      : recurrence(recurrence), analysis(analysis), builder(builder),
        lifter(lifter) {}

  /// Whether `build` can write the product over these dims.
  bool canBuild(const TermProduct &product, llvm::ArrayRef<unsigned> dims);

  /// The sum of the products, of which there is at least one; `element` is the
  /// type of its elements. Asks for canBuild of each.
  mlir::Value build(llvm::ArrayRef<TermProduct> products,
                    llvm::ArrayRef<unsigned> dims, mlir::Type element);

private:
  mlir::Value addProduct(const TermProduct &product,
                         llvm::ArrayRef<unsigned> dims, mlir::Type element,
                         mlir::Value sum);
  std::optional<mlir::OpFoldResult> sizeOf(const TermProduct &product,
                                           unsigned dim);
  bool hasTime(mlir::Value value);
  mlir::Value operandFor(mlir::Value value);

  mlir::seq::RecurrenceOp recurrence;
  const DimensionAnalysis &analysis;
  mlir::OpBuilder &builder;
  TimeLifter *lifter;
};

} // namespace seqc

#endif // SEQC_TEST_LIB_TERMBUILDER_H
