//===- PlanArena.cpp - buffers of a program in one block of memory --------------------===//

#include "ArenaPlan.h"

#include "seqc/Lower/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {
#define GEN_PASS_DEF_PLANARENA
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
constexpr int64_t kAlignment = 64;

/// The sizes that a function's buffers may depend on: dynamic sizes of its
/// arguments and its index arguments, in order.
struct SizeParameters {
  explicit SizeParameters(func::FuncOp function) {
    for (BlockArgument argument : function.getArguments())
      add(argument);
    // An entry point's arguments are operations, ordered by their numbers.
    SmallVector<kernel::ArgumentOp> handedOver(
        function.getOps<kernel::ArgumentOp>());
    llvm::sort(handedOver, [](kernel::ArgumentOp a, kernel::ArgumentOp b) {
      return a.getNumber() < b.getNumber();
    });
    for (kernel::ArgumentOp argument : handedOver)
      add(argument.getResult());
  }
  void add(Value argument) {
    if (argument.getType().isIndex())
      numbers.insert({{argument, -1}, unsigned(numbers.size())});
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type)
      return;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        numbers.insert({{argument, dim}, unsigned(numbers.size())});
  }
  llvm::MapVector<std::pair<Value, int64_t>, unsigned> numbers;
};

class Planner {
public:
  explicit Planner(ModuleOp module) : module(module), symbols(module) {}
  LogicalResult run(func::FuncOp function);

private:
  bool needsArena(func::CallOp call) { return sizes.count(call.getCallee()); }
  LogicalResult makeSizeFunction(func::FuncOp function, const ArenaPlan &plan);
  FailureOr<SmallVector<Value>> slotSizes(ImplicitLocOpBuilder &builder,
                                          const ArenaPlan &plan,
                                          SizeCloner &cloner);
  FailureOr<Value> bytesOf(ImplicitLocOpBuilder &builder,
                           const ArenaBuffer &buffer, SizeCloner &cloner);
  Value onlyWhereUsed(ImplicitLocOpBuilder &builder, Operation *op, Value bytes,
                      SizeCloner &cloner);
  void place(func::FuncOp function, const ArenaPlan &plan, Value arena,
             ArrayRef<Value> offsets);

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<func::FuncOp> sizes; // by the function's name
};

/// Bytes of a buffer, a multiple of the alignment.
FailureOr<Value> Planner::bytesOf(ImplicitLocOpBuilder &b,
                                  const ArenaBuffer &buffer,
                                  SizeCloner &cloner) {
  if (auto call = dyn_cast<func::CallOp>(buffer.op)) {
    SmallVector<Value> arguments;
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    func::FuncOp function = sizes.lookup(call.getCallee());
    for (auto &[parameter, number] : SizeParameters(callee).numbers) {
      // The arena came last and is no parameter.
      if (number == function.getNumArguments())
        break;
      auto [argument, dim] = parameter;
      unsigned position = cast<BlockArgument>(argument).getArgNumber();
      Value operand = call.getOperand(position);
      Value size = dim < 0 ? cloner.clone(operand) : cloner.sizeOf(operand, dim);
      // Which layer it is does not change a size.
      if (!size && dim < 0)
        size = arith::ConstantIndexOp::create(b, 0);
      if (!size)
        return call.emitOpError("has an argument whose size depends on data");
      arguments.push_back(size);
    }
    return Value(func::CallOp::create(b, function, arguments).getResult(0));
  }
  auto alloc = cast<memref::AllocOp>(buffer.op);
  MemRefType type = alloc.getType();
  int64_t known = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  Value bytes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim)) {
      known *= type.getDimSize(dim);
      continue;
    }
    Value size = cloner.sizeOf(alloc, dim);
    if (!size)
      return alloc.emitOpError("has a size that depends on data");
    bytes = bytes ? arith::MulIOp::create(b, bytes, size).getResult() : size;
  }
  if (!bytes)
    return Value(arith::ConstantIndexOp::create(
        b, llvm::alignTo(known, kAlignment)));
  bytes = arith::MulIOp::create(b, bytes, arith::ConstantIndexOp::create(b, known));
  if (known % kAlignment == 0)
    return bytes;
  Value more = arith::AddIOp::create(
      b, bytes, arith::ConstantIndexOp::create(b, kAlignment - 1));
  return Value(arith::AndIOp::create(
      b, more, arith::ConstantIndexOp::create(b, -kAlignment)));
}

/// Zero where sizes alone decide that the branch with the buffer is not taken:
/// the scores of a form for short sequences take no room in long ones.
Value Planner::onlyWhereUsed(ImplicitLocOpBuilder &b, Operation *op,
                             Value bytes, SizeCloner &cloner) {
  while (auto branch = op->getParentOfType<scf::IfOp>()) {
    Value condition = cloner.clone(branch.getCondition());
    if (condition) {
      Value none = arith::ConstantIndexOp::create(b, 0);
      bool isThen = branch.getThenRegion().isAncestor(op->getParentRegion());
      bytes = arith::SelectOp::create(b, condition, isThen ? bytes : none,
                                      isThen ? none : bytes);
    }
    op = branch;
  }
  return bytes;
}

FailureOr<SmallVector<Value>> Planner::slotSizes(ImplicitLocOpBuilder &b,
                                                 const ArenaPlan &plan,
                                                 SizeCloner &cloner) {
  SmallVector<Value> slots(plan.getNumSlots());
  for (const ArenaBuffer &buffer : plan.getBuffers()) {
    FailureOr<Value> bytes = bytesOf(b, buffer, cloner);
    if (failed(bytes))
      return failure();
    Value used = onlyWhereUsed(b, buffer.op, *bytes, cloner);
    Value &slot = slots[buffer.slot];
    slot = slot ? arith::MaxUIOp::create(b, slot, used).getResult() : used;
  }
  return slots;
}

LogicalResult Planner::makeSizeFunction(func::FuncOp function,
                                        const ArenaPlan &plan) {
  SizeParameters parameters(function);
  ImplicitLocOpBuilder b(function.getLoc(), function.getContext());
  SmallVector<Type> types(parameters.numbers.size(), b.getIndexType());
  auto sizeFunction = func::FuncOp::create(
      b, (function.getName() + ".arena_bytes").str(),
      b.getFunctionType(types, b.getIndexType()));
  sizeFunction.setPrivate();
  symbols.insert(sizeFunction, Block::iterator(function));
  sizes[function.getName()] = sizeFunction;
  Block *block = sizeFunction.addEntryBlock();
  b.setInsertionPointToStart(block);
  SizeCloner cloner(b, [&](Value argument, int64_t dim) -> Value {
    auto *found = parameters.numbers.find({argument, dim});
    return found == parameters.numbers.end()
               ? Value()
               : Value(block->getArgument(found->second));
  });
  FailureOr<SmallVector<Value>> slots = slotSizes(b, plan, cloner);
  if (failed(slots))
    return failure();
  Value sum = arith::ConstantIndexOp::create(b, 0);
  for (Value slot : *slots)
    sum = arith::AddIOp::create(b, sum, slot);
  func::ReturnOp::create(b, sum);
  return success();
}

void Planner::place(func::FuncOp function, const ArenaPlan &plan, Value arena,
                    ArrayRef<Value> offsets) {
  for (const ArenaBuffer &buffer : plan.getBuffers()) {
    ImplicitLocOpBuilder b(buffer.op->getLoc(), buffer.op);
    Value offset = offsets[buffer.slot];
    if (auto call = dyn_cast<func::CallOp>(buffer.op)) {
      Value end = memref::DimOp::create(b, arena, 0);
      Value size = arith::SubIOp::create(b, end, offset);
      Value rest = memref::ViewOp::create(
          b, cast<MemRefType>(arena.getType()), arena, offset, size);
      SmallVector<Value> operands(call.getOperands());
      operands.push_back(rest);
      auto extended = func::CallOp::create(b, call.getCallee(),
                                           call.getResultTypes(), operands);
      call.replaceAllUsesWith(extended.getResults());
      call.erase();
      continue;
    }
    auto alloc = cast<memref::AllocOp>(buffer.op);
    Value view = memref::ViewOp::create(b, alloc.getType(), arena, offset,
                                        alloc.getDynamicSizes());
    alloc.getResult().replaceAllUsesWith(view);
    alloc.erase();
  }
}

LogicalResult Planner::run(func::FuncOp function) {
  function.walk([](memref::DeallocOp op) { op.erase(); });
  FailureOr<ArenaPlan> plan = ArenaPlan::compute(
      function, [&](func::CallOp call) { return needsArena(call); });
  if (failed(plan))
    return failure();
  if (plan->empty())
    return success();
  if (failed(makeSizeFunction(function, *plan)))
    return failure();

  // At the function's beginning, behind what hands over the arguments.
  Block &entry = function.front();
  Block::iterator begin = entry.begin();
  for (Operation &op : entry)
    if (isa<kernel::ArgumentOp>(op))
      begin = std::next(Block::iterator(op));
  ImplicitLocOpBuilder b(function.getLoc(), &entry, begin);
  auto arenaType = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  SizeCloner cloner(b, [&](Value argument, int64_t dim) -> Value {
    if (dim < 0)
      return argument;
    return memref::DimOp::create(b, argument, dim);
  });
  FailureOr<SmallVector<Value>> slots = slotSizes(b, *plan, cloner);
  if (failed(slots))
    return failure();
  Value offset = arith::ConstantIndexOp::create(b, 0);
  SmallVector<Value> offsets;
  for (Value size : *slots) {
    offsets.push_back(offset);
    offset = arith::AddIOp::create(b, offset, size);
  }
  Value arena;
  if (function.isPublic()) {
    arena = kernel::ArenaOp::create(b, arenaType, offset);
  } else if (failed(function.insertArgument(function.getNumArguments(),
                                            arenaType, {}, function.getLoc()))) {
    return failure();
  } else {
    arena = function.getArguments().back();
  }
  place(function, *plan, arena, offsets);
  return success();
}

struct PlanArena : seqc::impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    // Callees first.
    SmallVector<func::FuncOp> order;
    DenseSet<Operation *> seen;
    std::function<void(func::FuncOp)> visit = [&](func::FuncOp function) {
      if (function.isExternal() || !seen.insert(function).second)
        return;
      function.walk([&](func::CallOp call) {
        if (auto callee = getOperation().lookupSymbol<func::FuncOp>(
                call.getCallee()))
          visit(callee);
      });
      order.push_back(function);
    };
    for (auto function : getOperation().getOps<func::FuncOp>())
      visit(function);
    Planner planner(getOperation());
    for (func::FuncOp function : order)
      if (failed(planner.run(function)))
        return signalPassFailure();
  }
};
} // namespace
