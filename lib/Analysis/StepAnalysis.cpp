//===- StepAnalysis.cpp - the classes of states ---------------------------===//

#include "seqc/Analysis/StepAnalysis.h"

#include "StepEvaluator.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace seqc;

StringRef seqc::stringify(StepClass cls) {
  switch (cls) {
  case StepClass::Constant:
    return "constant";
  case StepClass::Free:
    return "free";
  case StepClass::Diagonal:
    return "diagonal";
  case StepClass::Rotation:
    return "rotation";
  case StepClass::DiagonalLowRank:
    return "diagonal plus low rank";
  case StepClass::Affine:
    return "affine";
  case StepClass::Nonlinear:
    return "nonlinear";
  }
  llvm_unreachable("all classes are covered");
}

StepAnalysis::StepAnalysis(seq::RecurrenceOp recurrence)
    : recurrence(recurrence), dimensions(recurrence),
      evaluator(std::make_unique<Evaluator>(recurrence)),
      states(recurrence.getStates().size()) {
  for (unsigned number = 0; number < states.size(); ++number)
    states[number] = classify(number, *evaluator);
  classifyPairs();
  for (unsigned number = 0; number < states.size(); ++number)
    classifyGiven(number);
  findMaxima();
  findReadouts();
}

StepAnalysis::~StepAnalysis() = default;

bool StepAnalysis::dependsOnState(Value value) const {
  return !evaluator->isFree(value);
}

std::optional<AffineValue> StepAnalysis::getAffine(Value value,
                                                   bool readout) const {
  const StepForm &form = evaluator->get(value, readout);
  if (form.kind == StepForm::Nonlinear)
    return std::nullopt;
  return form.terms;
}

Interval StepAnalysis::getRange(const Term &term) const {
  Interval product{term.scale, term.scale};
  for (const Factor &factor : term.factors)
    switch (factor.kind) {
    case Factor::Times:
      product = product * ranges.get(factor.value);
      break;
    case Factor::Over:
      product = product / ranges.get(factor.value);
      break;
    case Factor::Where:
    case Factor::WhereNot:
      product = hull(product, {0.0, 0.0});
      break;
    }
  // A sum of as many products as it has indices.
  for (int64_t size : ArrayRef(term.sizes).drop_front(term.rank))
    product = ShapedType::isDynamic(size)
                  ? Interval()
                  : product * Interval{double(size), double(size)};
  return term.ranges.empty() ? product : hull(product, {0.0, 0.0});
}

/// Whether no index has both terms: parts of a joined tensor.
static bool areApart(const Term &a, const Term &b) {
  for (auto [left, right] : llvm::zip(a.ranges, b.ranges))
    if (left.second <= right.first || right.second <= left.first)
      return true;
  return false;
}

/// Bounds of the sum of some terms of a value. Each index has at most one of
/// those that are all apart.
Interval StepAnalysis::getSum(const AffineValue &value,
                              ArrayRef<unsigned> indices) const {
  Interval sum{0.0, 0.0}, parts{0.0, 0.0};
  SmallVector<const Term *> apart;
  for (unsigned index : indices) {
    const Term &term = value.terms[index];
    bool isApart = !term.ranges.empty() &&
                   llvm::all_of(apart, [&](const Term *other) {
                     return areApart(term, *other);
                   });
    if (isApart) {
      apart.push_back(&term);
      parts = hull(parts, getRange(term));
    } else {
      sum = sum + getRange(term);
    }
  }
  return sum + parts;
}

//===----------------------------------------------------------------------===//
// Classes
//===----------------------------------------------------------------------===//

/// Whether the map's result `index` is dim `index`; where there is one index
/// only, 0 as well.
static bool isOwnDim(const Term &term, unsigned index) {
  AffineExpr expr = term.stateMap.getResult(index);
  if (expr == getAffineDimExpr(index, expr.getContext()))
    return true;
  return term.sizes[index] == 1 && expr == 0;
}

/// Whether v[i] = … s[i], one index to one.
static bool isDiagonal(const Term &term) {
  if (term.stateMap.getNumResults() != term.rank)
    return false;
  for (unsigned index = 0; index < term.rank; ++index)
    if (!isOwnDim(term, index))
      return false;
  return term.sizes.size() == term.rank;
}

/// Whether v[i,j] = Σ_k u[i] w[k] s[k,j]: each reduction replaces a dimension
/// of the state, and no factor has both.
static bool isLowRank(const Term &term) {
  llvm::SmallBitVector replaced(term.sizes.size());
  for (unsigned index = 0; index < term.rank; ++index) {
    if (isOwnDim(term, index))
      continue;
    auto sum = dyn_cast<AffineDimExpr>(term.stateMap.getResult(index));
    if (!sum || sum.getPosition() < term.rank ||
        replaced.test(sum.getPosition()))
      return false;
    replaced.set(sum.getPosition());
    for (const Factor &factor : term.factors)
      if (factor.map.isFunctionOfDim(index) &&
          factor.map.isFunctionOfDim(sum.getPosition()))
        return false;
  }
  return replaced.any() && replaced.count() == term.sizes.size() - term.rank;
}

/// The dimension of size 2 that is the only one in which the term is not
/// diagonal.
static std::optional<unsigned> pairDimOf(const Term &term) {
  std::optional<unsigned> found;
  for (unsigned index = 0; index < term.rank; ++index) {
    if (isOwnDim(term, index))
      continue;
    if (found || term.sizes[index] != 2)
      return std::nullopt;
    found = index;
  }
  if (!found)
    return std::nullopt;
  // A sum over the dimension, or one element of it.
  AffineExpr expr = term.stateMap.getResult(*found);
  for (unsigned dim = 0; dim < term.rank; ++dim)
    if (dim != *found && expr.isFunctionOfDim(dim))
      return std::nullopt;
  unsigned reductions = term.sizes.size() - term.rank;
  if (reductions > 1 || (reductions == 1 && !isa<AffineDimExpr>(expr)))
    return std::nullopt;
  return found;
}

StateInfo StepAnalysis::classify(unsigned number, Evaluator &evaluator) const {
  StateInfo info;
  auto recurrence = this->recurrence;
  Value argument = recurrence.getStateArguments()[number];
  Value value = recurrence.getYieldedStates()[number];
  const StepForm &form = evaluator.get(value, /*readout=*/false);
  if (form.kind == StepForm::Nonlinear) {
    info.cause = form.cause;
    info.reason = form.reason;
    return info;
  }
  info.next = form.terms;
  info.timeInvariant = true;
  SmallVector<unsigned> others;
  std::optional<unsigned> otherState, pairDim;
  llvm::SmallSetVector<unsigned, 4> decayDims;
  for (auto [index, term] : llvm::enumerate(info.next.terms)) {
    if (!term.state) {
      info.added.push_back(index);
      continue;
    }
    for (const Factor &factor : term.factors)
      info.timeInvariant &= !dimensions.dependsOnTime(factor.value);
    if (term.state != number)
      otherState = term.state;
    else if (isDiagonal(term))
      info.diagonal.push_back(index);
    else if (isLowRank(term))
      info.lowRank.push_back(index);
    else
      others.push_back(index);
  }
  for (unsigned index : info.diagonal) {
    const Term &term = info.next.terms[index];
    for (unsigned dim = 0; dim < term.rank; ++dim) {
      auto usesDim = [&](const Factor &factor) {
        return factor.map.isFunctionOfDim(dim);
      };
      if (term.sizes[dim] != 1 &&
          (!term.isWhole(dim) || llvm::any_of(term.factors, usesDim)))
        decayDims.insert(dim);
    }
  }
  info.decayDims = llvm::to_vector(decayDims);
  llvm::sort(info.decayDims);
  info.decay = getSum(info.next, info.diagonal);
  if (info.diagonal.size() == 1) {
    const Term &term = info.next.terms[info.diagonal.front()];
    info.decayIsOne =
        term.scale == 1.0 && term.factors.empty() && term.ranges.empty();
  }

  if (value == argument) {
    info.cls = StepClass::Constant;
    return info;
  }
  if (info.added.size() == info.next.terms.size()) {
    info.cls = StepClass::Free;
    return info;
  }
  if (!otherState && others.empty() && info.lowRank.empty()) {
    info.cls = StepClass::Diagonal;
    return info;
  }
  if (!otherState && others.empty() && !info.diagonal.empty()) {
    info.cls = StepClass::DiagonalLowRank;
    return info;
  }

  bool isRotation = !otherState;
  for (const Term &term : info.next.terms) {
    if (!isRotation || !term.state || isDiagonal(term))
      continue;
    std::optional<unsigned> dim = pairDimOf(term);
    isRotation &= dim && (!pairDim || pairDim == dim);
    pairDim = dim;
  }
  info.diagonal.clear();
  info.lowRank.clear();
  info.decayDims.clear();
  info.decayIsOne = false;
  info.decay = Interval();
  if (isRotation) {
    info.cls = StepClass::Rotation;
    info.pairDim = pairDim;
    return info;
  }
  info.cls = StepClass::Affine;
  info.cause = value.getDefiningOp();
  bool isSum = llvm::any_of(info.next.terms, [](const Term &term) {
    return term.state && term.sizes.size() > term.rank;
  });
  info.reason = otherState ? "takes from state " + std::to_string(*otherState)
                : isSum    ? "sums over indices of the state"
                           : "takes other indices of the state";
  return info;
}

/// What a nonlinear state is where one other state, or all others, are given.
void StepAnalysis::classifyGiven(unsigned number) {
  StateInfo &info = states[number];
  if (info.cls != StepClass::Nonlinear)
    return;
  SmallVector<SmallVector<unsigned>> choices;
  SmallVector<unsigned> others;
  for (unsigned other = 0; other < states.size(); ++other)
    if (other != number)
      others.push_back(other);
  // Each alone, where they are few: the body is evaluated once for each.
  if (others.size() > 1 && others.size() <= 8)
    for (unsigned other : others)
      choices.push_back({other});
  if (!others.empty())
    choices.push_back(others);
  for (ArrayRef<unsigned> given : choices) {
    Evaluator relative(recurrence, given);
    StateInfo found = classify(number, relative);
    if (found.cls == StepClass::Nonlinear)
      continue;
    info.whenGiven = std::make_shared<StateInfo>(std::move(found));
    info.given = llvm::to_vector(given);
    return;
  }
}

/// Two states, each of which takes from itself and the other, elementwise.
void StepAnalysis::classifyPairs() {
  auto partnerOf = [&](unsigned number) -> std::optional<unsigned> {
    const StateInfo &info = states[number];
    if (info.cls != StepClass::Affine)
      return std::nullopt;
    std::optional<unsigned> other;
    for (const Term &term : info.next.terms) {
      if (!term.state)
        continue;
      if (!isDiagonal(term))
        return std::nullopt;
      if (*term.state == number)
        continue;
      if (other && other != term.state)
        return std::nullopt;
      other = term.state;
    }
    return other;
  };
  for (unsigned number = 0; number < states.size(); ++number) {
    std::optional<unsigned> other = partnerOf(number);
    if (!other || *other < number || partnerOf(*other) != number ||
        recurrence.getStates()[number].getType() !=
            recurrence.getStates()[*other].getType())
      continue;
    for (auto [self, partner] :
         {std::pair(number, *other), std::pair(*other, number)}) {
      states[self].cls = StepClass::Rotation;
      states[self].partner = partner;
      states[self].cause = nullptr;
      states[self].reason.clear();
    }
  }
}

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

void StepAnalysis::findReadouts() {
  llvm::SmallSetVector<Value, 16> pending;
  pending.insert_range(recurrence.getYieldedOutputs());
  for (unsigned next = 0; next < pending.size(); ++next) {
    Value value = pending[next];
    if (evaluator->isFree(value))
      continue;
    const StepForm &form = evaluator->get(value, /*readout=*/true);
    if (form.kind != StepForm::Nonlinear) {
      readouts.push_back({value, form.terms});
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (!op)
      continue;
    op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (operand.getParentBlock() == &recurrence.getBody().front())
          pending.insert(operand);
    });
  }
}
