//===- Evaluator.cpp - the reference evaluator
//-----------------------------------===//

#include "seqc/Reference/Evaluator.h"

#include "Interpreter.h"

using namespace mlir;
using namespace seqc::reference;

static std::string describeType(const Tensor &tensor) {
  std::string text;
  llvm::raw_string_ostream os(text);
  tensor.printType(os);
  return text;
}

std::string seqc::reference::describeMismatch(const Tensor &tensor, Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto shaped = dyn_cast<ShapedType>(type);
  bool fits = isa<FloatType>(getElementTypeOrSelf(type)) == tensor.isFloat();
  if (!shaped)
    fits &= tensor.getRank() == 0;
  else if (shaped.hasRank())
    fits &=
        succeeded(verifyCompatibleShape(tensor.getShape(), shaped.getShape()));
  if (!fits)
    os << "found " << describeType(tensor) << ", expected " << type;
  return text;
}

std::string seqc::reference::weightName(StringRef name,
                                        std::optional<int64_t> index) {
  auto [before, after] = name.split("{}");
  return index ? (before + Twine(*index) + after).str() : name.str();
}

/// An argument as the function sees it: of the declared element type, integers
/// within its range.
static FailureOr<Datum> convertArgument(func::FuncOp function, unsigned number,
                                        const Tensor &argument) {
  Type type = function.getArgumentTypes()[number];
  Type elementType = getElementTypeOrSelf(type);
  if (!isSupportedElementType(elementType) ||
      !isa<RankedTensorType, FloatType, IntegerType, IndexType>(type))
    return function.emitOpError("argument ")
           << number << " has type " << type << ", which cannot be evaluated";
  std::string mismatch = describeMismatch(argument, type);
  if (!mismatch.empty())
    return function.emitOpError("argument ") << number << ": " << mismatch;
  if (!argument.isFloat())
    for (Element element : argument.getElements())
      if (wrap(element.integer, elementType) != element.integer)
        return function.emitOpError("argument ")
               << number << ": " << element.integer << " is no " << elementType;
  if (!isa<TensorType>(type))
    return Datum(argument.getElements().front());
  return Datum(argument.retyped(elementType));
}

FailureOr<SmallVector<Tensor>>
seqc::reference::evaluate(ModuleOp module, StringRef name,
                          ArrayRef<Tensor> arguments, const Options &options) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return module.emitError("there is no function '") << name << "'";
  if (arguments.size() != function.getNumArguments())
    return function.emitOpError("takes ")
           << function.getNumArguments() << " arguments, found "
           << arguments.size();
  SmallVector<Datum> values, results;
  for (auto [number, argument] : llvm::enumerate(arguments)) {
    FailureOr<Datum> value = convertArgument(function, number, argument);
    if (failed(value))
      return failure();
    values.push_back(std::move(*value));
  }

  Interpreter interpreter(options);
  if (failed(interpreter.call(function, values, results, function)))
    return failure();
  SmallVector<Tensor> tensors;
  for (auto [result, type] :
       llvm::zip_equal(results, function.getResultTypes()))
    if (auto *element = std::get_if<Element>(&result))
      tensors.push_back(Tensor::filled({}, type, *element));
    else
      tensors.push_back(std::get<Tensor>(std::move(result)));
  return tensors;
}
