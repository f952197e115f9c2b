//===- Passes.h - passes of lib/Lower ------------------------------------------===//

#ifndef SEQC_LOWER_PASSES_H
#define SEQC_LOWER_PASSES_H

#include "mlir/Pass/Pass.h"

namespace seqc {
#define GEN_PASS_DECL
#include "seqc/Lower/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

#endif // SEQC_LOWER_PASSES_H
