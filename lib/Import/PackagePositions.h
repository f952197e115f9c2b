//===- PackagePositions.h - positions from tables in the file -------------===//
//
// As the packages linear-attention-transformer and performer-pytorch have them.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_PACKAGEPOSITIONS_H
#define SEQC_LIB_IMPORT_PACKAGEPOSITIONS_H

#include "Config.h"
#include "Layers.h"
#include "Model.h"

namespace seqc {

/// The positions of tokens: a table for the embedding, learned, of sines, or
/// the sum of two (axial); with sines, also a table for queries and keys.
struct PackagePositions {
  enum class Kind { Learned, Rotary, Axial };

  Kind kind = Kind::Learned;
  /// Positions that there are; channels of embedding and heads.
  int64_t most = 1, channels = 1, headSize = 1;
  /// Axial: most = outer · inner.
  int64_t outer = 1, inner = 1;

  void check(Config &config);

  /// The positions [T] of the times of ids, counted on from piece to piece in a
  /// causal model.
  mlir::Value number(Model &model, mlir::Value ids, bool causal) const;
  /// x [B, T, C] plus the rows of the positions.
  mlir::Value addTo(Model &model, mlir::Value x, mlir::Value positions) const;
  /// Rotary: cosines and sines [T, D / 2].
  layers::Rotary angles(Model &model, mlir::Value positions) const;
};

namespace layers {
/// Turns each pair of channels (2i, 2i + 1) of x [B, T, H, D] by its angle.
mlir::Value rotatePairs(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                        const Rotary &rotary);
} // namespace layers

} // namespace seqc

#endif // SEQC_LIB_IMPORT_PACKAGEPOSITIONS_H
