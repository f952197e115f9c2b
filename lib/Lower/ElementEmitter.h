//===- ElementEmitter.h - one element of a tensor formula, on vectors ---------------===//
//
// A region of tensor operations is read as a formula: the element of a value at
// an index is computed from the elements of its operands, down to the leaves
// (region arguments), which a caller loads from memory. One dimension of an
// index may run over the lanes of a vector. No tensor is ever stored.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LOWER_ELEMENTEMITTER_H
#define SEQC_LOWER_ELEMENTEMITTER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "llvm/ADT/DenseSet.h"

#include <functional>
#include <map>
#include <tuple>

namespace seqc {

/// The place along one dimension: base + offset, plus the lane's number where
/// the dimension runs over the lanes. No base means 0.
struct Index {
  mlir::Value base;
  int64_t offset = 0;
  bool lane = false;

  static Index constant(int64_t offset) { return {mlir::Value(), offset, false}; }
  static Index at(mlir::Value base) { return {base, 0, false}; }
  static Index lanes(mlir::Value base) { return {base, 0, true}; }
  bool isConstant() const { return !base && !lane; }
  auto key() const { return std::make_tuple(base.getAsOpaquePointer(), offset, lane); }
};

/// An element: a value of a region and an index in each of its dimensions.
using IndexList = llvm::SmallVector<Index, 4>;

class ElementEmitter {
public:
  /// Loads an element of a leaf: a region argument, or a value of `stored`. A
  /// vector if the index has lanes.
  using LoadLeaf = std::function<mlir::FailureOr<mlir::Value>(
      mlir::Value leaf, llvm::ArrayRef<Index> index)>;

  /// `width` is the number of lanes of every vector.
  ElementEmitter(mlir::ImplicitLocOpBuilder &builder, int64_t width,
                 LoadLeaf load)
      : builder(builder), width(width), load(std::move(load)) {
    scopes.emplace_back();
  }

  /// Emits the element of `value` at `index` at the builder's insertion point:
  /// a scalar, or a vector where the element depends on the lanes. Fails on an
  /// operation or an access that has no such form.
  mlir::FailureOr<mlir::Value> element(mlir::Value value,
                                       llvm::ArrayRef<Index> index);

  /// Says what the element of `value` at `index` is, in the present scope.
  void bind(mlir::Value value, llvm::ArrayRef<Index> index, mlir::Value element);

  /// Elements emitted inside a loop's body are forgotten when it is left.
  void enterScope() { scopes.emplace_back(); }
  void leaveScope() { scopes.pop_back(); }

  /// A row of a state to be overwritten in the loop over its rows.
  struct RowAction {
    /// The new row's value, and its index at row `row`.
    mlir::Value value;
    std::function<IndexList(Index row)> index;
    /// Stores the value of a row.
    std::function<mlir::LogicalResult(Index row, mlir::Value element)> store;
    int64_t rows;
    /// The leaf that holds the old rows. The store runs in the last loop that
    /// reads it.
    mlir::Value overwritten;
  };

  /// Several steps of a recurrence in one loop over the rows of its states:
  /// a row is loaded once, goes through all steps and is stored once.
  struct Steps {
    int64_t count;
    /// From now on `load` reads the slices of this step.
    std::function<void(int64_t step)> enter;
  };

  /// Computes the reductions that the elements `roots` and the actions need, in
  /// rounds: a reduction's round is one more than those of the reductions that
  /// it depends on. In a round those over the same number of terms share one
  /// loop, and actions on as many rows run in it. Results are bound in the
  /// present scope. Reductions of at most `unrollLimit` terms are left to
  /// `element`.
  ///
  /// With more than one step, `fitsOneLoop` must hold; results are bound in the
  /// scopes of the steps.
  mlir::LogicalResult
  reduceTogether(llvm::ArrayRef<std::pair<mlir::Value, IndexList>> roots,
                 llvm::ArrayRef<RowAction> actions = {},
                 const Steps &steps = {1, {}});

  /// Whether a step is one loop over the rows: no row waits for a sum over all.
  bool fitsOneLoop(llvm::ArrayRef<std::pair<mlir::Value, IndexList>> roots,
                   llvm::ArrayRef<RowAction> actions);

  /// The scope of one of several steps, between the two.
  void enterStep(const Steps &steps, int64_t step);
  void leaveStep(int64_t step);

  /// Values that lie in memory already.
  llvm::DenseSet<mlir::Value> stored;
  bool isLeaf(mlir::Value value) const {
    return mlir::isa<mlir::BlockArgument>(value) || stored.contains(value);
  }

  /// Reductions of no more terms than this are written out.
  int64_t unrollLimit = 16;
  /// Terms that one trip of a common reduction loop adds.
  int64_t unroll = 4;
  /// Vector registers that one element takes.
  int64_t registersPerElement = 1;

  mlir::ImplicitLocOpBuilder &builder;
  int64_t width;

private:
  friend class ReductionRounds;

  using Key = std::pair<void *, std::vector<std::tuple<const void *, int64_t, bool>>>;
  static Key makeKey(mlir::Value value, llvm::ArrayRef<Index> index);
  mlir::Value lookup(mlir::Value value, llvm::ArrayRef<Index> index) const;

  mlir::FailureOr<mlir::Value> emit(mlir::Value value,
                                    llvm::ArrayRef<Index> index);
  mlir::FailureOr<mlir::Value> emitGeneric(mlir::linalg::GenericOp op,
                                           unsigned result,
                                           llvm::ArrayRef<Index> index);
  /// Runs the payload at one iteration; `accumulator` stands for the init.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitPayload(mlir::linalg::GenericOp op, llvm::ArrayRef<Index> iteration,
              mlir::Value accumulator);
  mlir::Value indexValue(const Index &index);

  LoadLeaf load;
  std::vector<std::map<Key, mlir::Value>> scopes;
  /// Of each of several steps, while it is not entered.
  std::vector<std::map<Key, mlir::Value>> stepScopes;
};

/// The index in an operand's dimensions at an iteration; fails unless every
/// result of `map` is a dimension or a constant.
mlir::FailureOr<IndexList> applyMap(mlir::AffineMap map,
                                    llvm::ArrayRef<Index> iteration);

/// The index in the source of a slice or a reshape that `index` of the result
/// stands for; none for other operations.
mlir::FailureOr<std::pair<mlir::Value, IndexList>>
indexInSource(mlir::ImplicitLocOpBuilder &builder, mlir::Operation *op,
              llvm::ArrayRef<Index> index);

} // namespace seqc

#endif // SEQC_LOWER_ELEMENTEMITTER_H
