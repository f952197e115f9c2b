//===- SeparableLowering.h - recurrences whose blocks never meet ----------===//
//
//   threads share units × blocks
//     for each unit
//       for a tile of times
//         what may be computed ahead, for the tile
//         for each block of lanes
//           for each time of the tile: one step, state in registers or L1
//
// Time is tiled outside the blocks because a row of a sequence is contiguous in
// the channels: a loop over all times for one block of 16 channels would read
// one cache line of every row and leave the rest.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_LOWER_SEPARABLELOWERING_H
#define SEQC_LIB_LOWER_SEPARABLELOWERING_H

#include "RecurrenceAccess.h"

namespace seqc {

class SeparableLowering {
public:
  SeparableLowering(mlir::kernel::RecurrenceOp op, int64_t lanes)
      : op(op), builder(op.getLoc(), op), lanes(lanes), width(op.getWidth()),
        emitter(builder, width,
                [this](mlir::Value leaf, llvm::ArrayRef<Index> index) {
                  return loadLeaf(leaf, index);
                }) {}

  mlir::LogicalResult run();

private:
  /// A value computed ahead of the steps, and its buffer
  /// [times of the tile][its dimensions that are no unit].
  struct Ahead {
    mlir::OpResult value;
    llvm::SmallVector<int64_t> roles;
    mlir::Value buffer;
    bool onLanes;
  };

  mlir::RankedTensorType typeOf(mlir::Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }
  llvm::ArrayRef<int64_t> rolesOf(mlir::BlockArgument argument) {
    return op.getRolesOf(argument.getArgNumber());
  }
  mlir::LogicalResult plan();
  int64_t rowsOf(mlir::BlockArgument state);
  int64_t unitsTogether();
  void allocateScratch();
  IndexList indexOf(llvm::ArrayRef<int64_t> roles, llvm::ArrayRef<Index> rows,
                    mlir::RankedTensorType type);
  template <typename Fn>
  mlir::LogicalResult forEachRow(llvm::ArrayRef<int64_t> roles,
                                 mlir::RankedTensorType type, Fn body);
  mlir::FailureOr<mlir::Value> loadLeaf(mlir::Value leaf,
                                        llvm::ArrayRef<Index> index);
  IndexList inAheadBuffer(const Ahead &ahead, mlir::Value time,
                          llvm::ArrayRef<Index> index);
  mlir::FailureOr<mlir::Value> loadState(unsigned state,
                                         llvm::ArrayRef<Index> index);
  mlir::LogicalResult storeState(unsigned state, mlir::Value element,
                                 llvm::ArrayRef<Index> index);
  IndexList inScratch(unsigned state, llvm::ArrayRef<Index> index);
  mlir::LogicalResult copyState(unsigned state, bool in);
  mlir::LogicalResult emitAhead(llvm::ArrayRef<Ahead *> values,
                                mlir::Value tile, mlir::Value times);
  mlir::LogicalResult emitTile(mlir::Value tile, mlir::Value times,
                               mlir::Value firstBlock, mlir::Value lastBlock);
  mlir::LogicalResult emitBlock(mlir::Value tile, mlir::Value times);
  /// Values of the body, and an element of each.
  using Elements = llvm::SmallVector<std::pair<mlir::Value, IndexList>>;
  mlir::FailureOr<Elements> outputElements();
  mlir::LogicalResult storeOutputs(const Elements &outputs);
  mlir::LogicalResult emitTimesInRegisters(mlir::Value tile, mlir::Value times);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitStepInRegisters(mlir::ValueRange carried);
  llvm::SmallVector<ElementEmitter::RowAction> rowActions();
  void prefetch(mlir::Value logical);
  mlir::LogicalResult emitTimesInMemory(mlir::Value tile, mlir::Value times);
  mlir::LogicalResult emitStepsInMemory(mlir::Value tile, mlir::Value first,
                                        int64_t count);
  mlir::Value timeAt(mlir::Value logical);
  void enterUnit(mlir::Value number);
  void enterBlock(mlir::Value number);

  mlir::kernel::RecurrenceOp op;
  mlir::ImplicitLocOpBuilder builder;
  int64_t lanes, width;
  ElementEmitter emitter;
  bool inRegisters = true;
  int64_t tileTimes = 8;
  int64_t laneSize = 0, blocks = 0, units = 1;
  std::vector<Ahead> aheads;
  /// Per state; null where the operand serves.
  llvm::SmallVector<mlir::Value> scratch;

  // What is being emitted.
  mlir::Value length;            // number of times
  llvm::SmallVector<Index> unit; // index of each unit dimension
  mlir::Value block, laneBase;   // number of the block, its first lane
  mlir::Value now, inTile;       // time in memory, number in the tile
};

/// Calls body(index, flat number) for every combination of row dimensions.
template <typename Fn>
mlir::LogicalResult SeparableLowering::forEachRow(llvm::ArrayRef<int64_t> roles,
                                                  mlir::RankedTensorType type,
                                                  Fn body) {
  llvm::SmallVector<int64_t> sizes;
  for (auto [role, size] : llvm::zip(roles, type.getShape()))
    if (role == mlir::kernel::RecurrenceOp::kRow)
      sizes.push_back(size);
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  for (int64_t flat = 0; flat < count; ++flat) {
    llvm::SmallVector<Index> rows(sizes.size());
    int64_t rest = flat;
    for (int64_t i = sizes.size() - 1; i >= 0; --i) {
      rows[i] = Index::constant(rest % sizes[i]);
      rest /= sizes[i];
    }
    if (mlir::failed(body(indexOf(roles, rows, type), flat)))
      return mlir::failure();
  }
  return mlir::success();
}

} // namespace seqc

#endif // SEQC_LIB_LOWER_SEPARABLELOWERING_H
