//===- AfterAll.cpp - values that are there after all times ----------------------------===//

#include "AfterAll.h"

using namespace mlir;
using namespace seqc;

void seqc::forEachUse(Operation *op, function_ref<void(OpOperand &)> use) {
  op->walk([&](Operation *nested) {
    for (OpOperand &operand : nested->getOpOperands())
      if (nested == op ||
          !op->isAncestor(operand.get().getParentBlock()->getParentOp()))
        use(operand);
  });
}

AfterAll::AfterAll(Block &block, const TimeDimensions &times,
                   const DenseSet<OpOperand *> &handedOn,
                   Sources sources)
    : block(block), times(times), handedOn(handedOn) {
  spread(block, sources);
}

bool AfterAll::reads(Operation *op) const {
  bool found = false;
  forEachUse(op, [&](OpOperand &operand) {
    found |= values.contains(operand.get()) && !handedOn.contains(&operand);
  });
  return found;
}

/// Adds the values of the block; whether there were new ones.
bool AfterAll::spread(Block &block, Sources sources) {
  size_t before = values.size();
  for (Operation &op : block) {
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      do {
        for (auto [init, argument, yielded] :
             llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs(),
                       loop.getYieldedValues()))
          if (values.contains(init) || values.contains(yielded))
            values.insert(argument);
      } while (spread(*loop.getBody(), sources));
      for (auto [argument, yielded, result] :
           llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues(),
                     loop.getResults()))
        if (values.contains(argument) || values.contains(yielded))
          values.insert(result);
      continue;
    }
    values.insert_range(sources(&op));
    if (!isa<seq::TemporalOpInterface>(op) && reads(&op))
      values.insert_range(op.getResults());
  }
  return values.size() > before;
}

LogicalResult AfterAll::checkCausal(Block &block, Refuse refuse) const {
  for (Operation &op : block) {
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      if (failed(checkCausal(*loop.getBody(), refuse)))
        return failure();
      continue;
    }
    if (times.touches(&op) && !op.hasTrait<OpTrait::IsTerminator>() &&
        reads(&op))
      return refuse(&op) << "what is computed for each time reads the last "
                            "state of a recurrence, or the last time";
  }
  return success();
}
