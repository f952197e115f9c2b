//===- ResetAttention.h - attention within sequences of a row -------------===//

#ifndef SEQC_LIB_REWRITE_RESETATTENTION_H
#define SEQC_LIB_REWRITE_RESETATTENTION_H

#include "seq/Seq.h"

namespace seqc {

/// Hides from each query the keys of other sequences than its own. `reset`
/// [B, T] of i1 is true where a sequence begins; it has the same times as the
/// queries and the keys. The mask must count no position from the first key.
///
///   n_t = n_{t-1} + reset_t        bias[t,s] = n_t = n_s ? 0 : -∞
void resetAttention(mlir::seq::AttentionOp op, mlir::Value reset);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_RESETATTENTION_H
