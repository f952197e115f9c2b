//===- ArenaPlan.cpp - places of a function's buffers in one arena --------------------===//

#include "ArenaPlan.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

/// The order of buffers by size, which only decides how well slots are filled.
static int64_t estimate(MemRefType type) {
  constexpr int64_t kUsualLength = 512;
  int64_t size = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  for (int64_t dim : type.getShape())
    size *= ShapedType::isDynamic(dim) ? kUsualLength
                                       : std::max<int64_t>(1, dim);
  return size;
}

FailureOr<ArenaPlan>
ArenaPlan::compute(func::FuncOp function,
                   llvm::function_ref<bool(func::CallOp)> needsArena) {
  // Each operation's number, and that of the last one in its regions.
  DenseMap<Operation *, int64_t> first, last;
  int64_t number = 0;
  std::function<void(Operation *)> count = [&](Operation *op) {
    first[op] = number++;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &inner : block)
          count(&inner);
    last[op] = number - 1;
  };
  count(function);

  ArenaPlan plan;
  BufferViewFlowAnalysis views(function);
  LogicalResult result = success();
  function.walk([&](Operation *op) {
    if (auto call = dyn_cast<func::CallOp>(op)) {
      if (needsArena(call))
        plan.buffers.push_back({op, first[op], last[op], INT64_MAX});
      return;
    }
    auto alloc = dyn_cast<memref::AllocOp>(op);
    if (!alloc)
      return;
    if (!alloc.getType().getLayout().isIdentity() ||
        op->getParentOfType<scf::ForallOp>() ||
        op->getParentOfType<kernel::TeamOp>()) {
      alloc.emitOpError("cannot lie in the arena: it is in a parallel region "
                        "or not dense");
      result = failure();
      return;
    }
    int64_t end = first[op];
    for (Value alias : views.resolve(alloc.getResult()))
      for (Operation *user : alias.getUsers()) {
        // A use in a loop that began after the buffer lasts as long as the loop;
        // one of what a region yields lies behind the region.
        Operation *scope = op;
        while (!scope->getBlock()->findAncestorOpInBlock(*user))
          scope = scope->getParentOp();
        end = std::max(end, last[scope->getBlock()->findAncestorOpInBlock(*user)]);
        if (isa<func::ReturnOp>(user)) {
          alloc.emitOpError("is returned; only the program's results may be");
          result = failure();
        }
      }
    plan.buffers.push_back({op, first[op], end, estimate(alloc.getType())});
  });
  if (failed(result))
    return failure();

  // Large ones first: a slot is as large as its first buffer, nearly always.
  std::vector<ArenaBuffer *> order;
  for (ArenaBuffer &buffer : plan.buffers)
    order.push_back(&buffer);
  llvm::stable_sort(order, [](ArenaBuffer *a, ArenaBuffer *b) {
    return a->weight > b->weight;
  });
  std::vector<SmallVector<ArenaBuffer *>> slots;
  for (ArenaBuffer *buffer : order) {
    auto isFree = [&](ArrayRef<ArenaBuffer *> slot) {
      return llvm::all_of(slot, [&](ArenaBuffer *other) {
        return other->end < buffer->begin || buffer->end < other->begin;
      });
    };
    while (buffer->slot < slots.size() && !isFree(slots[buffer->slot]))
      ++buffer->slot;
    if (buffer->slot == slots.size())
      slots.emplace_back();
    slots[buffer->slot].push_back(buffer);
  }
  plan.slots = slots.size();
  return plan;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Value SizeCloner::constant(Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value SizeCloner::clone(Value value) {
  if (Value known = done.lookup(value))
    return known;
  Value result;
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    if (isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
        value.getType().isIndex())
      result = leaf(value, -1);
  } else if (auto dim = dyn_cast<memref::DimOp>(op)) {
    if (std::optional<int64_t> index = dim.getConstantIndex())
      result = sizeOf(dim.getSource(), *index);
  } else if (isPure(op) && op->getNumRegions() == 0 &&
             llvm::none_of(op->getOperandTypes(),
                           llvm::IsaPred<BaseMemRefType>)) {
    IRMapping map;
    for (Value operand : op->getOperands()) {
      Value cloned = clone(operand);
      if (!cloned)
        return {};
      map.map(operand, cloned);
    }
    result = builder.clone(*op, map)
                 ->getResult(cast<OpResult>(value).getResultNumber());
  }
  if (result)
    done[value] = result;
  return result;
}

Value SizeCloner::sizeOf(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  Location loc = memref.getLoc();
  if (!type.isDynamicDim(dim))
    return constant(loc, type.getDimSize(dim));
  auto fold = [&](OpFoldResult size) -> Value {
    if (std::optional<int64_t> known = getConstantIntValue(size))
      return constant(loc, *known);
    return clone(cast<Value>(size));
  };
  auto argument = dyn_cast<BlockArgument>(memref);
  if (argument) {
    Operation *owner = argument.getOwner()->getParentOp();
    if (isa<func::FuncOp>(owner))
      return leaf(memref, dim);
    // A buffer that a loop carries keeps its sizes.
    if (auto loop = dyn_cast<scf::ForOp>(owner))
      if (OpOperand *init = loop.getTiedLoopInit(argument))
        return sizeOf(init->get(), dim);
    return {};
  }
  Operation *op = memref.getDefiningOp();
  if (isa<kernel::ArgumentOp>(op))
    return leaf(memref, dim);
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return fold(alloc.getMixedSizes()[dim]);
  if (auto result = dyn_cast<kernel::ResultOp>(op)) {
    unsigned place = 0;
    for (int64_t i = 0; i < dim; ++i)
      place += type.isDynamicDim(i);
    return clone(result.getDynamicSizes()[place]);
  }
  if (auto cast = dyn_cast<memref::CastOp>(op))
    return sizeOf(cast.getSource(), dim);
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(op))
    return fold(expand.getMixedOutputShape()[dim]);
  if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
    Value product;
    for (int64_t source : collapse.getReassociationIndices()[dim]) {
      Value size = sizeOf(collapse.getSrc(), source);
      if (!size)
        return {};
      product = product ? arith::MulIOp::create(builder, loc, product, size)
                              .getResult()
                        : size;
    }
    return product;
  }
  if (auto view = dyn_cast<memref::SubViewOp>(op)) {
    SmallVector<int64_t> kept;
    llvm::SmallBitVector dropped = view.getDroppedDims();
    for (int64_t i = 0; i < view.getSourceType().getRank(); ++i)
      if (!dropped.test(i))
        kept.push_back(i);
    return fold(view.getMixedSizes()[kept[dim]]);
  }
  // Both branches yield tensors of one size.
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return sizeOf(branch.thenYield()->getOperand(
                      cast<OpResult>(memref).getResultNumber()),
                  dim);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return sizeOf(loop.getInitArgs()[cast<OpResult>(memref).getResultNumber()],
                  dim);
  return {};
}
