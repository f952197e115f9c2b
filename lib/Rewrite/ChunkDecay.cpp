//===- ChunkDecay.cpp - products of decays over pieces of a chunk ------------------===//

#include "ChunkDecay.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::chunk;

Value seqc::isEarlier(ImplicitLocOpBuilder &b, unsigned column, unsigned row,
                      bool reverse, ReadAt at) {
  Value c = linalg::IndexOp::create(b, column);
  Value r = linalg::IndexOp::create(b, row);
  if (reverse)
    std::swap(c, r);
  return arith::CmpIOp::create(b,
                               at == ReadAt::After ? arith::CmpIPredicate::ule
                                                   : arith::CmpIPredicate::ult,
                               c, r);
}

/// A matrix of ones where `isOne`, else of zeros.
static NamedTensor indicator(
    NamedTensors &tensors, DimName row, DimName column,
    function_ref<Value(ImplicitLocOpBuilder &)> isOne) {
  Type type = tensors.getElementType();
  return tensors.pointwise({}, {row, column},
                           [&](ImplicitLocOpBuilder &b, ValueRange) -> Value {
                             return arith::SelectOp::create(
                                 b, isOne(b), scalarConstant(b, type, 1.0),
                                 scalarConstant(b, type, 0.0));
                           });
}

NamedTensor seqc::unitMatrix(NamedTensors &tensors, DimName row,
                             DimName column) {
  return indicator(tensors, row, column, [](ImplicitLocOpBuilder &b) -> Value {
    Value r = linalg::IndexOp::create(b, 0), c = linalg::IndexOp::create(b, 1);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, r, c);
  });
}

//===----------------------------------------------------------------------===//
// Decays as logarithms or as numbers
//===----------------------------------------------------------------------===//

DimNames ChunkDecay::getDims() const {
  return withoutDims(steps.dims, {Chunk, Row, RowBlock, Within});
}

bool ChunkDecay::dependsOn(ArrayRef<DimName> dims) const {
  return llvm::any_of(dims, [&](DimName dim) { return steps.has(dim); });
}

Value ChunkDecay::combine(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (isLog)
    return arith::AddFOp::create(b, x, y);
  return arith::MulFOp::create(b, x, y);
}

Value ChunkDecay::finish(ImplicitLocOpBuilder &b, Value x) {
  return isLog ? Value(math::ExpOp::create(b, x)) : x;
}

Value ChunkDecay::apply(ImplicitLocOpBuilder &b, Value x, Value piece) {
  Value product = finish(b, piece);
  return x ? Value(arith::MulFOp::create(b, x, product)) : product;
}

NamedTensor ChunkDecay::apply(NamedTensor x, Piece piece) {
  if (!piece.raw)
    return x;
  SmallVector<NamedTensor> operands{piece.raw};
  DimNames dims = x ? withDims(x.dims, piece.raw.dims) : piece.raw.dims;
  if (x)
    operands.push_back(x);
  // Chunks and times come first, as in all sequences.
  DimNames first;
  for (DimName dim : {Chunk, RowBlock, Row, Within})
    if (llvm::is_contained(dims, dim))
      first.push_back(dim);
  dims = withDims(first, dims);
  return tensors.pointwise(
      operands, dims, [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return apply(b, v.size() > 1 ? v[1] : Value(), v[0]);
      });
}

NamedTensor ChunkDecay::stepsAlong(DimName row) {
  DimNames dims = withDims({row}, steps.dims);
  return tensors.arranged(steps, dims);
}

NamedTensor ChunkDecay::values(DimName row) {
  NamedTensor along = stepsAlong(row);
  if (!isLog)
    return along;
  return tensors.pointwise(along, along.dims,
                           [&](ImplicitLocOpBuilder &b, ValueRange v) {
                             return finish(b, v[0]);
                           });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

ArrayRef<NamedTensor> ChunkDecay::running(ReadAt at, bool fromLast,
                                          DimName row) {
  auto &run = runs[{at, fromLast, row}];
  if (!run.empty())
    return run;
  NamedTensor along = stepsAlong(row);
  DimNames slice(llvm::drop_begin(along.dims));
  run = tensors.recurrence(
      row, fromLast, along, {slice}, tensors.filled(slice, unit()),
      [&](ArrayRef<NamedTensor> slices,
          ArrayRef<NamedTensor> states) -> SmallVector<NamedTensor> {
        NamedTensor next = tensors.pointwise(
            {states[0], slices[0]}, slice,
            [&](ImplicitLocOpBuilder &b, ValueRange v) {
              return combine(b, v[0], v[1]);
            },
            at == ReadAt::After ? states[0] : NamedTensor());
        return {at == ReadAt::After ? next : states[0], next};
      });
  return run;
}

ChunkDecay::Piece ChunkDecay::fromStart(ReadAt at, DimName row) {
  if (isOne())
    return {};
  return {running(at, reverse, row)[0]};
}

ChunkDecay::Piece ChunkDecay::toEnd(DimName row) {
  if (isOne())
    return {};
  return {running(ReadAt::Before, !reverse, row)[0]};
}

ChunkDecay::Piece ChunkDecay::whole(DimName row) {
  if (isOne())
    return {};
  return {running(ReadAt::Before, !reverse, row)[1]};
}

ChunkDecay::Piece ChunkDecay::between(ReadAt at, DimName row, DimName column) {
  if (isOne())
    return {};
  NamedTensor &between = pairs[{at, row}];
  if (between)
    return {between};
  NamedTensor along = stepsAlong(row);
  NamedTensor earlier =
      indicator(tensors, row, column, [&](ImplicitLocOpBuilder &b) {
        return isEarlier(b, /*column=*/1, /*row=*/0, reverse, ReadAt::Before);
      });
  DimNames slice(llvm::drop_begin(along.dims));
  slice.push_back(column);
  between = tensors.recurrence(
      row, reverse, {along, earlier}, {slice}, tensors.filled(slice, unit()),
      [&](ArrayRef<NamedTensor> slices,
          ArrayRef<NamedTensor> states) -> SmallVector<NamedTensor> {
        NamedTensor next = tensors.pointwise(
            {states[0], slices[0], slices[1]}, slice,
            [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
              Type type = v[0].getType();
              Value isEarlier = arith::CmpFOp::create(
                  b, arith::CmpFPredicate::OGT, v[2],
                  scalarConstant(b, type, 0.0));
              return arith::SelectOp::create(b, isEarlier,
                                             combine(b, v[0], v[1]),
                                             scalarConstant(b, type, unit()));
            },
            at == ReadAt::After ? states[0] : NamedTensor());
        return {at == ReadAt::After ? next : states[0], next};
      })[0];
  return {between};
}

ChunkDecay &ChunkDecay::inBlocks() {
  if (!blocked)
    blocked = std::make_unique<ChunkDecay>(
        tensors, tensors.split(steps, Row, RowBlock, Within), isLog, reverse);
  return *blocked;
}

ChunkDecay &ChunkDecay::ofBlocks() {
  if (!blocks)
    blocks = std::make_unique<ChunkDecay>(
        tensors, inBlocks().whole(Within).raw, isLog, reverse);
  return *blocks;
}
