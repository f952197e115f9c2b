//===- ResetStarts.cpp - what states begin with ---------------------------===//

#include "ResetStarts.h"

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

FailureOr<SmallVector<bool>> ResetStarts::findAfterAll(
    func::FuncOp function, ArrayRef<std::optional<unsigned>> arguments,
    ArrayRef<std::optional<unsigned>> results, Refuse refuse) {
  FailureOr<TimeDimensions> found = TimeDimensions::compute(
      function, arguments, results, symbols, refuse, LastTime::allowed);
  if (failed(found))
    return failure();
  FunctionRelation relation(function, symbols);
  relation.finish();
  if (relation.getTimeClasses().size() > 1)
    return refuse(function) << "@" << function.getName()
                            << " runs through more than one time";
  for (Value argument : function.getArguments())
    if (std::optional<unsigned> time = found->of(argument))
      times[argument] = *time;

  DenseMap<Operation *, SmallVector<bool>> calls;
  WalkResult walk = function.walk([&](func::CallOp call) {
    func::FuncOp callee = getCallee(call, symbols);
    if (!callee || (!runsThroughTime(callee) && !found->touches(call)))
      return WalkResult::advance();
    FailureOr<SmallVector<bool>> inner =
        findAfterAll(callee, found->of(call.getOperands()),
                     found->of(call.getResults()), refuse);
    if (failed(inner))
      return WalkResult::interrupt();
    calls[call] = std::move(*inner);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  Block &body = function.getBody().front();
  AfterAll afterAll(body, *found, handedOn, [&](Operation *op) {
    SmallVector<Value> sources;
    if (auto recurrence = dyn_cast<seq::RecurrenceOp>(op))
      llvm::append_range(sources, recurrence.getStateResults());
    if (found->isLastTime(op))
      sources.push_back(op->getResult(0));
    if (auto it = calls.find(op); it != calls.end())
      for (auto [result, isAfterAll] : llvm::zip_equal(op->getResults(), it->second))
        if (isAfterAll)
          sources.push_back(result);
    return sources;
  });
  if (failed(afterAll.checkCausal(refuse)))
    return failure();
  return llvm::map_to_vector(
      body.getTerminator()->getOperands(),
      [&](Value value) { return afterAll.contains(value); });
}
