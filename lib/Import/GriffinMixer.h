//===- GriffinMixer.h - the recurrent mixer of Griffin --------------------===//

#ifndef SEQC_LIB_IMPORT_GRIFFINMIXER_H
#define SEQC_LIB_IMPORT_GRIFFINMIXER_H

#include "Transformer.h"

namespace seqc {

/// Griffin's recurrent block (De et al., arXiv:2402.19427, section 2.3),
/// W_out (act(W_y x) ⊙ unit(conv(W_x x))) with the real-gated linear recurrent
/// unit, equations (1) to (4), on E channels:
///
///   r_t, i_t = sigmoid(W_a x_t + b_a), sigmoid(W_x x_t + b_x)
///   log a_t = -8 softplus(Λ) ⊙ r_t
///   h_t = a_t ⊙ h_{t-1} + sqrt(1 - a_t²) ⊙ i_t ⊙ x_t
///
/// At position 0 there is no root: h_0 = i_0 ⊙ x_0.
struct GriffinMixer {
  int64_t C;     // channels of the model
  int64_t E;     // channels of the unit
  int64_t W;     // taps of the convolution
  int64_t heads; // blocks of the gates' matrices
  std::string act;

  /// Tensors are named as in transformers' RecurrentGemmaRecurrentBlock.
  mlir::Value mix(Tensors tensors, mlir::Value x, mlir::Value positions) const;

  /// The keys lru_width and conv1d_width.
  static GriffinMixer read(Config &config, int64_t C, int64_t heads,
                           llvm::StringRef act);

private:
  mlir::Value gate(Tensors tensors, llvm::StringRef name, mlir::Value x) const;
  mlir::Value unit(Tensors tensors, mlir::Value x, mlir::Value positions) const;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_GRIFFINMIXER_H
