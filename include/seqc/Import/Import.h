//===- Import.h - a model directory becomes a module ---------------------===//
//
// A directory in the Hugging Face layout, config.json and model.safetensors (or
// shards with an index), becomes a module of the seq stage:
//
//   @forward   public: the model's outputs for all times
//   @last      public, of language models: the logits of the last time only
//   @body …    private functions, one for each kind of layer among them, which
//              are called in a loop over the layers
//
// Attributes of the module: `seq.architecture` (the model_type),
// `seq.vocabulary` (of a language model, the number of tokens),
// `seq.end_tokens` (those that end a text, eos_token_id of
// generation_config.json or else of config.json) and `seq.byte_level` (its
// tokens are bytes). Arguments and results of public
// functions have a `seq.name`, and token ids a `seq.limit`: they lie in
// [0, limit). The argument of a layer's function that numbers the layer has
// `seq.count`, and `seq.first` where the numbers do not begin at 0.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_IMPORT_IMPORT_H
#define SEQC_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>
#include <vector>

namespace seqc {

struct ImportOptions {
  /// The size of the batch dimension of every sequence.
  int64_t batch = 1;
  /// The model ends after so many of its layers, with its own norm and head (of
  /// an encoder and a decoder, each).
  std::optional<int64_t> exitLayer;
  /// Is told, in one line each, about keys of config.json and tensors that are
  /// not used. May be null.
  std::function<void(llvm::StringRef)> warn;
};

/// Imports the model in `directory`. Errors are one line that names the file,
/// the key or tensor, and what was expected.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(llvm::StringRef directory, const ImportOptions &options,
            mlir::MLIRContext &context);

/// A kind of model that can be imported.
struct FamilyInfo {
  /// model_type of config.json.
  llvm::StringRef modelType;
  /// The public implementation that it agrees with, and the paper.
  llvm::StringRef reference;
  /// The keys of config.json, beside sizes, that change results.
  llvm::StringRef options;
};
/// All of them, sorted by name.
std::vector<FamilyInfo> listFamilies();

} // namespace seqc

#endif // SEQC_IMPORT_IMPORT_H
