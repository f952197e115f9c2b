//===- Mixers.h - mixers and perceptrons by name --------------------------===//

#ifndef SEQC_LIB_IMPORT_MIXERS_H
#define SEQC_LIB_IMPORT_MIXERS_H

#include "Transformer.h"

namespace seqc {

/// What a mixer may be told beside its input.
struct Times {
  mlir::Value positions;
  layers::Rotary angles;
};

/// A mixer over time, of a config's keys.
struct Mixer {
  std::string name;
  /// Whether it is told positions.
  bool counts = false;
  /// The frequencies of the angles that it is told; none: it is not.
  llvm::SmallVector<float> frequencies;
  std::function<mlir::Value(Tensors, mlir::Value x, const Times &)> mix;

  /// The one that the key `mixer` names, for models of C channels.
  static Mixer read(Config &config, Model &model, int64_t C);
};

/// A perceptron of each time; null if there is none.
using NamedPerceptron = std::function<mlir::Value(Tensors, mlir::Value x)>;
/// The one that the key `mlp` names.
NamedPerceptron readPerceptron(Config &config, int64_t C);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_MIXERS_H
