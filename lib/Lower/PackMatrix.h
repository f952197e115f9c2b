//===- PackMatrix.h - the packed form of a matrix ------------------------------------===//

#ifndef SEQC_LOWER_PACKMATRIX_H
#define SEQC_LOWER_PACKMATRIX_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
/// Columns a panel for a matrix of `columns` columns: a multiple of 16, at most
/// `limit`, with few columns of padding. 80 gives 48: two panels, 16 padded.
int64_t choosePanel(int64_t columns, int64_t limit);

/// Tensor operations that bring `matrix` to `[⌈N/panel⌉, K, panel]`.
/// `columnDims` and `depthDims` are its dimensions that make up N and K, outer
/// to inner; together they are all its dimensions.
mlir::Value packMatrix(mlir::ImplicitLocOpBuilder &builder, mlir::Value matrix,
                       llvm::ArrayRef<int64_t> columnDims,
                       llvm::ArrayRef<int64_t> depthDims, int64_t panel);

/// Whether `value` rests on seq.weight and constants alone.
bool isFromWeights(mlir::Value value);
} // namespace seqc

#endif // SEQC_LOWER_PACKMATRIX_H
