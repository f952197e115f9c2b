//===- Interpreter.cpp - runs operations one by one
//------------------------------===//

#include "Interpreter.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace seqc::reference;

Registry::Registry() {
  registerAffine(*this);
  registerArith(*this);
  registerControlFlow(*this);
  registerLinalg(*this);
  registerMath(*this);
  registerSeq(*this);
  registerTensor(*this);
  registerTensorSlices(*this);
}

static const Registry &getRegistry() {
  static const Registry registry;
  return registry;
}

std::string seqc::reference::toString(ArrayRef<int64_t> integers) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(integers, os);
  os << "]";
  return text;
}

LogicalResult seqc::reference::checkShape(Operation *op,
                                          ArrayRef<int64_t> shape) {
  if (Tensor::countElements(shape))
    return success();
  return op->emitOpError("a tensor of shape ")
         << toString(shape)
         << " cannot be made: sizes must not be negative and "
         << "at most " << Tensor::maxElements << " elements are held";
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

int64_t Interpreter::getInteger(OpFoldResult value) {
  if (auto attribute = dyn_cast<Attribute>(value))
    return cast<IntegerAttr>(attribute).getInt();
  return getInteger(cast<Value>(value));
}

SmallVector<int64_t> Interpreter::getIntegers(ArrayRef<OpFoldResult> values) {
  return llvm::map_to_vector(
      values, [&](OpFoldResult value) { return getInteger(value); });
}

SmallVector<int64_t> Interpreter::getIntegers(ValueRange values) {
  return llvm::map_to_vector(values,
                             [&](Value value) { return getInteger(value); });
}

/// Whether nothing reads the operand's value after its operation has. A value
/// from outside of the operation's block may be read again by the next
/// iteration of a loop.
static bool isLastUse(OpOperand &operand) {
  Operation *op = operand.getOwner();
  Block *block = op->getBlock();
  if (operand.get().getParentBlock() != block)
    return false;
  return llvm::all_of(operand.get().getUses(), [&](OpOperand &use) {
    if (&use == &operand)
      return true;
    Operation *user = block->findAncestorOpInBlock(*use.getOwner());
    return user && user != op && user->isBeforeInBlock(op);
  });
}

Datum Interpreter::take(OpOperand &operand) {
  Datum &value = values[operand.get()];
  if (std::holds_alternative<Tensor>(value) && isLastUse(operand))
    return std::move(value);
  return value;
}

//===----------------------------------------------------------------------===//
// Regions and functions
//===----------------------------------------------------------------------===//

LogicalResult Interpreter::runBody(Block &block,
                                   MutableArrayRef<Datum> arguments) {
  for (auto [argument, value] :
       llvm::zip_equal(block.getArguments(), arguments))
    set(argument, std::move(value));
  for (Operation &op : block.without_terminator())
    if (failed(run(&op)))
      return failure();
  return success();
}

LogicalResult Interpreter::run(Region &region, MutableArrayRef<Datum> arguments,
                               SmallVectorImpl<Datum> &results) {
  if (!region.hasOneBlock())
    return region.getParentOp()->emitOpError(
        "has a region of several blocks: only structured control flow can be "
        "evaluated");
  if (failed(runBody(region.front(), arguments)))
    return failure();
  results.clear();
  for (OpOperand &operand : region.front().getTerminator()->getOpOperands())
    results.push_back(take(operand));
  return success();
}

static bool isSupported(Type type) {
  if (auto tensor = dyn_cast<TensorType>(type))
    return isSupportedElementType(tensor.getElementType());
  return isSupportedElementType(type);
}

/// The types of all values in `op`, once for each function.
static LogicalResult checkTypes(Operation *root) {
  auto check = [](Operation *op, TypeRange types) -> WalkResult {
    for (Type type : types)
      if (!isSupported(type)) {
        op->emitOpError("has a value of type ")
            << type << ", which cannot be evaluated";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  };
  return failure(
      root->walk<WalkOrder::PreOrder>([&](Operation *op) {
            for (Region &region : op->getRegions())
              for (Block &block : region)
                if (check(op, block.getArgumentTypes()).wasInterrupted())
                  return WalkResult::interrupt();
            return check(op, op->getResultTypes());
          })
          .wasInterrupted());
}

LogicalResult Interpreter::call(func::FuncOp function,
                                MutableArrayRef<Datum> arguments,
                                SmallVectorImpl<Datum> &results,
                                Operation *caller) {
  constexpr int64_t maxDepth = 256;
  if (function.isExternal())
    return caller->emitOpError("function '")
           << function.getName() << "' has no body";
  if (depth == maxDepth)
    return caller->emitOpError("calls are nested more than ")
           << maxDepth << " deep";
  if (checkedFunctions.insert(function).second && failed(checkTypes(function)))
    return failure();

  // Each call has values of its own.
  llvm::DenseMap<Value, Datum> outer;
  std::swap(values, outer);
  ++depth;
  LogicalResult result = run(function.getBody(), arguments, results);
  --depth;
  std::swap(values, outer);
  return result;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult Interpreter::run(Operation *op) {
  if (const ScalarFunction *function = getRegistry().lookupScalar(op))
    return runScalar(op, *function);
  if (const Handler *handler = getRegistry().lookup(op)) {
    if (failed((*handler)(*this, op)))
      return failure();
  } else if (isa<linalg::LinalgOp>(op)) {
    if (failed(runLinalg(*this, op)))
      return failure();
  } else if (isa<mlir::seq::GeneralizableOpInterface,
                 linalg::AggregatedOpInterface>(op)) {
    if (failed(runExpanded(op)))
      return failure();
  } else {
    return op->emitOpError("is not known to the reference evaluator");
  }
  return checkResults(op);
}

LogicalResult Interpreter::checkResults(Operation *op) {
  for (OpResult result : op->getResults()) {
    if (!isa<TensorType>(result.getType()))
      continue;
    std::string mismatch =
        describeMismatch(getTensor(result), result.getType());
    if (!mismatch.empty())
      return op->emitOpError("result ")
             << result.getResultNumber() << ": " << mismatch;
  }
  return success();
}

LogicalResult Interpreter::runScalar(Operation *op,
                                     const ScalarFunction &function) {
  SmallVector<Element, 4> operands;
  for (Value operand : op->getOperands()) {
    const auto *element = std::get_if<Element>(&get(operand));
    if (!element)
      return mapElements(op, function);
    operands.push_back(*element);
  }
  FailureOr<Element> result = function(op, operands);
  if (failed(result))
    return failure();
  set(op->getResult(0), *result);
  return success();
}

/// Applies `function` to each element; operands that are numbers (the condition
/// of arith.select) go with every element.
LogicalResult Interpreter::mapElements(Operation *op,
                                       const ScalarFunction &function) {
  const Tensor *shape = nullptr;
  SmallVector<Datum, 4> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  for (const Datum &operand : operands) {
    const auto *tensor = std::get_if<Tensor>(&operand);
    if (!tensor)
      continue;
    if (!shape)
      shape = tensor;
    if (shape->getShape() != tensor->getShape())
      return op->emitOpError("operands have different shapes: ")
             << toString(shape->getShape()) << " and "
             << toString(tensor->getShape());
  }
  Tensor result = Tensor::filled(
      shape->getShape(), getElementTypeOrSelf(op->getResult(0)), Element());
  MutableArrayRef<Element> elements = result.getMutableElements();
  SmallVector<Element, 4> numbers(operands.size());
  for (auto [index, element] : llvm::enumerate(elements)) {
    for (auto [number, operand] : llvm::zip(numbers, operands)) {
      const auto *tensor = std::get_if<Tensor>(&operand);
      number =
          tensor ? tensor->getElements()[index] : std::get<Element>(operand);
    }
    FailureOr<Element> value = function(op, numbers);
    if (failed(value))
      return failure();
    element = *value;
  }
  set(op->getResult(0), std::move(result));
  return checkResults(op);
}

/// Runs what an operation says it stands for: a named layer's general form or a
/// decomposition. It is built in a block of its own, so that the module stays
/// as it is.
LogicalResult Interpreter::runExpanded(Operation *op) {
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(op->getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(scratch->getBody());
  auto function = func::FuncOp::create(
      builder, op->getLoc(), "expanded",
      builder.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  mapping.map(op->getOperands(), block->getArguments());
  Operation *copy = builder.clone(*op, mapping);
  builder.setInsertionPoint(copy);

  FailureOr<SmallVector<Value>> expanded;
  if (auto layer = dyn_cast<mlir::seq::GeneralizableOpInterface>(copy))
    expanded = layer.generalize(builder);
  else
    expanded =
        cast<linalg::AggregatedOpInterface>(copy).decomposeOperation(builder);
  if (failed(expanded))
    return op->emitOpError("cannot be stated in general operations");
  copy->erase();
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, op->getLoc(), *expanded);

  SmallVector<Datum> arguments, results;
  for (OpOperand &operand : op->getOpOperands())
    arguments.push_back(take(operand));
  if (failed(call(function, arguments, results, op)))
    return failure();
  checkedFunctions.erase(function); // its memory may become another's
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    set(result, std::move(value));
  return success();
}
