//===- Associativity.h - tries that a scan's combiner is associative --------===//

#ifndef LIB_REFERENCE_ASSOCIATIVITY_H
#define LIB_REFERENCE_ASSOCIATIVITY_H

#include "Interpreter.h"

#include "seq/Seq.h"

namespace seqc::reference {

/// Runs the combiner of `op` on random tuples of the shapes of `slices`, where
/// the values that it captures are known; see Options::checkAssociative.
mlir::LogicalResult checkAssociative(Interpreter &interpreter,
                                     mlir::seq::ScanOp op,
                                     llvm::ArrayRef<Tensor> slices);

} // namespace seqc::reference

#endif // LIB_REFERENCE_ASSOCIATIVITY_H
