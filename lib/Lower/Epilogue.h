//===- Epilogue.h - elementwise operations that follow a product -------------------===//

#ifndef SEQC_LOWER_EPILOGUE_H
#define SEQC_LOWER_EPILOGUE_H

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Operation.h"

namespace seqc {
/// The elementwise operations that can run on a product's elements before they
/// are stored.
class Epilogue {
public:
  /// Collects what follows `product`, a tensor `[m…, N]`, in its block: the
  /// largest set of operations of which nothing but one last value is used
  /// elsewhere. That value has the element type of the product.
  explicit Epilogue(mlir::Value product);

  /// The last value: `product` itself if nothing follows.
  mlir::Value getResult() const { return result; }
  /// Tensors that the operations read besides the product: of the product's
  /// shape, or `[N]`, or of rank 0. Where a value has to be reshaped for that,
  /// operations are created before the last one.
  llvm::ArrayRef<mlir::Value> getExtras() const { return extras; }
  /// Clones the operations on scalars; `elements` has an element of the product
  /// and of each extra. Returns the element of the last value.
  mlir::Value clone(mlir::ImplicitLocOpBuilder &builder,
                    mlir::ValueRange elements) const;
  /// Erases the operations; the last value must have no use any more.
  void erase();

private:
  mlir::Value product, result;
  llvm::SmallVector<mlir::Operation *> ops; // in the order of the block
  llvm::SmallVector<mlir::Value> extras;
  /// The extra that stands for a full operand of the operations.
  llvm::DenseMap<mlir::Value, unsigned> extraOf;
};
} // namespace seqc

#endif // SEQC_LOWER_EPILOGUE_H
