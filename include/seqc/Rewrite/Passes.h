//===- Passes.h - passes of lib/Rewrite ------------------------------------------===//

#ifndef SEQC_REWRITE_PASSES_H
#define SEQC_REWRITE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace seqc {
#define GEN_PASS_DECL
#include "seqc/Rewrite/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

#endif // SEQC_REWRITE_PASSES_H
