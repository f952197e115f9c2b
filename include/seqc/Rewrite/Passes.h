//===- Passes.h - passes of lib/Rewrite ------------------------------------------===//

#ifndef SEQC_REWRITE_PASSES_H
#define SEQC_REWRITE_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace seqc {
#define GEN_PASS_DECL
#include "seqc/Rewrite/Passes.h.inc"

struct Machine;

/// seq-select-form for a machine that is known already.
std::unique_ptr<mlir::Pass> createSeqSelectForm(const Machine &machine,
                                                llvm::StringRef form);

#define GEN_PASS_REGISTRATION
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

#endif // SEQC_REWRITE_PASSES_H
