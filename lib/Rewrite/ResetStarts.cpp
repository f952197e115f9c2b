//===- ResetStarts.cpp - what states begin with ---------------------------===//

#include "ResetStarts.h"

#include "CausalCheck.h"
#include "StepStates.h"

using namespace mlir;
using namespace seqc;

bool ResetStarts::runsThroughTime(func::FuncOp function) {
  auto [it, isNew] = runs.try_emplace(function, false);
  if (!isNew)
    return it->second;
  WalkResult walk = function.walk([&](Operation *op) {
    if (isa<seq::TemporalOpInterface, seq::ScanOp, seq::AttentionOp>(op))
      return WalkResult::interrupt();
    if (auto call = dyn_cast<func::CallOp>(op))
      if (func::FuncOp callee = getCallee(call, symbols))
        if (runsThroughTime(callee))
          return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return runs[function] = walk.wasInterrupted();
}

FailureOr<ResetStart> ResetStarts::find(OpOperand &init, Value last,
                                        Refuse refuse) {
  Operation *op = init.getOwner();
  FailureOr<StateOrigin> origin =
      findStateOrigin(init.get(), last, op, refuse);
  if (failed(origin))
    return failure();
  if (origin->initial)
    return ResetStart{origin->initial, {}};
  if (!origin->result)
    return ResetStart{{}, init.get()};
  handedOn.insert(&init);

  auto function = op->getParentOfType<func::FuncOp>();
  Type element =
      cast<RankedTensorType>(init.get().getType()).getElementType();
  TypedAttr start;
  auto agree = [&](TypedAttr other) {
    bool same = !start || start == other;
    start = other;
    return same;
  };
  if (function.isPublic()) {
    auto initial = function.getArgAttrOfType<TypedAttr>(*origin->argument,
                                                        "seq.initial");
    start = initial ? initial : cast<TypedAttr>(Builder(op).getZeroAttr(element));
  }
  for (Operation *user : users.getUsers(function)) {
    auto call = dyn_cast<func::CallOp>(user);
    if (!call)
      return refuse(user) << "@" << function.getName() << " is not only called";
    FailureOr<ResetStart> outer =
        find(call->getOpOperand(*origin->argument),
             call.getResult(*origin->result), refuse);
    if (failed(outer))
      return failure();
    if (!outer->constant || !agree(outer->constant))
      return refuse(op) << "the callers of @" << function.getName()
                        << " begin with different states";
  }
  if (!start)
    start = cast<TypedAttr>(Builder(op).getZeroAttr(element));
  return ResetStart{start, {}};
}

LogicalResult ResetStarts::collect(func::FuncOp function, Refuse refuse) {
  WalkResult walk = function.walk([&](Operation *op) {
    if (isa<seq::ScanOp>(op)) {
      refuse(op) << "a scan has no state";
      return WalkResult::interrupt();
    }
    auto recurrence = dyn_cast<seq::RecurrenceOp>(op);
    if (!recurrence)
      return WalkResult::advance();
    if (!isa<func::FuncOp, scf::ForOp>(op->getParentOp())) {
      refuse(op) << "recurrences are expected in a function or an scf.for, not "
                    "in "
                 << op->getParentOp()->getName();
      return WalkResult::interrupt();
    }
    unsigned first = op->getNumOperands() - recurrence.getStates().size();
    for (auto [i, last] : llvm::enumerate(recurrence.getStateResults())) {
      FailureOr<ResetStart> start = find(op->getOpOperand(first + i), last, refuse);
      if (failed(start))
        return WalkResult::interrupt();
      starts[op].push_back(*start);
    }
    return WalkResult::skip();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult ResetStarts::checkCausal(func::FuncOp function, Refuse refuse) {
  CausalCheck check(
      symbols, handedOn,
      [&](func::FuncOp callee, Refuse) -> FailureOr<bool> {
        return runsThroughTime(callee);
      },
      [&](func::FuncOp function, const TimeDimensions &found,
          Refuse refuse) -> LogicalResult {
        FunctionRelation relation(function, symbols);
        relation.finish();
        if (relation.getTimeClasses().size() > 1)
          return refuse(function) << "@" << function.getName()
                                  << " runs through more than one time";
        for (Value argument : function.getArguments())
          if (std::optional<unsigned> time = found.of(argument))
            times[argument] = *time;
        return success();
      });
  return check.run(function, refuse);
}
