//===- Registration.h - dialects and passes of the project ---------------------===//

#ifndef SEQC_REGISTRATION_H
#define SEQC_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

namespace seqc {
/// Upstream's dialects and extensions, and ours beside them.
void registerDialects(mlir::DialectRegistry &registry);
/// Upstream's passes, and ours beside them.
void registerPasses();
} // namespace seqc

#endif // SEQC_REGISTRATION_H
