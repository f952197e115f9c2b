//===- Measure.cpp - the rates of this machine ---------------------------===//

#include "Kernels.h"

#include "seqc/Target/CPU.h"
#include "seqc/Target/Measure.h"

#include "seq/runtime/Team.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <unistd.h>

using namespace seqc;

namespace {
constexpr int kGroups = 4, kRuns = 9;
constexpr double kRunSeconds = 0.002;
constexpr size_t kMegabyte = 1 << 20;

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// The rate of runs of about kRunSeconds: the median of a group of them, of the
/// group that was disturbed least. `work` does its work `times` times and says
/// how much that was.
double rateOf(llvm::function_ref<double(int64_t times)> work) {
  int64_t times = 1;
  for (;; times *= 2) {
    double start = now();
    work(times);
    if (now() - start > kRunSeconds)
      break;
  }
  double best = 0;
  for (int group = 0; group < kGroups; ++group) {
    llvm::SmallVector<double, kRuns> rates;
    for (int run = 0; run < kRuns; ++run) {
      double start = now();
      double done = work(times);
      rates.push_back(done / (now() - start));
    }
    llvm::sort(rates);
    best = std::max(best, rates[kRuns / 2]);
  }
  return best;
}

/// Memory of this thread's own choice, written once so that it is there.
struct Buffer {
  explicit Buffer(size_t bytes)
      : data(static_cast<char *>(std::aligned_alloc(4096, bytes))) {
    if (data)
      std::fill(data, data + bytes, 0);
  }
  Buffer(Buffer &&other) : data(std::exchange(other.data, nullptr)) {}
  ~Buffer() { std::free(data); }
  char *data;
};

class Measurement {
public:
  Measurement(seq_team *team, const seq_kernels &kernels)
      : team(team), kernels(kernels), threads(seq_team_threads(team)) {}

  void measureCore(Machine &machine);
  void measureTeam(Machine &machine);
  /// False where there is not enough memory.
  bool measureLevel(MemoryLevel &level, size_t working);

private:
  /// Runs on all threads.
  void onAll(llvm::function_ref<void(int64_t thread)> body) {
    seq_team_run(
        team,
        [](void *context, int64_t thread, int64_t) {
          (*static_cast<llvm::function_ref<void(int64_t)> *>(context))(thread);
        },
        &body);
  }

  seq_team *team;
  const seq_kernels &kernels;
  int32_t threads;
};

void Measurement::measureCore(Machine &machine) {
  constexpr int64_t kRounds = 1000;
  machine.fma32 =
      rateOf([&](int64_t times) { return kernels.fma32(kRounds * times); });
  machine.fma64 =
      rateOf([&](int64_t times) { return kernels.fma64(kRounds * times); });
  machine.latency =
      1 / rateOf([&](int64_t times) { return kernels.chain(kRounds * times); });
  alignas(64) float values[1024] = {};
  machine.exp = rateOf([&](int64_t times) {
    double done = 0;
    while (times--)
      done += kernels.exp(values, std::size(values));
    return done;
  });
}

void Measurement::measureTeam(Machine &machine) {
  machine.dispatch = 1 / rateOf([&](int64_t times) {
                       for (int64_t i = 0; i < times; ++i)
                         onAll([](int64_t) {});
                       return double(times);
                     });
  machine.barrier = 1 / rateOf([&](int64_t times) {
                      onAll([&](int64_t) {
                        for (int64_t i = 0; i < times; ++i)
                          seq_team_barrier(team);
                      });
                      return double(times);
                    });
}

bool Measurement::measureLevel(MemoryLevel &level, size_t working) {
  working = std::max<size_t>(working / 1024, 2) * 1024;
  std::vector<Buffer> from, to;
  for (int32_t thread = 0; thread < threads; ++thread) {
    from.emplace_back(working);
    to.emplace_back(working);
    if (!from.back().data || !to.back().data)
      return false;
  }
  // What is shared is shared out; a copy needs room for both sides.
  auto part = [&](bool all, bool both) {
    size_t bytes = working / (both ? 2 : 1);
    if (level.shared && all)
      bytes /= threads;
    return std::max<size_t>(bytes / 1024, 1) * 1024;
  };
  auto measure = [&](bool all, bool isCopy) {
    size_t bytes = part(all, isCopy);
    return rateOf([&](int64_t times) {
      auto one = [&](int64_t thread) {
        for (int64_t i = 0; i < times; ++i)
          isCopy ? kernels.copy(to[thread].data, from[thread].data, bytes)
                 : kernels.read(from[thread].data, bytes);
      };
      if (all)
        onAll(one);
      else
        one(0);
      return double(bytes) * times * (all ? threads : 1);
    });
  };
  level.read = measure(false, false);
  level.copy = measure(false, true);
  // All together are never slower than one alone, if they are not disturbed.
  level.readAll = std::max(level.read, measure(true, false));
  level.copyAll = std::max(level.copy, measure(true, true));
  return true;
}

/// Bytes of the data cache of a level, as Linux says, else as the C library
/// does.
size_t cacheSize(int level, int name, size_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" +
                         std::to_string(index) + "/";
    auto read = [&](const char *file) -> std::string {
      auto buffer = llvm::MemoryBuffer::getFileAsStream(folder + file);
      return buffer ? (*buffer)->getBuffer().trim().str() : "";
    };
    size_t kibibytes = 0;
    std::string text = read("size");
    llvm::StringRef size = text;
    if (read("level") == std::to_string(level) &&
        read("type") != "Instruction" && size.consume_back("K") &&
        !size.getAsInteger(10, kibibytes))
      return kibibytes * 1024;
  }
  long size = sysconf(name);
  return size > 0 ? size_t(size) : otherwise;
}
} // namespace

llvm::Expected<Machine> seqc::measureMachine() {
  auto cpu = resolveCpu("native");
  if (!cpu)
    return cpu.takeError();
  const seq_kernels *kernels = cpu->target.lanes == 16  ? &seq_kernels_avx512
                               : cpu->target.lanes == 8 ? &seq_kernels_avx2
                                                        : &seq_kernels_sse2;
  seq_error error;
  seq_team *team = seq_team_create(seq_default_threads(), &error);
  if (!team)
    return llvm::createStringError(error.message);
  llvm::scope_exit destroy([&] { seq_team_destroy(team); });

  Machine machine;
  machine.name = "measured";
  machine.cores = seq_team_threads(team);
  machine.lanes = kernels->lanes;
  Measurement measurement(team, *kernels);
  measurement.measureCore(machine);
  measurement.measureTeam(machine);
  const size_t sizes[] = {cacheSize(1, _SC_LEVEL1_DCACHE_SIZE, 32 * 1024),
                          cacheSize(2, _SC_LEVEL2_CACHE_SIZE, kMegabyte),
                          cacheSize(3, _SC_LEVEL3_CACHE_SIZE, 0)};
  for (auto [i, size] : llvm::enumerate(sizes))
    if (size &&
        (machine.memory.empty() || size > machine.memory.back().bytes)) {
      MemoryLevel level;
      level.name = "L" + std::to_string(i + 1);
      level.bytes = double(size);
      level.shared = i == 2;
      machine.memory.push_back(level);
    }
  MemoryLevel memory;
  memory.name = "memory";
  memory.shared = true;
  // Far more than the last cache holds, within reason.
  size_t beyond = std::clamp<size_t>(4 * size_t(machine.memory.back().bytes),
                                     64 * kMegabyte, 256 * kMegabyte);
  machine.memory.push_back(memory);
  for (MemoryLevel &level : machine.memory)
    if (!measurement.measureLevel(level,
                                  level.bytes > 0 ? level.bytes / 2 : beyond))
      return llvm::createStringError("not enough memory to measure it");
  return machine;
}
