//===- ReductionRounds.cpp - reductions of a formula in common loops ----------------===//

#include "ElementEmitter.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace seqc;

namespace {
/// Stands for the row number in an index while reductions are collected.
constexpr int64_t kRow = int64_t(1) << 48;

struct Reduction {
  linalg::GenericOp op;
  IndexList index;
  unsigned dim;
  int64_t terms;
  int round;
};

/// The only reduced dimension of a generic with one result, if that is so.
std::optional<unsigned> onlyReducedDim(linalg::GenericOp op) {
  if (op.getNumReductionLoops() != 1 || op.getNumResults() != 1)
    return std::nullopt;
  SmallVector<unsigned> dims;
  op.getReductionDims(dims);
  return dims.front();
}

/// Whether the payload adds a term to its accumulator.
bool isSum(linalg::GenericOp op) {
  Block &payload = *op.getBody();
  auto add =
      payload.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  BlockArgument accumulator = payload.getArguments().back();
  return add && accumulator.hasOneUse() &&
         llvm::is_contained(add->getOperands(), accumulator);
}
} // namespace

namespace seqc {
class ReductionRounds {
public:
  ReductionRounds(ElementEmitter &emitter,
                  ArrayRef<ElementEmitter::RowAction> actions)
      : emitter(emitter), builder(emitter.builder), actions(actions) {}

  LogicalResult collect(Value value, ArrayRef<Index> index);
  LogicalResult emit();
  /// Whether computing `value` after the loops would read an overwritten leaf.
  bool readsOverwritten(Value value) {
    return llvm::any_of(actions, [&](const auto &action) {
      return leavesOf(value).contains(action.overwritten);
    });
  }

private:
  bool isLooped(linalg::GenericOp op) {
    std::optional<unsigned> dim = onlyReducedDim(op);
    return dim && op.getStaticLoopRanges()[*dim] > emitter.unrollLimit;
  }
  int roundOf(Value value);
  const SetVector<Value> &leavesOf(Value value);
  SmallVector<Value> operandsOf(Value value);
  LogicalResult emitLoop(ArrayRef<Reduction *> reductions,
                         ArrayRef<const ElementEmitter::RowAction *> actions,
                         int64_t terms);
  LogicalResult emitTrip(ArrayRef<Reduction *> reductions,
                         ArrayRef<const ElementEmitter::RowAction *> actions,
                         Index row, SmallVectorImpl<Value> &sums,
                         int64_t firstSum, int64_t stride);

  ElementEmitter &emitter;
  ImplicitLocOpBuilder &builder;
  ArrayRef<ElementEmitter::RowAction> actions;
  std::vector<Reduction> reductions;
  std::set<ElementEmitter::Key> seen;
  DenseMap<Value, int> rounds;
  DenseMap<Value, SetVector<Value>> leaves;
};
} // namespace seqc

/// The values that a value is computed from: of a destination only what is read.
SmallVector<Value> ReductionRounds::operandsOf(Value value) {
  if (emitter.isLeaf(value))
    return {};
  Operation *op = value.getDefiningOp();
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return SmallVector<Value>(op->getOperands());
  SmallVector<Value> operands;
  for (OpOperand &operand : op->getOpOperands())
    if (!generic.getMatchingBlockArgument(&operand).use_empty())
      operands.push_back(operand.get());
  return operands;
}

int ReductionRounds::roundOf(Value value) {
  if (auto it = rounds.find(value); it != rounds.end())
    return it->second;
  int round = 0;
  for (Value operand : operandsOf(value))
    round = std::max(round, roundOf(operand));
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (generic && !emitter.isLeaf(value) && isLooped(generic))
    ++round;
  return rounds[value] = round;
}

const SetVector<Value> &ReductionRounds::leavesOf(Value value) {
  if (auto it = leaves.find(value); it != leaves.end())
    return it->second;
  SetVector<Value> found;
  if (emitter.isLeaf(value))
    found.insert(value);
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || !isLooped(generic))
    for (Value operand : operandsOf(value))
      found.insert_range(leavesOf(operand));
  return leaves[value] = found;
}

LogicalResult ReductionRounds::collect(Value value, ArrayRef<Index> index) {
  if (emitter.lookup(value, index) ||
      !seen.insert(ElementEmitter::makeKey(value, index)).second)
    return success();
  if (emitter.isLeaf(value)) {
    for (const auto &action : actions)
      if (value == action.overwritten) {
        IndexList own = action.index({Value(), kRow, false});
        // Another row may have been overwritten already.
        if (ElementEmitter::makeKey(value, own) !=
            ElementEmitter::makeKey(value, index))
          return failure();
      }
    return success();
  }
  Operation *op = value.getDefiningOp();
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic) {
    if (!isa<ShapedType>(value.getType()) || op->getNumOperands() == 0 ||
        isa<linalg::FillOp>(op))
      return success();
    FailureOr<std::pair<Value, IndexList>> source =
        indexInSource(builder, op, index);
    return failed(source) ? failure() : collect(source->first, source->second);
  }
  IndexList iteration(generic.getNumLoops(), Index{Value(), kRow, false});
  AffineMap map = generic.getIndexingMapMatchingResult(cast<OpResult>(value));
  for (auto [expression, part] : llvm::zip(map.getResults(), index)) {
    auto dim = dyn_cast<AffineDimExpr>(expression);
    if (!dim)
      return failure();
    iteration[dim.getPosition()] = part;
  }
  if (isLooped(generic) &&
      llvm::none_of(index, [](const Index &i) { return i.offset >= kRow; })) {
    unsigned dim = *onlyReducedDim(generic);
    reductions.push_back({generic, IndexList(index), dim,
                          generic.getStaticLoopRanges()[dim], roundOf(value)});
  }
  for (OpOperand &operand : op->getOpOperands()) {
    if (generic.getMatchingBlockArgument(&operand).use_empty() ||
        !isa<ShapedType>(operand.get().getType()))
      continue;
    FailureOr<IndexList> mapped =
        applyMap(generic.getMatchingIndexingMap(&operand), iteration);
    if (failed(mapped) || failed(collect(operand.get(), *mapped)))
      return failure();
  }
  return success();
}

LogicalResult ReductionRounds::emitTrip(
    ArrayRef<Reduction *> reductions,
    ArrayRef<const ElementEmitter::RowAction *> actions, Index row,
    SmallVectorImpl<Value> &sums, int64_t firstSum, int64_t stride) {
  emitter.enterScope();
  for (auto [number, reduction] : llvm::enumerate(reductions)) {
    IndexList iteration(reduction->op.getNumLoops(), row);
    AffineMap map = reduction->op.getIndexingMapMatchingResult(
        reduction->op->getResult(0));
    for (auto [expression, part] : llvm::zip(map.getResults(), reduction->index))
      iteration[cast<AffineDimExpr>(expression).getPosition()] = part;
    Value &sum = sums[number * stride + firstSum];
    FailureOr<SmallVector<Value>> values =
        emitter.emitPayload(reduction->op, iteration, sum);
    if (failed(values) || (*values)[0].getType() != sum.getType())
      return failure();
    sum = (*values)[0];
  }
  SmallVector<Value> rows;
  for (const ElementEmitter::RowAction *action : actions) {
    FailureOr<Value> element =
        emitter.element(action->value, action->index(row));
    if (failed(element))
      return failure();
    rows.push_back(*element);
  }
  for (auto [action, element] : llvm::zip(actions, rows))
    if (failed(action->store(row, element)))
      return failure();
  emitter.leaveScope();
  return success();
}

LogicalResult ReductionRounds::emitLoop(
    ArrayRef<Reduction *> reductions,
    ArrayRef<const ElementEmitter::RowAction *> actions, int64_t terms) {
  // Enough independent sums to hide the latency of an addition.
  int64_t partials = 1;
  int64_t accumulators = reductions.size() * emitter.registersPerElement;
  int64_t unroll = std::min(emitter.unroll, terms);
  while (partials * 2 <= unroll && partials * accumulators < 8)
    partials *= 2;
  if (!llvm::all_of(reductions, [](Reduction *r) { return isSum(r->op); }))
    partials = 1;

  SmallVector<Value> initial;
  for (Reduction *reduction : reductions) {
    FailureOr<Value> init = emitter.element(
        reduction->op.getDpsInitOperand(0)->get(), reduction->index);
    if (failed(init))
      return failure();
    bool onLanes =
        llvm::any_of(reduction->index, [](const Index &i) { return i.lane; });
    initial.push_back(onLanes ? toLanes(builder, *init, emitter.width) : *init);
    for (int64_t partial = 1; partial < partials; ++partial)
      initial.push_back(arith::ConstantOp::create(
          builder, builder.getZeroAttr(initial.back().getType())));
  }
  auto run = [&](int64_t begin, int64_t end, int64_t step,
                 SmallVector<Value> carried) -> FailureOr<SmallVector<Value>> {
    if (begin == end)
      return carried;
    auto constant = [&](int64_t value) {
      return arith::ConstantIndexOp::create(builder, value);
    };
    auto loop = scf::ForOp::create(builder, constant(begin), constant(end),
                                   constant(step), carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> sums(loop.getRegionIterArgs());
    for (int64_t u = 0; u < step; ++u) {
      Value row = loop.getInductionVar();
      if (u)
        row = arith::AddIOp::create(builder, row, constant(u));
      if (failed(emitTrip(reductions, actions, Index::at(row), sums,
                          u % partials, partials)))
        return failure();
    }
    if (!sums.empty())
      scf::YieldOp::create(builder, sums);
    return SmallVector<Value>(loop.getResults());
  };
  int64_t main = terms / unroll * unroll;
  FailureOr<SmallVector<Value>> sums = run(0, main, unroll, initial);
  if (succeeded(sums))
    sums = run(main, terms, 1, *sums);
  if (failed(sums))
    return failure();
  for (auto [number, reduction] : llvm::enumerate(reductions)) {
    Value sum = (*sums)[number * partials];
    for (int64_t partial = 1; partial < partials; ++partial)
      sum = arith::AddFOp::create(builder, sum,
                                  (*sums)[number * partials + partial]);
    emitter.bind(reduction->op->getResult(0), reduction->index, sum);
  }
  return success();
}

LogicalResult ReductionRounds::emit() {
  int last = 0;
  for (const Reduction &reduction : reductions)
    last = std::max(last, reduction.round);
  // An action waits for what its value needs and for the readers of the leaf.
  SmallVector<int> actionRounds;
  for (const auto &action : actions) {
    int round = roundOf(action.value) + 1;
    for (const Reduction &reduction : reductions)
      for (Value operand : operandsOf(reduction.op->getResult(0)))
        if (leavesOf(operand).contains(action.overwritten))
          round = std::max(round, reduction.round);
    actionRounds.push_back(round);
  }
  for (size_t i = 0; i < actions.size(); ++i)
    for (size_t j = 0; j < actions.size(); ++j)
      if (leavesOf(actions[j].value).contains(actions[i].overwritten))
        actionRounds[i] = std::max(actionRounds[i], actionRounds[j]);
  for (int round : actionRounds)
    last = std::max(last, round);

  for (int round = 1; round <= last; ++round) {
    llvm::MapVector<int64_t, std::pair<SmallVector<Reduction *>,
                                       SmallVector<const ElementEmitter::RowAction *>>>
        loops;
    for (Reduction &reduction : reductions)
      if (reduction.round == round)
        loops[reduction.terms].first.push_back(&reduction);
    for (auto [action, actionRound] : llvm::zip(actions, actionRounds))
      if (actionRound == round)
        loops[action.rows].second.push_back(&action);
    // Loops that overwrite rows come last: the others may read the old ones.
    for (bool overwrites : {false, true})
      for (auto &[terms, work] : loops)
        if (work.second.empty() != overwrites &&
            failed(emitLoop(work.first, work.second, terms)))
          return failure();
  }
  return success();
}

LogicalResult ElementEmitter::reduceTogether(
    ArrayRef<std::pair<Value, IndexList>> roots, ArrayRef<RowAction> actions) {
  ReductionRounds rounds(*this, actions);
  for (const auto &[value, index] : roots)
    if (rounds.readsOverwritten(value) || failed(rounds.collect(value, index)))
      return failure();
  for (const RowAction &action : actions)
    if (failed(rounds.collect(action.value,
                              action.index({Value(), kRow, false}))))
      return failure();
  return rounds.emit();
}
