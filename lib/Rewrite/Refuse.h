//===- Refuse.h - saying why something is not done ------------------------------------===//

#ifndef SEQC_LIB_REWRITE_REFUSE_H
#define SEQC_LIB_REWRITE_REFUSE_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"

namespace seqc {

/// Starts the diagnostic at the operation that is the cause, an error or a
/// remark, with what is not done; the reason follows.
using Refuse = llvm::function_ref<mlir::InFlightDiagnostic(mlir::Operation *)>;

} // namespace seqc

#endif // SEQC_LIB_REWRITE_REFUSE_H
