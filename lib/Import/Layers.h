//===- Layers.h - the words of a model description -----------------------===//
//
// Layers that need no operation of ours, on tensors of f32 whose last dimension
// holds the channels: [B, T, C], or [B, C] at one time.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_LAYERS_H
#define SEQC_LIB_IMPORT_LAYERS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc::layers {

/// x Wᵀ + bias for W [N, K]; without the bias where it is null.
mlir::Value linear(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                   mlir::Value weight, mlir::Value bias = {});

/// x / sqrt(mean(x²) + epsilon) ⊙ weight, over the channels.
mlir::Value rmsNorm(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                    mlir::Value weight, double epsilon);

/// Row ids[b, t] of the table [V, C], for each b and t.
mlir::Value embedding(mlir::ImplicitLocOpBuilder &b, mlir::Value ids,
                      mlir::Value table);

/// Channels [begin, begin + size).
mlir::Value channels(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                     int64_t begin, int64_t size);

/// x [B, C] at the last time of [B, T, C]. At run time T must not be 0.
mlir::Value lastTime(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

mlir::Value zeros(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<int64_t> shape);

} // namespace seqc::layers

#endif // SEQC_LIB_IMPORT_LAYERS_H
