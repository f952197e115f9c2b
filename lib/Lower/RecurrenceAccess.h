//===- RecurrenceAccess.h - memory of a recurrence on lanes --------------------------===//

#ifndef SEQC_LOWER_RECURRENCEACCESS_H
#define SEQC_LOWER_RECURRENCEACCESS_H

#include "ElementEmitter.h"

#include "kernel/Kernel.h"

namespace seqc {

/// base + offset as one index value.
mlir::Value materialize(mlir::ImplicitLocOpBuilder &builder, const Index &index);

/// Loads the element of a buffer at `index`, a vector of `width` lanes if the
/// last dimension runs over the lanes. Lanes beyond the buffer's end read 0.
/// Fails if another dimension has lanes.
mlir::FailureOr<mlir::Value> loadElement(mlir::ImplicitLocOpBuilder &builder,
                                         mlir::Value buffer,
                                         llvm::ArrayRef<Index> index,
                                         int64_t width);

/// Stores an element; a scalar is broadcast to the lanes of the index. Lanes
/// beyond the buffer's end are left out.
mlir::LogicalResult storeElement(mlir::ImplicitLocOpBuilder &builder,
                                 mlir::Value element, mlir::Value buffer,
                                 llvm::ArrayRef<Index> index, int64_t width);

/// `index` of a slice with the time inserted at dimension `dim`.
IndexList insertTime(llvm::ArrayRef<Index> index, int64_t dim, mlir::Value time);

/// The number of blocks of `width` that hold `size` values.
inline int64_t blocksOf(int64_t size, int64_t width) {
  return (size + width - 1) / width;
}

/// A loop whose body is built by a function; it carries values.
mlir::scf::ForOp
buildFor(mlir::ImplicitLocOpBuilder &builder, mlir::Value begin,
         mlir::Value end, int64_t step, mlir::ValueRange carried,
         llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>(
             mlir::Value, mlir::ValueRange)>
             body,
         bool &failed);

/// The range of `units` that falls to one thread of the team: [begin, end).
std::pair<mlir::Value, mlir::Value>
shareOfThread(mlir::ImplicitLocOpBuilder &builder, mlir::kernel::TeamOp team,
              int64_t units);

/// Runs `emit`, which builds in front of `op`. On success `op` is erased, on
/// failure what was built.
mlir::LogicalResult
replaceOrRestore(mlir::Operation *op,
                 llvm::function_ref<mlir::LogicalResult()> emit);

/// Lowers a recurrence on memrefs; nothing is left behind on failure.
mlir::LogicalResult lowerSeparable(mlir::kernel::RecurrenceOp op,
                                   int64_t lanes);
mlir::LogicalResult lowerCoupled(mlir::kernel::RecurrenceOp op, int64_t lanes);

} // namespace seqc

#endif // SEQC_LOWER_RECURRENCEACCESS_H
