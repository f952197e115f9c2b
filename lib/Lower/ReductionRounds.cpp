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
                  ArrayRef<ElementEmitter::RowAction> actions,
                  const ElementEmitter::Steps &steps)
      : emitter(emitter), builder(emitter.builder), actions(actions),
        steps(steps) {}

  LogicalResult
  collectAll(ArrayRef<std::pair<Value, IndexList>> roots);
  bool fitsOneLoop();
  LogicalResult emit();

private:
  LogicalResult collect(Value value, ArrayRef<Index> index);
  /// Whether computing `value` after the loops would read an overwritten leaf.
  bool readsOverwritten(Value value) {
    return llvm::any_of(actions, [&](const auto &action) {
      return leavesOf(value).contains(action.overwritten);
    });
  }

  bool isLooped(linalg::GenericOp op) {
    std::optional<unsigned> dim = onlyReducedDim(op);
    return dim && op.getStaticLoopRanges()[*dim] > emitter.unrollLimit;
  }
  int roundOf(Value value);
  SmallVector<int> roundsOfActions();
  const SetVector<Value> &leavesOf(Value value);
  SmallVector<Value> operandsOf(Value value);
  LogicalResult emitLoop(ArrayRef<Reduction *> reductions,
                         ArrayRef<const ElementEmitter::RowAction *> actions,
                         int64_t terms);
  LogicalResult emitTrip(ArrayRef<Reduction *> reductions,
                         ArrayRef<const ElementEmitter::RowAction *> actions,
                         Index row, SmallVectorImpl<Value> &sums,
                         int64_t firstSum, int64_t stride);
  /// Calls `body` in the scope of each step, or once in the present scope.
  LogicalResult forEachStep(llvm::function_ref<LogicalResult(int64_t)> body);

  ElementEmitter &emitter;
  ImplicitLocOpBuilder &builder;
  ArrayRef<ElementEmitter::RowAction> actions;
  const ElementEmitter::Steps &steps;
  std::vector<Reduction> reductions;
  /// What rows read that is the same for all of them.
  std::vector<std::pair<Value, IndexList>> shared;
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

static bool isOfRow(ArrayRef<Index> index) {
  return llvm::any_of(index, [](const Index &i) { return i.offset >= kRow; });
}

LogicalResult ReductionRounds::forEachStep(
    llvm::function_ref<LogicalResult(int64_t)> body) {
  if (steps.count == 1)
    return body(0);
  for (int64_t step = 0; step < steps.count; ++step) {
    emitter.enterStep(steps, step);
    LogicalResult done = body(step);
    emitter.leaveStep(step);
    if (failed(done))
      return failure();
  }
  return success();
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
  if (isLooped(generic) && !isOfRow(index)) {
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
    if (isOfRow(iteration) && !isOfRow(*mapped) && roundOf(operand.get()) == 0)
      shared.push_back({operand.get(), *mapped});
  }
  return success();
}

LogicalResult ReductionRounds::emitTrip(
    ArrayRef<Reduction *> reductions,
    ArrayRef<const ElementEmitter::RowAction *> actions, Index row,
    SmallVectorImpl<Value> &sums, int64_t firstSum, int64_t stride) {
  SmallVector<Value> rows;
  LogicalResult done = forEachStep([&](int64_t step) -> LogicalResult {
    emitter.enterScope();
    if (step > 0)
      for (auto [action, element] : llvm::zip(actions, rows))
        emitter.bind(action->overwritten, action->index(row), element);
    for (auto [number, reduction] : llvm::enumerate(reductions)) {
      IndexList iteration(reduction->op.getNumLoops(), row);
      AffineMap map = reduction->op.getIndexingMapMatchingResult(
          reduction->op->getResult(0));
      for (auto [expression, part] :
           llvm::zip(map.getResults(), reduction->index))
        iteration[cast<AffineDimExpr>(expression).getPosition()] = part;
      Value &sum =
          sums[(step * reductions.size() + number) * stride + firstSum];
      FailureOr<SmallVector<Value>> values =
          emitter.emitPayload(reduction->op, iteration, sum);
      if (failed(values) || (*values)[0].getType() != sum.getType())
        return failure();
      sum = (*values)[0];
    }
    rows.clear();
    for (const ElementEmitter::RowAction *action : actions) {
      FailureOr<Value> element =
          emitter.element(action->value, action->index(row));
      if (failed(element))
        return failure();
      rows.push_back(*element);
    }
    emitter.leaveScope();
    return success();
  });
  if (failed(done))
    return failure();
  for (auto [action, element] : llvm::zip(actions, rows))
    if (failed(action->store(row, element)))
      return failure();
  return success();
}

LogicalResult ReductionRounds::emitLoop(
    ArrayRef<Reduction *> reductions,
    ArrayRef<const ElementEmitter::RowAction *> actions, int64_t terms) {
  // Enough independent sums to hide the latency of an addition.
  int64_t partials = 1;
  int64_t accumulators =
      steps.count * reductions.size() * emitter.registersPerElement;
  int64_t unroll = std::min(emitter.unroll, terms);
  while (partials * 2 <= unroll && partials * accumulators < 8)
    partials *= 2;
  if (!llvm::all_of(reductions, [](Reduction *r) { return isSum(r->op); }))
    partials = 1;

  SmallVector<Value> initial;
  LogicalResult begun = forEachStep([&](int64_t) -> LogicalResult {
    for (Reduction *reduction : reductions) {
      FailureOr<Value> init = emitter.element(
          reduction->op.getDpsInitOperand(0)->get(), reduction->index);
      if (failed(init))
        return failure();
      bool onLanes =
          llvm::any_of(reduction->index, [](const Index &i) { return i.lane; });
      initial.push_back(onLanes ? toLanes(builder, *init, emitter.width)
                                : *init);
      for (int64_t partial = 1; partial < partials; ++partial)
        initial.push_back(arith::ConstantOp::create(
            builder, builder.getZeroAttr(initial.back().getType())));
    }
    // Before the loop, and once for all rows.
    if (steps.count > 1)
      for (const auto &[value, index] : shared)
        if (failed(emitter.element(value, index)))
          return failure();
    return success();
  });
  if (failed(begun))
    return failure();
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
  return forEachStep([&](int64_t step) {
    for (auto [number, reduction] : llvm::enumerate(reductions)) {
      auto own = ArrayRef(*sums).slice(
          (step * reductions.size() + number) * partials, partials);
      Value sum = own.front();
      for (Value partial : own.drop_front())
        sum = arith::AddFOp::create(builder, sum, partial);
      emitter.bind(reduction->op->getResult(0), reduction->index, sum);
    }
    return success();
  });
}

/// An action waits for what its value needs and for the readers of the leaf.
SmallVector<int> ReductionRounds::roundsOfActions() {
  SmallVector<int> found;
  for (const auto &action : actions) {
    int round = roundOf(action.value) + 1;
    for (const Reduction &reduction : reductions)
      for (Value operand : operandsOf(reduction.op->getResult(0)))
        if (leavesOf(operand).contains(action.overwritten))
          round = std::max(round, reduction.round);
    found.push_back(round);
  }
  for (size_t i = 0; i < actions.size(); ++i)
    for (size_t j = 0; j < actions.size(); ++j)
      if (leavesOf(actions[j].value).contains(actions[i].overwritten))
        found[i] = std::max(found[i], found[j]);
  return found;
}

bool ReductionRounds::fitsOneLoop() {
  return !actions.empty() &&
         llvm::all_of(roundsOfActions(), [](int round) { return round == 1; }) &&
         llvm::all_of(actions,
                      [&](const auto &action) {
                        return action.rows == actions.front().rows;
                      }) &&
         llvm::all_of(reductions, [&](const Reduction &reduction) {
           return reduction.round == 1 &&
                  reduction.terms == actions.front().rows;
         });
}

LogicalResult ReductionRounds::emit() {
  int last = 0;
  for (const Reduction &reduction : reductions)
    last = std::max(last, reduction.round);
  SmallVector<int> actionRounds = roundsOfActions();
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

LogicalResult ReductionRounds::collectAll(
    ArrayRef<std::pair<Value, IndexList>> roots) {
  for (const auto &[value, index] : roots)
    if (readsOverwritten(value) || failed(collect(value, index)))
      return failure();
  for (const ElementEmitter::RowAction &action : actions)
    if (failed(collect(action.value, action.index({Value(), kRow, false}))))
      return failure();
  return success();
}

LogicalResult ElementEmitter::reduceTogether(
    ArrayRef<std::pair<Value, IndexList>> roots, ArrayRef<RowAction> actions,
    const Steps &steps) {
  stepScopes.assign(steps.count, {});
  ReductionRounds rounds(*this, actions, steps);
  return failed(rounds.collectAll(roots)) ? failure() : rounds.emit();
}

bool ElementEmitter::fitsOneLoop(ArrayRef<std::pair<Value, IndexList>> roots,
                                 ArrayRef<RowAction> actions) {
  Steps one{1, {}};
  ReductionRounds rounds(*this, actions, one);
  return succeeded(rounds.collectAll(roots)) && rounds.fitsOneLoop();
}
