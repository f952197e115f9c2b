//===- seq-compile.cpp - compiles a model --------------------------------===//

#include "seqc/Import/Import.h"
#include "seqc/Registration.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("seq-compile options");

static cl::opt<std::string> model(cl::Positional, cl::Required,
                                  cl::desc("MODEL"), cl::cat(category));
enum class Stage { Seq };
static cl::opt<Stage>
    emit("emit", cl::desc("What to write"), cl::Required, cl::cat(category),
         cl::values(clEnumValN(Stage::Seq, "seq", "the imported module")));
static cl::opt<int64_t> batch("batch", cl::init(1), cl::value_desc("N"),
                              cl::desc("The number of sequences (default: 1)"),
                              cl::cat(category));
static cl::opt<std::string> output("o", cl::init("-"), cl::value_desc("FILE"),
                                   cl::desc("Where to write (default: stdout)"),
                                   cl::cat(category));

static int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "seq-compile") << message << "\n";
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Compiles a model directory.\n");

  mlir::DialectRegistry registry;
  seqc::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  seqc::ImportOptions options;
  options.batch = batch;
  options.warn = [](llvm::StringRef message) {
    llvm::WithColor::warning(llvm::errs(), "seq-compile") << message << "\n";
  };
  auto module = seqc::importModel(model, options, context);
  if (!module)
    return fail(llvm::toString(module.takeError()));
  std::error_code code;
  llvm::ToolOutputFile file(output, code, llvm::sys::fs::OF_Text);
  if (code)
    return fail(output + ": " + code.message());
  (*module)->print(file.os());
  file.keep();
  return 0;
}
