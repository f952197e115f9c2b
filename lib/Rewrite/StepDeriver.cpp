//===- StepDeriver.cpp - the steps of a module's functions -----------------------------===//

#include "StepCloner.h"

using namespace mlir;
using namespace seqc;

FailureOr<bool> StepDeriver::runsThroughTime(func::FuncOp function) {
  bool found = false;
  WalkResult walk = function.walk([&](Operation *op) {
    if (auto attention = dyn_cast<seq::AttentionOp>(op);
        attention && attention.canStream()) {
      op->emitError("a step of attention is derived from caches: run "
                    "seq-expose-states first");
      return WalkResult::interrupt();
    }
    if (isa<seq::GeneralizableOpInterface>(op) &&
        !isa<seq::CachedAttentionOp>(op)) {
      op->emitError("a step is derived from general operations: run "
                    "seq-generalize first");
      return WalkResult::interrupt();
    }
    found |= isa<seq::RecurrenceOp, seq::ScanOp, seq::CachedAttentionOp>(op);
    if (auto call = dyn_cast<func::CallOp>(op))
      if (func::FuncOp callee = getCallee(call, symbols)) {
        FailureOr<bool> inner = runsThroughTime(callee);
        if (failed(inner))
          return WalkResult::interrupt();
        found |= *inner;
      }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  return found;
}

FailureOr<const StepFunction *>
StepDeriver::derive(func::FuncOp function,
                    ArrayRef<std::optional<unsigned>> arguments,
                    ArrayRef<std::optional<unsigned>> results) {
  std::unique_ptr<StepFunction> &known = steps[function];
  if (known) {
    auto agree = [](ArrayRef<std::optional<unsigned>> asked,
                    const TimeDims &has) {
      return llvm::all_of(llvm::zip(asked, has), [](auto pair) {
        return std::get<0>(pair) == std::get<1>(pair);
      });
    };
    if (!agree(arguments, known->argumentTimes) ||
        !agree(results, known->resultTimes))
      return function.emitError("no step can be derived: the function is "
                                "called with time in different dimensions");
    return known.get();
  }
  FailureOr<TimeDimensions> times =
      TimeDimensions::compute(function, arguments, results, symbols,
                              refuseStep, LastTime::allowed);
  if (failed(times))
    return failure();
  std::string name = (function.getName() + "_step").str();
  if (module.lookupSymbol(name))
    return function.emitError("no step can be derived: there is a @")
           << name << " already";
  auto step = std::make_unique<StepFunction>();
  if (failed(StepCloner(*this, function, std::move(*times)).run(*step)))
    return failure();
  // Functions that are called may have been added: look the entry up again.
  return (steps[function] = std::move(step)).get();
}
