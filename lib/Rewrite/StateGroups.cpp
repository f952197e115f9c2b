//===- StateGroups.cpp - states that are scanned together -------------------===//

#include "AffineScan.h"

#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;
using namespace seqc;

/// Whether the term reads a dimension of its state at the value's own index; in
/// one of size 1 there is no other.
static bool readsOwn(const Term &term, unsigned dim) {
  return term.sizes[dim] == 1 ||
         term.stateMap.getResult(dim) ==
             getAffineDimExpr(dim, term.stateMap.getContext());
}

/// Whether the term reads its state at the index of the value itself.
static bool isElementwise(const Term &term) {
  if (term.sizes.size() != term.rank ||
      term.stateMap.getNumResults() != term.rank)
    return false;
  for (unsigned dim = 0; dim < term.rank; ++dim)
    if (!readsOwn(term, dim))
      return false;
  return true;
}

static std::string nameOf(unsigned state) {
  return "has state " + std::to_string(state) + ", which ";
}

/// The dimensions that some term does not read at the value's own index.
static SmallVector<unsigned> findMixed(const AffineValue &next, unsigned rank) {
  llvm::SmallBitVector mixed(rank);
  for (const Term &term : next.terms)
    if (term.state)
      for (unsigned dim = 0; dim < rank; ++dim)
        if (!readsOwn(term, dim))
          mixed.set(dim);
  return llvm::to_vector_of<unsigned>(mixed.set_bits());
}

/// One state that mixes its own elements.
static bool formMatrix(StateGroup &group, RankedTensorType type,
                       int64_t maxMatrix, std::string &reason) {
  int64_t rows = 1;
  for (unsigned dim : group.mixed) {
    int64_t size = type.getDimSize(dim);
    rows = ShapedType::isDynamic(size) ? maxMatrix + 1 : rows * size;
    if (rows > maxMatrix)
      break;
  }
  if (rows > maxMatrix) {
    reason =
        nameOf(group.states.front()) + "takes from " +
        (maxMatrix ? "more than " + std::to_string(maxMatrix) + " of its own"
                   : std::string("its other")) +
        " elements";
    return false;
  }
  for (unsigned dim : group.mixed)
    group.used.set(dim);
  // What an index of the state depends on, the matrix does too.
  for (const Term *term : group.terms[0][0])
    for (unsigned dim : group.mixed)
      for (unsigned other = 0; other < term->rank; ++other)
        if (term->stateMap.getResult(dim).isFunctionOfDim(other))
          group.used.set(other);
  return true;
}

/// Whether A[g][k] = 1 for a group of one.
static bool isOne(ArrayRef<const Term *> terms) {
  return terms.size() == 1 && terms.front()->scale == 1.0 &&
         terms.front()->factors.empty() && terms.front()->ranges.empty();
}

/// A product of two maps has an element where a path of two has one.
static void closePattern(StateGroup &group) {
  unsigned count = group.states.size();
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned g = 0; g < count; ++g)
      for (unsigned k = 0; k < count; ++k)
        for (unsigned via = 0; via < count; ++via)
          if (!group.present[g].test(k) && group.present[g].test(via) &&
              group.present[via].test(k)) {
            group.present[g].set(k);
            changed = true;
          }
  }
}

std::vector<StateGroup> seqc::groupStates(seq::RecurrenceOp recurrence,
                                          const StepAnalysis &analysis,
                                          int64_t maxMatrix,
                                          std::string &reason) {
  ArrayRef<StateInfo> infos = analysis.getStates();
  llvm::IntEqClasses equal(infos.size());
  for (auto [number, info] : llvm::enumerate(infos)) {
    if (info.cls == StepClass::Nonlinear) {
      reason = nameOf(number) + info.reason;
      return {};
    }
    auto type =
        cast<RankedTensorType>(recurrence.getStates()[number].getType());
    if (type.getRank() < static_cast<int64_t>(recurrence.getDim()) ||
        !isa<FloatType>(type.getElementType())) {
      reason = nameOf(number) + "is no float tensor with a place for the time";
      return {};
    }
    for (const Term &term : info.next.terms)
      if (term.state)
        equal.join(number, *term.state);
  }
  equal.compress();

  std::vector<StateGroup> groups(equal.getNumClasses());
  SmallVector<unsigned> place(infos.size());
  for (unsigned number = 0; number < infos.size(); ++number) {
    place[number] = groups[equal[number]].states.size();
    groups[equal[number]].states.push_back(number);
  }
  for (StateGroup &group : groups) {
    unsigned count = group.states.size(), first = group.states.front();
    auto type = cast<RankedTensorType>(recurrence.getStates()[first].getType());
    group.used.resize(type.getRank());
    group.terms.resize(count);
    group.added.resize(count);
    group.present.resize(count);
    for (auto [g, number] : llvm::enumerate(group.states)) {
      group.terms[g].resize(count);
      group.present[g].resize(count);
      for (const Term &term : infos[number].next.terms) {
        if (!term.state) {
          group.added[g].push_back(&term);
          continue;
        }
        group.terms[g][place[*term.state]].push_back(&term);
        group.present[g].set(place[*term.state]);
        TermSequences::findUsed(term, group.used);
        if (count == 1)
          continue;
        if (!isElementwise(term) ||
            recurrence.getStates()[number].getType() != type) {
          reason = nameOf(number) + "takes from state " +
                   std::to_string(*term.state) + ", and not elementwise";
          return {};
        }
      }
    }
    closePattern(group);
    if (count > 1)
      continue;
    group.mixed = findMixed(infos[first].next, type.getRank());
    bool sums = llvm::any_of(group.terms[0][0], [](const Term *term) {
      return term->sizes.size() != term->rank;
    });
    if (group.mixed.empty())
      group.isOne = !sums && isOne(group.terms[0][0]);
    else if (!formMatrix(group, type, maxMatrix, reason))
      return {};
  }
  return groups;
}
