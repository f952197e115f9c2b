//===- ChunkPlan.cpp - what the chunkwise form of a recurrence is made of ===//

#include "ChunkPlan.h"

#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace seqc;

SplitProduct seqc::splitByKeys(const NamedProduct &added,
                               ArrayRef<DimName> keys) {
  SplitProduct split;
  for (const auto &factor : added.factors)
    (factor.dependsOn(keys) ? split.key : split.value)
        .factors.push_back(factor);
  (split.key.factors.empty() ? split.value : split.key).scale = added.scale;
  return split;
}

namespace {
class Planner {
public:
  Planner(seq::RecurrenceOp op, const StepAnalysis &analysis,
          TimeLifter &lifter)
      : op(op), analysis(analysis), lifter(lifter) {}

  std::variant<ChunkPlan, NoForm> run();

private:
  LogicalResult refuse(Operation *cause, const Twine &reason) {
    why = NoForm{(cause ? cause : op.getOperation())->getLoc(), reason.str()};
    return failure();
  }
  LogicalResult refuseState(unsigned state, Operation *cause,
                            const Twine &reason) {
    return refuse(cause, "has a state " + Twine(state) + " that " + reason);
  }

  DimNames stateDims(unsigned state);
  bool isUnit(unsigned state, unsigned dim);
  FailureOr<DimName> addExtra(int64_t size);
  LogicalResult checkTerm(const Term &term);
  FailureOr<NamedProduct> nameProduct(const Term &term, const DimNames &names);
  FailureOr<NamedProduct> planAdded(unsigned state, const Term &term);
  LogicalResult planState(unsigned state);
  LogicalResult planLowRank(unsigned state, const Term &term);
  FailureOr<ReadTerm> planRead(const Term &term);
  LogicalResult planReadout(const Readout &readout);
  LogicalResult checkOutputs();

  seq::RecurrenceOp op;
  const StepAnalysis &analysis;
  TimeLifter &lifter;
  ChunkPlan plan;
  std::optional<NoForm> why;
};
} // namespace

DimNames Planner::stateDims(unsigned state) {
  auto type = cast<RankedTensorType>(op.getStates()[state].getType());
  DimNames dims;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    dims.push_back(chunk::ofState(state, dim));
  return dims;
}

bool Planner::isUnit(unsigned state, unsigned dim) {
  auto type = cast<RankedTensorType>(op.getStates()[state].getType());
  return type.getDimSize(dim) == 1;
}

FailureOr<DimName> Planner::addExtra(int64_t size) {
  if (ShapedType::isDynamic(size))
    return refuse(op, "has a dimension of unknown size that no state has");
  DimName name = chunk::Extra + plan.extraSizes.size();
  plan.extraSizes.push_back({name, size});
  return name;
}

/// Whether the loops of a term end where the factor does: what comes of joined
/// tensors may read a part of it.
static bool isReadToItsEnd(const Factor &factor, const Term &term) {
  auto type = dyn_cast<RankedTensorType>(factor.value.getType());
  if (!type)
    return true;
  for (auto [expr, size] : llvm::zip(factor.map.getResults(), type.getShape())) {
    SmallVector<int64_t> last; // of each loop
    for (int64_t loop : term.sizes)
      last.push_back(ShapedType::isDynamic(loop) ? 0 : loop - 1);
    bool isKnown = !ShapedType::isDynamic(size);
    for (auto [dim, loop] : llvm::enumerate(term.sizes))
      isKnown &= !expr.isFunctionOfDim(dim) || !ShapedType::isDynamic(loop);
    if (!isKnown || isa<AffineConstantExpr>(expr))
      continue;
    SmallVector<AffineExpr> places;
    for (int64_t index : last)
      places.push_back(getAffineConstantExpr(index, expr.getContext()));
    auto end = dyn_cast<AffineConstantExpr>(expr.replaceDims(places));
    if (!end || end.getValue() + 1 != size)
      return false;
  }
  return true;
}

/// Whether what a term is made of can be used at all.
LogicalResult Planner::checkTerm(const Term &term) {
  if (!term.ranges.empty())
    return refuse(op, "joins values of different formulas in one tensor");
  for (const Factor &factor : term.factors) {
    if (!TimeProducts::canBuild(factor, lifter, analysis.getDimensions()))
      return refuse(factor.value.getDefiningOp(),
                    "has a factor that cannot be computed for all times");
    if (!isReadToItsEnd(factor, term))
      return refuse(factor.value.getDefiningOp(),
                    "multiplies a state by a part of a tensor");
  }
  return success();
}

FailureOr<NamedProduct> Planner::nameProduct(const Term &term,
                                             const DimNames &names) {
  if (failed(checkTerm(term)))
    return failure();
  NamedProduct product;
  product.scale = term.scale;
  for (const Factor &factor : term.factors)
    product.factors.push_back({factor, names});
  return product;
}

FailureOr<NamedProduct> Planner::planAdded(unsigned state, const Term &term) {
  DimNames names = stateDims(state);
  for (unsigned dim = term.rank; dim < term.sizes.size(); ++dim) {
    FailureOr<DimName> extra = addExtra(term.sizes[dim]);
    if (failed(extra))
      return failure();
    names.push_back(*extra);
  }
  return nameProduct(term, names);
}

LogicalResult Planner::planLowRank(unsigned state, const Term &term) {
  StatePlan &plan = this->plan.states[state];
  if (failed(checkTerm(term)))
    return failure();
  DimNames names(plan.dims);
  names.resize(term.sizes.size(), 0);
  for (auto [dim, expr] : llvm::enumerate(term.stateMap.getResults())) {
    auto place = dyn_cast<AffineDimExpr>(expr);
    if (place && place.getPosition() >= term.rank) {
      names[place.getPosition()] = plan.dims[dim];
      if (!isUnit(state, dim))
        plan.keys.push_back(plan.dims[dim]);
    } else if (!isUnit(state, dim) && (!place || place.getPosition() != dim)) {
      return refuseState(state, nullptr, "moves within itself");
    }
  }
  if (llvm::is_contained(names, 0u))
    return refuseState(state, nullptr, "is updated by more than rank one");
  plan.lowRank.emplace();
  plan.lowRank->scale = term.scale;
  for (const Factor &factor : term.factors) {
    bool isSummed = false, isKept = false;
    for (unsigned dim = 0; dim < names.size(); ++dim)
      if (factor.map.isFunctionOfDim(dim) &&
          llvm::is_contained(plan.keys, names[dim]))
        (dim < term.rank ? isKept : isSummed) = true;
    if (isSummed && isKept)
      return refuseState(state, factor.value.getDefiningOp(),
                         "is updated by a full matrix");
    (isSummed ? plan.lowRankRead : *plan.lowRank)
        .factors.push_back({factor, names});
  }
  return success();
}

LogicalResult Planner::planState(unsigned state) {
  const StateInfo &info = analysis.getStates()[state];
  StatePlan &plan = this->plan.states.emplace_back();
  plan.dims = stateDims(state);
  if (info.cls == StepClass::Constant)
    return success();
  if (!isa<FloatType>(getElementTypeOrSelf(op.getStates()[state].getType())))
    return refuseState(state, nullptr, "is not of floating-point numbers");
  if (info.cls != StepClass::Free && info.cls != StepClass::Diagonal &&
      info.cls != StepClass::DiagonalLowRank) {
    std::string reason = ("is " + stringify(info.cls)).str();
    if (!info.reason.empty())
      reason += ": it " + info.reason;
    return refuseState(state, info.cause, reason);
  }
  const auto &terms = info.next.terms;
  if (info.cls == StepClass::Free) {
    // What was there before is forgotten.
    NamedProduct zero;
    zero.scale = 0.0;
    plan.decay.push_back(zero);
  } else if (!info.decay.isIn(-1.0, 1.0)) {
    return refuseState(state, info.cause,
                       "has a decay that is not known to be at most 1");
  }
  if (!info.decayIsOne)
    for (unsigned index : info.diagonal) {
      FailureOr<NamedProduct> decay = nameProduct(terms[index], plan.dims);
      if (failed(decay))
        return failure();
      plan.decay.push_back(*decay);
    }
  for (unsigned index : info.added) {
    FailureOr<NamedProduct> added = planAdded(state, terms[index]);
    if (failed(added))
      return failure();
    this->plan.states[state].added.push_back(*added);
  }
  if (info.lowRank.size() > 1)
    return refuseState(state, info.cause, "is updated by more than rank one");
  for (unsigned index : info.lowRank)
    if (failed(planLowRank(state, terms[index])))
      return failure();
  return success();
}

FailureOr<ReadTerm> Planner::planRead(const Term &term) {
  unsigned state = *term.state;
  if (failed(checkTerm(term)))
    return failure();
  DimNames own = stateDims(state), names(term.sizes.size(), 0);
  ReadTerm read{state, term.after ? ReadAt::After : ReadAt::Before, {}, {}, {},
                {}};
  for (auto [dim, expr] : llvm::enumerate(term.stateMap.getResults())) {
    auto place = dyn_cast<AffineDimExpr>(expr);
    if (!place && isUnit(state, dim))
      continue;
    if (!place || names[place.getPosition()] != 0)
      return refuseState(state, nullptr, "is read in part");
    names[place.getPosition()] = own[dim];
    if (place.getPosition() >= term.rank && !isUnit(state, dim))
      read.keys.push_back(own[dim]);
  }
  const StatePlan &plan = this->plan.states[state];
  if (plan.lowRank && !llvm::equal(plan.keys, read.keys))
    return refuseState(state, nullptr,
                       "is read along other dimensions than its update does");
  for (auto [dim, name] : llvm::enumerate(names)) {
    if (name != 0)
      continue;
    FailureOr<DimName> extra = addExtra(term.sizes[dim]);
    if (failed(extra))
      return failure();
    name = *extra;
    if (dim >= term.rank)
      read.keys.push_back(name);
  }
  read.dims.assign(names.begin(), names.begin() + term.rank);
  FailureOr<NamedProduct> product = nameProduct(term, names);
  if (failed(product))
    return failure();
  SplitProduct split = splitByKeys(*product, read.keys);
  read.read = split.key;
  read.post = split.value;
  return read;
}

LogicalResult Planner::planReadout(const Readout &readout) {
  auto type = dyn_cast<RankedTensorType>(readout.value.getType());
  Operation *definition = readout.value.getDefiningOp();
  if (!type || type.getRank() < static_cast<int64_t>(op.getDim()))
    return refuse(definition, "reads numbers that have no place for time");
  if (llvm::none_of(readout.terms.terms,
                    [](const Term &term) { return term.state.has_value(); }))
    return refuse(definition, "reads states that cancel out");
  for (const Term &term : readout.terms.terms)
    if (term.state &&
        getElementTypeOrSelf(op.getStates()[*term.state].getType()) !=
            type.getElementType())
      return refuseState(*term.state, definition,
                         "is read as numbers of another type");
  ReadoutPlan &plan = this->plan.readouts.emplace_back();
  plan.value = readout.value;
  for (const Term &term : readout.terms.terms) {
    if (term.state) {
      FailureOr<ReadTerm> read = planRead(term);
      if (failed(read))
        return failure();
      plan.terms.push_back(*read);
      continue;
    }
    DimNames names;
    for (int64_t size : term.sizes) {
      FailureOr<DimName> extra = addExtra(size);
      if (failed(extra))
        return failure();
      names.push_back(*extra);
    }
    FailureOr<NamedProduct> product = nameProduct(term, names);
    if (failed(product))
      return failure();
    names.truncate(term.rank);
    plan.free.push_back({*product, names});
  }
  return success();
}

/// Whether the outputs follow from the readouts, for all times.
LogicalResult Planner::checkOutputs() {
  // Only asked: the values stand for their sequences to come.
  for (auto [slice, output] : llvm::zip(op.getOutputSlices(), op.getOutputs()))
    lifter.setSequence(slice, output);
  for (const ReadoutPlan &readout : plan.readouts)
    lifter.setSequence(readout.value, readout.value);
  for (Value value : op.getYieldedOutputs())
    if (!lifter.canLift(value))
      return refuse(value.getDefiningOp(),
                    "has an output that cannot be computed for all times");
  return success();
}

std::variant<ChunkPlan, NoForm> Planner::run() {
  if (op.getStates().empty())
    return NoForm{op.getLoc(), "has no state"};
  if (llvm::all_of(analysis.getStates(), [](const StateInfo &info) {
        return info.cls == StepClass::Constant || info.cls == StepClass::Free;
      }))
    return NoForm{op.getLoc(), "remembers no more than one step"};
  for (unsigned state = 0; state < op.getStates().size(); ++state)
    if (failed(planState(state)))
      return *why;
  for (const Readout &readout : analysis.getReadouts())
    if (failed(planReadout(readout)))
      return *why;
  if (failed(checkOutputs()))
    return *why;

  for (ReadoutPlan &readout : plan.readouts)
    for (ReadTerm &read : readout.terms)
      if (StatePlan &state = plan.states[read.state]; state.keys.empty())
        state.keys = read.keys;
  auto decaysAlong = [&](const StatePlan &state, ArrayRef<DimName> keys) {
    return llvm::any_of(state.decay, [&](const NamedProduct &decay) {
      return llvm::any_of(decay.factors, [&](const auto &factor) {
        return factor.dependsOn(keys);
      });
    });
  };
  for (const StatePlan &state : plan.states)
    plan.needsBlocks |= state.lowRank && decaysAlong(state, state.keys);
  for (const ReadoutPlan &readout : plan.readouts)
    for (const ReadTerm &read : readout.terms)
      plan.needsBlocks |= decaysAlong(plan.states[read.state], read.keys);
  return std::move(plan);
}

std::variant<ChunkPlan, NoForm> seqc::planChunks(seq::RecurrenceOp op,
                                                 const StepAnalysis &analysis,
                                                 TimeLifter &lifter) {
  return Planner(op, analysis, lifter).run();
}
