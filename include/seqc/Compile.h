//===- Compile.h - from a model to files ------------------------------------------===//

#ifndef SEQC_COMPILE_H
#define SEQC_COMPILE_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace seqc {

/// What to write. Up to Llvm it is text for people, then files for machines.
enum class Emit { Seq, Forms, Kernels, Loops, Llvm, Assembly, Object, Shared, Executable };

/// Instead of a program: what its layers cost, in each form, and the choice.
enum class Explain { No, Text, Json };

struct CompileOptions {
  std::string model;   ///< a directory in the Hugging Face layout, or an .mlir file
  std::string output;  ///< "": text goes to stdout, programs are named after the model
  Emit emit = Emit::Executable;
  std::string cpu = "native"; ///< as resolveCpu understands it
  std::string targetFile;     ///< the machine's rates; "": those built in for cpu
  std::string form = "auto";  ///< of recurrences, as seq-select-form understands it
  Explain explain = Explain::No;
  int64_t batch = 1;          ///< sequences at a time (directories only)
  std::optional<int64_t> exitLayer; ///< ends after so many layers (directories only)
  bool reset = false;         ///< functions take `reset`, true where a sequence starts
  std::string weights;        ///< the weights of an .mlir file: .safetensors or a directory
  bool embedWeights = false;
  std::string runtimeDirectory; ///< where libseq_runtime.a and libseq_program.a are
};

/// Compiles a model. Files appear whole under their names or not at all; a
/// program's weights are written beside it as `<program>.weights`, a library's
/// header as its name with .h instead of .so, and a model's tokenizer is copied
/// to `<program>.tokenizer.json`. Errors of the
/// model itself are printed to stderr, one line each, as they are found; the
/// error returned is then empty.
llvm::Error compile(const CompileOptions &options);

} // namespace seqc

#endif // SEQC_COMPILE_H
