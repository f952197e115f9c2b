//===- RefuseSizes.cpp - what sizes decide is checked first ---------------===//

#include "seqc/Lower/Passes.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace seqc {
#define GEN_PASS_DEF_REFUSESIZES
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// Adds to `needed`, operands before users, what computes `value`; false where
/// that takes more than sizes of the program's arguments.
bool restsOnSizes(Value value, llvm::SetVector<Operation *> &needed) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() || !isPure(op))
    return false;
  if (needed.contains(op))
    return true;
  if (isa<MemRefType>(value.getType()) && !isa<kernel::ArgumentOp>(op))
    return false;
  for (Value operand : op->getOperands())
    if (!restsOnSizes(operand, needed))
      return false;
  needed.insert(op);
  return true;
}

struct RefuseSizes : seqc::impl::RefuseSizesBase<RefuseSizes> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isPublic() || function.isExternal())
      return;
    Block &entry = function.front();
    Operation *first = &entry.front();
    for (auto op : llvm::make_early_inc_range(entry.getOps<cf::AssertOp>())) {
      llvm::SetVector<Operation *> needed;
      if (!restsOnSizes(op.getArg(), needed))
        continue;
      // An operation may stand first already, or be needed by another check.
      for (Operation *each : needed)
        if (each == first)
          first = first->getNextNode();
        else if (first->isBeforeInBlock(each))
          each->moveBefore(first);
      if (op == first)
        first = first->getNextNode();
      else
        op->moveBefore(first);
      op->setAttr(kernel::kRefusal, UnitAttr::get(&getContext()));
    }
  }
};
} // namespace
