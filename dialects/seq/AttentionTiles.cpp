//===- AttentionTiles.cpp - attention as a recurrence over keys -----------===//

#include "AttentionFormula.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

OpFoldResult Formula::apply(AffineExpr expr, ArrayRef<OpFoldResult> symbols) {
  return affine::makeComposedFoldedAffineApply(b, b.getLoc(), expr, symbols);
}

//===----------------------------------------------------------------------===//
// Cutting
//===----------------------------------------------------------------------===//

/// Splits the `count` elements of dimension `dim` into tiles, and puts the
/// number of the tile second: [B, S, …] becomes [B, tiles, size, …], [B, Hq, T,
/// S] becomes [B, tiles, Hq, T, size].
Value Formula::inTiles(Value tensor, int64_t dim, OpFoldResult count,
                       int64_t size, Value padding) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank();
  Location loc = b.getLoc();
  AffineExpr s = b.getAffineSymbolExpr(0);
  SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high(low);
  high[dim] = apply(s.ceilDiv(size) * size - s, {count});
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = ShapedType::isDynamic(shape[dim])
                   ? shape[dim]
                   : int64_t(llvm::alignTo(shape[dim], size));
  Value padded =
      tensor::PadOp::create(b, type.clone(shape), tensor, low, high, padding);

  SmallVector<OpFoldResult> split = tensor::getMixedSizes(b, loc, tensor);
  split[dim] = apply(s.ceilDiv(size), {count});
  split.insert(split.begin() + dim + 1, b.getIndexAttr(size));
  shape[dim] =
      ShapedType::isDynamic(shape[dim]) ? shape[dim] : shape[dim] / size;
  shape.insert(shape.begin() + dim + 1, size);
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0, next = 0; i < rank; ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  Value tiles = tensor::ExpandShapeOp::create(b, type.clone(shape), padded,
                                              groups, split);
  if (dim == kTimeDim)
    return tiles;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(rank + 1));
  order.erase(order.begin() + dim);
  order.insert(order.begin() + kTimeDim, dim);
  SmallVector<OpFoldResult> turned;
  for (int64_t place : order)
    turned.push_back(split[place]);
  Value empty = tensor::EmptyOp::create(b, turned, type.getElementType());
  return linalg::TransposeOp::create(b, tiles, empty, order)->getResult(0);
}

/// The number of the first element of each tile, [1, tiles].
Value Formula::firstOfTiles(OpFoldResult count, int64_t size) {
  OpFoldResult tiles = apply(b.getAffineSymbolExpr(0).ceilDiv(size), {count});
  Value empty = tensor::EmptyOp::create(
      b, ArrayRef<OpFoldResult>{b.getIndexAttr(1), tiles}, b.getI64Type());
  return linalg::GenericOp::create(
             b, empty.getType(), ValueRange(), empty,
             b.getMultiDimIdentityMap(2),
             SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel),
             [&](OpBuilder &builder, Location loc, ValueRange) {
               ImplicitLocOpBuilder nested(loc, builder);
               Value tile = linalg::IndexOp::create(nested, kTimeDim);
               Value step = arith::ConstantIndexOp::create(nested, size);
               Value first = arith::MulIOp::create(nested, tile, step);
               Value number = arith::IndexCastOp::create(
                   nested, nested.getI64Type(), first);
               linalg::YieldOp::create(nested, number);
             })
      .getResult(0);
}

static Value firstIn(ImplicitLocOpBuilder &b, Value slice) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  return arith::IndexCastOp::create(b, b.getIndexType(),
                                    tensor::ExtractOp::create(b, slice, zero));
}

static ArrayRef<int64_t> shapeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getShape();
}

/// Whether the bias has a value for each query, or for each key.
bool Formula::isPerQuery(Value bias) {
  return bias && shapeOf(bias)[shapeOf(bias).size() - 2] != 1;
}
bool Formula::isPerKey(Value bias) { return bias && shapeOf(bias).back() != 1; }

/// Keys, values, the numbers of the first keys and, if there is one, the mask.
SmallVector<Value> Formula::keyTiles(int64_t size) {
  Value zero = number(b, 0.0);
  SmallVector<Value> tiles{
      inTiles(op.getKey(), kTimeDim, keyCount, size, zero),
      inTiles(op.getValue(), kTimeDim, keyCount, size, zero),
      firstOfTiles(keyCount, size)};
  if (op.getKeyMask()) {
    Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
    tiles.push_back(inTiles(op.getKeyMask(), kTimeDim, keyCount, size, no));
  }
  return tiles;
}

/// The tiles that a band lets the present queries see. Positions that are
/// exempt from the band begin at key 0.
Formula::TileRange Formula::visibleTiles(int64_t size) {
  MaskAttr mask = op.getMask();
  MLIRContext *context = b.getContext();
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult first = firstQuery ? OpFoldResult(firstQuery) : zero;
  AffineExpr f = b.getAffineSymbolExpr(0), n = b.getAffineSymbolExpr(1),
             queries = b.getAffineSymbolExpr(2), s = b.getAffineSymbolExpr(3);
  SmallVector<OpFoldResult> symbols{first, sizes[T], queryCount, keyCount};
  AffineExpr lowest = f + s - queries, highest = lowest + n - 1;
  AffineExpr none = b.getAffineConstantExpr(0);
  auto limit = [&](bool larger, ArrayRef<AffineExpr> exprs,
                   ArrayRef<OpFoldResult> symbols) {
    AffineMap map = AffineMap::get(0, symbols.size(), exprs, context);
    return larger ? affine::makeComposedFoldedAffineMax(b, b.getLoc(), map,
                                                        symbols)
                  : affine::makeComposedFoldedAffineMin(b, b.getLoc(), map,
                                                        symbols);
  };

  OpFoldResult begin = zero, end = keyCount;
  bool isWhole = true;
  if (!mask.getPattern() && mask.hasLeft() && mask.getGlobal() == 0) {
    begin = limit(/*larger=*/true, {lowest - mask.getLeft(), none}, symbols);
    isWhole = false;
  }
  // The last queries reach the last key.
  bool reachesLast = !firstQuery || (mask.getGlobal() && !mask.isCausal());
  if (!mask.getPattern() && mask.hasRight() && !reachesLast) {
    isWhole = false;
    end =
        limit(/*larger=*/true, {highest + mask.getRight() + 1, none}, symbols);
    end = limit(/*larger=*/false, {f, n}, {end, keyCount});
  }
  OpFoldResult last = apply(f.ceilDiv(size), {end});
  begin = apply(f.floorDiv(size), {begin});
  if (isConstantIntValue(begin, 0))
    return {begin, last, isWhole};
  return {limit(/*larger=*/false, {f, n}, {begin, last}), last, isWhole};
}

/// `count` tiles from `first` on.
SmallVector<Value> Formula::part(ArrayRef<Value> tiles, OpFoldResult first,
                                 OpFoldResult count) {
  SmallVector<Value> parts;
  for (Value tensor : tiles) {
    SmallVector<OpFoldResult> whole =
        tensor::getMixedSizes(b, b.getLoc(), tensor);
    SmallVector<OpFoldResult> offsets(whole.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(whole.size(), b.getIndexAttr(1));
    offsets[kTimeDim] = first;
    whole[kTimeDim] = count;
    parts.push_back(
        tensor::ExtractSliceOp::create(b, tensor, offsets, whole, strides));
  }
  return parts;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// The states (sum of values, maximum, sum of weights) under a new maximum, but
/// for the maximum itself: sum of values, sum of weights.
SmallVector<Value> Formula::shrink(ValueRange states, Value maxima) {
  Value decay = exponentials(states[1], maxima, {B, H, T});
  auto multiply = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    return arith::MulFOp::create(b, v[0], v[1]);
  };
  Value sum = generic({B, H, T}, {B, H, T}, Value(), {states[2], decay},
                      {row, row}, multiply);
  Value product = generic({B, T, H, D}, {B, T, H, D}, Value(),
                          {states[0], decay}, {out, row}, multiply);
  return {product, sum};
}

/// The states after one more tile.
SmallVector<Value> Formula::addTile(const Keys &tile, ValueRange states) {
  Value hidden = hide(tile, scores(tile));
  Value maxima =
      generic({B, H, T, S}, {B, H, T}, states[1], hidden, all, larger);
  Value weights = exponentials(hidden, maxima, {B, H, T, S});
  SmallVector<Value> shrunk = shrink(states, maxima);
  return {addValues(weights, tile, shrunk[0]), maxima,
          addWeights(weights, shrunk[1])};
}

/// The states of tiles by themselves; `bias` is in tiles if it is per key.
SmallVector<Value> Formula::addTiles(ArrayRef<Value> tiles, Value bias) {
  SmallVector<Value> states{filled({B, T, H, D}, 0.0),
                            filled({B, H, T}, kLowest), filled({B, H, T}, 0.0)};
  bool isTiled = isPerKey(op.getBias());
  SmallVector<Value> inputs(tiles);
  if (isTiled)
    inputs.push_back(bias);
  OpFoldResult keys = sizes[S];
  sizes[S] = b.getIndexAttr(shapeOf(tiles[0])[2]);
  SmallVector<Value> last =
      recurrence(b, /*reverse=*/false, inputs, ValueRange(), states,
                 [&](ValueRange slices, ValueRange states) {
                   Keys tile{slices[0],
                             slices[1],
                             op.getKeyMask() ? slices[3] : Value(),
                             isTiled ? slices.back() : bias,
                             firstIn(b, slices[2]),
                             /*isPadded=*/true};
                   return addTile(tile, states);
                 });
  sizes[S] = keys;
  return last;
}

/// The states of both parts of the keys.
SmallVector<Value> Formula::merge(ValueRange left, ValueRange right) {
  Value maxima = generic({B, H, T}, {B, H, T}, Value(), {left[1], right[1]},
                         {row, row}, larger);
  SmallVector<Value> a = shrink(left, maxima), c = shrink(right, maxima);
  auto add = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    return arith::AddFOp::create(b, v[0], v[1]);
  };
  Value product = generic({B, T, H, D}, {B, T, H, D}, Value(), {a[0], c[0]},
                          {out, out}, add);
  Value sum =
      generic({B, H, T}, {B, H, T}, Value(), {a[1], c[1]}, {row, row}, add);
  return {product, maxima, sum};
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// The output of the present queries; `bias` is theirs.
Value Formula::overKeys(ArrayRef<Value> tiles, Value bias,
                        const AttentionTiling &tiling) {
  SmallVector<Value> inputs(tiles);
  if (isPerKey(op.getBias())) {
    bias = inTiles(bias, shapeOf(bias).size() - 1, keyCount, tiling.keys,
                   number(b, 0.0));
    inputs.push_back(bias);
  }
  TileRange range = visibleTiles(tiling.keys);
  OpFoldResult first = range.first, end = range.end;
  auto statesOf = [&](OpFoldResult from, OpFoldResult count) {
    bool isWhole = range.isWhole && tiling.splits == 1;
    SmallVector<Value> some = isWhole ? inputs : part(inputs, from, count);
    return isPerKey(op.getBias())
               ? addTiles(ArrayRef(some).drop_back(), some.back())
               : addTiles(some, bias);
  };
  AffineExpr f = b.getAffineSymbolExpr(0), e = b.getAffineSymbolExpr(1);
  if (tiling.splits == 1) {
    OpFoldResult count = apply(e - f, {first, end});
    SmallVector<Value> last = statesOf(first, count);
    return divide(last[0], last[2]);
  }
  AffineExpr each = (e - f).ceilDiv(tiling.splits);
  auto start = [&](int64_t split) {
    return affine::makeComposedFoldedAffineMin(
        b, b.getLoc(),
        AffineMap::get(0, 2, {f + each * split, e}, b.getContext()),
        {first, end});
  };
  SmallVector<Value> states;
  for (int64_t split = 0; split < tiling.splits; ++split) {
    OpFoldResult from = start(split);
    OpFoldResult count = apply(e - f, {from, start(split + 1)});
    SmallVector<Value> next = statesOf(from, count);
    states = split == 0 ? next : merge(states, next);
  }
  return divide(states[0], states[2]);
}

/// The output, one tile of queries after the other.
Value Formula::overQueries(ArrayRef<Value> tiles,
                           const AttentionTiling &tiling) {
  int64_t size = tiling.queries;
  Value zero = number(b, 0.0), bias = op.getBias();
  SmallVector<Value> inputs{
      inTiles(op.getQuery(), kTimeDim, queryCount, size, zero),
      firstOfTiles(queryCount, size)};
  if (isPerQuery(bias))
    inputs.push_back(
        inTiles(bias, shapeOf(bias).size() - 2, queryCount, size, zero));
  sizes[T] = b.getIndexAttr(size);
  AffineExpr s = b.getAffineSymbolExpr(0);
  OpFoldResult count = apply(s.ceilDiv(size), {queryCount});
  Value outputs = tensor::EmptyOp::create(
      b, ArrayRef<OpFoldResult>{sizes[B], count, sizes[T], sizes[H], sizes[D]},
      element);
  SmallVector<Value> results = recurrence(
      b, /*reverse=*/false, inputs, outputs, ValueRange(),
      [&](ValueRange slices, ValueRange) -> SmallVector<Value> {
        query = slices[0];
        firstQuery = firstIn(b, slices[1]);
        return {overKeys(tiles, isPerQuery(bias) ? slices[2] : bias, tiling)};
      });
  Value padded = tensor::CollapseShapeOp::create(
      b, results[0], SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}, {4}});
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)),
      strides(4, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(
      b, padded, offsets,
      ArrayRef<OpFoldResult>{sizes[B], queryCount, sizes[H], sizes[D]},
      strides);
}

Value Formula::tiled(const AttentionTiling &tiling) {
  SmallVector<Value> tiles = keyTiles(tiling.keys);
  Value y = tiling.queries ? overQueries(tiles, tiling)
                           : overKeys(tiles, op.getBias(), tiling);
  RankedTensorType type = op.getOutput().getType();
  return y.getType() == type ? y : tensor::CastOp::create(b, type, y);
}

Value seq::generalizeInTiles(AttentionOp op, OpBuilder &builder,
                             const AttentionTiling &tiling) {
  return Formula(op, builder).tiled(tiling);
}
