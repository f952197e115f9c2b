//===- PackToLLVM.h - lowering of @pack --------------------------------------------------===//

#ifndef SEQC_TARGET_CPU_PACKTOLLVM_H
#define SEQC_TARGET_CPU_PACKTOLLVM_H

#include "mlir/IR/BuiltinOps.h"

namespace seqc {
/// The attribute that numbers kernel.source and kernel.store_entry operations.
inline constexpr llvm::StringLiteral kPackNumber = "kernel.number";
/// What the code calls: const void *(host, number, index), void (host, number,
/// index).
inline constexpr llvm::StringLiteral kPackSource = "seq_pack_source";
inline constexpr llvm::StringLiteral kPackStored = "seq_pack_stored";

/// Lowers a module that holds @pack, on tensors, and its entries to the LLVM
/// dialect: `void pack(host, payload)`. Tensors come from numbered
/// kernel.source operations.
llvm::LogicalResult lowerPackToLLVM(mlir::ModuleOp module);
} // namespace seqc

#endif // SEQC_TARGET_CPU_PACKTOLLVM_H
