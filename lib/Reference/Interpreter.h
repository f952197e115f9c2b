//===- Interpreter.h - runs operations one by one
//--------------------------------===//

#ifndef LIB_REFERENCE_INTERPRETER_H
#define LIB_REFERENCE_INTERPRETER_H

#include "seqc/Reference/Evaluator.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/PointerUnion.h"

#include <variant>

namespace seqc::reference {

/// What an SSA value stands for: a number or a tensor.
using Datum = std::variant<Element, Tensor>;

class Interpreter;

/// Runs one operation: reads its operands, sets its results.
using Handler =
    std::function<mlir::LogicalResult(Interpreter &, mlir::Operation *)>;

/// An operation on numbers with one result.
using ScalarFunction = std::function<mlir::FailureOr<Element>(
    mlir::Operation *, llvm::ArrayRef<Element>)>;

/// How each operation is evaluated.
class Registry {
public:
  Registry();

  template <typename Op, typename Function>
  void add(Function function) {
    handlers[mlir::TypeID::get<Op>()] = [function](Interpreter &interpreter,
                                                   mlir::Operation *op) {
      return function(interpreter, llvm::cast<Op>(op));
    };
  }
  template <typename Op>
  void addScalar(ScalarFunction function) {
    scalars[mlir::TypeID::get<Op>()] = std::move(function);
  }
  const Handler *lookup(mlir::Operation *op) const {
    auto found = handlers.find(op->getName().getTypeID());
    return found == handlers.end() ? nullptr : &found->second;
  }
  const ScalarFunction *lookupScalar(mlir::Operation *op) const {
    auto found = scalars.find(op->getName().getTypeID());
    return found == scalars.end() ? nullptr : &found->second;
  }

private:
  llvm::DenseMap<mlir::TypeID, Handler> handlers;
  llvm::DenseMap<mlir::TypeID, ScalarFunction> scalars;
};

void registerAffine(Registry &registry);
void registerArith(Registry &registry);
void registerControlFlow(Registry &registry);
void registerLinalg(Registry &registry);
void registerMath(Registry &registry);
void registerSeq(Registry &registry);
void registerTensor(Registry &registry);
void registerTensorSlices(Registry &registry);

class Interpreter {
public:
  explicit Interpreter(const Options &options) : options(options) {}

  const Options &options;

  /// Calls a function. `caller` is where errors about the call are reported.
  mlir::LogicalResult call(mlir::func::FuncOp function,
                           llvm::MutableArrayRef<Datum> arguments,
                           llvm::SmallVectorImpl<Datum> &results,
                           mlir::Operation *caller);

  /// Runs a region of one block: binds its arguments, runs its operations and
  /// hands over what its terminator does. The arguments are used up.
  mlir::LogicalResult run(mlir::Region &region,
                          llvm::MutableArrayRef<Datum> arguments,
                          llvm::SmallVectorImpl<Datum> &results);
  /// The same without looking at the terminator.
  mlir::LogicalResult runBody(mlir::Block &block,
                              llvm::MutableArrayRef<Datum> arguments);
  mlir::LogicalResult run(mlir::Operation *op);

  /// The values of SSA values. What these return holds until the next set().
  const Datum &get(mlir::Value value) { return values[value]; }
  Element getElement(mlir::Value value) {
    return std::get<Element>(values[value]);
  }
  int64_t getInteger(mlir::Value value) { return getElement(value).integer; }
  const Tensor &getTensor(mlir::Value value) {
    return std::get<Tensor>(values[value]);
  }
  /// Constants and index values, such as offsets and sizes.
  int64_t getInteger(mlir::OpFoldResult value);
  llvm::SmallVector<int64_t>
  getIntegers(llvm::ArrayRef<mlir::OpFoldResult> values);
  llvm::SmallVector<int64_t> getIntegers(mlir::ValueRange values);

  /// The operand's value, for an operation that may change it in place. It is
  /// moved out where no later operation needs it, so that a tensor carried
  /// through a loop is not copied each time.
  Datum take(mlir::OpOperand &operand);
  Tensor takeTensor(mlir::OpOperand &operand) {
    return std::get<Tensor>(take(operand));
  }

  void set(mlir::Value value, Datum datum) { values[value] = std::move(datum); }

  /// The point of the iteration space that a linalg region is running at.
  llvm::ArrayRef<int64_t> iteration;

private:
  mlir::LogicalResult runScalar(mlir::Operation *op,
                                const ScalarFunction &function);
  mlir::LogicalResult mapElements(mlir::Operation *op,
                                  const ScalarFunction &function);
  mlir::LogicalResult runStructured(mlir::Operation *op);
  mlir::LogicalResult runExpanded(mlir::Operation *op);
  mlir::LogicalResult checkResults(mlir::Operation *op);

  llvm::DenseMap<mlir::Value, Datum> values;
  llvm::DenseSet<mlir::Operation *> checkedFunctions;
  int64_t depth = 0;
};

/// A new tensor's shape is checked with this: sizes that are negative or too
/// many elements are an error of `op`.
mlir::LogicalResult checkShape(mlir::Operation *op,
                               llvm::ArrayRef<int64_t> shape);

/// "[1, 2, 3]".
std::string toString(llvm::ArrayRef<int64_t> integers);

/// An affine expression at a point. A division by zero has no value.
std::optional<int64_t> evaluateAffine(mlir::AffineExpr expression,
                                      llvm::ArrayRef<int64_t> dims,
                                      llvm::ArrayRef<int64_t> symbols);

/// Runs a linalg operation through its region and indexing maps.
mlir::LogicalResult runLinalg(Interpreter &interpreter, mlir::Operation *op);

} // namespace seqc::reference

#endif // LIB_REFERENCE_INTERPRETER_H
