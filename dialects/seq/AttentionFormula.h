//===- AttentionFormula.h - seq.attention in general operations -----------===//
//
// Private to dialects/seq. The formula is stated over the loops b, h, t, s and
// d: scores, then weights, then averages. Scores are [B, Hq, T, S], where T are
// all queries or those of one tile, and S all keys or those of one tile.
//
//===----------------------------------------------------------------------===//

#ifndef SEQ_ATTENTIONFORMULA_H
#define SEQ_ATTENTIONFORMULA_H

#include "AttentionTiles.h"
#include "LayerUtils.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::seq::layer {

/// What belongs to keys: all of them, or one tile.
struct Keys {
  Value key, value, mask, bias;
  Value first;   // the number of the first key, where it is not 0
  bool isPadded; // some keys may be beyond the last one
};

class Formula {
public:
  Formula(AttentionOp op, OpBuilder &builder);

  /// The output from all keys at once.
  Value whole();
  /// The output from tiles of keys, one after the other.
  Value tiled(const AttentionTiling &tiling);

private:
  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;
  enum Loop { B, H, T, S, D };
  static constexpr double kLowest = -std::numeric_limits<double>::infinity();

  AffineExpr loop(int64_t number) { return b.getAffineDimExpr(number); }
  AffineMap map(ArrayRef<AffineExpr> results) {
    return AffineMap::get(5, 0, results, b.getContext());
  }
  /// The head of an operand with `count` heads that a query's head meets.
  AffineExpr head(int64_t count) {
    return loop(H).floorDiv(op.getQuery().getType().getDimSize(2) / count);
  }
  Value generic(ArrayRef<int64_t> over, ArrayRef<int64_t> result, Value init,
                ValueRange operands, ArrayRef<AffineMap> maps, Body body);
  Value number(ImplicitLocOpBuilder &b, double value);
  /// A tensor over some loops, all of whose elements are `value`.
  Value filled(ArrayRef<int64_t> loops, double value);
  Value scores(const Keys &keys);
  AffineMap biasMap(Value bias);
  Value visible(ImplicitLocOpBuilder &b, const Keys &keys, Value pattern);
  Value hide(const Keys &keys, Value scores);
  static Value larger(ImplicitLocOpBuilder &b, ValueRange v);
  Value exponentials(Value scores, Value maxima, ArrayRef<int64_t> loops);
  Value addWeights(Value weights, Value init);
  Value addValues(Value weights, const Keys &keys, Value init);
  Value divide(Value product, Value sum);

  // Tiles; in AttentionTiles.cpp.
  OpFoldResult apply(AffineExpr expr, ArrayRef<OpFoldResult> symbols);
  Value inTiles(Value tensor, int64_t dim, OpFoldResult count, int64_t size,
                Value padding);
  Value firstOfTiles(OpFoldResult count, int64_t size);
  bool isPerQuery(Value bias);
  bool isPerKey(Value bias);
  SmallVector<Value> keyTiles(int64_t size);
  struct TileRange {
    OpFoldResult first, end;
    bool isWhole; // known to be all tiles
  };
  TileRange visibleTiles(int64_t size);
  SmallVector<Value> part(ArrayRef<Value> tiles, OpFoldResult first,
                          OpFoldResult count);
  SmallVector<Value> shrink(ValueRange states, Value maxima);
  SmallVector<Value> addTile(const Keys &tile, ValueRange states);
  SmallVector<Value> addTiles(ArrayRef<Value> tiles, Value bias);
  SmallVector<Value> merge(ValueRange left, ValueRange right);
  Value overKeys(ArrayRef<Value> tiles, Value bias,
                 const AttentionTiling &tiling);
  Value overQueries(ArrayRef<Value> tiles, const AttentionTiling &tiling);

  AttentionOp op;
  ImplicitLocOpBuilder b;
  Type element;
  SmallVector<OpFoldResult> sizes;   // of the loops b, h, t, s and dv
  OpFoldResult keyCount, queryCount; // all of them
  Value query;                       // all queries, or one tile
  Value firstQuery;        // the number of the first query, where it is not 0
  AffineMap all, row, out; // indices of scores, maxima and averages
};

} // namespace mlir::seq::layer

#endif // SEQ_ATTENTIONFORMULA_H
