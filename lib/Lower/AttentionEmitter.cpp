//===- AttentionEmitter.cpp - the words in which attention is written -----===//

#include "AttentionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>
#include <numeric>

using namespace mlir;
using namespace seqc;

static constexpr auto kNoNan = arith::FastMathFlags::nnan;

AttentionEmitter::AttentionEmitter(kernel::AttentionOp op, int64_t lanes,
                                   int64_t registers)
    : op(op), mask(op.getMask()), lanes(lanes), registers(registers),
      vector(VectorType::get({lanes}, getElementTypeOrSelf(op.getQuery()))) {
  auto sizeOf = [](Value value, int64_t dim) {
    return cast<ShapedType>(value.getType()).getDimSize(dim);
  };
  B = sizeOf(op.getQuery(), 0);
  H = sizeOf(op.getQuery(), 2);
  D = sizeOf(op.getQuery(), 3);
  E = sizeOf(op.getValue(), 3);
  keyGroup = H / sizeOf(op.getKey(), 2);
  valueGroup = H / sizeOf(op.getValue(), 2);
}

LogicalResult AttentionEmitter::check() {
  if (!vector.getElementType().isF32())
    return op.emitOpError("has no vector form for elements of type ")
           << vector.getElementType();
  for (auto [name, operand] :
       {std::pair("query", op.getQuery()), std::pair("key", op.getKey()),
        std::pair("value", op.getValue()), std::pair("bias", op.getBias()),
        std::pair("out", op.getOutput())})
    if (operand && !cast<MemRefType>(operand.getType()).isLastDimUnitStride())
      return op.emitOpError(name)
             << " must be contiguous in its last dimension, is "
             << operand.getType();
  return success();
}

void AttentionEmitter::begin(Builder &b) {
  T = memref::DimOp::create(b, op.getQuery(), 1);
  S = memref::DimOp::create(b, op.getKey(), 1);
  offset = sub(b, S, T);
  if (mask.getPattern())
    pattern = patternMemory(b);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Value AttentionEmitter::index(Builder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}
Value AttentionEmitter::add(Builder &b, Value x, Value y) {
  return arith::AddIOp::create(b, x, y);
}
Value AttentionEmitter::add(Builder &b, Value x, int64_t y) {
  return y ? add(b, x, index(b, y)) : x;
}
Value AttentionEmitter::sub(Builder &b, Value x, Value y) {
  return arith::SubIOp::create(b, x, y);
}
Value AttentionEmitter::mul(Builder &b, Value x, int64_t y) {
  return y == 1 ? x : arith::MulIOp::create(b, x, index(b, y)).getResult();
}
Value AttentionEmitter::least(Builder &b, Value x, Value y) {
  return arith::MinSIOp::create(b, x, y);
}
Value AttentionEmitter::most(Builder &b, Value x, Value y) {
  return arith::MaxSIOp::create(b, x, y);
}
Value AttentionEmitter::less(Builder &b, Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
}
Value AttentionEmitter::ceilDiv(Builder &b, Value x, int64_t y) {
  return arith::DivUIOp::create(b, add(b, x, y - 1), index(b, y));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionEmitter::loop(Builder &b, Value from, Value to,
                                          int64_t step, ValueRange carried,
                                          Body body) {
  auto loop = scf::ForOp::create(b, from, to, index(b, step), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(b, loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

void AttentionEmitter::loop(Builder &b, Value from, Value to, int64_t step,
                            function_ref<void(Builder &, Value)> body) {
  loop(b, from, to, step, {}, [&](Builder &b, Value number, ValueRange) {
    body(b, number);
    return SmallVector<Value>();
  });
}

void AttentionEmitter::when(Builder &b, Value condition,
                            function_ref<void(Builder &)> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body(b);
}

void AttentionEmitter::forUnits(Builder &b, Value units, int64_t grain,
                                function_ref<void(Builder &, Value)> body) {
  auto loop = scf::ForallOp::create(b, SmallVector<OpFoldResult>{units},
                                    ValueRange(), std::nullopt);
  loop->setAttr(kernel::kGrain, b.getI64IntegerAttr(grain));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(b, loop.getInductionVar(0));
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value AttentionEmitter::splat(Builder &b, double value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vector, b.getF32FloatAttr(value)));
}
Value AttentionEmitter::broadcast(Builder &b, Value scalar) {
  return vector::BroadcastOp::create(
      b, VectorType::get({lanes}, scalar.getType()), scalar);
}
Value AttentionEmitter::spread(Builder &b, Value memref, ValueRange indices) {
  return broadcast(b, memref::LoadOp::create(b, memref, indices));
}
Value AttentionEmitter::load(Builder &b, Value memref, ValueRange indices) {
  return vector::LoadOp::create(b, vector, memref, indices);
}
void AttentionEmitter::store(Builder &b, Value value, Value memref,
                             ValueRange indices) {
  vector::StoreOp::create(b, value, memref, indices);
}
Value AttentionEmitter::maskOf(Builder &b, Value width) {
  return vector::CreateMaskOp::create(
      b, VectorType::get({lanes}, b.getI1Type()), width);
}
Value AttentionEmitter::loadPart(Builder &b, Value memref, ValueRange indices,
                                 Value width) {
  return vector::MaskedLoadOp::create(b, vector, memref, indices,
                                      maskOf(b, width), splat(b, 0.0));
}
Value AttentionEmitter::loadPart(Builder &b, Value memref, ValueRange indices,
                                 int64_t width) {
  return width >= lanes ? load(b, memref, indices)
                        : loadPart(b, memref, indices, index(b, width));
}
void AttentionEmitter::storePart(Builder &b, Value value, Value memref,
                                 ValueRange indices, int64_t width) {
  if (width >= lanes)
    return store(b, value, memref, indices);
  vector::MaskedStoreOp::create(b, memref, indices, maskOf(b, index(b, width)),
                                value);
}
Value AttentionEmitter::fma(Builder &b, Value x, Value y, Value z) {
  return vector::FMAOp::create(b, x, y, z);
}
Value AttentionEmitter::mulF(Builder &b, Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value AttentionEmitter::addF(Builder &b, Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value AttentionEmitter::subF(Builder &b, Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value AttentionEmitter::maxF(Builder &b, Value x, Value y) {
  // A NaN reaches the result as a score, whatever the maximum is.
  return arith::MaximumFOp::create(b, x, y, kNoNan);
}
Value AttentionEmitter::sum(Builder &b, Value x) {
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, x,
                                     arith::FastMathFlags::reassoc);
}
Value AttentionEmitter::largest(Builder &b, Value x) {
  return vector::ReductionOp::create(b, vector::CombiningKind::MAXIMUMF, x,
                                     kNoNan);
}

Value AttentionEmitter::number(Builder &b, Type type, double value) {
  if (isa<VectorType>(type))
    return splat(b, value);
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

Value AttentionEmitter::finite(Builder &b, Value x) {
  Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x,
                                     number(b, x.getType(), -INFINITY));
  return arith::SelectOp::create(b, none, number(b, x.getType(), 0.0), x);
}

Value AttentionEmitter::reciprocal(Builder &b, Value x) {
  Value zero = number(b, x.getType(), 0.0);
  Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, zero);
  Value inverse = arith::DivFOp::create(b, number(b, x.getType(), 1.0), x);
  return arith::SelectOp::create(b, none, zero, inverse);
}

Value AttentionEmitter::scratch(Builder &b, ArrayRef<int64_t> shape) {
  return memref::AllocaOp::create(
      b, MemRefType::get(shape, vector.getElementType()),
      b.getI64IntegerAttr(64));
}

void AttentionEmitter::transpose(Builder &b, MutableArrayRef<Value> rows) {
  int64_t n = rows.size();
  assert(n == lanes && "a square of numbers");
  // Each round interleaves rows i and i + n / 2: the highest bit of a number's
  // column becomes the lowest bit of its row and the other way round.
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  for (int64_t round = 1; round < n; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, rows[i], rows[i + n / 2], half));
    llvm::copy(next, rows.begin());
  }
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

double AttentionEmitter::queryFactor() {
  double scale = op.getScale().convertToDouble();
  return op.getBias() ? scale : scale * std::numbers::log2e;
}

Value AttentionEmitter::exponential(Builder &b, Value x) {
  if (op.getBias())
    return math::ExpOp::create(b, x);
  return math::Exp2Op::create(b, x);
}

SmallVector<Value> AttentionEmitter::biasAt(Builder &b, Value batch, Value head,
                                            Value query, Value key) {
  auto shape = cast<MemRefType>(op.getBias().getType()).getShape();
  Value all[] = {batch, head, query, key};
  SmallVector<Value> indices(ArrayRef(all).take_back(shape.size()));
  for (auto [at, size] : llvm::zip(indices, shape))
    if (size == 1)
      at = index(b, 0);
  return indices;
}
