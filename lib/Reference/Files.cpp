//===- Files.cpp - evaluation from and to .npy files
//-----------------------------===//

#include "seqc/Reference/Files.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace seqc::reference;

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static std::string toString(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static llvm::Expected<func::FuncOp> findFunction(ModuleOp module,
                                                 StringRef name) {
  if (!name.empty()) {
    if (auto function = module.lookupSymbol<func::FuncOp>(name))
      return function;
    return makeError("there is no function '" + name + "'");
  }
  SmallVector<func::FuncOp> found;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      found.push_back(function);
  if (found.size() == 1)
    return found.front();
  std::string names;
  for (func::FuncOp function : found)
    names += " " + function.getName().str();
  return makeError(found.empty() ? Twine("there is no public function")
                                 : "name the function (--function): there are" +
                                       Twine(names));
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static std::string getName(DictionaryAttr attributes, const char *kind,
                           unsigned number) {
  for (StringRef key : {"seq.name", "seq.state"})
    if (auto name = attributes ? attributes.getAs<StringAttr>(key) : nullptr)
      return name.str();
  return kind + std::to_string(number);
}

/// For each of `names` the file given for it, or nothing.
static llvm::Expected<SmallVector<std::optional<std::string>>>
matchFiles(StringRef kind, ArrayRef<std::string> names,
           ArrayRef<FileOptions::NamedFile> files) {
  SmallVector<std::optional<std::string>> matched(names.size());
  for (size_t index = 0; index < names.size(); ++index)
    if (llvm::is_contained(names.drop_front(index + 1), names[index]))
      return makeError("the function has two " + kind + "s named '" +
                       names[index] + "'");
  for (const auto &[name, path] : files) {
    const auto *found = llvm::find(names, name);
    if (found == names.end())
      return makeError("there is no " + kind + " '" + name +
                       "', there are: " + llvm::join(names, ", "));
    std::optional<std::string> &slot = matched[found - names.begin()];
    if (slot)
      return makeError(kind + " '" + name + "' is given twice");
    slot = path;
  }
  return matched;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static llvm::Expected<Tensor> readInput(StringRef name, StringRef path,
                                        Type type) {
  Type elementType = getElementTypeOrSelf(type);
  if (!isSupportedElementType(elementType))
    return makeError("input '" + name + "' has type " + toString(type) +
                     ", which cannot be evaluated");
  llvm::Expected<Tensor> tensor = readNpy(path, elementType);
  if (!tensor)
    return makeError("input '" + name +
                     "': " + llvm::toString(tensor.takeError()));
  std::string mismatch = describeMismatch(*tensor, type);
  if (!mismatch.empty())
    return makeError("input '" + name + "': " + path + ": " + mismatch);
  return tensor;
}

decltype(Options::weights)
seqc::reference::weightsFromNpy(std::string directory) {
  return [directory](StringRef name, std::optional<int64_t> index,
                     RankedTensorType type) -> llvm::Expected<Tensor> {
    SmallString<128> path(directory);
    llvm::sys::path::append(path, weightName(name, index) + ".npy");
    return readNpy(path, type.getElementType());
  };
}

llvm::Error seqc::reference::runOnFiles(ModuleOp module,
                                        const FileOptions &options) {
  llvm::Expected<func::FuncOp> function =
      findFunction(module, options.function);
  if (!function)
    return function.takeError();
  SmallVector<std::string> argumentNames, resultNames;
  for (unsigned i = 0; i < function->getNumArguments(); ++i)
    argumentNames.push_back(getName(function->getArgAttrDict(i), "arg", i));
  for (unsigned i = 0; i < function->getNumResults(); ++i)
    resultNames.push_back(getName(function->getResultAttrDict(i), "result", i));
  auto inputFiles = matchFiles("input", argumentNames, options.inputs);
  if (!inputFiles)
    return inputFiles.takeError();
  auto outputFiles = matchFiles("output", resultNames, options.outputs);
  if (!outputFiles)
    return outputFiles.takeError();

  SmallVector<Tensor> arguments;
  for (auto [name, file, type] : llvm::zip_equal(
           argumentNames, *inputFiles, function->getArgumentTypes())) {
    if (!file)
      return makeError("input '" + name + "' is missing: " + toString(type));
    llvm::Expected<Tensor> argument = readInput(name, *file, type);
    if (!argument)
      return argument.takeError();
    arguments.push_back(std::move(*argument));
  }
  FailureOr<SmallVector<Tensor>> results =
      evaluate(module, function->getName(), arguments,
               {options.weights, options.checkAssociative});
  if (failed(results))
    return makeError("");

  SmallVector<std::string> paths;
  SmallVector<Tensor> written;
  for (auto [file, result] : llvm::zip_equal(*outputFiles, *results))
    if (file) {
      paths.push_back(*file);
      written.push_back(result);
    }
  if (!paths.empty())
    if (llvm::Error error = writeNpy(paths, written, options.asDouble))
      return error;
  if (options.print)
    for (auto [name, result] : llvm::zip_equal(resultNames, *results)) {
      *options.print << name << ": ";
      result.printType(*options.print);
      *options.print << " ";
      result.print(*options.print);
      *options.print << "\n";
    }
  return llvm::Error::success();
}
