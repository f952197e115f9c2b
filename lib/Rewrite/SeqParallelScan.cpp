//===- SeqParallelScan.cpp - affine recurrences as scans of maps ------------===//

#include "AffineScan.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQPARALLELSCAN
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// Works on a normalized copy, which goes away again.
class ParallelScan {
public:
  ParallelScan(seq::RecurrenceOp copy, int64_t maxMatrix)
      : copy(copy), analysis(copy), builder(copy), maxMatrix(maxMatrix) {}

  /// The results in other words; nothing, with the reason as the end of "the
  /// recurrence …", if it has no scan.
  std::optional<SmallVector<Value>> run(std::string &reason);

private:
  TimeLifter makeLifter();
  bool canLiftOutputs(ValueRange states);
  bool canBuild(const StateGroup &group);

  seq::RecurrenceOp copy;
  StepAnalysis analysis;
  OpBuilder builder;
  int64_t maxMatrix;
};
} // namespace

TimeLifter ParallelScan::makeLifter() {
  TimeLifter lifter(copy, analysis.getDimensions(), builder);
  for (auto [slice, output] :
       llvm::zip(copy.getOutputSlices(), copy.getOutputs()))
    lifter.setSequence(slice, output);
  return lifter;
}

/// Whether the outputs can be computed for all times where the sequences of
/// `states`, before or after the update, are known.
bool ParallelScan::canLiftOutputs(ValueRange states) {
  TimeLifter lifter = makeLifter();
  for (Value state : states)
    lifter.setSequence(state, state);
  return llvm::all_of(copy.getYieldedOutputs(),
                      [&](Value value) { return lifter.canLift(value); });
}

bool ParallelScan::canBuild(const StateGroup &group) {
  TimeLifter lifter = makeLifter();
  TermSequences sequences(copy, analysis.getDimensions(), lifter, builder);
  auto can = [&](const Term *term) { return sequences.canBuild(*term); };
  for (unsigned g = 0; g < group.states.size(); ++g) {
    if (!llvm::all_of(group.added[g], can))
      return false;
    for (const auto &terms : group.terms[g])
      if (!llvm::all_of(terms, can))
        return false;
  }
  return true;
}

std::optional<SmallVector<Value>> ParallelScan::run(std::string &reason) {
  std::vector<StateGroup> groups =
      groupStates(copy, analysis, maxMatrix, reason);
  if (groups.empty()) {
    if (reason.empty())
      reason = "has no state";
    return std::nullopt;
  }
  bool isAfter = canLiftOutputs(copy.getYieldedStates());
  if (!isAfter && !canLiftOutputs(ValueRange(copy.getStateArguments()))) {
    reason = "has an output that cannot be computed for all times at once";
    return std::nullopt;
  }
  for (const StateGroup &group : groups)
    if (!canBuild(group)) {
      reason =
          "has a coefficient that cannot be computed for all times at once";
      return std::nullopt;
    }

  TimeLifter lifter = makeLifter();
  TermSequences sequences(copy, analysis.getDimensions(), lifter, builder);
  SmallVector<Value> known(copy.getStates().size()), last(known);
  for (const StateGroup &group : groups) {
    AffineScan scan(copy, group, sequences, builder);
    scan.build(/*exclusive=*/!isAfter);
    for (auto [member, state] : llvm::enumerate(group.states)) {
      known[state] = scan.getSequence(member);
      last[state] = scan.getFinal(member);
    }
  }
  for (auto [state, sequence] : llvm::enumerate(known))
    lifter.setSequence(isAfter ? copy.getYieldedStates()[state]
                               : Value(copy.getStateArguments()[state]),
                       sequence);
  SmallVector<Value> results;
  for (auto [value, result] :
       llvm::zip(copy.getYieldedOutputs(), copy.getOutputResults())) {
    Value sequence = lifter.lift(value);
    if (sequence.getType() != result.getType())
      sequence = tensor::CastOp::create(builder, copy.getLoc(),
                                        result.getType(), sequence);
    results.push_back(sequence);
  }
  llvm::append_range(results, last);
  return results;
}

namespace {
struct SeqParallelScan : seqc::impl::SeqParallelScanBase<SeqParallelScan> {
  using SeqParallelScanBase::SeqParallelScanBase;

  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences) {
      OpBuilder builder(op);
      auto copy = cast<seq::RecurrenceOp>(builder.clone(*op));
      normalizeStep(copy);
      std::string reason;
      std::optional<SmallVector<Value>> results =
          ParallelScan(copy, matrix).run(reason);
      copy.erase();
      if (!results) {
        op.emitRemark("no scan: the recurrence ") << reason;
        continue;
      }
      op.replaceAllUsesWith(*results);
      op.erase();
    }
  }
};
} // namespace
