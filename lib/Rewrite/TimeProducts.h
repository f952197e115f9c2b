//===- TimeProducts.h - products of factors for all times ---------------------------===//

#ifndef SEQC_LIB_REWRITE_TIMEPRODUCTS_H
#define SEQC_LIB_REWRITE_TIMEPRODUCTS_H

#include "NamedTensors.h"
#include "TimeLifter.h"

#include "seqc/Analysis/StepAnalysis.h"

namespace seqc {

/// scale · Π factors, whose indices are named.
struct NamedProduct {
  struct NamedFactor {
    Factor factor;
    /// The names of the term's dims.
    DimNames names;
    /// Those of them that the factor depends on.
    DimNames getDims() const;
    bool dependsOn(llvm::ArrayRef<DimName> dims) const;
  };
  double scale = 1.0;
  llvm::SmallVector<NamedFactor> factors;

  /// The dims of all factors, ascending.
  DimNames getDims() const;
  bool isOne() const { return scale == 1.0 && factors.empty(); }
};

/// Builds products of a step's factors outside of the recurrence.
class TimeProducts {
public:
  TimeProducts(NamedTensors &tensors, TimeLifter &lifter,
               const DimensionAnalysis &analysis, unsigned timeDim,
               DimName time)
      : tensors(tensors), lifter(lifter), analysis(analysis), timeDim(timeDim),
        time(time) {}

  /// Whether the factor has a value outside of the recurrence.
  static bool canBuild(const Factor &factor, TimeLifter &lifter,
                       const DimensionAnalysis &analysis);

  /// Whether it differs from time to time.
  bool varies(const NamedProduct &product) const;

  /// [time, dims…], or [dims…] where it is the same at all times and
  /// `withTime` does not ask for it; the other dims of the factors are summed.
  /// A sequence that is the only factor is taken as it is, in its own order.
  NamedTensor build(const NamedProduct &product, llvm::ArrayRef<DimName> dims,
                    bool withTime);

  /// The logarithm [time, dims…] of a product of exponentials and sigmoids, or
  /// null: the exponents themselves, -∞ where a mask gives 0.
  NamedTensor buildLog(const NamedProduct &product,
                       llvm::ArrayRef<DimName> dims);

private:
  /// A factor outside: [time and] the index of an element for each iteration.
  struct Source {
    mlir::Value value;
    mlir::AffineMap map;
  };
  Source getSource(const NamedProduct::NamedFactor &factor,
                   llvm::ArrayRef<DimName> loops);
  NamedTensor emit(llvm::ArrayRef<Source> sources,
                   llvm::ArrayRef<DimName> loops,
                   llvm::ArrayRef<DimName> reduced, NamedTensors::Scalar scalar);

  NamedTensors &tensors;
  TimeLifter &lifter;
  const DimensionAnalysis &analysis;
  unsigned timeDim;
  DimName time;
};

} // namespace seqc

#endif // SEQC_LIB_REWRITE_TIMEPRODUCTS_H
