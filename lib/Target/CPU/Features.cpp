//===- Features.cpp - which processor -------------------------------------------------===//

#include "seqc/Target/CPU.h"

#include "seq/runtime/Team.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace seqc;

namespace {
/// Lanes and registers of a set of vector extensions.
void fillTarget(Cpu &cpu, bool avx512, bool avx2, bool x86) {
  cpu.avx512 = cpu.target.avx512 = avx512;
  cpu.target.lanes = avx512 ? 16 : avx2 ? 8 : 4;
  cpu.target.registers = avx512 || !x86 ? 32 : 16;
  cpu.target.machine =
      getBuiltInMachine(avx512 ? "avx512" : avx2 ? "avx2" : "sse2");
}

Cpu nativeCpu() {
  Cpu cpu;
  cpu.triple = llvm::sys::getDefaultTargetTriple();
  cpu.name = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const auto &feature : features) {
    if (!cpu.features.empty())
      cpu.features += ",";
    cpu.features += (feature.second ? "+" : "-") + feature.first().str();
  }
  auto has = [&](llvm::StringRef name) { return features.lookup(name); };
  bool avx512 = has("avx512f") && has("avx512vl") && has("avx512bw") &&
                has("avx512dq");
  bool avx2 = has("avx2") && has("fma");
  fillTarget(cpu, avx512, avx2, llvm::Triple(cpu.triple).isX86());
  Machine &machine = cpu.target.machine;
  machine.cores = seq_default_threads();
  for (MemoryLevel &level : machine.memory) {
    double read = level.read * machine.cores, copy = level.copy * machine.cores;
    level.readAll = level.shared ? std::min(level.readAll, read) : read;
    level.copyAll = level.shared ? std::min(level.copyAll, copy) : copy;
  }
  cpu.label = "native";
  for (llvm::StringRef name :
       {"avx2", "fma", "avx512f", "avx512bf16", "amx-tile", "amx-bf16"})
    if (has(name))
      cpu.label += " " + name.str();
  return cpu;
}
} // namespace

llvm::Expected<Cpu> seqc::resolveCpu(llvm::StringRef name) {
  if (name.empty() || name == "native")
    return nativeCpu();
  int level = llvm::StringSwitch<int>(name)
                  .Case("x86-64", 1)
                  .Cases({"x86-64-v2", "v2"}, 2)
                  .Cases({"x86-64-v3", "v3"}, 3)
                  .Cases({"x86-64-v4", "v4"}, 4)
                  .Default(0);
  if (level == 0)
    return llvm::createStringError(
        "unknown processor '" + name +
        "'; known are native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4");
  Cpu cpu;
  cpu.triple = "x86_64-unknown-linux-gnu";
  cpu.name = level == 1 ? "x86-64" : "x86-64-v" + std::to_string(level);
  cpu.label = cpu.name;
  fillTarget(cpu, level >= 4, level >= 3, true);
  return cpu;
}
