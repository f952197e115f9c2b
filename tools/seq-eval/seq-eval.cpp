//===- seq-eval.cpp - evaluates a function with the reference evaluator
//----------===//

#include "seqc/Import/Weights.h"
#include "seqc/Reference/Files.h"
#include "seqc/Registration.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;
using seqc::SourceWeights;
using seqc::reference::FileOptions;
using seqc::reference::Tensor;

static cl::OptionCategory category("seq-eval options");

static cl::opt<std::string> moduleFile(cl::Positional, cl::Required,
                                       cl::desc("FILE.mlir"),
                                       cl::cat(category));
static cl::opt<std::string> function(
    "function", cl::value_desc("name"), cl::cat(category),
    cl::desc("The function to evaluate (default: the only public one)"));
static cl::list<std::string>
    inputs("input", cl::value_desc("NAME=FILE.npy"), cl::cat(category),
           cl::desc("An argument; each one must be given"));
static cl::list<std::string>
    outputs("output", cl::value_desc("NAME=FILE.npy"), cl::cat(category),
            cl::desc("A result to write; all files are written, or none"));
static cl::opt<bool>
    print("print", cl::cat(category),
          cl::desc("Print the results (default where there is no --output)"));
static cl::opt<std::string>
    weightsDir("weights-dir", cl::value_desc("directory"), cl::cat(category),
               cl::desc("Where NAME.npy is the tensor of seq.weight @NAME"));
static cl::opt<std::string> weights(
    "weights", cl::value_desc("file or directory"), cl::cat(category),
    cl::desc("The .safetensors file, or the model directory, that holds the "
             "tensor NAME of seq.weight @NAME"));
static cl::opt<bool> checkAssociative(
    "check-associative", cl::cat(category),
    cl::desc("Also try each `seq.scan associative` that runs on random tuples"));
static cl::opt<bool>
    asDouble("double", cl::cat(category),
             cl::desc("Write floats as f64 instead of the declared type"));

static constexpr const char *overview =
    R"(Evaluates a function of an MLIR module slowly and clearly, in f64.

  A NAME is the seq.name attribute of the argument or result, else arg0, arg1, …
  and result0, result1, …. Dynamic sizes come from the inputs. Values keep the
  precision of their file and floats are computed in f64 whatever their declared
  type; what a function reads without having written it is NaN.
)";

static int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "seq-eval") << message << "\n";
  return 1;
}

/// Splits each NAME=FILE; returns the one that is not of this form, if any.
static std::optional<std::string>
parseFiles(llvm::ArrayRef<std::string> texts,
           llvm::SmallVectorImpl<FileOptions::NamedFile> &files) {
  for (const std::string &text : texts) {
    auto [name, path] = llvm::StringRef(text).split('=');
    if (name.empty() || path.empty())
      return text;
    files.emplace_back(name.str(), path.str());
  }
  return std::nullopt;
}

/// The tensor `name` of the source, with its values as they are in the file.
static llvm::Expected<Tensor> readWeight(const SourceWeights &source,
                                         llvm::StringRef name,
                                         mlir::RankedTensorType type) {
  const SourceWeights::Tensor *tensor = source.find(name);
  if (!tensor)
    return llvm::createStringError(source.getPath() + ": there is no tensor '" +
                                   name + "'");
  if (!Tensor::countElements(tensor->shape))
    return llvm::createStringError(source.getPath() + ": tensor '" + name +
                                   "' is too large to be evaluated");
  mlir::Builder b(type.getContext());
  int64_t count = tensor->getNumElements();
  if (tensor->isFloat()) {
    std::vector<double> values(count);
    for (int64_t i = 0; i < count; ++i)
      values[i] = *tensor->getReal(i);
    return Tensor::ofReals(tensor->shape, b.getF64Type(), values);
  }
  std::vector<int64_t> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = *tensor->getInteger(i);
  return Tensor::ofIntegers(tensor->shape, b.getI64Type(), values);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, overview);

  FileOptions options;
  options.function = function;
  if (!weights.empty() && !weightsDir.empty())
    return fail("--weights and --weights-dir exclude each other");
  std::shared_ptr<SourceWeights> source;
  if (!weights.empty()) {
    auto opened = SourceWeights::open(weights);
    if (!opened)
      return fail(llvm::toString(opened.takeError()));
    source = std::move(*opened);
    options.weights = [source](llvm::StringRef name,
                               std::optional<int64_t> index,
                               mlir::RankedTensorType type) {
      return readWeight(*source, seqc::reference::weightName(name, index), type);
    };
  } else if (!weightsDir.empty()) {
    options.weights = seqc::reference::weightsFromNpy(weightsDir);
  }
  options.asDouble = asDouble;
  options.checkAssociative = checkAssociative;
  if (print || outputs.empty())
    options.print = &llvm::outs();
  if (auto text = parseFiles(inputs, options.inputs))
    return fail("--input " + *text + ": expected NAME=FILE.npy");
  if (auto text = parseFiles(outputs, options.outputs))
    return fail("--output " + *text + ": expected NAME=FILE.npy");

  mlir::DialectRegistry registry;
  seqc::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler(sources, &context);
  auto module =
      mlir::parseSourceFile<mlir::ModuleOp>(moduleFile, sources, &context);
  if (!module)
    return 1;
  if (llvm::Error error = seqc::reference::runOnFiles(*module, options)) {
    // What went wrong in the evaluation has been said by a diagnostic.
    std::string message = llvm::toString(std::move(error));
    return message.empty() ? 1 : fail(message);
  }
  return 0;
}
