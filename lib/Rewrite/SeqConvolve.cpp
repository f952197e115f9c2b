//===- SeqConvolve.cpp - time-invariant recurrences as long convolutions ----===//
//
// s_t = A s_{t-1} + B x_t, y_t = C s_t, with A elementwise or 2 × 2 blocks of
// it [S4D 2206.11893]:
//
//   y_t = C A^{t+1} s₀ + Σ_{r≤t} K[t-r] x_r      K[n] = C A^n B
//   s_T = A^T s₀ + Σ_r A^{T-1-r} B x_r
//
// The powers of A are a scan. K is stored in the order in which the sum over
// n = t-r meets x in memory, so that x needs only zeros on one side.
//
//===----------------------------------------------------------------------===//

#include "Convolution.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQCONVOLVE
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

/// Whether all that a term needs can be had outside, at sizes that are known.
bool Convolution::checkTerm(const Term &term, bool isReadout,
                            std::string &reason) {
  TermSequences sequences(copy, analysis.getDimensions(), *lifter, builder);
  bool isKnown = llvm::none_of(term.sizes, ShapedType::isDynamic) &&
                 sequences.canBuild(term);
  for (unsigned dim = 0; dim < term.rank && !term.ranges.empty(); ++dim)
    isKnown &=
        term.ranges[dim] == std::pair<int64_t, int64_t>(0, term.sizes[dim]);
  if (!isKnown) {
    reason = "has a term that cannot be computed for all times at once";
    return false;
  }
  if (!isReadout || !term.state)
    return true;
  for (const Factor &factor : term.factors)
    for (unsigned sum = term.rank; sum < term.sizes.size(); ++sum)
      if (varies(factor) && factor.map.isFunctionOfDim(sum)) {
        reason = "has a readout whose sum differs from time to time";
        return false;
      }
  if (!llvm::all_of(term.stateMap.getResults(), [](AffineExpr expr) {
        return isa<AffineDimExpr, AffineConstantExpr>(expr);
      })) {
    reason = "has a readout of other elements than it names";
    return false;
  }
  return true;
}

bool Convolution::check(std::string &reason) {
  std::vector<StateGroup> groups =
      groupStates(copy, analysis, /*maxMatrix=*/0, reason);
  if (groups.empty()) {
    if (reason.empty())
      reason = "has no state";
    return false;
  }
  for (StateGroup &group : groups) {
    for (auto [g, number] : llvm::enumerate(group.states)) {
      const StateInfo &info = analysis.getStates()[number];
      if (!info.timeInvariant) {
        reason = "has state " + std::to_string(number) +
                 ", whose coefficient differs from time to time";
        return false;
      }
      // A^0 = 1 is there even where A is 0.
      if (!group.isOne)
        group.present[g].set(g);
      for (const Term &term : info.next.terms)
        if (!checkTerm(term, /*isReadout=*/false, reason))
          return false;
    }
    all.push_back({group, nullptr, {}});
  }
  for (const Readout &readout : analysis.getReadouts()) {
    auto type = dyn_cast<RankedTensorType>(readout.value.getType());
    if (!type || type.getRank() < static_cast<int64_t>(time) ||
        !isa<FloatType>(type.getElementType())) {
      reason =
          "has a readout that is no float tensor with a place for the time";
      return false;
    }
    for (const Term &term : readout.terms.terms)
      if (!checkTerm(term, /*isReadout=*/true, reason))
        return false;
  }
  TimeLifter trial(*lifter);
  for (const Readout &readout : analysis.getReadouts())
    trial.setSequence(readout.value, readout.value);
  if (!llvm::all_of(copy.getYieldedOutputs(),
                    [&](Value value) { return trial.canLift(value); })) {
    reason = "has an output that cannot be computed for all times at once";
    return false;
  }
  return true;
}

std::optional<SmallVector<Value>> Convolution::run(std::string &reason) {
  lifter =
      std::make_unique<TimeLifter>(copy, analysis.getDimensions(), builder);
  for (auto [slice, output] :
       llvm::zip(copy.getOutputSlices(), copy.getOutputs()))
    lifter->setSequence(slice, output);
  if (!check(reason))
    return std::nullopt;
  TermSequences sequences(copy, analysis.getDimensions(), *lifter, builder);
  for (Powers &powers : all) {
    auto make = [&](bool reverse, bool exclusive) {
      auto scan =
          std::make_unique<AffineScan>(copy, powers.group, sequences, builder);
      scan->buildPowers(reverse, exclusive);
      return scan;
    };
    powers.kernel = make(!copy.getReverse(), /*exclusive=*/true);
    for (bool after : {false, true})
      powers.initial[after] = make(copy.getReverse(), /*exclusive=*/!after);
  }
  for (const Readout &readout : analysis.getReadouts())
    lifter->setSequence(readout.value, computeReadout(readout));
  SmallVector<Value> results;
  for (auto [value, result] :
       llvm::zip(copy.getYieldedOutputs(), copy.getOutputResults())) {
    Value sequence = lifter->lift(value);
    if (sequence.getType() != result.getType())
      sequence =
          tensor::CastOp::create(builder, loc, result.getType(), sequence);
    results.push_back(sequence);
  }
  for (unsigned state = 0; state < copy.getStates().size(); ++state) {
    auto [powers, g] = find(state);
    results.push_back(computeLast(*powers, g));
  }
  return results;
}

namespace {
struct SeqConvolve : seqc::impl::SeqConvolveBase<SeqConvolve> {
  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences) {
      OpBuilder builder(op);
      auto copy = cast<seq::RecurrenceOp>(builder.clone(*op));
      normalizeStep(copy);
      std::string reason;
      std::optional<SmallVector<Value>> results = Convolution(copy).run(reason);
      copy.erase();
      if (!results) {
        op.emitRemark("no convolution: the recurrence ") << reason;
        continue;
      }
      op.replaceAllUsesWith(*results);
      op.erase();
    }
  }
};
} // namespace
