//===- Machine.h - the rates of a machine --------------------------------===//
//
// What the cost model rests on. A file of the folder targets/ describes a kind
// of machine, `seq-measure` writes one for this machine; docs/Targets.md has
// the keys.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_ANALYSIS_MACHINE_H
#define SEQC_ANALYSIS_MACHINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace seqc {

/// A cache, or main memory. Rates are bytes a second; a copy of b bytes counts
/// as b, although it reads and writes.
struct MemoryLevel {
  std::string name;
  double bytes = 0; ///< of one core, or of all where shared; 0: no limit
  bool shared = false;
  double read = 0, copy = 0;       ///< of one core alone
  double readAll = 0, copyAll = 0; ///< of all cores together
};

/// A unit that multiplies matrices: operations a second of one core.
struct MatrixUnit {
  double bf16 = 0;
  double tf32 = 0; ///< 0: none for numbers of f32
};

/// Rates are of one core: operations a second, where a multiply-add is two.
/// Times are seconds.
struct Machine {
  std::string name;
  int64_t cores = 1;
  int64_t lanes = 16; ///< f32 values that one instruction works on
  double fma32 = 0, fma64 = 0;
  double exp = 0;               ///< exponentials of f32
  bool exponentialUnit = false; ///< for them alone, beside the multiply-adds
  double latency = 0;  ///< of a multiply-add that waits for the last one
  double barrier = 0;  ///< all cores meet
  double dispatch = 0; ///< all cores begin and end a piece of work
  std::optional<MatrixUnit> matrix;
  std::vector<MemoryLevel> memory; ///< the nearest first; the last has no limit
};

/// Reads the text of a target file. `file` is its name in errors, each of which
/// is one line with the key (or the line, where it is no JSON) and what was
/// expected there.
llvm::Expected<Machine> parseMachine(llvm::StringRef text,
                                     llvm::StringRef file);
llvm::Expected<Machine> readMachine(llvm::StringRef path);

/// A file of targets/ that is built into the compiler: "avx512", "avx2",
/// "sse2".
Machine getBuiltInMachine(llvm::StringRef name);

/// Writes the file that parseMachine reads, numbers with four digits.
void printMachine(const Machine &machine, llvm::raw_ostream &out);

} // namespace seqc

#endif // SEQC_ANALYSIS_MACHINE_H
