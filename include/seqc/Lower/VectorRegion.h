//===- VectorRegion.h - scalar regions on vectors ----------------------------------===//

#ifndef SEQC_LOWER_VECTORREGION_H
#define SEQC_LOWER_VECTORREGION_H

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
/// Makes `value` a vector of `lanes` lanes: a scalar is broadcast, a vector of
/// that many lanes is itself.
mlir::Value toLanes(mlir::ImplicitLocOpBuilder &builder, mlir::Value value,
                    int64_t lanes);

/// Clones one scalar elementwise operation (arith, math) on mapped operands. If
/// any of them is a vector the clone works on vectors of `lanes` lanes, else it
/// stays scalar. Records the results in `map`.
void cloneOnLanes(mlir::ImplicitLocOpBuilder &builder, mlir::Operation &op,
                  mlir::IRMapping &map, int64_t lanes);

/// Clones all operations of `block` but the terminator, as above, and returns
/// what the terminator hands over. `arguments` stand for the block's arguments.
llvm::SmallVector<mlir::Value>
cloneBlockOnLanes(mlir::ImplicitLocOpBuilder &builder, mlir::Block &block,
                  llvm::ArrayRef<mlir::Value> arguments, int64_t lanes);
} // namespace seqc

#endif // SEQC_LOWER_VECTORREGION_H
