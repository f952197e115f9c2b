//===- ResultsToArguments.cpp - callers hand over the buffers of results --------------===//

#include "ArenaPlan.h"

#include "seqc/Lower/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
#define GEN_PASS_DEF_RESULTSTOARGUMENTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// One private function and its calls.
class Conversion {
public:
  Conversion(func::FuncOp function, ArrayRef<func::CallOp> calls)
      : function(function), calls(calls) {}
  LogicalResult run();

private:
  /// What becomes of a result: an argument that there is, or a new one whose
  /// buffer was `alloc`.
  struct Result {
    unsigned argument;
    memref::AllocOp alloc;
  };

  LogicalResult sort(func::ReturnOp end);
  LogicalResult rewrite(func::CallOp call);

  func::FuncOp function;
  ArrayRef<func::CallOp> calls;
  SmallVector<Result> results;
};

LogicalResult Conversion::sort(func::ReturnOp end) {
  ImplicitLocOpBuilder b(end.getLoc(), end);
  unsigned next = function.getNumArguments();
  DenseSet<Value> taken;
  for (Value value : end.getOperands()) {
    auto argument = dyn_cast<BlockArgument>(value);
    if (argument && argument.getOwner() == &function.front()) {
      results.push_back({argument.getArgNumber(), nullptr});
      continue;
    }
    auto type = dyn_cast<MemRefType>(value.getType());
    if (!type)
      return function.emitError()
             << function.getName() << ": result of type " << value.getType()
             << " is no tensor";
    auto alloc = value.getDefiningOp<memref::AllocOp>();
    if (!alloc || alloc->getBlock() != end->getBlock() ||
        !taken.insert(value).second) {
      SmallVector<Value> sizes;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        if (type.isDynamicDim(dim))
          sizes.push_back(memref::DimOp::create(b, value, dim));
      alloc = memref::AllocOp::create(
          b, MemRefType::get(type.getShape(), type.getElementType()), sizes,
          b.getI64IntegerAttr(64));
      memref::CopyOp::create(b, value, alloc);
    }
    results.push_back({next++, alloc});
  }
  return success();
}

/// At a call the buffers of new arguments are allocated, with sizes that the
/// callee would have computed from the same operands.
LogicalResult Conversion::rewrite(func::CallOp call) {
  ImplicitLocOpBuilder b(call.getLoc(), call);
  SizeCloner cloner(b, [&](Value argument, int64_t dim) -> Value {
    Value operand = call.getOperand(cast<BlockArgument>(argument).getArgNumber());
    return dim < 0 ? operand : memref::DimOp::create(b, operand, dim);
  });
  SmallVector<Value> operands(call.getOperands());
  for (Result &result : results) {
    if (!result.alloc)
      continue;
    MemRefType type = result.alloc.getType();
    SmallVector<Value> sizes;
    for (Value size : result.alloc.getDynamicSizes()) {
      sizes.push_back(cloner.clone(size));
      if (!sizes.back())
        return call.emitOpError("gives a result whose size depends on data");
    }
    operands.push_back(memref::AllocOp::create(b, type, sizes,
                                               b.getI64IntegerAttr(64)));
  }
  func::CallOp::create(b, call.getCallee(), TypeRange(), operands);
  for (auto [value, result] : llvm::zip(call.getResults(), results))
    value.replaceAllUsesWith(operands[result.argument]);
  call.erase();
  return success();
}

LogicalResult Conversion::run() {
  auto end = cast<func::ReturnOp>(function.front().getTerminator());
  if (failed(sort(end)))
    return failure();
  for (func::CallOp call : calls)
    if (failed(rewrite(call)))
      return failure();
  for (Result &result : results) {
    if (!result.alloc)
      continue;
    if (failed(function.insertArgument(function.getNumArguments(),
                                       result.alloc.getType(), {},
                                       function.getLoc())))
      return failure();
    result.alloc.getResult().replaceAllUsesWith(function.getArguments().back());
    result.alloc.erase();
  }
  OpBuilder builder(end);
  func::ReturnOp::create(builder, end.getLoc());
  end.erase();
  return function.eraseResults(llvm::BitVector(function.getNumResults(), true));
}

struct ResultsToArguments
    : seqc::impl::ResultsToArgumentsBase<ResultsToArguments> {
  void runOnOperation() override {
    // Callees first: what a call returns is then an argument or a new buffer.
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> order;
    DenseSet<Operation *> seen;
    std::function<void(func::FuncOp)> visit = [&](func::FuncOp function) {
      if (function.isExternal() || !seen.insert(function).second)
        return;
      function.walk([&](func::CallOp call) {
        if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
          visit(callee);
      });
      order.push_back(function);
    };
    for (auto function : getOperation().getOps<func::FuncOp>())
      visit(function);
    for (func::FuncOp function : order) {
      if (function.isPublic() || function.getNumResults() == 0)
        continue;
      SmallVector<func::CallOp> of;
      getOperation().walk([&](func::CallOp call) {
        if (call.getCallee() == function.getName())
          of.push_back(call);
      });
      if (failed(Conversion(function, of).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
