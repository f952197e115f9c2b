//===- LowerCoupled.cpp - recurrences whose step reads whole states -------------------===//
//
//   one dispatch to the team; on every thread
//     for each time
//       for each phase of the step
//         for this thread's blocks of lanes: the elements of the phase
//         barrier
//
// A reduction over a value that the step itself computes (r ⊙ h in the original
// GRU, the projected output of an LSTM) needs all of that value: it is stored
// at the end of a phase, and the reduction belongs to the next one. So is the
// result of a reduction that is read at another place than the lane's own (the
// rows of an outer product). States are kept twice, so that a step reads the old ones while it writes the new ones.
//
//===----------------------------------------------------------------------===//

#include "RecurrenceAccess.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace seqc;
using kernel::RecurrenceOp;

namespace {

/// Accumulators that a tile of rows may hold in registers beside the weights.
constexpr int64_t kAccumulators = 24;
/// Up to so many rows are written out; more run in a loop.
constexpr int64_t kUnrolledRows = 24;

class CoupledLowering {
public:
  CoupledLowering(RecurrenceOp op, int64_t lanes)
      : op(op), builder(op.getLoc(), op), lanes(lanes), width(op.getWidth()),
        emitter(builder, width, [this](Value leaf, ArrayRef<Index> index) {
          return loadLeaf(leaf, index);
        }) {}

  LogicalResult run();

private:
  /// A value that a step stores: to an output, a state's next buffer, or a
  /// buffer that a later phase reads.
  struct Root {
    Value value;
    int output = -1, state = -1;
    int phase = 0;
  };

  RankedTensorType typeOf(Value value) {
    return cast<RankedTensorType>(value.getType());
  }
  LogicalResult plan();
  int phaseOf(Value value);
  int64_t loopedReductions(ArrayRef<Root *> roots);
  FailureOr<Value> loadLeaf(Value leaf, ArrayRef<Index> index);
  LogicalResult emitStep(kernel::TeamOp team);
  LogicalResult emitGroup(kernel::TeamOp team, ArrayRef<Root *> roots);
  LogicalResult emitRows(ArrayRef<Root *> roots, ArrayRef<IndexList> rows);
  Value bufferOf(const Root &root);

  RecurrenceOp op;
  ImplicitLocOpBuilder builder;
  int64_t lanes, width;
  ElementEmitter emitter;
  std::vector<Root> roots;
  int phases = 1;
  llvm::MapVector<Value, Value> materialized; // value -> buffer
  DenseMap<Value, int> phaseMemo;

  // What is being emitted.
  SmallVector<Value> current, next; // the states' buffers
  Value now, block, laneBase;
};

/// The values that an operation reads.
SmallVector<std::pair<Value, AffineMap>> readsOf(Operation *op) {
  SmallVector<std::pair<Value, AffineMap>> reads;
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    for (OpOperand &operand : op->getOpOperands())
      if (!generic.getMatchingBlockArgument(&operand).use_empty())
        reads.push_back(
            {operand.get(), generic.getMatchingIndexingMap(&operand)});
    return reads;
  }
  for (Value operand : op->getOperands())
    reads.push_back({operand, AffineMap()});
  return reads;
}

bool readsReducedDim(linalg::GenericOp op, AffineMap map) {
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  return llvm::any_of(map.getResults(), [&](AffineExpr expression) {
    auto dim = dyn_cast<AffineDimExpr>(expression);
    return dim && linalg::isReductionIterator(kinds[dim.getPosition()]);
  });
}

/// The computed value behind slices and reshapes; null for a leaf.
Value computedSource(Value value) {
  while (Operation *definition = value.getDefiningOp()) {
    if (isa<linalg::GenericOp>(definition))
      return value;
    if (!isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp, tensor::CastOp>(definition))
      return {};
    value = definition->getOperand(0);
  }
  return {};
}

/// Whether the operand's last dimension is that of the result.
bool readsOwnLane(linalg::GenericOp op, AffineMap map) {
  AffineMap result = op.getIndexingMapMatchingResult(op->getResult(0));
  return map.getNumResults() == 0 || result.getNumResults() == 0 ||
         map.getResults().back() == result.getResults().back();
}

/// Values of a step that are computed by reductions, or from such values.
DenseSet<Value> reducedValues(Block &body) {
  DenseSet<Value> reduced;
  for (Operation &inner : body) {
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    if ((generic && generic.getNumReductionLoops() > 0) ||
        llvm::any_of(inner.getOperands(),
                     [&](Value value) { return reduced.contains(value); }))
      reduced.insert_range(inner.getResults());
  }
  return reduced;
}

LogicalResult CoupledLowering::plan() {
  DenseSet<Value> reduced = reducedValues(op.getBody().front());
  for (Operation &inner : op.getBody().front()) {
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    if (!generic)
      continue;
    for (auto [value, map] : readsOf(generic)) {
      if (!isa<RankedTensorType>(value.getType()) ||
          !(readsReducedDim(generic, map) ||
            (reduced.contains(value) && !readsOwnLane(generic, map))))
        continue;
      if (Value source = computedSource(value))
        materialized.insert({source, Value()});
    }
  }
  for (auto [number, value] : llvm::enumerate(op.getYieldedOutputs()))
    roots.push_back({value, static_cast<int>(number), -1, phaseOf(value)});
  for (auto [number, value] : llvm::enumerate(op.getYieldedStates()))
    roots.push_back({value, -1, static_cast<int>(number), phaseOf(value)});
  for (auto &[value, buffer] : materialized) {
    // Its own phase, not that of its readers.
    int phase = 0;
    for (auto [operand, map] : readsOf(value.getDefiningOp()))
      phase = std::max(phase, phaseOf(operand));
    roots.push_back({value, -1, -1, phase});
  }
  for (Root &root : roots) {
    auto type = dyn_cast<RankedTensorType>(root.value.getType());
    if (!type || !type.hasStaticShape() || type.getRank() == 0)
      return failure();
    phases = std::max(phases, root.phase + 1);
  }
  emitter.registersPerElement = std::max<int64_t>(1, width / lanes);
  return success();
}

int CoupledLowering::phaseOf(Value value) {
  if (auto it = phaseMemo.find(value); it != phaseMemo.end())
    return it->second;
  int phase = 0;
  if (Operation *definition = value.getDefiningOp())
    for (auto [operand, map] : readsOf(definition))
      phase = std::max(phase, phaseOf(operand));
  if (materialized.contains(value))
    ++phase;
  return phaseMemo[value] = phase;
}

Value CoupledLowering::bufferOf(const Root &root) {
  if (root.output >= 0)
    return op.getOutputs()[root.output];
  if (root.state >= 0)
    return next[root.state];
  return materialized.find(root.value)->second;
}

FailureOr<Value> CoupledLowering::loadLeaf(Value leaf, ArrayRef<Index> index) {
  auto argument = dyn_cast<BlockArgument>(leaf);
  if (!argument)
    return loadElement(builder, materialized.find(leaf)->second, index, width);
  unsigned number = argument.getArgNumber();
  unsigned inputs = op.getInputs().size(), captures = op.getCaptures().size();
  unsigned outputs = op.getOutputs().size();
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
    const Index &lane = index[blockedDim];
    if (!lane.lane || lane.base != laneBase || lane.offset != 0)
      return failure();
    IndexList blocked{Index::at(block)};
    for (auto [dim, part] : llvm::enumerate(index))
      if (static_cast<int64_t>(dim) != blockedDim)
        blocked.push_back(part);
    blocked.push_back(Index::lanes(Value()));
    return loadElement(builder, capture, blocked, width);
  }
  number -= captures;
  if (number < outputs)
    return loadElement(builder, op.getOutputs()[number],
                       insertTime(index, op.getDim(), now), width);
  return loadElement(builder, current[number - outputs], index, width);
}

/// How many reductions of many terms one row of these roots needs.
int64_t CoupledLowering::loopedReductions(ArrayRef<Root *> roots) {
  SetVector<Value> work;
  for (Root *root : roots)
    work.insert(root->value);
  int64_t count = 0;
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *definition = work[i].getDefiningOp();
    if (!definition || emitter.isLeaf(work[i]))
      continue;
    if (auto generic = dyn_cast<linalg::GenericOp>(definition))
      count += generic.getNumReductionLoops() == 1;
    for (auto [operand, map] : readsOf(definition))
      work.insert(operand);
  }
  return std::max<int64_t>(1, count);
}

/// Computes and stores the roots at some rows of the present block.
LogicalResult CoupledLowering::emitRows(ArrayRef<Root *> roots,
                                        ArrayRef<IndexList> rows) {
  emitter.enterScope();
  SmallVector<std::pair<Value, IndexList>> elements;
  for (Root *root : roots)
    for (const IndexList &row : rows) {
      IndexList index(row);
      index.push_back(Index::lanes(laneBase));
      elements.push_back({root->value, index});
    }
  if (failed(emitter.reduceTogether(elements)))
    return failure();
  SmallVector<Value> values;
  for (auto &[value, index] : elements) {
    FailureOr<Value> element = emitter.element(value, index);
    if (failed(element))
      return failure();
    values.push_back(*element);
  }
  unsigned number = 0;
  for (Root *root : roots)
    for (size_t row = 0; row < rows.size(); ++row, ++number) {
      IndexList index = elements[number].second;
      if (root->output >= 0)
        index = insertTime(index, op.getDim(), now);
      if (failed(storeElement(builder, values[number], bufferOf(*root), index,
                              width)))
        return failure();
    }
  emitter.leaveScope();
  return success();
}

/// Roots of one shape: this thread's share of their blocks.
LogicalResult CoupledLowering::emitGroup(kernel::TeamOp team,
                                         ArrayRef<Root *> group) {
  ArrayRef<int64_t> shape = typeOf(group.front()->value).getShape();
  ArrayRef<int64_t> rowShape = shape.drop_back();
  int64_t rows = 1;
  for (int64_t size : rowShape)
    rows *= size;
  int64_t blocks = blocksOf(shape.back(), width);
  if (rows * blocks == 0)
    return success();
  bool unrolled = rows <= kUnrolledRows;
  auto [begin, end] =
      shareOfThread(builder, team, unrolled ? blocks : rows * blocks);
  bool failedFlag = false;
  buildFor(
      builder, begin, end, 1, {},
      [&](Value unit, ValueRange) -> FailureOr<SmallVector<Value>> {
        auto constant = [&](int64_t value) -> Value {
          return arith::ConstantIndexOp::create(builder, value);
        };
        block = unit;
        IndexList row(rowShape.size());
        if (!unrolled) {
          block = arith::RemUIOp::create(builder, unit, constant(blocks));
          Value rest = arith::DivUIOp::create(builder, unit, constant(blocks));
          for (int64_t dim = rowShape.size() - 1; dim >= 0; --dim) {
            if (rowShape[dim] == 1) {
              row[dim] = Index::constant(0);
              continue;
            }
            Value size = constant(rowShape[dim]);
            row[dim] =
                Index::at(arith::RemUIOp::create(builder, rest, size));
            rest = arith::DivUIOp::create(builder, rest, size);
          }
        }
        laneBase = arith::MulIOp::create(builder, block, constant(width));
        if (!unrolled) {
          if (failed(emitRows(group, row)))
            return failure();
          return SmallVector<Value>();
        }
        int64_t perTile = std::max<int64_t>(
            1, kAccumulators / (loopedReductions(group) *
                                emitter.registersPerElement));
        int64_t tiles = (rows + perTile - 1) / perTile;
        for (int64_t tile = 0, first = 0; tile < tiles; ++tile) {
          int64_t last = (tile + 1) * rows / tiles;
          SmallVector<IndexList> tileRows;
          for (; first < last; ++first) {
            int64_t rest = first;
            for (int64_t dim = rowShape.size() - 1; dim >= 0; --dim) {
              row[dim] = Index::constant(rest % rowShape[dim]);
              rest /= rowShape[dim];
            }
            tileRows.push_back(row);
          }
          if (failed(emitRows(group, tileRows)))
            return failure();
        }
        return SmallVector<Value>();
      },
      failedFlag);
  return failure(failedFlag);
}

LogicalResult CoupledLowering::emitStep(kernel::TeamOp team) {
  for (int phase = 0; phase < phases; ++phase) {
    llvm::MapVector<ArrayRef<int64_t>, SmallVector<Root *>> groups;
    for (Root &root : roots)
      if (root.phase == phase)
        groups[typeOf(root.value).getShape()].push_back(&root);
    for (auto &[shape, group] : groups)
      if (failed(emitGroup(team, group)))
        return failure();
    kernel::BarrierOp::create(builder);
    for (Root &root : roots)
      if (root.phase == phase && root.output < 0 && root.state < 0)
        emitter.stored.insert(root.value);
  }
  return success();
}

LogicalResult CoupledLowering::run() {
  if (failed(plan()))
    return failure();
  Value length = builder.createOrFold<memref::DimOp>(
      op.getTimeSource(), static_cast<int64_t>(op.getDim()));
  auto allocate = [&](RankedTensorType type) -> Value {
    return memref::AllocOp::create(
        builder, MemRefType::get(type.getShape(), type.getElementType()),
        builder.getI64IntegerAttr(64));
  };
  for (auto &[value, buffer] : materialized)
    buffer = allocate(typeOf(value));
  SmallVector<Value> buffers[2];
  for (auto [state, operand] :
       llvm::zip(op.getStateArguments(), op.getStates())) {
    if (!typeOf(state).hasStaticShape())
      return failure();
    for (auto &half : buffers)
      half.push_back(allocate(typeOf(state)));
    memref::CopyOp::create(builder, operand, buffers[0].back());
  }
  auto team = kernel::TeamOp::create(builder, op.getLoc());
  builder.setInsertionPointToStart(&team.getBody().front());
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  SmallVector<Value> carried(buffers[0]);
  carried.append(buffers[1]);
  size_t count = buffers[0].size();
  bool failedFlag = false;
  scf::ForOp loop = buildFor(
      builder, zero, length, 1, carried,
      [&](Value time, ValueRange halves) -> FailureOr<SmallVector<Value>> {
        current.assign(halves.begin(), halves.begin() + count);
        next.assign(halves.begin() + count, halves.end());
        now = time;
        if (op.getReverse()) {
          Value one = arith::ConstantIndexOp::create(builder, 1);
          Value last = arith::SubIOp::create(builder, length, one);
          now = arith::SubIOp::create(builder, last, time);
        }
        if (failed(emitStep(team)))
          return failure();
        SmallVector<Value> swapped(next);
        swapped.append(current);
        return swapped;
      },
      failedFlag);
  if (failedFlag)
    return failure();
  Value first = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq,
                                      team.getThread(), zero);
  auto once = scf::IfOp::create(builder, first, false);
  builder.setInsertionPointToStart(once.thenBlock());
  for (auto [number, operand] : llvm::enumerate(op.getStates()))
    memref::CopyOp::create(builder, loop.getResult(number), operand);
  return success();
}
} // namespace

LogicalResult seqc::lowerCoupled(RecurrenceOp op, int64_t lanes) {
  return replaceOrRestore(op,
                          [&] { return CoupledLowering(op, lanes).run(); });
}
