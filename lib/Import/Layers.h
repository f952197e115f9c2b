//===- Layers.h - the words of a model description -----------------------===//
//
// Layers that need no operation of ours, on tensors of f32 whose last dimension
// holds the channels: [B, T, C], [B, C] at one time, or [B, T, H, D] with
// heads.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_LAYERS_H
#define SEQC_LIB_IMPORT_LAYERS_H

#include "seq/Seq.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc::layers {

/// x Wᵀ + bias for W [N, K]; without the bias where it is null.
mlir::Value linear(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                   mlir::Value weight, mlir::Value bias = {});

/// x W + bias for W [K, N], the Conv1D of transformers.
mlir::Value conv1D(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                   mlir::Value weight, mlir::Value bias);

/// a + b
mlir::Value add(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                mlir::Value rhs);

/// The names of the activations of multilayer perceptrons in a config, with
/// `first` in front: that of a family without such a key.
llvm::SmallVector<llvm::StringRef> activationNames(llvm::StringRef first);
/// One of them, or "sigmoid", of each element.
mlir::Value activation(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name,
                       mlir::Value x);
/// activation(gate) ⊙ x: a gated linear unit, SwiGLU with silu.
mlir::Value gated(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name,
                  mlir::Value gate, mlir::Value x);

/// (x - mean(x)) / sqrt(variance(x) + epsilon) ⊙ weight + bias, over the
/// channels.
mlir::Value layerNorm(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      mlir::Value weight, mlir::Value bias, double epsilon);

/// x / sqrt(mean(x²) + epsilon) ⊙ weight, over the channels; without the weight
/// where it is null.
mlir::Value rmsNorm(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                    mlir::Value weight, double epsilon);

/// x / sqrt(sum(x²) + epsilon) over the channels.
mlir::Value l2Norm(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                   double epsilon);

/// The rows of the table [V, C] that ids [B, T], or [T], number.
mlir::Value embedding(mlir::ImplicitLocOpBuilder &b, mlir::Value ids,
                      mlir::Value table);

/// The rows [T, C] of the table [P, C] for the times of x, which are a whole
/// sequence. At run time T must be no more than P.
mlir::Value firstRows(mlir::ImplicitLocOpBuilder &b, mlir::Value table,
                      mlir::Value x);

/// x [B, T, C] plus rows [T, C].
mlir::Value addRows(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                    mlir::Value rows);

/// The positions [T] of the times of x, i64, counted by a recurrence: where a
/// sequence comes in pieces they go on from one to the next. At run time they
/// must be below `most`, if that is not 0.
mlir::Value positions(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      int64_t most = 0);

/// RoBERTa's positions [B, T] of ids [B, T]: a token that is not `padding` has
/// the number padding + 1 + how many such are in front of it, padding itself
/// has `padding`. At run time padding + 1 + T must be no more than `most`.
mlir::Value positionsBehind(mlir::ImplicitLocOpBuilder &b, mlir::Value ids,
                            int64_t padding, int64_t most);

/// Channels [begin, begin + size).
mlir::Value channels(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                     int64_t begin, int64_t size);

/// x [B, C] at the last time of [B, T, C]. At run time T must not be 0.
mlir::Value lastTime(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// x [B, C] at the first time of [B, T, C]. At run time T must not be 0.
mlir::Value firstTime(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// The mean [B, C] of [B, T, C] over all times. At run time T must not be 0.
mlir::Value meanTime(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// x [B, C] at the last time of [B, T, C] whose id in [B, T] is not `padding`;
/// 0 where there is none.
mlir::Value lastOther(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      mlir::Value ids, int64_t padding);

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// [B, T, heads · D] as [B, T, heads, D].
mlir::Value splitHeads(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                       int64_t heads);

/// [B, T, heads, D] as [B, T, heads · D].
mlir::Value joinHeads(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// seq.attention of queries, keys and values with heads, its output's heads
/// side by side again: [B, T, heads · D]. `keyMask` may be null.
mlir::Value attention(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                      mlir::Value key, mlir::Value value,
                      mlir::seq::MaskAttr mask, double scale,
                      mlir::Value keyMask = {});

/// Whether elements of the integers [B, T] are not 0: the mask of keys that are
/// no padding.
mlir::Value isNonzero(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// The frequencies theta^(-2i / D) of rotary embeddings of D channels, for
/// i < ⌈D / 2⌉, in f32, as the models were trained.
llvm::SmallVector<float> rotaryFrequencies(int64_t size, double theta);
/// The angles p · f of rotary embeddings as cosines and sines [T, F], for
/// positions p [T] and F frequencies f.
struct Rotary {
  mlir::Value cos, sin;
};
Rotary rotary(mlir::ImplicitLocOpBuilder &b, mlir::Value positions,
              llvm::ArrayRef<float> frequencies);
/// The same with the frequencies of whole heads of size D.
Rotary rotary(mlir::ImplicitLocOpBuilder &b, mlir::Value positions,
              int64_t headSize, double theta);
/// Turns each pair of channels (i, i + F) of x [B, T, H, D] by its angle; the
/// channels from 2F stay as they are.
mlir::Value rotate(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                   const Rotary &rotary);

mlir::Value zeros(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<int64_t> shape);

} // namespace seqc::layers

#endif // SEQC_LIB_IMPORT_LAYERS_H
