//===- seq-measure.cpp - writes a target file for this machine -----------===//

#include "seqc/Target/Measure.h"
#include "seqc/Target/OutputFile.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("seq-measure options");

static cl::opt<std::string>
    output("o", cl::value_desc("file"), cl::init("-"), cl::cat(category),
           cl::desc("Where to write (default: standard output)"));

static constexpr const char *overview =
    R"(Measures this machine for the compiler's choice of forms, in some seconds.

  seq-measure -o machine.json
  seq-compile model --target-file=machine.json
)";

static llvm::Error run() {
  auto machine = seqc::measureMachine();
  if (!machine)
    return machine.takeError();
  if (output == "-") {
    seqc::printMachine(*machine, llvm::outs());
    return llvm::Error::success();
  }
  auto file = seqc::OutputFile::create(output);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write([&](llvm::raw_ostream &stream) {
        seqc::printMachine(*machine, stream);
      }))
    return error;
  return file->keep();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, overview);
  if (llvm::Error error = run()) {
    llvm::WithColor::error(llvm::errs(), "seq-measure")
        << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
