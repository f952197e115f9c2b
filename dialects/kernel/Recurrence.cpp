//===- Recurrence.cpp - kernel.recurrence -----------------------------------------===//

#include "Effects.h"
#include "kernel/Kernel.h"

using namespace mlir;
using namespace mlir::kernel;

MutableOperandRange RecurrenceOp::getDpsInitsMutable() {
  unsigned first = getInputs().size() + getCaptures().size();
  return MutableOperandRange(getOperation(), first,
                             getOutputs().size() + getStates().size());
}

void RecurrenceOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addDestinationStyleEffects(*this, effects);
}

LogicalResult RecurrenceOp::verify() { return success(); }
