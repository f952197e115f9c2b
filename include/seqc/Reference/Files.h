//===- Files.h - evaluation from and to .npy files
//-------------------------------===//

#ifndef SEQC_REFERENCE_FILES_H
#define SEQC_REFERENCE_FILES_H

#include "seqc/Reference/Evaluator.h"

namespace seqc::reference {

/// Reads the array in `path` as elements of `type`: any float format for a
/// float type (f64 values stay f64), any integer format for an integer type
/// other than i1, bool for i1.
llvm::Expected<Tensor> readNpy(llvm::StringRef path, mlir::Type type);

/// Writes all files or none. Each takes its tensor's element type (bf16 is
/// written as f32, integers without an .npy format as the next wider one);
/// `asDouble`: floats as f64.
llvm::Error writeNpy(llvm::ArrayRef<std::string> paths,
                     llvm::ArrayRef<Tensor> tensors, bool asDouble);

/// What runOnFiles is to do.
struct FileOptions {
  using NamedFile = std::pair<std::string, std::string>;

  /// The function; empty: the only public one with a body.
  std::string function;
  /// (name, path) of every argument and of the results to write. A name is the
  /// `seq.name` attribute of the argument or result, else its `seq.state`, else
  /// arg0, arg1, … or result0, result1, ….
  llvm::SmallVector<NamedFile> inputs, outputs;
  /// As Options::weights; null: no weights.
  decltype(Options::weights) weights;
  bool checkAssociative = false;
  bool asDouble = false;
  /// Where each result is printed, as "name: type value"; may be null.
  llvm::raw_ostream *print = nullptr;
};

/// Weights that are files NAME.npy in a directory, for FileOptions::weights.
decltype(Options::weights) weightsFromNpy(std::string directory);

/// Evaluates a function on files. Errors of the evaluation are diagnostics of
/// the module and give a failure without a text; nothing is written then.
llvm::Error runOnFiles(mlir::ModuleOp module, const FileOptions &options);

} // namespace seqc::reference

#endif // SEQC_REFERENCE_FILES_H
