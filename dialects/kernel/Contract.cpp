//===- Contract.cpp - kernel.contract -------------------------------------------===//

#include "Effects.h"
#include "kernel/Kernel.h"

using namespace mlir;
using namespace mlir::kernel;

MutableOperandRange ContractOp::getDpsInitsMutable() {
  return getOutputMutable();
}

void ContractOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addDestinationStyleEffects(*this, effects);
}

LogicalResult ContractOp::verify() { return success(); }
