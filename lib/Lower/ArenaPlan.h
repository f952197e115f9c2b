//===- ArenaPlan.h - places of a function's buffers in one arena ---------------------===//

#ifndef SEQC_LOWER_ARENAPLAN_H
#define SEQC_LOWER_ARENAPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <functional>

namespace seqc {

/// A buffer of a function, or the scratch memory of a function that it calls.
struct ArenaBuffer {
  mlir::Operation *op = nullptr; ///< memref.alloc or func.call
  int64_t begin = 0, end = 0;    ///< first and last use, in the order of the text
  int64_t weight = 0;            ///< estimate of its size
  unsigned slot = 0;
};

/// Buffers that are never live together share a slot, whose size is that of the
/// largest one. Sizes are not known before a run, so slots rather than offsets
/// are planned.
class ArenaPlan {
public:
  /// `needsArena` tells which callees take scratch memory.
  static mlir::FailureOr<ArenaPlan>
  compute(mlir::func::FuncOp function,
          llvm::function_ref<bool(mlir::func::CallOp)> needsArena);

  bool empty() const { return buffers.empty(); }
  llvm::ArrayRef<ArenaBuffer> getBuffers() const { return buffers; }
  unsigned getNumSlots() const { return slots; }

private:
  std::vector<ArenaBuffer> buffers;
  unsigned slots = 0;
};

/// Computes the sizes of buffers from the sizes of a function's arguments alone,
/// at another place than where they are needed.
class SizeCloner {
public:
  /// What stands for size `dim` of an argument (a block argument or
  /// kernel.argument), or for an index argument (dim = -1).
  using Leaf = std::function<mlir::Value(mlir::Value argument, int64_t dim)>;

  SizeCloner(mlir::OpBuilder &builder, Leaf leaf)
      : builder(builder), leaf(std::move(leaf)) {}

  /// An index value; null where it depends on more than sizes.
  mlir::Value clone(mlir::Value value);
  /// Size `dim` of a memref.
  mlir::Value sizeOf(mlir::Value memref, int64_t dim);

private:
  mlir::Value constant(mlir::Location loc, int64_t value);

  mlir::OpBuilder &builder;
  Leaf leaf;
  llvm::DenseMap<mlir::Value, mlir::Value> done;
};

} // namespace seqc

#endif // SEQC_LOWER_ARENAPLAN_H
