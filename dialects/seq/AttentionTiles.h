//===- AttentionTiles.h - attention as a recurrence over keys -------------===//

#ifndef SEQ_ATTENTIONTILES_H
#define SEQ_ATTENTIONTILES_H

#include "seq/Seq.h"

namespace mlir::seq {

/// How the keys and queries of an attention are cut.
struct AttentionTiling {
  int64_t keys = 64;   ///< in a tile
  int64_t queries = 0; ///< in a tile; 0: all at once
  int64_t splits = 1;  ///< parts of the keys that are summed apart
};

/// The output of an attention with the normaliser softmax as a seq.recurrence
/// over tiles of keys, whose states are
///
///   a = Σ_s e^(x_s - m) v_s      m = max_s x_s      l = Σ_s e^(x_s - m)
///
/// Where queries have tiles too, it runs for each of them over the tiles of
/// keys that a band lets any of its queries see. With splits it runs for each
/// part of the tiles, and the states of two parts merge by
///
///   M = max(m, m')      l e^(m-M) + l' e^(m'-M)      a e^(m-M) + a' e^(m'-M)
Value generalizeInTiles(AttentionOp op, OpBuilder &builder,
                        const AttentionTiling &tiling);

} // namespace mlir::seq

#endif // SEQ_ATTENTIONTILES_H
