//===- Transformer.h - what the transformers share -----------------------===//

#ifndef SEQC_LIB_IMPORT_TRANSFORMER_H
#define SEQC_LIB_IMPORT_TRANSFORMER_H

#include "Families.h"
#include "Layers.h"

namespace seqc {

/// Layers by the names of their tensors, which all begin with `prefix`. How
/// many channels there are before a layer is read off its input.
struct Tensors {
  Model &model;
  std::string prefix;
  /// What comes behind the name of a LayerNorm.
  llvm::StringRef scale = "weight", shift = "bias";

  mlir::Value weight(const llvm::Twine &name, llvm::ArrayRef<int64_t> shape);
  /// x Wᵀ + bias, with `channels` channels.
  mlir::Value linear(const llvm::Twine &name, mlir::Value x, int64_t channels,
                     bool bias = true);
  mlir::Value layerNorm(const llvm::Twine &name, mlir::Value x, double epsilon);
  mlir::Value rmsNorm(const llvm::Twine &name, mlir::Value x, double epsilon);
  /// The same with the weight 1 + w.
  mlir::Value rmsNormFromOne(const llvm::Twine &name, mlir::Value x,
                             double epsilon);
  /// silu(conv(x)), each channel by itself over `taps` times.
  mlir::Value shortConvolution(const llvm::Twine &name, mlir::Value x,
                               int64_t taps, bool bias);
};

/// Where the norms of a block are.
enum class NormOrder {
  /// x := x + attend(norm1(x)); x + perceptron(norm2(x))
  before,
  /// x := norm1(x + attend(x)); norm2(x + perceptron(x))
  after,
  /// x + attend(norm1(x)) + perceptron(norm2(x))
  parallel
};

/// The block that transformers are made of: attention and a perceptron, each of
/// which adds to its input.
mlir::Value transformerBlock(mlir::ImplicitLocOpBuilder &b, NormOrder order,
                             mlir::Value x, MapValue norm1, MapValue attend,
                             MapValue norm2, MapValue perceptron);

/// The architectures of a family with a head, and without.
struct Architectures {
  llvm::StringRef none, language, classifier;
};
/// The head that the config's architecture has. One that is not in
/// `architectures` is an error, and none at all `byDefault`.
Head readHead(Config &config, const Architectures &architectures,
              Head byDefault);
/// Whether it is `architectures.classifier`. Other heads are not part of an
/// encoder, which a warning says.
bool hasClassifier(Config &config, const Architectures &architectures);

/// The frequencies of rotary embeddings for heads of some size: the kinds
/// "default", "linear" and "llama3" of transformers, of the keys
/// rope_parameters or rope_scaling and rope_theta. The share of a head that is
/// turned is `share` unless partial_rotary_factor says otherwise.
llvm::SmallVector<float> readRotary(Config &config, int64_t headSize,
                                    double theta = 10000, double share = 1);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_TRANSFORMER_H
