//===- ControlFlow.cpp - func.call, scf, cf.assert
//-------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc::reference;

static void setResults(Interpreter &interpreter, Operation *op,
                       MutableArrayRef<Datum> values) {
  for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
    interpreter.set(result, std::move(value));
}

static LogicalResult runCall(Interpreter &interpreter, func::CallOp op) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee)
    return op.emitOpError("there is no function '") << op.getCallee() << "'";
  SmallVector<Datum> arguments, results;
  for (OpOperand &operand : op->getOpOperands())
    arguments.push_back(interpreter.take(operand));
  if (failed(interpreter.call(callee, arguments, results, op)))
    return failure();
  setResults(interpreter, op, results);
  return success();
}

static LogicalResult runIf(Interpreter &interpreter, scf::IfOp op) {
  SmallVector<Datum> results;
  Region &taken = interpreter.getInteger(op.getCondition())
                      ? op.getThenRegion()
                      : op.getElseRegion();
  if (!taken.empty() && failed(interpreter.run(taken, {}, results)))
    return failure();
  setResults(interpreter, op, results);
  return success();
}

static LogicalResult runFor(Interpreter &interpreter, scf::ForOp op) {
  Type type = op.getInductionVar().getType();
  int64_t lower = interpreter.getInteger(op.getLowerBound());
  int64_t upper = interpreter.getInteger(op.getUpperBound());
  int64_t step = interpreter.getInteger(op.getStep());
  if (step <= 0)
    return op.emitOpError("step is ") << step << ", expected at least 1";
  SmallVector<Datum> carried;
  for (OpOperand &init : op.getInitArgsMutable())
    carried.push_back(interpreter.take(init));
  auto before = [&](int64_t a, int64_t b) {
    return op.getUnsignedCmp() ? asUnsigned(a, type) < asUnsigned(b, type)
                               : a < b;
  };
  while (before(lower, upper)) {
    SmallVector<Datum> arguments = {Element::ofInteger(lower)};
    llvm::append_range(arguments, std::move(carried));
    carried.clear();
    if (failed(interpreter.run(op.getRegion(), arguments, carried)))
      return failure();
    // The last step may go beyond the largest integer.
    int64_t next = wrap(uint64_t(lower) + uint64_t(step), type);
    if (!before(lower, next))
      break;
    lower = next;
  }
  setResults(interpreter, op, carried);
  return success();
}

static LogicalResult runWhile(Interpreter &interpreter, scf::WhileOp op) {
  SmallVector<Datum> carried, condition;
  for (OpOperand &init : op.getInitsMutable())
    carried.push_back(interpreter.take(init));
  while (true) {
    // scf.condition hands over the condition, then the values.
    if (failed(interpreter.run(op.getBefore(), carried, condition)))
      return failure();
    MutableArrayRef<Datum> values =
        MutableArrayRef<Datum>(condition).drop_front();
    if (!std::get<Element>(condition.front()).integer) {
      setResults(interpreter, op, values);
      return success();
    }
    if (failed(interpreter.run(op.getAfter(), values, carried)))
      return failure();
  }
}

/// One iteration after the other: they may not depend on each other's order.
static LogicalResult runForall(Interpreter &interpreter, scf::ForallOp op) {
  SmallVector<int64_t> lower = interpreter.getIntegers(op.getMixedLowerBound());
  SmallVector<int64_t> upper = interpreter.getIntegers(op.getMixedUpperBound());
  SmallVector<int64_t> steps = interpreter.getIntegers(op.getMixedStep());
  SmallVector<int64_t> trips;
  for (auto [from, to, step] : llvm::zip_equal(lower, upper, steps)) {
    if (step <= 0)
      return op.emitOpError("step is ") << step << ", expected at least 1";
    trips.push_back(from < to ? (to - from + step - 1) / step : 0);
  }
  SmallVector<Datum> shared;
  for (OpOperand &output : op.getOutputsMutable())
    shared.push_back(interpreter.take(output));
  LogicalResult result = forEachIndex(trips, [&](ArrayRef<int64_t> trip) {
    SmallVector<Datum> arguments;
    for (auto [index, from, step] : llvm::zip_equal(trip, lower, steps))
      arguments.push_back(Element::ofInteger(from + index * step));
    llvm::append_range(arguments, std::move(shared));
    shared.clear();
    if (failed(interpreter.runBody(*op.getBody(), arguments)))
      return failure();
    // The insertions change the shared outputs' arguments.
    for (Operation &insertion : op.getTerminator().getYieldingOps())
      if (failed(interpreter.run(&insertion)))
        return failure();
    for (BlockArgument argument : op.getRegionIterArgs()) {
      shared.push_back(interpreter.get(argument));
      interpreter.set(argument, Datum());
    }
    return success();
  });
  if (failed(result))
    return failure();
  setResults(interpreter, op, shared);
  return success();
}

static LogicalResult runAssert(Interpreter &interpreter, cf::AssertOp op) {
  if (interpreter.getInteger(op.getArg()))
    return success();
  return op.emitOpError("failed: ") << op.getMsg();
}

void seqc::reference::registerControlFlow(Registry &registry) {
  registry.add<func::CallOp>(runCall);
  registry.add<scf::IfOp>(runIf);
  registry.add<scf::ForOp>(runFor);
  registry.add<scf::WhileOp>(runWhile);
  registry.add<scf::ForallOp>(runForall);
  registry.add<cf::AssertOp>(runAssert);
}
