//===- Compile.cpp - from a model to files --------------------------------------===//

#include "seqc/Compile.h"

#include "seqc/Analysis/Forms.h"
#include "seqc/Import/Import.h"
#include "seqc/Import/Weights.h"
#include "seqc/Pipelines.h"
#include "seqc/Registration.h"
#include "seqc/Rewrite/Explain.h"
#include "seqc/Rewrite/Passes.h"
#include "seqc/Target/CPU.h"
#include "seqc/Target/LibraryHeader.h"
#include "seqc/Target/OutputFile.h"
#include "seqc/Target/Pack.h"
#include "seqc/Target/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/xxhash.h"
#include "llvm/Target/TargetMachine.h"

using namespace seqc;
using namespace mlir;

namespace {
/// What has been said by a diagnostic needs no error of its own.
llvm::Error said() { return llvm::createStringError(""); }

/// Diagnostics on one line each; remarks and notes only explain.
void printDiagnostic(Diagnostic &diagnostic) {
  DiagnosticSeverity severity = diagnostic.getSeverity();
  if (severity == DiagnosticSeverity::Remark)
    return;
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
    stream << place.getFilename().getValue() << ":" << place.getLine() << ": ";
  stream << (severity == DiagnosticSeverity::Error ? "error: " : "warning: ");
  std::string message = diagnostic.str();
  std::replace(message.begin(), message.end(), '\n', ' ');
  stream << message << "\n";
  llvm::errs() << text;
}

class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options), context(registry()),
        handler(context.getDiagEngine().registerHandler(printDiagnostic)) {
    context.loadAllAvailableDialects();
  }
  ~Compilation() { context.getDiagEngine().eraseHandler(handler); }

  llvm::Error run();

private:
  static DialectRegistry registry();
  llvm::Error load();
  llvm::Error loadWeights();
  llvm::Error addReset();
  llvm::Error lower(Stage from, Stage to);
  llvm::Error writeText(llvm::function_ref<void(raw_ostream &)> print);
  llvm::Error writeModule();
  llvm::Error writeExplanation();
  llvm::Expected<std::unique_ptr<llvm::Module>> translate();
  llvm::Error writeCode();
  llvm::Error writeProgram(StringRef object);
  WeightSource weightSource() const;
  Stage lastStage() const;

  const CompileOptions &options;
  MLIRContext context;
  DiagnosticEngine::HandlerID handler;
  OwningOpRef<ModuleOp> module, pack;
  std::unique_ptr<SourceWeights> weights;
  std::vector<uint8_t> payload; // of embedded weights
  Cpu cpu;
  ProgramDescription description;
  uint64_t sourceHash = 0; // of the model without its weights
  llvm::LLVMContext llvmContext;
};

DialectRegistry Compilation::registry() {
  DialectRegistry registry;
  registerDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  return registry;
}

llvm::Error Compilation::load() {
  if (!llvm::sys::fs::exists(options.model))
    return llvm::createStringError(options.model + ": no such file or directory");
  if (llvm::sys::fs::is_directory(options.model)) {
    ImportOptions import;
    import.batch = options.batch;
    import.exitLayer = options.exitLayer;
    import.warn = [](StringRef warning) {
      llvm::WithColor::warning(llvm::errs(), "seq-compile") << warning << "\n";
    };
    auto imported = importModel(options.model, import, context);
    if (!imported)
      return imported.takeError();
    module = std::move(*imported);
    return llvm::Error::success();
  }
  StringRef kind = llvm::sys::path::extension(options.model);
  if (kind != ".mlir" && kind != ".mlirbc")
    return llvm::createStringError(
        options.model + ": expected a directory with config.json and "
                        "model.safetensors, or an .mlir file");
  if (options.batch != 1)
    return llvm::createStringError(
        "--batch is for directories: an .mlir file says its own sizes");
  if (options.exitLayer)
    return llvm::createStringError(
        "--exit-layer is for directories: an .mlir file has no layers");
  module = parseSourceFile<ModuleOp>(options.model, &context);
  if (!module)
    return said();
  return llvm::Error::success();
}

/// The weights' file, which only a program needs.
llvm::Error Compilation::loadWeights() {
  bool isDirectory = llvm::sys::fs::is_directory(options.model);
  if (isDirectory && !options.weights.empty())
    return llvm::createStringError(
        "--weights is for .mlir files: a directory has its own");
  StringRef path = isDirectory ? StringRef(options.model) : options.weights;
  if (path.empty())
    return llvm::createStringError(options.model +
                                   " has weights: say with --weights where "
                                   "they are");
  auto opened = SourceWeights::open(path);
  if (!opened)
    return opened.takeError();
  weights = std::move(*opened);
  return llvm::Error::success();
}

WeightSource Compilation::weightSource() const {
  WeightSource source;
  source.find = [this](StringRef name) -> std::optional<WeightSource::Tensor> {
    const SourceWeights::Tensor *tensor = weights->find(name);
    if (!tensor)
      return std::nullopt;
    return WeightSource::Tensor{nameOf(tensor->dtype).upper(), tensor->shape,
                                tensor->data, tensor->bytes};
  };
  source.release = [this](StringRef name) {
    if (const SourceWeights::Tensor *tensor = weights->find(name))
      weights->release(*tensor);
  };
  return source;
}

Stage Compilation::lastStage() const {
  switch (options.emit) {
  case Emit::Seq:
    return Stage::Seq;
  case Emit::Forms:
    return Stage::Forms;
  case Emit::Kernels:
    return Stage::Kernels;
  case Emit::Loops:
    return Stage::Loops;
  default:
    return Stage::LLVM;
  }
}

llvm::Error Compilation::addReset() {
  PassManager manager(&context);
  bool hasAttention = module
                          ->walk([](seq::AttentionOp op) {
                            return op.getNormaliser() == seq::Normaliser::kernel
                                       ? WalkResult::advance()
                                       : WalkResult::interrupt();
                          })
                          .wasInterrupted();
  buildResetPipeline(manager, /*expose=*/!hasAttention);
  return failed(manager.run(*module)) ? said() : llvm::Error::success();
}

llvm::Error Compilation::lower(Stage from, Stage to) {
  PassManager manager(&context);
  buildPipeline(manager, from, to, cpu.target, options.form);
  return failed(manager.run(*module)) ? said() : llvm::Error::success();
}

llvm::Error
Compilation::writeText(llvm::function_ref<void(raw_ostream &)> print) {
  if (options.output.empty() || options.output == "-") {
    print(llvm::outs());
    return llvm::Error::success();
  }
  auto file = OutputFile::create(options.output);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write(print))
    return error;
  return file->keep();
}

llvm::Error Compilation::writeModule() {
  return writeText([&](raw_ostream &stream) {
    module->print(stream, OpPrintingFlags().useLocalScope());
    stream << "\n";
  });
}

/// What the choice of forms will see.
llvm::Error Compilation::writeExplanation() {
  PassManager manager(&context);
  buildSeqPipeline(manager);
  buildGeneralPipeline(manager);
  if (failed(manager.run(*module)))
    return said();
  // A form that a layer does not admit is an error here as well.
  if (getForm(options.form)) {
    OwningOpRef<ModuleOp> copy(module->clone());
    PassManager select(&context);
    select.addPass(createSeqSelectForm(cpu.target.machine, options.form));
    if (failed(select.run(*copy)))
      return said();
  }
  Explanation explanation =
      explainForms(*module, cpu.target.machine, getForm(options.form));
  return writeText([&](raw_ostream &stream) {
    if (options.explain == Explain::Json)
      printJson(explanation, stream);
    else
      printText(explanation, stream);
  });
}

llvm::Expected<std::unique_ptr<llvm::Module>> Compilation::translate() {
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(*module, llvmContext, "seq");
  if (!code)
    return said();
  emitDescriptor(*code, description,
                 StringRef(reinterpret_cast<const char *>(payload.data()),
                           payload.size()));
  return code;
}

llvm::Error Compilation::writeCode() {
  auto machine = createTargetMachine(cpu);
  if (!machine)
    return machine.takeError();
  if (pack && options.embedWeights) {
    auto packed = packWeights(*pack, weightSource());
    if (!packed)
      return packed.takeError();
    payload = std::move(*packed);
  }
  auto code = translate();
  if (!code)
    return code.takeError();
  optimize(**code, cpu, **machine);

  bool isProgram =
      options.emit == Emit::Executable || options.emit == Emit::Shared;
  if (isProgram && llvm::sys::fs::exists(options.output) &&
      !llvm::sys::fs::is_regular_file(options.output))
    return llvm::createStringError("cannot write " + options.output +
                                   ": it is no regular file");
  auto file = OutputFile::create(isProgram ? options.output + ".o"
                                           : options.output);
  if (!file)
    return file.takeError();
  CodeKind kind = options.emit == Emit::Assembly ? CodeKind::Assembly
                                                 : CodeKind::Object;
  if (llvm::Error error =
          seqc::writeCode(**code, **machine, kind, file->temporary()))
    return error;
  return isProgram ? writeProgram(file->temporary()) : file->keep();
}

/// All files take their names together, at the very end, the program last:
/// where there is a new program, there is all that it needs.
llvm::Error Compilation::writeProgram(StringRef object) {
  auto program = OutputFile::create(options.output);
  if (!program)
    return program.takeError();
  if (llvm::Error error =
          link(object, options.runtimeDirectory,
               options.emit == Emit::Shared ? LinkKind::Shared
                                            : LinkKind::Executable,
               program->temporary()))
    return error;
  SmallVector<OutputFile, 3> beside;
  auto writeBeside = [&](const std::string &path, auto write) -> llvm::Error {
    auto file = OutputFile::create(path);
    if (!file)
      return file.takeError();
    beside.push_back(std::move(*file));
    return write(beside.back());
  };
  if (pack && !options.embedWeights)
    if (llvm::Error error =
            writeBeside(options.output + ".weights", [&](OutputFile &file) {
              return writeWeightFile(*pack, weightSource(),
                                     description.sourceHash, file.temporary());
            }))
      return error;
  if (options.emit == Emit::Shared)
    if (llvm::Error error = writeBeside(
            libraryHeaderPath(options.output), [&](OutputFile &file) {
              return file.write([&](raw_ostream &stream) {
                stream << makeLibraryHeader(description, options.output);
              });
            }))
      return error;
  // The tokenizer of the model's directory, which a program looks for beside
  // itself.
  llvm::SmallString<256> tokenizer(options.model);
  llvm::sys::path::append(tokenizer, "tokenizer.json");
  std::string ownTokenizer = options.output + ".tokenizer.json";
  bool hasTokenizer = llvm::sys::fs::is_directory(options.model) &&
                      llvm::sys::fs::exists(tokenizer);
  if (hasTokenizer)
    if (llvm::Error error = writeBeside(
            ownTokenizer, [&](OutputFile &file) -> llvm::Error {
              std::error_code code =
                  llvm::sys::fs::copy_file(tokenizer, file.temporary());
              if (!code)
                return llvm::Error::success();
              return llvm::createStringError("cannot copy " + tokenizer + ": " +
                                             code.message());
            }))
      return error;
  for (OutputFile &file : beside)
    if (llvm::Error error = file.keep())
      return error;
  // One of another model, which had this name before.
  if (!hasTokenizer)
    if (std::error_code code = llvm::sys::fs::remove(ownTokenizer))
      return llvm::createStringError("cannot remove " + ownTokenizer + ": " +
                                     code.message());
  return program->keep(/*executable=*/true);
}

llvm::Error Compilation::run() {
  // Said before the work, not after it.
  StringRef folder = llvm::sys::path::parent_path(options.output);
  if (!folder.empty() && !llvm::sys::fs::is_directory(folder))
    return llvm::createStringError("cannot write " + options.output +
                                   ": there is no folder " + folder);
  if (options.form != "auto" && !getForm(options.form))
    return llvm::createStringError(
        "there is no form '" + options.form +
        "'; known are auto, sequential, chunked, scan, quadratic");
  auto resolved = resolveCpu(options.cpu);
  if (!resolved)
    return resolved.takeError();
  cpu = std::move(*resolved);
  if (!options.targetFile.empty()) {
    auto machine = readMachine(options.targetFile);
    if (!machine)
      return machine.takeError();
    cpu.target.machine = std::move(*machine);
  }
  if (llvm::Error error = load())
    return error;
  if (options.reset)
    if (llvm::Error error = addReset())
      return error;
  if (options.explain != Explain::No)
    return writeExplanation();
  Stage last = lastStage();
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  sourceHash = llvm::xxh3_64bits(text);
  if (llvm::Error error = lower(Stage::Model, std::min(last, Stage::Kernels)))
    return error;
  if (last <= Stage::Kernels)
    return writeModule();
  pack = takePack(*module);
  if (pack && options.emit >= Emit::Assembly)
    if (llvm::Error error = loadWeights())
      return error;
  std::string forms = describeForms(*module);
  if (llvm::Error error = lower(Stage::Kernels, Stage::Loops))
    return error;
  if (last == Stage::Loops)
    return writeModule();
  description = describeProgram(*module);
  description.sourceHash = sourceHash;
  if (weights)
    description.sourceHash ^= weights->hash();
  description.forms = forms;
  description.target = cpu.label;
  description.compiler = "seq 0.1.0";
  if (llvm::Error error = lower(Stage::Loops, Stage::LLVM))
    return error;
  return options.emit == Emit::Llvm ? writeModule() : writeCode();
}
} // namespace

llvm::Error seqc::compile(const CompileOptions &options) {
  return Compilation(options).run();
}
