//===- Effects.h - memory effects of destination-style operations ----------------===//

#ifndef KERNEL_EFFECTS_H
#define KERNEL_EFFECTS_H

#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::kernel {
/// Reads of every memref operand, writes of those that are destinations. On
/// tensors the operation has no effect.
inline void addDestinationStyleEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}
} // namespace mlir::kernel

#endif // KERNEL_EFFECTS_H
