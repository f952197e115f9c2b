//===- Kernel.h - the kernel dialect ------------------------------------------===//

#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "seq/Seq.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "kernel/KernelDialect.h.inc"

#define GET_OP_CLASSES
#include "kernel/KernelOps.h.inc"

namespace mlir::kernel {
/// The attribute of an scf.forall: how many units one thread takes at a time.
inline constexpr llvm::StringLiteral kGrain = "kernel.grain";

/// The attribute of a cf.assert in front of all that changes a state.
inline constexpr llvm::StringLiteral kRefusal = "kernel.refusal";

/// The attribute of an scf.for that runs a recurrence without a vector form.
inline constexpr llvm::StringLiteral kSequential = "kernel.sequential";

/// Lets one-shot bufferization handle the dialect's operations.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);
} // namespace mlir::kernel

#endif // KERNEL_KERNEL_H
