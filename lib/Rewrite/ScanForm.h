//===- ScanForm.h - affine recurrences as scans --------------------------===//

#ifndef SEQC_LIB_REWRITE_SCANFORM_H
#define SEQC_LIB_REWRITE_SCANFORM_H

#include "seq/Seq.h"

#include <string>

namespace seqc {

/// Replaces the recurrence by scans of its steps' maps, with matrices of at
/// most `maxMatrix` rows (seq-parallel-scan). On failure it is as it was, and
/// `reason` is the end of "the recurrence …".
mlir::LogicalResult rewriteAsScan(mlir::seq::RecurrenceOp op, int64_t maxMatrix,
                                  std::string &reason);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_SCANFORM_H
