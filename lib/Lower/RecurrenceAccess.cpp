//===- RecurrenceAccess.cpp - memory of a recurrence on lanes ------------------------===//

#include "RecurrenceAccess.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace seqc;

Value seqc::materialize(ImplicitLocOpBuilder &builder, const Index &index) {
  if (index.base && index.offset == 0)
    return index.base;
  Value offset = arith::ConstantIndexOp::create(builder, index.offset);
  if (!index.base)
    return offset;
  return arith::AddIOp::create(builder, index.base, offset);
}

/// Whether the lanes of the last dimension may reach beyond the buffer.
static bool needsMask(MemRefType type, const Index &last, int64_t width) {
  int64_t size = type.getShape().back();
  if (ShapedType::isDynamic(size))
    return true;
  // Bases are multiples of the width.
  return size % width != 0 || last.offset % width != 0;
}

static Value makeMask(ImplicitLocOpBuilder &builder, Value buffer, Value begin,
                      int64_t width) {
  auto type = cast<MemRefType>(buffer.getType());
  Value size = builder.createOrFold<memref::DimOp>(buffer, type.getRank() - 1);
  Value rest = arith::SubIOp::create(builder, size, begin);
  return vector::CreateMaskOp::create(
      builder, VectorType::get({width}, builder.getI1Type()), rest);
}

static FailureOr<SmallVector<Value>> indicesOf(ImplicitLocOpBuilder &builder,
                                               Value buffer,
                                               ArrayRef<Index> index) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type || type.getRank() != static_cast<int64_t>(index.size()))
    return failure();
  SmallVector<Value> indices;
  for (auto [dim, part] : llvm::enumerate(index)) {
    if (part.lane && dim + 1 != index.size())
      return failure();
    indices.push_back(materialize(builder, part));
  }
  return indices;
}

FailureOr<Value> seqc::loadElement(ImplicitLocOpBuilder &builder, Value buffer,
                                   ArrayRef<Index> index, int64_t width) {
  FailureOr<SmallVector<Value>> indices = indicesOf(builder, buffer, index);
  if (failed(indices))
    return failure();
  if (index.empty() || !index.back().lane)
    return Value(memref::LoadOp::create(builder, buffer, *indices));
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isLastDimUnitStride())
    return failure();
  auto vector = VectorType::get({width}, type.getElementType());
  if (!needsMask(type, index.back(), width))
    return Value(vector::LoadOp::create(builder, vector, buffer, *indices));
  Value mask = makeMask(builder, buffer, indices->back(), width);
  Value zero = arith::ConstantOp::create(builder, builder.getZeroAttr(vector));
  return Value(vector::MaskedLoadOp::create(builder, vector, buffer, *indices,
                                            mask, zero));
}

LogicalResult seqc::storeElement(ImplicitLocOpBuilder &builder, Value element,
                                 Value buffer, ArrayRef<Index> index,
                                 int64_t width) {
  FailureOr<SmallVector<Value>> indices = indicesOf(builder, buffer, index);
  if (failed(indices))
    return failure();
  if (index.empty() || !index.back().lane) {
    if (isa<VectorType>(element.getType()))
      return failure();
    memref::StoreOp::create(builder, element, buffer, *indices);
    return success();
  }
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isLastDimUnitStride())
    return failure();
  element = toLanes(builder, element, width);
  if (!needsMask(type, index.back(), width)) {
    vector::StoreOp::create(builder, element, buffer, *indices);
    return success();
  }
  Value mask = makeMask(builder, buffer, indices->back(), width);
  vector::MaskedStoreOp::create(builder, buffer, *indices, mask, element);
  return success();
}

IndexList seqc::insertTime(ArrayRef<Index> index, int64_t dim, Value time) {
  IndexList result(index);
  result.insert(result.begin() + dim, Index::at(time));
  return result;
}

scf::ForOp seqc::buildFor(
    ImplicitLocOpBuilder &builder, Value begin, Value end, int64_t step,
    ValueRange carried,
    llvm::function_ref<FailureOr<SmallVector<Value>>(Value, ValueRange)> body,
    bool &failedFlag) {
  Value stepValue = arith::ConstantIndexOp::create(builder, step);
  auto loop = scf::ForOp::create(builder, begin, end, stepValue, carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  FailureOr<SmallVector<Value>> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (failed(next)) {
    failedFlag = true;
    return loop;
  }
  if (!carried.empty())
    scf::YieldOp::create(builder, *next);
  return loop;
}

std::pair<Value, Value> seqc::shareOfThread(ImplicitLocOpBuilder &builder,
                                            kernel::TeamOp team,
                                            int64_t units) {
  Value count = arith::ConstantIndexOp::create(builder, units);
  Value one = arith::ConstantIndexOp::create(builder, 1);
  auto share = [&](Value thread) -> Value {
    Value part = arith::MulIOp::create(builder, count, thread);
    return arith::DivUIOp::create(builder, part, team.getThreads());
  };
  Value next = arith::AddIOp::create(builder, team.getThread(), one);
  return {share(team.getThread()), share(next)};
}

LogicalResult seqc::replaceOrRestore(Operation *op,
                                     llvm::function_ref<LogicalResult()> emit) {
  Operation *before = op->getPrevNode();
  LogicalResult emitted = emit();
  if (succeeded(emitted)) {
    op->erase();
    return success();
  }
  while (op->getPrevNode() != before) {
    Operation *built = op->getPrevNode();
    // Half-built loops may be used by each other in any order.
    built->walk([](Operation *inner) { inner->dropAllUses(); });
    built->erase();
  }
  return failure();
}
