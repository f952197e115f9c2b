//===- Forms.h - the forms that were chosen, in words -----------------------------===//

#ifndef SEQC_ANALYSIS_FORMS_H
#define SEQC_ANALYSIS_FORMS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace seqc {
/// One line for each product, attention and recurrence of a module at stage
/// `kernels`, in the order of the functions: which function it is in, how often
/// that runs if it is a layer, and how it is computed.
///
///     layer (x24): recurrence, separable: 96 blocks of 16 lanes, state 1x1536x16
std::string describeForms(mlir::ModuleOp module);
} // namespace seqc

#endif // SEQC_ANALYSIS_FORMS_H
