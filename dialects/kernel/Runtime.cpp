//===- Runtime.cpp - calls between a program and its runtime ----------------------===//

#include "kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::kernel;

/// The body takes the captures and two numbers.
static LogicalResult verifyBody(Operation *op, FlatSymbolRefAttr body,
                                ValueRange captures,
                                SymbolTableCollection &symbols) {
  auto function = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, body);
  if (!function)
    return op->emitOpError("there is no function ") << body;
  SmallVector<Type> expected(captures.getTypes());
  expected.append(2, IndexType::get(op->getContext()));
  if (function.getArgumentTypes() != ArrayRef<Type>(expected) ||
      function.getNumResults() != 0)
    return op->emitOpError() << body << " has type "
                             << function.getFunctionType()
                             << ", expected the captures, two numbers and no "
                                "result";
  return success();
}

LogicalResult ParallelOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getGrain() < 1)
    return emitOpError("grain must be positive");
  return verifyBody(*this, getBodyAttr(), getCaptures(), symbols);
}

LogicalResult RunTeamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyBody(*this, getBodyAttr(), getCaptures(), symbols);
}
