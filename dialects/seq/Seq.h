//===- Seq.h - the seq dialect ----------------------------------------------===//

#ifndef SEQ_SEQ_H
#define SEQ_SEQ_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::seq {

/// One state of an operation that runs through time.
struct CarriedState {
  /// What its literature calls it, for names made up by the compiler.
  StringRef name;
  OpOperand *initial;
  OpResult final;
};

} // namespace mlir::seq

#include "seq/SeqDialect.h.inc"
#include "seq/SeqEnums.h.inc"
#include "seq/SeqInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "seq/SeqAttrs.h.inc"

#define GET_OP_CLASSES
#include "seq/SeqOps.h.inc"

#endif // SEQ_SEQ_H
