//===- ChunkPlan.h - what the chunkwise form of a recurrence is made of ------------===//

#ifndef SEQC_LIB_REWRITE_CHUNKPLAN_H
#define SEQC_LIB_REWRITE_CHUNKPLAN_H

#include "ChunkForm.h"
#include "ChunkNames.h"
#include "TimeProducts.h"

#include <variant>

namespace seqc {

/// One state: S_t = decay · S_{t-1} + Σ added + u Σ_keys w S_{t-1}.
struct StatePlan {
  /// The dimensions of the state.
  DimNames dims;
  /// The coefficient is the sum of these; empty if it is 1.
  llvm::SmallVector<NamedProduct> decay;
  llvm::SmallVector<NamedProduct> added;
  /// u and w of the low-rank term.
  std::optional<NamedProduct> lowRank;
  NamedProduct lowRankRead;
  /// The dimensions over which the low-rank term sums, or else those over which
  /// a readout does.
  DimNames keys;
};

/// A term of a readout: post · Σ_keys read · S[…].
struct ReadTerm {
  unsigned state;
  ReadAt at;
  NamedProduct read, post;
  DimNames keys;
  /// The dimensions of the readout's value, in its order.
  DimNames dims;
};

struct ReadoutPlan {
  mlir::Value value;
  llvm::SmallVector<ReadTerm, 0> terms;
  /// Terms without a state, with the dimensions of the value.
  llvm::SmallVector<std::pair<NamedProduct, DimNames>, 0> free;
};

struct ChunkPlan {
  llvm::SmallVector<StatePlan, 0> states;
  llvm::SmallVector<ReadoutPlan, 0> readouts;
  /// Sizes of the dimensions that no state has.
  llvm::SmallVector<std::pair<DimName, int64_t>> extraSizes;
  /// Some decay differs along keys, so that rows are cut into blocks.
  bool needsBlocks = false;
};

/// The factors of an added term with a dimension among `keys`, and the others:
/// added = key · value. One of both differs from time to time if any does.
struct SplitProduct {
  NamedProduct key, value;
};
SplitProduct splitByKeys(const NamedProduct &added,
                         llvm::ArrayRef<DimName> keys);

/// The plan of a normalized recurrence, or why there is none. `lifter` builds
/// outside of it.
std::variant<ChunkPlan, NoForm> planChunks(mlir::seq::RecurrenceOp op,
                                           const StepAnalysis &analysis,
                                           TimeLifter &lifter);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CHUNKPLAN_H
