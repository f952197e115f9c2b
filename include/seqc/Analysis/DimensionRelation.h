//===- DimensionRelation.h - which dimensions are one loop --------------------------===//

#ifndef SEQC_ANALYSIS_DIMENSIONRELATION_H
#define SEQC_ANALYSIS_DIMENSIONRELATION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/IntEqClasses.h"

#include <optional>
#include <vector>

namespace seqc {

/// The smallest equivalence ~ of pairs (v, i), v a tensor and i one of its
/// dimensions, such that for the operations told by `relate`
///
///   linalg op       (u, i) ~ (v, j)   if map_u[i] = map_v[j] = a loop
///   elementwise op  (u, i) ~ (v, i)   for all tensor operands and results
///   slice, reshape  (source, i) ~ (result, j)   if j is i, whole and unsplit
///   tensor.concat   (u, i) ~ (result, i)        for the other dimensions
///   tensor.dim      (v, i) ~ (e, j)   if it gives size j of a tensor.empty e
///
/// `tensor.splat` and splat constants relate nothing. A pair is *broken*, by an
/// obstacle, where it is cut, joined or split, reduced, read at a place other
/// than its own index, used as a number, or met by any other operation.
class DimensionRelation {
public:
  struct Pair {
    mlir::Value value;
    unsigned dim;
  };
  struct Obstacle {
    unsigned pair;
    mlir::Operation *operation;
    /// The end of the sentence "the dimension …".
    llvm::StringRef reason;
  };

  virtual ~DimensionRelation() = default;

  /// The numbers of a value's pairs. Numbers grow by first appearance.
  llvm::ArrayRef<unsigned> pairsOf(mlir::Value value);
  void unite(mlir::Value a, unsigned i, mlir::Value b, unsigned j);
  void uniteAll(mlir::Value a, mlir::Value b);
  void breakDim(mlir::Value value, unsigned dim, mlir::Operation *op,
                llvm::StringRef reason);
  void breakAll(mlir::Value value, mlir::Operation *op,
                llvm::StringRef reason =
                    "meets an operation the analysis does not know");

  /// Relates the pairs of the operation's operands and results.
  void relate(mlir::Operation &op);

  /// Ends the relation: nothing can be related or broken afterwards.
  void finish();

  /// After finish: the class of a pair. Classes are numbered by their first
  /// pair.
  unsigned classOf(unsigned pair) const { return equal[pair]; }
  unsigned getNumClasses() const { return equal.getNumClasses(); }
  llvm::ArrayRef<Pair> getPairs() const { return pairs; }
  llvm::ArrayRef<Obstacle> getObstacles() const { return obstacles; }

protected:
  /// Relates an operation that `relate` does not know; false if it is unknown
  /// here as well.
  virtual bool relateOther(mlir::Operation &op) { return false; }
  /// A loop that reduces, for which the pair stands.
  virtual void reduce(mlir::linalg::LinalgOp op, Pair pair) {
    breakDim(pair.value, pair.dim, op, "is reduced");
  }

private:
  /// A dimension that is whole in the slice if `size` is its own size.
  struct PendingSlice {
    mlir::Operation *op;
    Pair whole;
    std::optional<Pair> part;
    Pair size;
  };

  void breakNested(mlir::Operation &op);
  void relateLinalg(mlir::linalg::LinalgOp op);
  void relateSlice(mlir::Operation *op, mlir::Value whole, mlir::Value part,
                   mlir::OffsetSizeAndStrideOpInterface slice,
                   const llvm::SmallBitVector &dropped);
  void relateReshape(mlir::Operation *op, mlir::Value expanded,
                     mlir::Value collapsed,
                     llvm::ArrayRef<mlir::ReassociationIndices> groups);
  void relateConcat(mlir::tensor::ConcatOp op);
  void relateDim(mlir::tensor::DimOp op);
  void resolvePending();

  llvm::IntEqClasses equal;
  std::vector<Pair> pairs;
  llvm::SmallVector<Obstacle> obstacles;
  llvm::SmallVector<PendingSlice> pending;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> numbers;
};

} // namespace seqc

#endif // SEQC_ANALYSIS_DIMENSIONRELATION_H
