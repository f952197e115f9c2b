//===- LowerSeparable.cpp - recurrences whose blocks never meet ----------------------===//
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

#include "RecurrenceAccess.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace seqc;
using kernel::RecurrenceOp;

namespace {

/// States of at most this many vector registers are carried in registers.
constexpr int64_t kStateRegisters = 16;

class SeparableLowering {
public:
  SeparableLowering(RecurrenceOp op, int64_t lanes)
      : op(op), builder(op.getLoc(), op), lanes(lanes), width(op.getWidth()),
        emitter(builder, width,
                [this](Value leaf, ArrayRef<Index> index) {
                  return loadLeaf(leaf, index);
                }) {}

  LogicalResult run();

private:
  /// A value computed ahead of the steps, and its buffer
  /// [times of the tile][its dimensions that are no unit].
  struct Ahead {
    OpResult value;
    SmallVector<int64_t> roles;
    Value buffer;
    bool onLanes;
  };

  RankedTensorType typeOf(Value value) {
    return cast<RankedTensorType>(value.getType());
  }
  ArrayRef<int64_t> rolesOf(BlockArgument argument) {
    return op.getRolesOf(argument.getArgNumber());
  }
  LogicalResult plan();
  int64_t rowsOf(BlockArgument state);
  void allocateScratch();
  IndexList indexOf(ArrayRef<int64_t> roles, ArrayRef<Index> rows,
                    RankedTensorType type);
  template <typename Fn>
  LogicalResult forEachRow(ArrayRef<int64_t> roles, RankedTensorType type,
                           Fn body);
  FailureOr<Value> loadLeaf(Value leaf, ArrayRef<Index> index);
  IndexList inAheadBuffer(const Ahead &ahead, Value time,
                          ArrayRef<Index> index);
  FailureOr<Value> loadState(unsigned state, ArrayRef<Index> index);
  LogicalResult storeState(unsigned state, Value element,
                           ArrayRef<Index> index);
  IndexList inScratch(unsigned state, ArrayRef<Index> index);
  LogicalResult copyState(unsigned state, bool in);
  LogicalResult emitAhead(ArrayRef<Ahead *> values, Value tile, Value times);
  LogicalResult emitTile(Value tile, Value times, Value firstBlock,
                         Value lastBlock);
  LogicalResult emitBlock(Value tile, Value times);
  FailureOr<SmallVector<Value>> emitStep(ValueRange carried);
  Value timeAt(Value logical);
  void enterUnit(Value number);
  void enterBlock(Value number);

  RecurrenceOp op;
  ImplicitLocOpBuilder builder;
  int64_t lanes, width;
  ElementEmitter emitter;
  bool inRegisters = true;
  int64_t tileTimes = 8;
  int64_t laneSize = 0, blocks = 0, units = 1;
  std::vector<Ahead> aheads;
  SmallVector<Value> scratch; // per state; null where the operand serves

  // What is being emitted.
  Value length;               // number of times
  SmallVector<Index> unit;    // index of each unit dimension
  Value block, laneBase;      // number of the block, its first lane
  Value now, inTile;          // time in memory, number in the tile
};

int64_t SeparableLowering::rowsOf(BlockArgument state) {
  int64_t rows = 1;
  for (auto [role, size] :
       llvm::zip(rolesOf(state), typeOf(state).getShape()))
    if (role == RecurrenceOp::kRow)
      rows *= size;
  return rows;
}

LogicalResult SeparableLowering::plan() {
  int64_t rows = 0;
  for (BlockArgument state : op.getStateArguments()) {
    if (!typeOf(state).hasStaticShape())
      return failure();
    rows += rowsOf(state);
    for (auto [role, size] :
         llvm::zip(rolesOf(state), typeOf(state).getShape()))
      if (role == RecurrenceOp::kLane)
        laneSize = size;
  }
  if (op.getStates().empty())
    for (BlockArgument output : op.getOutputSlices())
      for (auto [role, size] :
           llvm::zip(rolesOf(output), typeOf(output).getShape()))
        if (role == RecurrenceOp::kLane)
          laneSize = size;
  if (laneSize <= 0)
    return failure();
  blocks = blocksOf(laneSize, width);
  for (int64_t size : op.getUnitSizes())
    units *= size;
  inRegisters = rows * std::max<int64_t>(1, width / lanes) <= kStateRegisters;
  // A state in memory is read and written once a step whatever the tile; a long
  // tile then only amortises what is computed ahead.
  tileTimes = inRegisters ? 8 : 32;
  emitter.registersPerElement = std::max<int64_t>(1, width / lanes);
  emitter.unroll = inRegisters ? 4 : 2;
  if (!inRegisters) {
    emitter.unrollLimit = 1;
    for (BlockArgument state : op.getStateArguments()) {
      int64_t wide = 0;
      for (auto [role, size] :
           llvm::zip(rolesOf(state), typeOf(state).getShape()))
        wide += role == RecurrenceOp::kRow && size != 1;
      if (wide > 1)
        return failure();
    }
  } else {
    emitter.unrollLimit = std::max<int64_t>(emitter.unrollLimit, rows);
  }
  op.getBody().walk([&](linalg::GenericOp generic) {
    auto roles =
        generic->getAttrOfType<DenseI64ArrayAttr>(RecurrenceOp::kAhead);
    if (!roles)
      return;
    bool onLanes = llvm::is_contained(roles.asArrayRef(), RecurrenceOp::kLane);
    aheads.push_back({cast<OpResult>(generic->getResult(0)),
                      llvm::to_vector(roles.asArrayRef()), Value(), onLanes});
  });
  return success();
}

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

/// Calls body(index, flat number) for every combination of row dimensions.
template <typename Fn>
LogicalResult SeparableLowering::forEachRow(ArrayRef<int64_t> roles,
                                            RankedTensorType type, Fn body) {
  SmallVector<int64_t> sizes;
  for (auto [role, size] : llvm::zip(roles, type.getShape()))
    if (role == RecurrenceOp::kRow)
      sizes.push_back(size);
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  for (int64_t flat = 0; flat < count; ++flat) {
    SmallVector<Index> rows(sizes.size());
    int64_t rest = flat;
    for (int64_t i = sizes.size() - 1; i >= 0; --i) {
      rows[i] = Index::constant(rest % sizes[i]);
      rest /= sizes[i];
    }
    if (failed(body(indexOf(roles, rows, type), flat)))
      return failure();
  }
  return success();
}

Value SeparableLowering::timeAt(Value logical) {
  if (!op.getReverse())
    return logical;
  Value one = arith::ConstantIndexOp::create(builder, 1);
  Value last = arith::SubIOp::create(builder, length, one);
  return arith::SubIOp::create(builder, last, logical);
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
  buildFor(builder, zero, end, 1, {}, [&](Value lane, ValueRange) -> FailureOr<SmallVector<Value>> {
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
          return in ? storeElement(builder, *element, scratch[state], blocked,
                                   width)
                    : storeElement(builder, *element, operand, natural, width);
        });
    if (failed(done))
      return failure();
    return SmallVector<Value>();
  }, failedFlag);
  return failure(failedFlag);
}

/// Fills the buffers of `values` for the times of a tile.
LogicalResult SeparableLowering::emitAhead(ArrayRef<Ahead *> values, Value tile,
                                           Value times) {
  if (values.empty())
    return success();
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  bool failedFlag = false;
  buildFor(builder, zero, times, 1, {}, [&](Value k, ValueRange) -> FailureOr<SmallVector<Value>> {
    inTile = k;
    now = timeAt(arith::AddIOp::create(builder, tile, k));
    emitter.enterScope();
    for (Ahead *ahead : values) {
      RankedTensorType type = typeOf(ahead->value);
      if (ahead->onLanes) {
        LogicalResult done = forEachRow(
            ahead->roles, type, [&](IndexList index, int64_t) -> LogicalResult {
              FailureOr<Value> element = emitter.element(ahead->value, index);
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
          builder, bufferType.getRank() > 1 ? bufferType.getShape().back() : 1);
      bool vector = bufferType.getRank() > 1;
      ElementEmitter own(builder, lanes,
                         [&](Value leaf, ArrayRef<Index> index) -> FailureOr<Value> {
                           std::swap(width, lanes);
                           FailureOr<Value> loaded = loadLeaf(leaf, index);
                           std::swap(width, lanes);
                           return loaded;
                         });
      bool inner = false;
      buildFor(builder, zero, end, vector ? lanes : 1, {}, [&](Value base, ValueRange) -> FailureOr<SmallVector<Value>> {
        SmallVector<int64_t> rowSizes;
        for (auto [role, size] : llvm::zip(ahead->roles, type.getShape()))
          if (role == RecurrenceOp::kRow)
            rowSizes.push_back(size);
        int64_t outer = 1;
        for (int64_t size : ArrayRef(rowSizes).drop_back(vector ? 1 : 0))
          outer *= size;
        for (int64_t flat = 0; flat < outer; ++flat) {
          SmallVector<Index> rows(rowSizes.size());
          int64_t rest = flat;
          for (int64_t i = static_cast<int64_t>(rows.size()) - 2; i >= 0; --i) {
            rows[i] = Index::constant(rest % rowSizes[i]);
            rest /= rowSizes[i];
          }
          if (vector)
            rows.back() = Index::lanes(base);
          FailureOr<Value> element =
              own.element(ahead->value, indexOf(ahead->roles, rows, type));
          if (failed(element))
            return failure();
          IndexList place{Index::at(k)};
          place.append(rows.begin(), rows.end());
          if (failed(storeElement(builder, *element, ahead->buffer, place,
                                  lanes)))
            return failure();
        }
        return SmallVector<Value>();
      }, inner);
      if (inner)
        return failure();
    }
    emitter.leaveScope();
    return SmallVector<Value>();
  }, failedFlag);
  return failure(failedFlag);
}

/// One step at the present unit, block and time. `carried` are the states' rows
/// in registers; returns the next ones.
FailureOr<SmallVector<Value>> SeparableLowering::emitStep(ValueRange carried) {
  emitter.enterScope();
  SmallVector<Value> next;
  SmallVector<std::pair<Value, IndexList>> roots;
  for (auto [output, value] :
       llvm::zip(op.getOutputSlices(), op.getYieldedOutputs()))
    if (failed(forEachRow(rolesOf(output), typeOf(output),
                          [&](IndexList index, int64_t) -> LogicalResult {
                            roots.push_back({value, index});
                            return success();
                          })))
      return failure();
  if (inRegisters) {
    unsigned number = 0;
    for (BlockArgument state : op.getStateArguments())
      if (failed(forEachRow(rolesOf(state), typeOf(state),
                            [&](IndexList index, int64_t) -> LogicalResult {
                              emitter.bind(state, index, carried[number++]);
                              return success();
                            })))
        return failure();
    for (auto [state, value] :
         llvm::zip(op.getStateArguments(), op.getYieldedStates()))
      if (failed(forEachRow(rolesOf(state), typeOf(state),
                            [&](IndexList index, int64_t) -> LogicalResult {
                              FailureOr<Value> element =
                                  emitter.element(value, index);
                              if (failed(element))
                                return failure();
                              next.push_back(toLanes(builder, *element, width));
                              return success();
                            })))
        return failure();
  } else {
    SmallVector<ElementEmitter::RowAction> actions;
    for (auto [number, state, value] :
         llvm::enumerate(op.getStateArguments(), op.getYieldedStates())) {
      ElementEmitter::RowAction action;
      action.value = value;
      action.rows = rowsOf(state);
      action.overwritten = state;
      action.index = [this, state = state](Index row) {
        SmallVector<Index> rows;
        for (auto [role, size] :
             llvm::zip(rolesOf(state), typeOf(state).getShape()))
          if (role == RecurrenceOp::kRow)
            rows.push_back(size == 1 ? Index::constant(0) : row);
        return indexOf(rolesOf(state), rows, typeOf(state));
      };
      action.store = [this, number = number, index = action.index](
                         Index row, Value element) {
        return storeState(number, element, index(row));
      };
      actions.push_back(std::move(action));
    }
    if (failed(emitter.reduceTogether(roots, actions)))
      return failure();
  }
  SmallVector<Value> elements;
  for (auto &[value, index] : roots) {
    FailureOr<Value> element = emitter.element(value, index);
    if (failed(element))
      return failure();
    elements.push_back(*element);
  }
  unsigned number = 0;
  for (auto [output, buffer] :
       llvm::zip(op.getOutputSlices(), op.getOutputs()))
    if (failed(forEachRow(rolesOf(output), typeOf(output),
                          [&](IndexList index, int64_t) {
                            return storeElement(
                                builder, elements[number++], buffer,
                                insertTime(index, op.getDim(), now), width);
                          })))
      return failure();
  emitter.leaveScope();
  return next;
}

LogicalResult SeparableLowering::emitBlock(Value tile, Value times) {
  SmallVector<Ahead *> onLanes;
  for (Ahead &ahead : aheads)
    if (ahead.onLanes)
      onLanes.push_back(&ahead);
  if (failed(emitAhead(onLanes, tile, times)))
    return failure();
  for (Ahead *ahead : onLanes)
    emitter.stored.insert(ahead->value);

  SmallVector<Value> rows;
  auto forEachStateRow = [&](auto body) {
    for (auto [number, state] : llvm::enumerate(op.getStateArguments()))
      if (failed(forEachRow(rolesOf(state), typeOf(state),
                            [&, number = number](IndexList index, int64_t) {
                              return body(number, index);
                            })))
        return failure();
    return success();
  };
  if (inRegisters &&
      failed(forEachStateRow([&](unsigned state, IndexList index) {
        FailureOr<Value> row = loadState(state, index);
        if (succeeded(row))
          rows.push_back(*row);
        return LogicalResult(row);
      })))
    return failure();

  Value zero = arith::ConstantIndexOp::create(builder, 0);
  bool failedFlag = false;
  scf::ForOp loop = buildFor(
      builder, zero, times, 1, rows,
      [&](Value k, ValueRange carried) {
        inTile = k;
        now = timeAt(arith::AddIOp::create(builder, tile, k));
        return emitStep(carried);
      },
      failedFlag);
  if (failedFlag)
    return failure();
  for (Ahead *ahead : onLanes)
    emitter.stored.erase(ahead->value);
  unsigned row = 0;
  return inRegisters ? forEachStateRow([&](unsigned state, IndexList index) {
    return storeState(state, loop.getResult(row++), index);
  })
                     : success();
}

LogicalResult SeparableLowering::emitTile(Value tile, Value times,
                                          Value firstBlock, Value lastBlock) {
  SmallVector<Ahead *> uniform;
  for (Ahead &ahead : aheads)
    if (!ahead.onLanes)
      uniform.push_back(&ahead);
  if (failed(emitAhead(uniform, tile, times)))
    return failure();
  for (Ahead *ahead : uniform)
    emitter.stored.insert(ahead->value);
  bool failedFlag = false;
  buildFor(
      builder, firstBlock, lastBlock, 1, {},
      [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
        enterBlock(number);
        if (failed(emitBlock(tile, times)))
          return failure();
        return SmallVector<Value>();
      },
      failedFlag);
  for (Ahead *ahead : uniform)
    emitter.stored.erase(ahead->value);
  return failure(failedFlag);
}

void SeparableLowering::enterBlock(Value number) {
  block = number;
  laneBase = arith::MulIOp::create(
      builder, number, arith::ConstantIndexOp::create(builder, width));
}

void SeparableLowering::enterUnit(Value number) {
  unit.clear();
  Value rest = number;
  SmallVector<Index> reversed;
  for (int64_t size : llvm::reverse(op.getUnitSizes())) {
    if (size == 1) {
      reversed.push_back(Index::constant(0));
      continue;
    }
    Value sizeValue = arith::ConstantIndexOp::create(builder, size);
    reversed.push_back(
        Index::at(arith::RemUIOp::create(builder, rest, sizeValue)));
    rest = arith::DivUIOp::create(builder, rest, sizeValue);
  }
  unit.assign(reversed.rbegin(), reversed.rend());
}

LogicalResult SeparableLowering::run() {
  if (failed(plan()))
    return failure();
  length = builder.createOrFold<memref::DimOp>(op.getTimeSource(),
                                               static_cast<int64_t>(op.getDim()));
  for (auto [state, buffer] :
       llvm::zip(op.getStateArguments(), op.getStates())) {
    ArrayRef<int64_t> roles = rolesOf(state);
    if (!roles.empty() && roles.back() == RecurrenceOp::kLane) {
      scratch.push_back(Value());
      continue;
    }
    SmallVector<int64_t> shape{blocks};
    for (auto [role, size] : llvm::zip(roles, typeOf(state).getShape()))
      if (role != RecurrenceOp::kLane)
        shape.push_back(size);
    shape.push_back(width);
    scratch.push_back(memref::AllocOp::create(
        builder, MemRefType::get(shape, typeOf(state).getElementType()),
        builder.getI64IntegerAttr(64)));
  }
  auto team = kernel::TeamOp::create(builder, op.getLoc());
  builder.setInsertionPointToStart(&team.getBody().front());
  allocateScratch();
  auto [begin, end] = shareOfThread(builder, team, units * blocks);
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value perUnit = arith::ConstantIndexOp::create(builder, blocks);
  Value firstUnit = arith::DivUIOp::create(builder, begin, perUnit);
  Value lastUnit = arith::CeilDivUIOp::create(builder, end, perUnit);
  auto forBlocks = [&](Value first, Value last, bool in) -> LogicalResult {
    if (llvm::none_of(scratch, [](Value v) { return bool(v); }))
      return success();
    bool failedFlag = false;
    buildFor(
        builder, first, last, 1, {},
        [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
          enterBlock(number);
          for (size_t state = 0; state < scratch.size(); ++state)
            if (scratch[state] && failed(copyState(state, in)))
              return failure();
          return SmallVector<Value>();
        },
        failedFlag);
    return failure(failedFlag);
  };
  bool failedFlag = false;
  buildFor(
      builder, firstUnit, lastUnit, 1, {},
      [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
        enterUnit(number);
        Value start = arith::MulIOp::create(builder, number, perUnit);
        Value first = arith::SubIOp::create(
            builder, arith::MaxUIOp::create(builder, begin, start), start);
        Value stop = arith::AddIOp::create(builder, start, perUnit);
        Value last = arith::SubIOp::create(
            builder, arith::MinUIOp::create(builder, end, stop), start);
        if (failed(forBlocks(first, last, true)))
          return failure();
        bool inner = false;
        buildFor(
            builder, zero, length, tileTimes, {},
            [&](Value tile, ValueRange) -> FailureOr<SmallVector<Value>> {
              Value rest = arith::SubIOp::create(builder, length, tile);
              Value times = arith::MinUIOp::create(
                  builder, rest,
                  arith::ConstantIndexOp::create(builder, tileTimes));
              if (failed(emitTile(tile, times, first, last)))
                return failure();
              return SmallVector<Value>();
            },
            inner);
        if (inner || failed(forBlocks(first, last, false)))
          return failure();
        return SmallVector<Value>();
      },
      failedFlag);
  return failure(failedFlag);
}
} // namespace

LogicalResult seqc::lowerSeparable(RecurrenceOp op, int64_t lanes) {
  return replaceOrRestore(
      op, [&] { return SeparableLowering(op, lanes).run(); });
}
