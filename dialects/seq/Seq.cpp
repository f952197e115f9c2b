//===- Seq.cpp - registration of the seq dialect
//------------------------------===//

#include "seq/Seq.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::seq;

#include "seq/SeqDialect.cpp.inc"
#include "seq/SeqEnums.cpp.inc"
#include "seq/SeqInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "seq/SeqAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "seq/SeqOps.cpp.inc"

void SeqDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "seq/SeqAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "seq/SeqOps.cpp.inc"
      >();
}
