//===- Encoder.h - encoders of tokens and of patches ---------------------===//

#ifndef SEQC_LIB_IMPORT_ENCODER_H
#define SEQC_LIB_IMPORT_ENCODER_H

#include "Transformer.h"

namespace seqc {

/// The names of a layer's tensors; `{}` stands for its number.
struct EncoderNames {
  llvm::StringRef query, key, value, attended, norm1, wide, narrow, norm2;
};

/// The blocks of an encoder, in which each element of a sequence sees all.
struct Encoder {
  Encoder(Model &model, llvm::StringRef prefix, const EncoderNames &names)
      : tensors{model, prefix.str()}, names(names) {}

  /// Reads the sizes by the keys that BERT has.
  void readSizes(Config &config);
  /// Fails where sizes do not fit, naming the keys of the channels, the heads
  /// and the perceptron.
  void checkSizes(Config &config, llvm::StringRef channels,
                  llvm::StringRef headCount, llvm::StringRef perceptron);

  /// All layers one after the other; of the keys only those that `keyMask`
  /// [B, T] has, if it is not null.
  mlir::Value run(mlir::Value x, mlir::Value keyMask = {});

  Tensors tensors;
  EncoderNames names;
  int64_t H; // channels of the model
  int64_t A; // heads
  int64_t L; // layers
  int64_t inner;
  double epsilon;
  std::string act;
  NormOrder order = NormOrder::after;
  /// Whether queries, keys and values have a bias.
  bool bias = true;

private:
  mlir::Value block(mlir::Value x, mlir::Value keyMask);
  mlir::Value attend(mlir::Value x, mlir::Value keyMask);
};

/// Adds the entry point of an encoder, `forward`: its results are the `logits`
/// that `classify` makes of the last hidden state; or that state itself, and
/// what `pool` makes of it. Those that are not there are null.
ModelFacts addEncoder(Model &model, llvm::ArrayRef<Model::Input> inputs,
                      llvm::function_ref<mlir::Value(mlir::ValueRange)> body,
                      MapValue pool, MapValue classify);

/// The inputs of an encoder of text: ids, the mask, and types unless there are
/// none.
llvm::SmallVector<Model::Input> getTextInputs(Model &model, int64_t vocabulary,
                                              int64_t types = 0);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_ENCODER_H
