//===- seq-compile.cpp - compiles models to programs ---------------------===//

#include "seqc/Compile.h"
#include "seqc/Import/Import.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;
using seqc::Emit;
using seqc::Explain;

static cl::OptionCategory category("seq-compile options");

static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"),
                                  cl::cat(category));
static cl::opt<std::string>
    output("o", cl::value_desc("file"), cl::cat(category),
           cl::desc("Where to write (default: text to standard output, a "
                    "program beside you, named after the model)"));
static cl::opt<Emit> emit(
    "emit", cl::desc("What to write:"), cl::cat(category),
    cl::init(Emit::Executable),
    cl::values(clEnumValN(Emit::Seq, "seq", "the model in layers"),
               clEnumValN(Emit::Forms, "forms", "recurrences and products"),
               clEnumValN(Emit::Kernels, "kernels", "how they are computed"),
               clEnumValN(Emit::Loops, "loops", "vector code on memory"),
               clEnumValN(Emit::Llvm, "llvm", "the LLVM dialect"),
               clEnumValN(Emit::Assembly, "asm", "assembly"),
               clEnumValN(Emit::Object, "obj", "an object file"),
               clEnumValN(Emit::Shared, "shared",
                          "a shared library and its C header"),
               clEnumValN(Emit::Executable, "exe", "a program (default)")));
static cl::opt<std::string>
    target("target", cl::value_desc("cpu"), cl::init("native"),
           cl::cat(category),
           cl::desc("native (default), x86-64, x86-64-v2, -v3 or -v4"));
static cl::opt<std::string>
    targetFile("target-file", cl::value_desc("file"), cl::cat(category),
               cl::desc("The machine's rates, as seq-measure writes them "
                        "(default: usual ones for --target)"));
static cl::opt<std::string>
    form("form", cl::value_desc("form"), cl::init("auto"), cl::cat(category),
         cl::desc("How recurrences are computed: auto (default, by cost), "
                  "sequential, chunked, scan or quadratic"));
static cl::opt<Explain> explain(
    "explain", cl::ValueOptional, cl::init(Explain::No), cl::cat(category),
    cl::desc("Write what each layer costs in each form instead of a program:"),
    cl::values(clEnumValN(Explain::Text, "", ""),
               clEnumValN(Explain::Text, "text", "for people"),
               clEnumValN(Explain::Json, "json", "for programs")));
static cl::opt<int64_t> batch("batch", cl::value_desc("N"), cl::init(1),
                              cl::cat(category),
                              cl::desc("Sequences at a time (default 1)"));
static cl::opt<int64_t>
    exitLayer("exit-layer", cl::value_desc("N"), cl::cat(category),
              cl::desc("Leave the model after its first N layers, with its own "
                       "norm and head (default: none left out)"));
static cl::opt<bool>
    reset("reset", cl::cat(category),
          cl::desc("Functions take several sequences in one: the input "
                   "'reset', [batch, times] of i1, is true where one starts"));
static cl::opt<std::string>
    weights("weights", cl::value_desc("file"), cl::cat(category),
            cl::desc("Weights of an .mlir file: a .safetensors file or a "
                     "directory with one"));
static cl::opt<bool>
    embedWeights("embed-weights", cl::cat(category),
                 cl::desc("Put the weights into the program instead of a file "
                          "beside it"));

static cl::opt<bool>
    listModels("list-models", cl::cat(category),
               cl::desc("Print the kinds of models in directories, what they "
                        "agree with and the options of their config.json"));

static constexpr const char *overview =
    R"(Compiles a sequence model to a native program.

  MODEL is a directory with config.json and model.safetensors, as Hugging Face
  lays them out, or an .mlir file with functions of tensors. The program's own
  --help says how to run it; its weights lie beside it as <program>.weights.

  seq-compile examples/bible-lm/model -o bible-lm
  ./bible-lm generate --prompt "In the beginning"
)";

/// lib/ beside the folder that this program is in.
static std::string runtimeDirectory(const char *argv0) {
  std::string self = llvm::sys::fs::getMainExecutable(
      argv0, reinterpret_cast<void *>(&runtimeDirectory));
  llvm::SmallString<256> path(
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(self)));
  llvm::sys::path::append(path, "lib");
  return std::string(path);
}

/// The model's own name, for a program in the current folder.
static std::string defaultOutput() {
  llvm::StringRef path = llvm::StringRef(model).rtrim('/');
  std::string name = llvm::sys::path::stem(path).str();
  if (name.empty() || name == "." || name == "..")
    name = "model";
  switch (emit) {
  case Emit::Assembly:
    return name + ".s";
  case Emit::Object:
    return name + ".o";
  case Emit::Shared:
    return "lib" + name + ".so";
  case Emit::Executable:
    // A directory is not overwritten by its program.
    return llvm::sys::fs::is_directory(name) ? name + ".out" : name;
  default:
    return "";
  }
}

static void printModels() {
  for (const seqc::FamilyInfo &family : seqc::listFamilies()) {
    llvm::outs() << family.modelType << "\n  reference: " << family.reference
                 << "\n";
    if (!family.options.empty())
      llvm::outs() << "  options:   " << family.options << "\n";
  }
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, overview);

  if (listModels) {
    printModels();
    return 0;
  }
  if (model.empty()) {
    llvm::WithColor::error(llvm::errs(), "seq-compile")
        << "expected a MODEL: a directory or an .mlir file (--help says "
           "more)\n";
    return 1;
  }

  seqc::CompileOptions options;
  options.model = model;
  options.output =
      output.empty() && explain == Explain::No ? defaultOutput() : output;
  options.emit = emit;
  options.cpu = target;
  options.targetFile = targetFile;
  options.form = form;
  options.explain = explain;
  options.batch = batch;
  if (exitLayer.getNumOccurrences())
    options.exitLayer = exitLayer;
  options.reset = reset;
  options.weights = weights;
  options.embedWeights = embedWeights;
  options.runtimeDirectory = runtimeDirectory(argv[0]);
  if (llvm::Error error = seqc::compile(options)) {
    // What a diagnostic has said is not said twice.
    std::string message = llvm::toString(std::move(error));
    if (!message.empty())
      llvm::WithColor::error(llvm::errs(), "seq-compile") << message << "\n";
    return 1;
  }
  return 0;
}
