//===- ChunkDecay.h - products of decays over pieces of a chunk --------------------===//

#ifndef SEQC_LIB_REWRITE_CHUNKDECAY_H
#define SEQC_LIB_REWRITE_CHUNKDECAY_H

#include "ChunkNames.h"

#include <map>
#include <memory>

namespace seqc {

/// Decays of a sequence, and their products over pieces of it.
///
/// With a_t the decay of the step at time t, all that a chunkwise form needs are
/// products of neighbours,
///
///   Π a_r, s < r ≤ t   what is left at t of what was added at s.
///
/// They are kept as logarithms where a decay is an exponential, else as they
/// are. They are added up, or multiplied, in the order of time: none is the
/// difference or the quotient of two longer ones. So no exponent is above that
/// of the decays themselves, a decay of 0 (-∞) needs no care, and a weak decay
/// after a strong one keeps its digits.
///
/// With `reverse`, "earlier" is the larger index.
class ChunkDecay {
public:
  /// `steps` has the dimension Row (or that of `rows`), in any place; null
  /// where all decays are 1.
  ChunkDecay(NamedTensors &tensors, NamedTensor steps, bool isLog, bool reverse)
      : tensors(tensors), steps(steps), isLog(isLog), reverse(reverse) {}

  bool isOne() const { return !steps; }
  bool isReverse() const { return reverse; }
  /// The dimensions of the decay but times and chunks.
  DimNames getDims() const;
  bool dependsOn(llvm::ArrayRef<DimName> dims) const;

  /// A piece's product, which `apply` knows how to read.
  struct Piece {
    NamedTensor raw;
  };
  /// From the chunk's first row to each row, [Row, …]: before or after it.
  Piece fromStart(ReadAt at, DimName row = chunk::Row);
  /// From after each row to the chunk's last row, [Row, …].
  Piece toEnd(DimName row = chunk::Row);
  /// Of whole chunks, […].
  Piece whole(DimName row = chunk::Row);
  /// From after each column to each row, [Row, …, Column]; what is no piece
  /// (columns that are not earlier) is 1.
  Piece between(ReadAt at, DimName row, DimName column);

  /// The same decays with Row split into RowBlock and Within, and those of whole
  /// blocks, along RowBlock.
  ChunkDecay &inBlocks();
  ChunkDecay &ofBlocks();

  /// Elementwise x · piece; x may be null.
  NamedTensor apply(NamedTensor x, Piece piece);
  /// In a payload: x · piece.
  mlir::Value apply(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                    mlir::Value piece);
  /// The decays themselves, [Row first, …].
  NamedTensor values(DimName row);

private:
  mlir::Value combine(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      mlir::Value y);
  mlir::Value finish(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
  double unit() const { return isLog ? 0.0 : 1.0; }
  NamedTensor stepsAlong(DimName row);
  /// Products from one end to each row, and over all.
  llvm::ArrayRef<NamedTensor> running(ReadAt at, bool fromLast, DimName row);

  NamedTensors &tensors;
  NamedTensor steps;
  bool isLog, reverse;
  /// Products that have been built.
  std::map<std::tuple<ReadAt, bool, DimName>, llvm::SmallVector<NamedTensor>>
      runs;
  std::map<std::tuple<ReadAt, DimName>, NamedTensor> pairs;
  std::unique_ptr<ChunkDecay> blocked, blocks;
};

/// scores[…, Row, Column] = Σ q[Row] k[Column] Π decays in between, the sum over
/// `summed`, for columns earlier than the row (and the row itself, where it
/// reads after its update); 0 elsewhere. `q` and `k` have the dimension Row, or
/// are the same for all, or are null (1).
NamedTensor scores(NamedTensors &tensors, ChunkDecay &decay, NamedTensor q,
                   NamedTensor k, llvm::ArrayRef<DimName> summed, ReadAt at);

/// The x [Chunk, …, Row, …] with x = right + matrix x, where `matrix` [Chunk, …,
/// Row, Column] is zero but for columns earlier than the row.
NamedTensor solve(NamedTensors &tensors, NamedTensor matrix, NamedTensor right,
                  bool reverse);

/// 1 where the column is at the row, else 0; as f(row, column) below.
NamedTensor unitMatrix(NamedTensors &tensors, DimName row, DimName column);
/// In a payload: whether the index of loop `column` is earlier than that of loop
/// `row`, or equal with ReadAt::After.
mlir::Value isEarlier(mlir::ImplicitLocOpBuilder &b, unsigned column,
                      unsigned row, bool reverse, ReadAt at);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CHUNKDECAY_H
