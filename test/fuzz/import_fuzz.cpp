//===- import_fuzz.cpp - any bytes as a model directory --------------------===//
//
// An input is a config.json and, after a byte 0, the header of a
// model.safetensors, whose data is as long as the header says, and zeros.
//
//===----------------------------------------------------------------------===//

#include "seqc/Import/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace {
/// Larger data is not tried: it would say nothing new.
constexpr int64_t kMostData = 1 << 26;

/// A directory whose files are in memory.
class Directory {
public:
  Directory() {
    if (llvm::sys::fs::createUniqueDirectory("seq-fuzz", path))
      std::abort();
    config = link("config.json");
    weights = link("model.safetensors");
  }
  ~Directory() { llvm::sys::fs::remove_directories(path); }

  llvm::SmallString<128> path;
  int config, weights;

private:
  int link(llvm::StringRef name) {
    int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    std::string target = "/proc/self/fd/" + std::to_string(descriptor);
    if (descriptor < 0 || symlink(target.c_str(), file.c_str()))
      std::abort();
    return descriptor;
  }
};
} // namespace

static void write(int descriptor, llvm::StringRef text, int64_t at = 0) {
  if (pwrite(descriptor, text.data(), text.size(), at) != ssize_t(text.size()))
    std::abort();
}

/// Where the last tensor ends.
static int64_t dataBytes(llvm::StringRef header) {
  auto value = llvm::json::parse(header);
  if (!value) {
    llvm::consumeError(value.takeError());
    return 0;
  }
  int64_t most = 0;
  if (const llvm::json::Object *object = value->getAsObject())
    for (const auto &[key, entry] : *object)
      if (const llvm::json::Object *fields = entry.getAsObject())
        if (const llvm::json::Array *places = fields->getArray("data_offsets"))
          for (const llvm::json::Value &place : *places)
            most = std::max(most, place.getAsInteger().value_or(0));
  return most;
}

/// Deep nesting is refused by the importer, but exhausts a recursive parser
/// here.
static bool isShallow(llvm::StringRef text) {
  return text.count('{') + text.count('[') < 1000;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static Directory directory;
  auto [config, header] =
      llvm::StringRef(reinterpret_cast<const char *>(data), bytes).split('\0');
  int64_t size = isShallow(header) ? dataBytes(header) : 0;
  if (size > kMostData)
    return 0;
  uint64_t length = header.size();
  if (ftruncate(directory.config, 0) || ftruncate(directory.weights, 0))
    std::abort();
  write(directory.config, config);
  write(directory.weights, {reinterpret_cast<const char *>(&length), 8});
  write(directory.weights, header, 8);
  if (ftruncate(directory.weights, 8 + length + size))
    std::abort();

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  seqc::ImportOptions options;
  options.warn = [](llvm::StringRef) {};
  auto module = seqc::importModel(directory.path, options, context);
  if (!module)
    llvm::consumeError(module.takeError());
  return 0;
}
