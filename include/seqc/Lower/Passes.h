//===- Passes.h - passes of lib/Lower ------------------------------------------===//

#ifndef SEQC_LOWER_PASSES_H
#define SEQC_LOWER_PASSES_H

#include "kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace seqc {
#define GEN_PASS_DECL
#include "seqc/Lower/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

#endif // SEQC_LOWER_PASSES_H
