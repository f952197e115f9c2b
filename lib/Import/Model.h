//===- Model.h - the module that a family fills --------------------------===//

#ifndef SEQC_LIB_IMPORT_MODEL_H
#define SEQC_LIB_IMPORT_MODEL_H

#include "seqc/Import/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringSet.h"

namespace seqc {

/// Builds the functions of a model. As with Config, the first wrong tensor is
/// kept as the error and a value of the expected type returned, so that a
/// family reads like its paper.
class Model {
public:
  /// With `exitLayer` the model ends after so many layers.
  Model(mlir::ModuleOp module, const SourceWeights &weights, int64_t batch,
        std::optional<int64_t> exitLayer = std::nullopt);

  const int64_t batch;
  mlir::ImplicitLocOpBuilder b;

  /// The f32 type [batch, times, sizes…].
  mlir::RankedTensorType sequence(llvm::ArrayRef<int64_t> sizes);

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  bool hasWeight(llvm::StringRef name) const { return weights.find(name); }
  /// The tensor of that name and shape, as f32. Inside a layer's function `{}`
  /// in the name stands for the layer's number.
  mlir::Value weight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// Tensors that may be in the file though the model does not read them.
  void ignoreWeight(llvm::StringRef name) { used.insert(name); }
  /// The same for the layers 0, 1, … as far as they have it, in the place of
  /// `{}`.
  void ignoreLayerWeights(llvm::StringRef name);
  /// Tensors that no weight() asked for, sorted.
  std::vector<llvm::StringRef> getUnusedWeights() const;

  //===--------------------------------------------------------------------===//
  // Functions
  //===--------------------------------------------------------------------===//

  using Values = llvm::SmallVector<mlir::Value>;
  using Body = llvm::function_ref<Values(mlir::ValueRange)>;

  struct Input {
    llvm::StringRef name;
    mlir::RankedTensorType type;
    /// Integers lie in [0, limit); 0: anywhere.
    int64_t limit = 0;
  };
  /// Adds a public function whose results have the given names.
  void entryPoint(llvm::StringRef name, llvm::ArrayRef<Input> inputs,
                  llvm::ArrayRef<llvm::StringRef> results, Body body);
  /// Adds a private function.
  mlir::func::FuncOp function(llvm::StringRef name,
                              llvm::ArrayRef<mlir::Type> inputs, Body body);
  mlir::ValueRange call(mlir::func::FuncOp callee, mlir::ValueRange arguments);

  /// Layers whose weights have the same shapes, with their numbers.
  struct LayerRange {
    int64_t first, count;
  };
  /// Adds the function `name` of these layers and runs them one after the
  /// other. The first of `inputs` goes from layer to layer, the others are the
  /// same for all. `body` maps them to the next layer's input and one further
  /// tensor [D, …] for each of `stacks`, at whose place [number · D, …] it is
  /// put. The result is the last layer's; `stacks` becomes what it is then.
  mlir::Value layers(llvm::StringRef name, LayerRange range,
                     mlir::ValueRange inputs,
                     llvm::MutableArrayRef<mlir::Value> stacks, Body body);
  mlir::Value layers(llvm::StringRef name, LayerRange range,
                     mlir::ValueRange inputs, Body body) {
    return layers(name, range, inputs, {}, body);
  }

  /// Layers of several kinds in turns, `kinds` names each layer's. Adds one
  /// function a kind, and calls them in the order of the layers: in a loop
  /// where layers of a kind follow each other. The first of `inputs` goes from
  /// layer to layer, the others are the same for all.
  using KindBody =
      llvm::function_ref<mlir::Value(llvm::StringRef kind, mlir::ValueRange)>;
  mlir::Value stack(llvm::ArrayRef<std::string> kinds, mlir::ValueRange inputs,
                    KindBody body);

  /// No more layers, or experts, than the file may hold: with one more than
  /// there are tensors some tensor is missing, which is an error.
  int64_t limitCount(int64_t count) const {
    return std::min<int64_t>(count, weights.getTensors().size() + 1);
  }
  /// How many of `depth` layers run: all, unless the model ends before.
  int64_t countLayers(int64_t depth) const {
    return exitLayer ? std::min(depth, *exitLayer) : depth;
  }
  /// The number of layers of the deepest stack so far, with those that do not
  /// run.
  int64_t getDepth() const { return depth; }

  llvm::Error takeError();

private:
  /// The layers that a function stands for, in the order of its argument.
  using Numbers = llvm::SmallVector<int64_t>;

  void fail(llvm::StringRef tensor, const llvm::Twine &message);
  const SourceWeights::Tensor *check(const std::string &name,
                                     llvm::ArrayRef<int64_t> shape);
  mlir::func::FuncOp addFunction(llvm::StringRef name,
                                 llvm::ArrayRef<mlir::Type> inputs, Body body);
  /// The private function of such layers; where there are several, its last
  /// argument is their number, or their place where numbers have gaps.
  mlir::func::FuncOp addLayer(llvm::StringRef name, Numbers numbers,
                              mlir::ValueRange inputs, Body body);
  /// Of the layers that come after the last one that runs: their tensors are
  /// checked and count as used.
  void dropLayer(llvm::StringRef name, Numbers numbers, mlir::ValueRange inputs,
                 Body body);
  /// An scf.for over the numbers of layers.
  Values loop(LayerRange range, mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);

  mlir::ModuleOp module;
  const SourceWeights &weights;
  std::optional<int64_t> exitLayer;
  int64_t depth = 0;
  llvm::StringSet<> used;
  std::string error;
  /// Inside a layer's function: its layers and, where there are several, which
  /// one it is.
  std::optional<Numbers> numbers;
  mlir::Value index;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_MODEL_H
