//===- SeparableMemory.cpp - what separable recurrences read and write ----===//

#include "SeparableLowering.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace seqc;
using kernel::RecurrenceOp;

/// Bytes of a cache line.
static constexpr int64_t kLine = 64;

/// Bytes of states that a thread goes through again and again.
static constexpr int64_t kCachedStates = 256 << 10;

/// Buffers: [times of a tile][rows…][lanes] for values computed ahead, and a
/// blocked copy [blocks][rest…][lanes] of every state whose lanes are not
/// contiguous in memory.
void SeparableLowering::allocateScratch() {
  for (Ahead &ahead : aheads) {
    SmallVector<int64_t> shape{tileTimes};
    RankedTensorType type = typeOf(ahead.value);
    for (auto [role, size] : llvm::zip(ahead.roles, type.getShape())) {
      if (role == RecurrenceOp::kLane)
        shape.push_back(width);
      else if (role == RecurrenceOp::kRow)
        shape.push_back(size);
    }
    if (!ahead.onLanes && shape.size() > 1)
      shape.back() = blocksOf(shape.back(), lanes) * lanes;
    ahead.buffer = memref::AllocaOp::create(
        builder, MemRefType::get(shape, type.getElementType()),
        builder.getI64IntegerAttr(64));
  }
}

IndexList SeparableLowering::indexOf(ArrayRef<int64_t> roles,
                                     ArrayRef<Index> rows,
                                     RankedTensorType type) {
  IndexList index;
  unsigned nextRow = 0;
  for (auto [role, size] : llvm::zip(roles, type.getShape())) {
    if (role == RecurrenceOp::kLane)
      index.push_back(Index::lanes(laneBase));
    else if (role == RecurrenceOp::kRow)
      index.push_back(rows[nextRow++]);
    else
      index.push_back(unit[role]);
  }
  return index;
}

IndexList SeparableLowering::inScratch(unsigned state, ArrayRef<Index> index) {
  IndexList blocked{Index::at(block)};
  ArrayRef<int64_t> roles = rolesOf(op.getStateArguments()[state]);
  Index lane;
  for (auto [role, part] : llvm::zip(roles, index)) {
    if (role == RecurrenceOp::kLane)
      lane = part;
    else
      blocked.push_back(part);
  }
  blocked.push_back({Value(), lane.offset, lane.lane});
  return blocked;
}

FailureOr<Value> SeparableLowering::loadState(unsigned state,
                                              ArrayRef<Index> index) {
  if (scratch[state])
    return loadElement(builder, scratch[state], inScratch(state, index), width);
  return loadElement(builder, op.getStates()[state], index, width);
}

LogicalResult SeparableLowering::storeState(unsigned state, Value element,
                                            ArrayRef<Index> index) {
  if (scratch[state])
    return storeElement(builder, element, scratch[state],
                        inScratch(state, index), width);
  return storeElement(builder, element, op.getStates()[state], index, width);
}

/// The place of an element in the buffer of a value computed ahead.
IndexList SeparableLowering::inAheadBuffer(const Ahead &ahead, Value time,
                                           ArrayRef<Index> index) {
  IndexList place{Index::at(time)};
  for (auto [role, part] : llvm::zip(ahead.roles, index)) {
    if (role == RecurrenceOp::kLane)
      place.push_back({Value(), part.offset, part.lane});
    else if (role == RecurrenceOp::kRow)
      place.push_back(part);
  }
  return place;
}

FailureOr<Value> SeparableLowering::loadLeaf(Value leaf,
                                             ArrayRef<Index> index) {
  auto argument = dyn_cast<BlockArgument>(leaf);
  if (!argument) {
    for (const Ahead &ahead : aheads)
      if (ahead.value == leaf)
        return loadElement(builder, ahead.buffer,
                           inAheadBuffer(ahead, inTile, index), width);
    return failure();
  }
  unsigned number = argument.getArgNumber();
  unsigned inputs = op.getInputs().size(), captures = op.getCaptures().size();
  if (number < inputs)
    return loadElement(builder, op.getInputs()[number],
                       insertTime(index, op.getDim(), now), width);
  number -= inputs;
  if (number < captures) {
    Value capture = op.getCaptures()[number];
    if (!isa<MemRefType>(capture.getType()))
      return index.empty() ? FailureOr<Value>(capture)
                           : FailureOr<Value>(failure());
    int64_t blockedDim = op.getBlocked()[number];
    if (blockedDim < 0)
      return loadElement(builder, capture, index, width);
    // Blocked storage knows whole blocks only.
    if (!index[blockedDim].lane || index[blockedDim].base != laneBase ||
        index[blockedDim].offset != 0)
      return failure();
    IndexList blocked{Index::at(block)};
    for (auto [dim, part] : llvm::enumerate(index))
      if (static_cast<int64_t>(dim) != blockedDim)
        blocked.push_back(part);
    blocked.push_back(Index::lanes(Value()));
    return loadElement(builder, capture, blocked, width);
  }
  number -= captures;
  if (number < op.getOutputs().size())
    return loadElement(builder, op.getOutputs()[number],
                       insertTime(index, op.getDim(), now), width);
  number -= op.getOutputs().size();
  // In registers every element that a step may read is bound beforehand.
  if (inRegisters)
    return failure();
  return loadState(number, index);
}

/// Moves one state of the present unit and block between its natural layout,
/// where a block's lanes are apart, and the blocked scratch.
LogicalResult SeparableLowering::copyState(unsigned state, bool in) {
  BlockArgument argument = op.getStateArguments()[state];
  ArrayRef<int64_t> roles = rolesOf(argument);
  RankedTensorType type = typeOf(argument);
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value size = arith::ConstantIndexOp::create(builder, laneSize);
  Value rest = arith::SubIOp::create(builder, size, laneBase);
  Value end = arith::MinUIOp::create(
      builder, rest, arith::ConstantIndexOp::create(builder, width));
  bool failedFlag = false;
  buildFor(
      builder, zero, end, 1, {},
      [&](Value lane, ValueRange) -> FailureOr<SmallVector<Value>> {
        Value place = arith::AddIOp::create(builder, laneBase, lane);
        LogicalResult done = forEachRow(
            roles, type, [&](IndexList index, int64_t) -> LogicalResult {
              IndexList natural(index), blocked = inScratch(state, index);
              for (auto [role, part] : llvm::zip(roles, natural))
                if (role == RecurrenceOp::kLane)
                  part = Index::at(place);
              blocked.back() = Index::at(lane);
              Value operand = op.getStates()[state];
              FailureOr<Value> element =
                  in ? loadElement(builder, operand, natural, width)
                     : loadElement(builder, scratch[state], blocked, width);
              if (failed(element))
                return failure();
              return in ? storeElement(builder, *element, scratch[state],
                                       blocked, width)
                        : storeElement(builder, *element, operand, natural,
                                       width);
            });
        if (failed(done))
          return failure();
        return SmallVector<Value>();
      },
      failedFlag);
  return failure(failedFlag);
}

/// Fills the buffers of `values` for the times of a tile.
LogicalResult SeparableLowering::emitAhead(ArrayRef<Ahead *> values, Value tile,
                                           Value times) {
  if (values.empty())
    return success();
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  bool failedFlag = false;
  buildFor(
      builder, zero, times, 1, {},
      [&](Value k, ValueRange) -> FailureOr<SmallVector<Value>> {
        inTile = k;
        now = timeAt(arith::AddIOp::create(builder, tile, k));
        emitter.enterScope();
        for (Ahead *ahead : values) {
          RankedTensorType type = typeOf(ahead->value);
          if (ahead->onLanes) {
            LogicalResult done = forEachRow(
                ahead->roles, type,
                [&](IndexList index, int64_t) -> LogicalResult {
                  FailureOr<Value> element =
                      emitter.element(ahead->value, index);
                  if (failed(element))
                    return failure();
                  return storeElement(builder, *element, ahead->buffer,
                                      inAheadBuffer(*ahead, k, index), width);
                });
            if (failed(done))
              return failure();
            continue;
          }
          // Free of the lanes: vectors along its own last dimension, all rows.
          auto bufferType = cast<MemRefType>(ahead->buffer.getType());
          Value end = arith::ConstantIndexOp::create(
              builder,
              bufferType.getRank() > 1 ? bufferType.getShape().back() : 1);
          bool vector = bufferType.getRank() > 1;
          ElementEmitter own(
              builder, lanes,
              [&](Value leaf, ArrayRef<Index> index) -> FailureOr<Value> {
                std::swap(width, lanes);
                FailureOr<Value> loaded = loadLeaf(leaf, index);
                std::swap(width, lanes);
                return loaded;
              });
          bool inner = false;
          buildFor(
              builder, zero, end, vector ? lanes : 1, {},
              [&](Value base, ValueRange) -> FailureOr<SmallVector<Value>> {
                SmallVector<int64_t> rowSizes;
                for (auto [role, size] :
                     llvm::zip(ahead->roles, type.getShape()))
                  if (role == RecurrenceOp::kRow)
                    rowSizes.push_back(size);
                int64_t outer = 1;
                for (int64_t size :
                     ArrayRef(rowSizes).drop_back(vector ? 1 : 0))
                  outer *= size;
                for (int64_t flat = 0; flat < outer; ++flat) {
                  SmallVector<Index> rows(rowSizes.size());
                  int64_t rest = flat;
                  for (int64_t i = static_cast<int64_t>(rows.size()) - 2;
                       i >= 0; --i) {
                    rows[i] = Index::constant(rest % rowSizes[i]);
                    rest /= rowSizes[i];
                  }
                  if (vector)
                    rows.back() = Index::lanes(base);
                  FailureOr<Value> element = own.element(
                      ahead->value, indexOf(ahead->roles, rows, type));
                  if (failed(element))
                    return failure();
                  IndexList place{Index::at(k)};
                  place.append(rows.begin(), rows.end());
                  if (failed(storeElement(builder, *element, ahead->buffer,
                                          place, lanes)))
                    return failure();
                }
                return SmallVector<Value>();
              },
              inner);
          if (inner)
            return failure();
        }
        emitter.leaveScope();
        return SmallVector<Value>();
      },
      failedFlag);
  return failure(failedFlag);
}

/// How many units go through a tile of times before any goes on to the next:
/// those that lie side by side in the rows of the sequences, as heads do, so
/// that rows are read from memory as they lie there; as many as have their
/// states in a cache of the second level.
int64_t SeparableLowering::unitsTogether() {
  ArrayRef<int64_t> sizes = op.getUnitSizes();
  SmallVector<BlockArgument> slices(op.getInputSlices());
  llvm::append_range(slices, op.getOutputSlices());
  auto isInside = [&](int64_t number) {
    return llvm::all_of(slices, [&](BlockArgument slice) {
      ArrayRef<int64_t> outside = rolesOf(slice).take_front(op.getDim());
      return !llvm::is_contained(outside, number);
    });
  };
  int64_t together = 1;
  for (int64_t number = sizes.size() - 1; number >= 0 && isInside(number);
       --number)
    together *= sizes[number];
  int64_t bytes = 1;
  for (BlockArgument state : op.getStateArguments())
    bytes += typeOf(state).getNumElements() *
             typeOf(state).getElementTypeBitWidth() / 8 / units;
  int64_t most = std::max<int64_t>(1, kCachedStates / bytes);
  while (together > most || units % together)
    --together;
  return together;
}

/// Asks for what the step at `logical` of the next tile reads and writes: the
/// memory of a unit is in pieces too short for the machine to guess the next.
void SeparableLowering::prefetch(Value logical) {
  Value later = arith::AddIOp::create(
      builder, logical, arith::ConstantIndexOp::create(builder, tileTimes));
  Value last = arith::SubIOp::create(
      builder, length, arith::ConstantIndexOp::create(builder, 1));
  Value time = timeAt(arith::MinUIOp::create(builder, later, last));
  auto slice = [&](BlockArgument argument, Value buffer, bool isWrite) {
    RankedTensorType type = typeOf(argument);
    ArrayRef<int64_t> roles = rolesOf(argument);
    if (type.getRank() == 0 || roles.back() >= 0)
      return;
    bool onLanes = roles.back() == RecurrenceOp::kLane;
    int64_t perLine = kLine * 8 / type.getElementTypeBitWidth();
    int64_t size = onLanes ? width : type.getShape().back();
    (void)forEachRow(roles.drop_back(), type, [&](IndexList index, int64_t) {
      for (int64_t at = 0; at < size; at += perLine) {
        IndexList whole = index;
        whole.push_back({onLanes ? laneBase : Value(), at, false});
        SmallVector<Value> place;
        for (const Index &part : insertTime(whole, op.getDim(), time))
          place.push_back(materialize(builder, part));
        memref::PrefetchOp::create(builder, buffer, place, isWrite,
                                   /*localityHint=*/2,
                                   /*isDataCache=*/true);
      }
      return success();
    });
  };
  for (auto [argument, buffer] : llvm::zip(op.getInputSlices(), op.getInputs()))
    slice(argument, buffer, /*isWrite=*/false);
  for (auto [argument, buffer] :
       llvm::zip(op.getOutputSlices(), op.getOutputs()))
    slice(argument, buffer, /*isWrite=*/true);
}
