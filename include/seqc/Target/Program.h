//===- Program.h - what a program says of itself ---------------------------------------===//

#ifndef SEQC_TARGET_PROGRAM_H
#define SEQC_TARGET_PROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace seqc {

/// The descriptor `seq_program` of runtime/Program.h, before it is data.
struct ProgramDescription {
  struct Tensor {
    std::string name;
    int32_t dtype = 0;            ///< seq_dtype
    std::vector<int64_t> shape;   ///< -1 is dynamic
    std::vector<int32_t> symbols; ///< equal ids, equal sizes; -1 bound to nothing
    int64_t limit = 0;            ///< integers lie in [0, limit); 0: anywhere
  };
  /// What there is to say of a state of dynamic size.
  struct Cache {
    int64_t most = 0;      ///< a dynamic size is no more than this; 0: any
    int32_t position = -1; ///< the state that says how much of it is used
  };
  struct Function {
    std::string name;       ///< for the user
    std::string run;        ///< symbol of the entry point
    std::string arenaBytes; ///< symbol, "" if it needs no scratch memory
    std::vector<Tensor> inputs, states, outputs;
    std::vector<Cache> caches; ///< one for each state
    bool causal = false; ///< in pieces it gives what it gives on the whole
  };
  std::vector<Function> functions;
  std::string architecture, target, compiler, forms;
  uint64_t sourceHash = 0, layoutId = 0;
  int64_t payloadBytes = 0, vocabulary = 0;
  bool byteLevel = false;
  std::vector<int64_t> endTokens;
};

/// Reads the attributes that entry-points (`seq.entry`), Import
/// (`seq.architecture`, `seq.vocabulary`, `seq.end_tokens`, `seq.byte_level`) and
/// kernel-pack-weights (`kernel.payload_bytes`, `kernel.layout_id`) left.
ProgramDescription describeProgram(mlir::ModuleOp module);

/// Defines `seq_program_descriptor`. `payload`, if not empty, is embedded.
void emitDescriptor(llvm::Module &module, const ProgramDescription &program,
                    llvm::StringRef payload);

} // namespace seqc

#endif // SEQC_TARGET_PROGRAM_H
