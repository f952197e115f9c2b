//===- LowerSeparable.cpp - recurrences whose blocks never meet -----------===//

#include "SeparableLowering.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace seqc;
using kernel::RecurrenceOp;

/// States of at most this many vector registers are carried in registers.
static constexpr int64_t kStateRegisters = 16;

/// Registers of the sums of steps that a row goes through at a time, between
/// its load and its store; as many hold what each step adds. Half of it where
/// vectors are narrower, as there are half as many registers then.
static constexpr int64_t kStepRegisters = 8;

int64_t SeparableLowering::rowsOf(BlockArgument state) {
  int64_t rows = 1;
  for (auto [role, size] : llvm::zip(rolesOf(state), typeOf(state).getShape()))
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

Value SeparableLowering::timeAt(Value logical) {
  if (!op.getReverse())
    return logical;
  Value one = arith::ConstantIndexOp::create(builder, 1);
  Value last = arith::SubIOp::create(builder, length, one);
  return arith::SubIOp::create(builder, last, logical);
}

/// What a step writes to its outputs.
FailureOr<SeparableLowering::Elements> SeparableLowering::outputElements() {
  Elements elements;
  for (auto [output, value] :
       llvm::zip(op.getOutputSlices(), op.getYieldedOutputs()))
    if (failed(forEachRow(rolesOf(output), typeOf(output),
                          [&](IndexList index, int64_t) -> LogicalResult {
                            elements.push_back({value, index});
                            return success();
                          })))
      return failure();
  return elements;
}

LogicalResult SeparableLowering::storeOutputs(const Elements &outputs) {
  SmallVector<Value> elements;
  for (const auto &[value, index] : outputs) {
    FailureOr<Value> element = emitter.element(value, index);
    if (failed(element))
      return failure();
    elements.push_back(*element);
  }
  unsigned number = 0;
  for (auto [output, buffer] : llvm::zip(op.getOutputSlices(), op.getOutputs()))
    if (failed(forEachRow(
            rolesOf(output), typeOf(output), [&](IndexList index, int64_t) {
              return storeElement(builder, elements[number++], buffer,
                                  insertTime(index, op.getDim(), now), width);
            })))
      return failure();
  return success();
}

/// One step at the present unit, block and time. `carried` are the states' rows
/// in registers; returns the next ones.
FailureOr<SmallVector<Value>>
SeparableLowering::emitStepInRegisters(ValueRange carried) {
  FailureOr<Elements> outputs = outputElements();
  if (failed(outputs))
    return failure();
  emitter.enterScope();
  unsigned number = 0;
  for (BlockArgument state : op.getStateArguments())
    if (failed(forEachRow(rolesOf(state), typeOf(state),
                          [&](IndexList index, int64_t) -> LogicalResult {
                            emitter.bind(state, index, carried[number++]);
                            return success();
                          })))
      return failure();
  SmallVector<Value> next;
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
  if (failed(storeOutputs(*outputs)))
    return failure();
  emitter.leaveScope();
  return next;
}

/// The rows of the states, to be overwritten in memory.
SmallVector<ElementEmitter::RowAction> SeparableLowering::rowActions() {
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
    action.store = [this, number = number,
                    index = action.index](Index row, Value element) {
      return storeState(number, element, index(row));
    };
    actions.push_back(std::move(action));
  }
  return actions;
}

/// `count` steps from time `first` of the tile on, the states' rows in memory.
LogicalResult SeparableLowering::emitStepsInMemory(Value tile, Value first,
                                                   int64_t count) {
  SmallVector<std::pair<Value, Value>> times; // in memory, in the tile
  for (int64_t step = 0; step < count; ++step) {
    Value place = first;
    if (step)
      place = arith::AddIOp::create(
          builder, first, arith::ConstantIndexOp::create(builder, step));
    times.push_back(
        {timeAt(arith::AddIOp::create(builder, tile, place)), place});
  }
  if (count > 1)
    for (auto [time, place] : times)
      prefetch(arith::AddIOp::create(builder, tile, place));
  ElementEmitter::Steps steps{
      count, [&](int64_t step) { std::tie(now, inTile) = times[step]; }};
  steps.enter(0);
  FailureOr<Elements> outputs = outputElements();
  emitter.enterScope();
  if (failed(outputs) ||
      failed(emitter.reduceTogether(*outputs, rowActions(), steps)))
    return failure();
  for (int64_t step = 0; step < count; ++step) {
    emitter.enterStep(steps, step);
    if (failed(storeOutputs(*outputs)))
      return failure();
    emitter.leaveStep(step);
  }
  emitter.leaveScope();
  return success();
}

/// The times of a tile with the states' rows in memory: `steps` at a time where
/// a row does not wait for others.
LogicalResult SeparableLowering::emitTimesInMemory(Value tile, Value times) {
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  int64_t steps = 1;
  {
    now = inTile = zero;
    FailureOr<Elements> outputs = outputElements();
    if (succeeded(outputs) && emitter.fitsOneLoop(*outputs, rowActions()))
      steps = std::max<int64_t>(
          1, (lanes >= 16 ? kStepRegisters : kStepRegisters / 2) /
                 emitter.registersPerElement);
  }
  Value whole = times;
  if (steps > 1)
    whole = arith::SubIOp::create(
        builder, times,
        arith::RemUIOp::create(builder, times,
                               arith::ConstantIndexOp::create(builder, steps)));
  auto run = [&](Value begin, Value end, int64_t count) {
    bool failedFlag = false;
    buildFor(
        builder, begin, end, count, {},
        [&](Value first, ValueRange) -> FailureOr<SmallVector<Value>> {
          if (failed(emitStepsInMemory(tile, first, count)))
            return failure();
          return SmallVector<Value>();
        },
        failedFlag);
    return failure(failedFlag);
  };
  if (failed(run(zero, whole, steps)))
    return failure();
  return steps > 1 ? run(whole, times, 1) : success();
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

  LogicalResult done = inRegisters ? emitTimesInRegisters(tile, times)
                                   : emitTimesInMemory(tile, times);
  for (Ahead *ahead : onLanes)
    emitter.stored.erase(ahead->value);
  return done;
}

LogicalResult SeparableLowering::emitTimesInRegisters(Value tile, Value times) {
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
  if (failed(forEachStateRow([&](unsigned state, IndexList index) {
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
        return emitStepInRegisters(carried);
      },
      failedFlag);
  if (failedFlag)
    return failure();
  unsigned row = 0;
  return forEachStateRow([&](unsigned state, IndexList index) {
    return storeState(state, loop.getResult(row++), index);
  });
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
  length = builder.createOrFold<memref::DimOp>(
      op.getTimeSource(), static_cast<int64_t>(op.getDim()));
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
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, value);
  };
  auto loop = [&](Value first, Value last, int64_t step,
                  llvm::function_ref<LogicalResult(Value)> body) {
    bool failedFlag = false;
    buildFor(
        builder, first, last, step, {},
        [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
          if (failed(body(number)))
            return failure();
          return SmallVector<Value>();
        },
        failedFlag);
    return failure(failedFlag);
  };
  // The thread's blocks [first, last) of a unit.
  using Blocks = llvm::function_ref<LogicalResult(Value first, Value last)>;
  auto withUnit = [&](Value number, Blocks body) {
    enterUnit(number);
    Value start = arith::MulIOp::create(builder, number, constant(blocks));
    Value first = arith::SubIOp::create(
        builder, arith::MaxUIOp::create(builder, begin, start), start);
    Value stop = arith::AddIOp::create(builder, start, constant(blocks));
    Value last = arith::SubIOp::create(
        builder, arith::MinUIOp::create(builder, end, stop), start);
    return body(first, last);
  };
  auto copyStates = [&](Value number, bool in) {
    return withUnit(number, [&](Value first, Value last) {
      return loop(first, last, 1, [&](Value number) {
        enterBlock(number);
        for (size_t state = 0; state < scratch.size(); ++state)
          if (scratch[state] && failed(copyState(state, in)))
            return failure();
        return success();
      });
    });
  };
  bool hasCopies = llvm::any_of(scratch, [](Value v) { return bool(v); });
  int64_t group = unitsTogether();
  Value perGroup = constant(group * blocks);
  return loop(arith::DivUIOp::create(builder, begin, perGroup),
              arith::CeilDivUIOp::create(builder, end, perGroup), 1,
              [&](Value number) -> LogicalResult {
                Value start = arith::MulIOp::create(builder, number, perGroup);
                Value stop = arith::AddIOp::create(builder, start, perGroup);
                Value first = arith::DivUIOp::create(
                    builder, arith::MaxUIOp::create(builder, begin, start),
                    constant(blocks));
                Value last = arith::CeilDivUIOp::create(
                    builder, arith::MinUIOp::create(builder, end, stop),
                    constant(blocks));
                if (hasCopies && failed(loop(first, last, 1, [&](Value unit) {
                      return copyStates(unit, /*in=*/true);
                    })))
                  return failure();
                if (failed(loop(zero, length, tileTimes, [&](Value tile) {
                      Value rest = arith::SubIOp::create(builder, length, tile);
                      Value times = arith::MinUIOp::create(builder, rest,
                                                           constant(tileTimes));
                      return loop(first, last, 1, [&](Value unit) {
                        return withUnit(unit, [&](Value first, Value last) {
                          return emitTile(tile, times, first, last);
                        });
                      });
                    })))
                  return failure();
                return hasCopies ? loop(first, last, 1,
                                        [&](Value unit) {
                                          return copyStates(unit, /*in=*/false);
                                        })
                                 : success();
              });
}

LogicalResult seqc::lowerSeparable(RecurrenceOp op, int64_t lanes) {
  return replaceOrRestore(op,
                          [&] { return SeparableLowering(op, lanes).run(); });
}
