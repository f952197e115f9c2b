//===- Machine.cpp - the rates of a machine, as a file -------------------===//

#include "seqc/Analysis/Machine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace seqc;
namespace json = llvm::json;

namespace {
constexpr llvm::StringLiteral kBuiltIn[][2] = {
#include "Targets.inc"
};

constexpr double kGiga = 1e9, kKibi = 1024, kMicro = 1e-6, kNano = 1e-9;

/// One object of the file. The first thing that is wrong is kept as the error,
/// and a harmless value returned in its place.
class Reader {
public:
  Reader(const json::Value &value, std::string path, std::string &error)
      : object(value.getAsObject()), path(std::move(path)), error(error) {
    if (!object)
      fail("", "an object");
  }

  bool has(llvm::StringRef key) {
    known.push_back(key);
    return find(key) != nullptr;
  }
  /// A number above 0, times `unit`.
  double rate(llvm::StringRef key, double unit,
              std::optional<double> byDefault = std::nullopt) {
    known.push_back(key);
    const json::Value *value = find(key);
    if (!value && byDefault)
      return *byDefault;
    std::optional<double> number = value ? value->getAsNumber() : std::nullopt;
    if (number && *number > 0 && *number < 1e15)
      return *number * unit;
    fail(key, "a number above 0");
    return 1;
  }
  int64_t count(llvm::StringRef key) {
    known.push_back(key);
    const json::Value *value = find(key);
    std::optional<int64_t> number =
        value ? value->getAsInteger() : std::nullopt;
    if (number && *number >= 1 && *number <= 1 << 20)
      return *number;
    fail(key, "a whole number from 1 to 1048576");
    return 1;
  }
  bool flag(llvm::StringRef key) {
    known.push_back(key);
    const json::Value *value = find(key);
    if (!value)
      return false;
    if (std::optional<bool> flag = value->getAsBoolean())
      return *flag;
    fail(key, "true or false");
    return false;
  }
  std::string text(llvm::StringRef key) {
    known.push_back(key);
    const json::Value *value = find(key);
    std::optional<llvm::StringRef> text =
        value ? value->getAsString() : std::nullopt;
    if (text && !text->empty())
      return text->str();
    fail(key, "a string");
    return "";
  }
  Reader inner(llvm::StringRef key) {
    known.push_back(key);
    static const json::Value none = nullptr;
    const json::Value *value = find(key);
    return Reader(value ? *value : none, join(key), error);
  }
  const json::Array *list(llvm::StringRef key) {
    known.push_back(key);
    const json::Value *value = find(key);
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (!array || array->empty())
      fail(key, "a list of at least one object");
    return array;
  }
  void fail(llvm::StringRef key, llvm::StringRef expected) {
    if (error.empty())
      error = (join(key) + ": expected " + expected).str();
  }
  /// Keys that nobody asked for are mistakes.
  void finish() {
    if (!object || !error.empty())
      return;
    for (const auto &entry : *object)
      if (!llvm::is_contained(known, llvm::StringRef(entry.first)))
        error = join(entry.first) + ": there is no such key; known are " +
                llvm::join(known, ", ");
  }

private:
  const json::Value *find(llvm::StringRef key) const {
    return object ? object->get(key) : nullptr;
  }
  std::string join(llvm::StringRef key) const {
    if (path.empty())
      return key.empty() ? "the file" : key.str();
    return key.empty() ? path : path + "." + key.str();
  }

  const json::Object *object;
  std::string path;
  std::string &error;
  std::vector<llvm::StringRef> known;
};

MemoryLevel readLevel(Reader reader, bool last, int64_t cores) {
  MemoryLevel level;
  level.name = reader.text("name");
  level.shared = reader.flag("shared");
  if (!last)
    level.bytes = reader.rate("kib", kKibi);
  level.read = reader.rate("read_gbs", kGiga);
  level.copy = reader.rate("copy_gbs", kGiga);
  // Caches of a core's own work side by side.
  level.readAll = reader.rate("read_all_gbs", kGiga, level.read * cores);
  level.copyAll = reader.rate("copy_all_gbs", kGiga, level.copy * cores);
  reader.finish();
  return level;
}
} // namespace

llvm::Expected<Machine> seqc::parseMachine(llvm::StringRef text,
                                           llvm::StringRef file) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return llvm::createStringError(
        file + ": is no JSON: " + llvm::toString(value.takeError()));
  std::string error;
  Reader reader(*value, "", error);
  Machine machine;
  machine.name = reader.text("name");
  machine.cores = reader.count("cores");
  machine.lanes = reader.count("lanes");
  Reader fma = reader.inner("fma_gflops");
  machine.fma32 = fma.rate("f32", kGiga);
  machine.fma64 = fma.rate("f64", kGiga);
  fma.finish();
  machine.exp = reader.rate("exp_gops", kGiga);
  machine.exponentialUnit = reader.flag("exp_unit");
  machine.latency = reader.rate("latency_ns", kNano);
  machine.barrier = reader.rate("barrier_us", kMicro);
  machine.dispatch = reader.rate("dispatch_us", kMicro);
  if (reader.has("matrix_gflops")) {
    Reader matrix = reader.inner("matrix_gflops");
    machine.matrix.emplace();
    machine.matrix->bf16 = matrix.rate("bf16", kGiga);
    machine.matrix->tf32 = matrix.rate("tf32", kGiga, 0.0);
    matrix.finish();
  }
  if (const json::Array *levels = reader.list("memory"))
    for (auto [i, level] : llvm::enumerate(*levels))
      machine.memory.push_back(
          readLevel(Reader(level, "memory[" + std::to_string(i) + "]", error),
                    i + 1 == levels->size(), machine.cores));
  for (size_t i = 1; i + 1 < machine.memory.size(); ++i)
    if (machine.memory[i].bytes <= machine.memory[i - 1].bytes)
      reader.fail("memory[" + std::to_string(i) + "].kib",
                  "more than the level before has");
  reader.finish();
  if (!error.empty())
    return llvm::createStringError(file + ": " + error);
  return machine;
}

llvm::Expected<Machine> seqc::readMachine(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return parseMachine((*buffer)->getBuffer(), path);
}

Machine seqc::getBuiltInMachine(llvm::StringRef name) {
  for (const auto &[known, text] : kBuiltIn)
    if (known == name)
      return llvm::cantFail(parseMachine(text, name));
  llvm_unreachable("no such target file is built in");
}

void seqc::printMachine(const Machine &machine, llvm::raw_ostream &out) {
  auto number = [](double value, double unit) {
    return llvm::format("%.4g", value / unit);
  };
  out << "{\n  \"name\": " << json::Value(machine.name)
      << ",\n  \"cores\": " << machine.cores
      << ",\n  \"lanes\": " << machine.lanes
      << ",\n  \"fma_gflops\": {\"f32\": " << number(machine.fma32, kGiga)
      << ", \"f64\": " << number(machine.fma64, kGiga)
      << "},\n  \"exp_gops\": " << number(machine.exp, kGiga)
      << (machine.exponentialUnit ? ",\n  \"exp_unit\": true" : "")
      << ",\n  \"latency_ns\": " << number(machine.latency, kNano)
      << ",\n  \"barrier_us\": " << number(machine.barrier, kMicro)
      << ",\n  \"dispatch_us\": " << number(machine.dispatch, kMicro);
  if (machine.matrix) {
    out << ",\n  \"matrix_gflops\": {\"bf16\": "
        << number(machine.matrix->bf16, kGiga);
    if (machine.matrix->tf32 > 0)
      out << ", \"tf32\": " << number(machine.matrix->tf32, kGiga);
    out << "}";
  }
  out << ",\n  \"memory\": [";
  llvm::StringRef separator = "\n";
  for (const MemoryLevel &level : machine.memory) {
    out << separator << "    {\"name\": " << json::Value(level.name);
    if (level.bytes > 0)
      out << ", \"kib\": " << int64_t(level.bytes / kKibi);
    if (level.shared)
      out << ", \"shared\": true";
    out << ", \"read_gbs\": " << number(level.read, kGiga)
        << ", \"copy_gbs\": " << number(level.copy, kGiga)
        << ", \"read_all_gbs\": " << number(level.readAll, kGiga)
        << ", \"copy_all_gbs\": " << number(level.copyAll, kGiga) << "}";
    separator = ",\n";
  }
  out << "\n  ]\n}\n";
}
