//===- CausalCheck.cpp - whether sequences may come in pieces -------------===//

#include "CausalCheck.h"

using namespace mlir;
using namespace seqc;

FailureOr<SmallVector<bool>> CausalCheck::findAfterAll(
    func::FuncOp function, ArrayRef<std::optional<unsigned>> arguments,
    ArrayRef<std::optional<unsigned>> results, Refuse refuse) {
  FailureOr<TimeDimensions> times = TimeDimensions::compute(
      function, arguments, results, symbols, refuse, LastTime::allowed);
  if (failed(times) || failed(visit(function, *times, refuse)))
    return failure();

  // What the called functions say of their results.
  DenseMap<Operation *, SmallVector<bool>> calls;
  WalkResult walk = function.walk([&](func::CallOp call) {
    func::FuncOp callee = getCallee(call, symbols);
    if (!callee)
      return WalkResult::advance();
    FailureOr<bool> runs = runsThroughTime(callee, refuse);
    if (failed(runs))
      return WalkResult::interrupt();
    if (!*runs && !times->touches(call))
      return WalkResult::advance();
    FailureOr<SmallVector<bool>> inner =
        findAfterAll(callee, times->of(call.getOperands()),
                     times->of(call.getResults()), refuse);
    if (failed(inner))
      return WalkResult::interrupt();
    calls[call] = std::move(*inner);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  Block &body = function.getBody().front();
  AfterAll afterAll(body, *times, handedOn, [&](Operation *op) {
    SmallVector<Value> sources;
    if (auto temporal = dyn_cast<seq::TemporalOpInterface>(op))
      for (const seq::CarriedState &state : temporal.getCarriedStates())
        sources.push_back(state.final);
    if (times->isLastTime(op))
      sources.push_back(op->getResult(0));
    if (auto it = calls.find(op); it != calls.end())
      for (auto [result, isAfterAll] :
           llvm::zip_equal(op->getResults(), it->second))
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
