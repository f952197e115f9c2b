//===- CPU.h - native code for CPUs --------------------------------------------------===//

#ifndef SEQC_TARGET_CPU_H
#define SEQC_TARGET_CPU_H

#include "seqc/Analysis/Target.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace seqc {

/// A processor to generate code for.
struct Cpu {
  std::string triple;
  std::string name;     ///< LLVM's name of the processor
  std::string features; ///< LLVM's feature string, "+avx2,+fma,…"
  std::string label;    ///< for people: "x86-64-v3", "native (avx512f …)"
  Target target;        ///< lanes and registers
  bool avx512 = false;
};

/// `native`: this machine, by its features one by one, since LLVM may take a
/// virtual machine's processor for an older one. `x86-64`, `x86-64-v2`, `-v3`,
/// `-v4`: the levels of the x86-64 psABI. Others are an error that lists these.
llvm::Expected<Cpu> resolveCpu(llvm::StringRef name);

/// The machine that writes code for `cpu` (position-independent, -O3, fused
/// multiply-adds allowed).
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const Cpu &cpu);

/// Sets the module's triple and layout and every function's features, and runs
/// LLVM's -O3 pipeline.
void optimize(llvm::Module &module, const Cpu &cpu,
              llvm::TargetMachine &machine);

enum class CodeKind { Assembly, Object };

/// Writes the module as assembly or as an object file at `path`.
llvm::Error writeCode(llvm::Module &module, llvm::TargetMachine &machine,
                      CodeKind kind, llvm::StringRef path);

enum class LinkKind { Executable, Shared };

/// Links an object file with the runtime library at `runtimeDirectory` into
/// `output`. Uses the first of clang-22, clang, cc on PATH, with lld if it is
/// there. The error holds the linker's last lines.
llvm::Error link(llvm::StringRef object, llvm::StringRef runtimeDirectory,
                 LinkKind kind, llvm::StringRef output);

} // namespace seqc

#endif // SEQC_TARGET_CPU_H
