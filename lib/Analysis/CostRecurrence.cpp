//===- CostRecurrence.cpp - the cost of recurrences and scans ------------===//

#include "CostCounter.h"

#include "seqc/Analysis/Dimensions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/RegionUtils.h"

#include <cmath>

using namespace mlir;
using namespace seqc;

namespace {
/// States of at most so many vectors stay in registers.
constexpr int64_t kStateRegisters = 16;

/// How kernel-recurrences would share a recurrence out.
struct Shares {
  bool coupled = true;
  double lanes = 1; ///< the size of the dimension along lanes
  double units = 1; ///< blocks of lanes of all separable dimensions
  int64_t rows = 1; ///< vectors of state in a block
  double state = 0; ///< bytes of one block's
};

Shares shareOut(seq::RecurrenceOp op, const DimensionAnalysis &dimensions,
                int64_t lanes) {
  Shares shares;
  auto leading =
      op.getOutputs().empty() ? op.getStateArguments() : op.getOutputSlices();
  std::optional<unsigned> lane;
  for (unsigned cls : dimensions.getSeparableClasses())
    if (!leading.empty() && llvm::all_of(leading, [&](Value value) {
          int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
          return rank > 0 && dimensions.classOf(value, rank - 1) == cls;
        }))
      lane = cls;
  if (!lane)
    return shares;
  shares.coupled = false;
  SmallVector<unsigned> separable = dimensions.getSeparableClasses();
  for (unsigned cls : separable) {
    int64_t size = dimensions.getClasses()[cls].size;
    if (ShapedType::isDynamic(size))
      size = 1;
    if (cls == *lane) {
      shares.lanes = double(size);
      shares.units *= std::ceil(double(size) / lanes);
    } else {
      shares.units *= double(size);
    }
  }
  shares.rows = 0;
  for (BlockArgument state : op.getStateArguments()) {
    auto type = cast<RankedTensorType>(state.getType());
    int64_t rows = 1;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      std::optional<unsigned> cls = dimensions.classOf(state, dim);
      if (!type.isDynamicDim(dim) &&
          !(cls && llvm::is_contained(separable, *cls)))
        rows *= type.getDimSize(dim);
    }
    shares.rows += rows;
    shares.state += double(rows) * lanes * bytesOfElement(type);
  }
  return shares;
}

/// Multiply-adds one after the other that an operation takes.
double latencyOf(Operation *op) {
  auto of = [](Operation *scalar) -> double {
    if (isa<arith::DivFOp>(scalar))
      return 3;
    return isa<math::MathDialect>(scalar->getDialect()) &&
                   !isa<math::FmaOp, math::AbsFOp>(scalar)
               ? 8
               : 1;
  };
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp)
    return OpTrait::hasElementwiseMappableTraits(op) ? of(op) : 0;
  double sum = 0;
  for (Operation &scalar : linalgOp.getBlock()->without_terminator())
    sum += of(&scalar);
  return sum;
}

/// The longest way from a state to a next state, in multiply-adds, and the
/// greatest number of sums over dimensions of the state on a way.
struct Chain {
  double latency = 0;
  double phases = 0;
};

Chain getChain(seq::RecurrenceOp op, const DimensionAnalysis &dimensions) {
  DenseMap<Value, Chain> chains;
  for (BlockArgument state : op.getStateArguments())
    chains[state] = {};
  for (Operation &inner : op.getBody().front().without_terminator()) {
    Chain longest;
    bool dependent = false;
    for (Value operand : inner.getOperands()) {
      auto found = chains.find(operand);
      if (found == chains.end())
        continue;
      dependent = true;
      longest.latency = std::max(longest.latency, found->second.latency);
      longest.phases = std::max(longest.phases, found->second.phases);
    }
    if (!dependent)
      continue;
    longest.latency += latencyOf(&inner);
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(inner))
      longest.phases += linalgOp.getNumReductionLoops() > 0;
    for (Value result : inner.getResults())
      chains[result] = longest;
  }
  Chain longest;
  for (Value next : op.getYieldedStates()) {
    Chain chain = chains.lookup(next);
    longest.latency = std::max(longest.latency, chain.latency);
    longest.phases = std::max(longest.phases, chain.phases);
  }
  return longest;
}
} // namespace

void CostCounter::countRecurrence(seq::RecurrenceOp op) {
  Value time =
      op.getInputs().empty() ? op.getOutputs().front() : op.getInputs().front();
  Expression steps = sizes.ofDimension(time, op.getDim());
  DimensionAnalysis dimensions(op);
  Shares shares = shareOut(op, dimensions, machine.lanes);
  Chain chain = getChain(op, dimensions);

  Tally step;
  for (Operation &inner : op.getBody().front().without_terminator())
    step += getTally(&inner, sizes);
  double state = 0;
  for (Value value : op.getStates())
    state += sizes.ofBytes(value).evaluate(1);
  cost.state += state;
  cost.chain += steps;

  // Cores that have nothing to do, in the last round of blocks, count as busy.
  double rounds = std::ceil(shares.units / machine.cores);
  double fill = laneFill(shares.lanes);
  if (shares.coupled)
    fill = 1;
  else
    fill *= shares.units / (rounds * machine.cores);
  double rate = bytesOfElement(op.getResult(0).getType()) > 4 ? machine.fma64
                                                              : machine.fma32;
  compute(step * steps, kStep * fill, rate);

  Expression waits = steps * Expression(chain.latency * machine.latency);
  if (shares.coupled) {
    if (machine.cores > 1)
      waits +=
          steps * Expression(std::max(1.0, chain.phases) * machine.barrier);
    bound("chain", waits.folded());
    // Weights that meet the state are read in every step.
    Expression weights;
    for (Value capture : dimensions.getCaptures())
      weights += sizes.ofBytes(capture);
    double bytes = weights.evaluate(1) + state;
    const MemoryLevel &level = levelOf(bytes / machine.cores);
    bound("weights", (steps * Expression(bytes / level.readAll)).folded());
  } else {
    // Each core runs through its blocks one after the other.
    bound("chain", (waits * Expression(rounds)).folded());
    if (shares.rows > kStateRegisters) {
      const MemoryLevel &level = levelOf(shares.state);
      double seconds = shares.state * rounds / level.copy;
      bound("states", (steps * Expression(seconds)).folded());
    }
  }
  for (Value input : op.getInputs())
    read(input);
  for (Value capture : dimensions.getCaptures())
    read(capture);
  for (Value result : op.getOutputResults())
    write(result);
  dispatch();
}

void CostCounter::countScan(seq::ScanOp op) {
  Expression steps = sizes.ofDimension(op.getInputs().front(), op.getDim());
  Tally combine;
  for (Operation &inner : op.getCombiner().front().without_terminator())
    combine += getTally(&inner, sizes);
  cost.chain += Expression::log2();
  // Reduce and apply: every element is combined twice.
  compute(combine * steps * Expression(2), kLoops, machine.fma32);
  for (Value input : op.getInputs()) {
    read(input);
    read(input);
  }
  for (Value result : op.getResults()) {
    write(result);
    cost.stored += sizes.ofBytes(result);
  }
  dispatch();
  dispatch();
}
