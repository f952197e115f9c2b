//===- Kernel.cpp - registration of the kernel dialect -------------------------===//

#include "kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::kernel;

#include "kernel/KernelDialect.cpp.inc"

#define GET_OP_CLASSES
#include "kernel/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "kernel/KernelOps.cpp.inc"
      >();
}
