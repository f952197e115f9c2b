//===- TimeSlice.h - one time of a sequence, as a slice of a tensor -------------------===//

#ifndef SEQC_LOWER_TIMESLICE_H
#define SEQC_LOWER_TIMESLICE_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
/// Offsets, sizes and strides of the slice of `sequence` at `time` of dimension
/// `dim`.
struct TimeSlice {
  TimeSlice(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value sequence,
            int64_t dim, mlir::Value time) {
    auto type = mlir::cast<mlir::RankedTensorType>(sequence.getType());
    for (int64_t i = 0; i < type.getRank(); ++i) {
      offsets.push_back(builder.getIndexAttr(0));
      sizes.push_back(builder.getIndexAttr(1));
      strides.push_back(builder.getIndexAttr(1));
      if (i == dim)
        offsets.back() = time;
      else
        sizes.back() = mlir::tensor::getMixedSize(builder, loc, sequence, i);
    }
  }
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
};
} // namespace seqc

#endif // SEQC_LOWER_TIMESLICE_H
