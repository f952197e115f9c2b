//===- Sizes.h - sizes of tensors as functions of the number of times ----===//

#ifndef SEQC_LIB_ANALYSIS_SIZES_H
#define SEQC_LIB_ANALYSIS_SIZES_H

#include "seqc/Analysis/Expression.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Value.h"

namespace seqc {

/// Sizes as polynomials in n. A size that is not computed from others is n if
/// it is unknown. Rounding is left out: ceil(n / 64) is n/64.
class Sizes {
public:
  Expression ofDimension(mlir::Value tensor, int64_t dim);
  /// The number of elements.
  Expression ofElements(mlir::Value tensor);
  Expression ofBytes(mlir::Value tensor);
  /// An index.
  Expression ofIndex(mlir::Value index) { return ofIndex(index, 0); }
  /// The loops of a linalg operation.
  llvm::SmallVector<Expression> ofLoops(mlir::linalg::LinalgOp op);

private:
  Expression ofIndex(mlir::Value index, int depth);
  Expression ofFold(mlir::OpFoldResult size, int depth);
  Expression ofDimension(mlir::Value tensor, int64_t dim, int depth);
  Expression ofAffine(mlir::AffineExpr expression,
                      llvm::ArrayRef<Expression> dims,
                      llvm::ArrayRef<Expression> symbols);
};

/// Bytes of an element; 4 for index and other types without a size.
double bytesOfElement(mlir::Type type);

} // namespace seqc

#endif // SEQC_LIB_ANALYSIS_SIZES_H
