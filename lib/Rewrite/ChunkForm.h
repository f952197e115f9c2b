//===- ChunkForm.h - recurrences in chunks of time -----------------------------------===//

#ifndef SEQC_LIB_REWRITE_CHUNKFORM_H
#define SEQC_LIB_REWRITE_CHUNKFORM_H

#include "seq/Seq.h"

#include <optional>
#include <string>

namespace seqc {

/// Why a recurrence has no such form: the end of the sentence "the recurrence …"
/// and the place of the cause.
struct NoForm {
  mlir::Location cause;
  std::string reason;
};

/// Whether each state is affine in itself, with a diagonal of at most 1 and
/// perhaps a matrix of low rank: S_t = diag(a_t) S_{t-1} + u_t w_tᵀ S_{t-1} + f_t,
/// and what reads the states can be computed for all times. Nothing, or why not.
std::optional<NoForm> findWhyNotChunked(mlir::seq::RecurrenceOp op);

/// Replaces the recurrence by the same in chunks of `rows` times: at most 16, or
/// a multiple of 16. With b the product of decays from the chunk's start, and
/// per chunk,
///
///   P[t,s]  = Σ_k q_t[k] k_s[k] Π a_r[k], s < r ≤ t       for s ≤ t, else 0
///   O       = P V + (q ⊙ b) S_0
///   S_C     = diag(b_C) S_0 + Σ_s (k_s ⊙ Π a_r, r > s) v_s
///
/// All of this but S_0 is computed for all chunks at once; a recurrence over the
/// chunks makes S_0 of each from the last one's. With the low-rank term, c_t =
/// w_tᵀ S_{t-1} is the solution of a triangular system with right sides that are
/// known but for S_0, and u_t c_t one more added term (WY representation).
///
/// Returns nothing if it is done, else leaves the recurrence as it is.
std::optional<NoForm> rewriteInChunks(mlir::seq::RecurrenceOp op, int64_t rows);

/// The same as one chunk of all times: the quadratic form.
std::optional<NoForm> rewriteAsQuadratic(mlir::seq::RecurrenceOp op);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CHUNKFORM_H
