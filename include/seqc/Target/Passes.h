//===- Passes.h - passes of lib/Target -----------------------------------------===//

#ifndef SEQC_TARGET_PASSES_H
#define SEQC_TARGET_PASSES_H

#include "kernel/Kernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace seqc {
#define GEN_PASS_DECL
#include "seqc/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "seqc/Target/Passes.h.inc"
} // namespace seqc

#endif // SEQC_TARGET_PASSES_H
