//===- mlir_fuzz.cpp - any text as the .mlir input of seq-compile ----------===//
//
// Parsed, verified and taken to recurrences and products (the stages seq and
// forms). Each pass must leave a valid module or say what it cannot do.
//
//===----------------------------------------------------------------------===//

#include "seqc/Pipelines.h"
#include "seqc/Registration.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstring>
#include <random>

using namespace mlir;

/// Making a context takes longer than most inputs. It keeps all types and
/// attributes that it has seen, so that it is not kept for ever.
static MLIRContext &context() {
  constexpr int kMostInputs = 1000;
  static DialectRegistry registry;
  static std::unique_ptr<MLIRContext> current;
  static int inputs = 0;
  if (!current)
    seqc::registerDialects(registry);
  if (inputs++ % kMostInputs == 0) {
    current = std::make_unique<MLIRContext>(registry,
                                            MLIRContext::Threading::DISABLED);
    current->loadAllAvailableDialects();
    current->getDiagEngine().registerHandler([](Diagnostic &) {});
  }
  return *current;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  MLIRContext &context = ::context();
  // With a byte 0 at the end, as a file has it: MLIR's lexer looks for one.
  std::string text(reinterpret_cast<const char *>(data), bytes);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  PassManager manager(&context);
  seqc::buildPipeline(manager, seqc::Stage::Model, seqc::Stage::Forms, {});
  (void)manager.run(*module);
  return 0;
}

//===----------------------------------------------------------------------===//
// Mutations that keep most of the syntax
//===----------------------------------------------------------------------===//

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);

static std::vector<llvm::StringRef> wordsOf(llvm::StringRef text) {
  constexpr llvm::StringLiteral letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.%@?-";
  std::vector<llvm::StringRef> words;
  while (true) {
    text = text.drop_until([&](char c) { return letters.contains(c); });
    if (text.empty())
      return words;
    words.push_back(
        text.take_while([&](char c) { return letters.contains(c); }));
    text = text.drop_front(words.back().size());
  }
}

/// Half of the time, one word becomes another one of the text, or a number.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes,
                                          size_t most, unsigned seed) {
  std::minstd_rand random(seed);
  llvm::StringRef text(reinterpret_cast<const char *>(data), bytes);
  std::vector<llvm::StringRef> words = wordsOf(text);
  if (words.empty() || random() % 2)
    return LLVMFuzzerMutate(data, bytes, most);
  static constexpr llvm::StringRef numbers[] = {
      "0",  "1",          "-1",         "2",          "7",
      "64", "2147483647", "4294967296", "1000000000", "9223372036854775807",
      "?",  "f64",        "i1",         "f16",        "0.0"};
  llvm::StringRef old = words[random() % words.size()];
  llvm::StringRef next = random() % 3 ? words[random() % words.size()]
                                      : numbers[random() % std::size(numbers)];
  std::string changed =
      (text.take_front(old.data() - text.data()) + next +
       text.drop_front(old.data() - text.data() + old.size()))
          .str();
  if (changed.size() > most)
    return LLVMFuzzerMutate(data, bytes, most);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
