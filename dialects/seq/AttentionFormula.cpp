//===- AttentionFormula.cpp - seq.attention in general operations ---------===//
//
// The formula is stated over the loops b, h, t, s and d: scores, then weights,
// then averages. Scores are [B, Hq, T, S], where S are all keys or those of one
// tile.
//
//===----------------------------------------------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

namespace {
constexpr double kLowest = -std::numeric_limits<double>::infinity();

/// What belongs to keys: all of them, or one tile.
struct Keys {
  Value key, value, mask, bias;
  Value first;   // the number of the first key, where it is not 0
  bool isPadded; // some keys may be beyond the last one
};

class Formula {
public:
  Formula(AttentionOp op, OpBuilder &builder)
      : op(op), b(op.getLoc(), builder),
        element(op.getQuery().getType().getElementType()) {
    for (int64_t dim : {0, 2, 1})
      sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getQuery(), dim));
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getKey(), 1));
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getValue(), 3));
    keyCount = sizes[S];
    all = map({loop(B), loop(H), loop(T), loop(S)});
    row = map({loop(B), loop(H), loop(T)});
    out = map({loop(B), loop(T), loop(H), loop(D)});
  }

  /// The output from all keys at once.
  Value whole();
  /// The output from tiles of `size` keys, one after the other.
  Value tiled(int64_t size);

private:
  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;
  enum Loop { B, H, T, S, D };

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
  Value number(ImplicitLocOpBuilder &b, double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(element, value));
  }
  /// A tensor over some loops, all of whose elements are `value`.
  Value filled(ArrayRef<int64_t> loops, double value);
  Value scores(const Keys &keys);
  AffineMap biasMap(Value bias);
  Value visible(ImplicitLocOpBuilder &b, const Keys &keys, Value pattern);
  Value hide(const Keys &keys, Value scores);
  Value exponentials(Value scores, Value maxima, ArrayRef<int64_t> loops);
  Value addWeights(Value weights, Value init);
  Value addValues(Value weights, const Keys &keys, Value init);
  Value divide(Value product, Value sum);
  Value inTiles(Value tensor, int64_t dim, int64_t size, Value padding);
  Value firstKeys(int64_t size);
  SmallVector<Value> addTile(const Keys &tile, ValueRange states);

  AttentionOp op;
  ImplicitLocOpBuilder b;
  Type element;
  SmallVector<OpFoldResult> sizes; // of the loops b, h, t, s and dv
  OpFoldResult keyCount;           // all keys
  AffineMap all, row, out;         // indices of scores, maxima and averages
};

/// A linalg.generic over the loops `over`, all reduced that are not in
/// `result`. `body` gets an element of each operand and of the result so far,
/// which is `init` where loops are reduced.
Value Formula::generic(ArrayRef<int64_t> over, ArrayRef<int64_t> result,
                       Value init, ValueRange operands,
                       ArrayRef<AffineMap> maps, Body body) {
  // Loops are numbered as in `Loop`; those in use move together.
  SmallVector<AffineExpr> dims(5, b.getAffineConstantExpr(0));
  SmallVector<utils::IteratorType> kinds;
  for (auto [place, number] : llvm::enumerate(over)) {
    dims[number] = loop(place);
    kinds.push_back(llvm::is_contained(result, number)
                        ? utils::IteratorType::parallel
                        : utils::IteratorType::reduction);
  }
  SmallVector<AffineExpr> last;
  SmallVector<OpFoldResult> shape;
  for (int64_t number : result) {
    last.push_back(loop(number));
    shape.push_back(sizes[number]);
  }
  SmallVector<AffineMap> used;
  for (AffineMap map : maps)
    used.push_back(map.replaceDimsAndSymbols(dims, {}, over.size(), 0));
  used.push_back(map(last).replaceDimsAndSymbols(dims, {}, over.size(), 0));
  if (!init)
    init = tensor::EmptyOp::create(b, shape, element);
  return linalg::GenericOp::create(
             b, init.getType(), operands, init, used, kinds,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(nested, body(nested, args));
             })
      .getResult(0);
}

Value Formula::filled(ArrayRef<int64_t> loops, double value) {
  SmallVector<OpFoldResult> shape;
  for (int64_t number : loops)
    shape.push_back(sizes[number]);
  Value empty = tensor::EmptyOp::create(b, shape, element);
  return linalg::FillOp::create(b, number(b, value), empty).getResult(0);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

Value Formula::scores(const Keys &keys) {
  int64_t heads = op.getKey().getType().getDimSize(2);
  return generic({B, H, T, S, D}, {B, H, T, S}, filled({B, H, T, S}, 0.0),
                 {op.getQuery(), keys.key},
                 {map({loop(B), loop(T), loop(H), loop(D)}),
                  map({loop(B), loop(S), head(heads), loop(D)})},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[2], arith::MulFOp::create(b, v[0], v[1]));
                 });
}

AffineMap Formula::biasMap(Value bias) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op.getBias().getType()).getShape();
  SmallVector<AffineExpr> results;
  for (auto [place, size] : llvm::enumerate(shape))
    results.push_back(size == 1 ? b.getAffineConstantExpr(0)
                                : loop(4 - shape.size() + place));
  return map(results);
}

/// Whether the mask lets the present query see the present key, and there is
/// such a key.
Value Formula::visible(ImplicitLocOpBuilder &b, const Keys &keys,
                       Value pattern) {
  MaskAttr mask = op.getMask();
  auto asIndex = [&](OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
  };
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto atMost = [&](Value lhs, Value rhs) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, lhs, rhs);
  };
  auto add = [&](Value lhs, Value rhs) -> Value {
    return arith::AddIOp::create(b, lhs, rhs);
  };
  auto both = [&](Value lhs, Value rhs) -> Value {
    return lhs ? arith::AndIOp::create(b, lhs, rhs).getResult() : rhs;
  };
  Value s = linalg::IndexOp::create(b, S);
  if (keys.first)
    s = add(s, keys.first);
  Value p = add(linalg::IndexOp::create(b, T),
                arith::SubIOp::create(b, asIndex(keyCount), asIndex(sizes[T])));
  Value seen;
  if (keys.isPadded)
    seen = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, s,
                                 asIndex(keyCount));
  if (pattern) {
    auto type = cast<RankedTensorType>(pattern.getType());
    Value zero = constant(0);
    SmallVector<Value> indices;
    for (auto [position, count] :
         llvm::zip(ValueRange{p, s}, type.getShape())) {
      Value block =
          arith::FloorDivSIOp::create(b, position, constant(mask.getBlock()));
      seen = both(seen, atMost(zero, block));
      seen = both(seen, atMost(block, constant(count - 1)));
      Value clamped = arith::MinSIOp::create(b, block, constant(count - 1));
      indices.push_back(arith::MaxSIOp::create(b, clamped, zero));
    }
    return both(seen, tensor::ExtractOp::create(b, pattern, indices));
  }
  Value inBand;
  if (mask.hasLeft())
    inBand = both(inBand, atMost(p, add(s, constant(mask.getLeft()))));
  if (mask.hasRight())
    inBand = both(inBand, atMost(s, add(p, constant(mask.getRight()))));
  if (!inBand)
    return seen;
  if (mask.getGlobal()) {
    Value last = constant(mask.getGlobal() - 1);
    Value exempt = arith::OrIOp::create(b, atMost(s, last), atMost(p, last));
    if (mask.isCausal())
      exempt = both(exempt, atMost(s, p));
    inBand = arith::OrIOp::create(b, inBand, exempt);
  }
  return both(seen, inBand);
}

/// scale · score + bias, or what stands for an invisible key: -∞ before a
/// softmax, else a weight of 0.
Value Formula::hide(const Keys &keys, Value scores) {
  SmallVector<Value> operands{scores};
  SmallVector<AffineMap> maps{all};
  if (keys.bias) {
    operands.push_back(keys.bias);
    maps.push_back(biasMap(keys.bias));
  }
  if (keys.mask) {
    operands.push_back(keys.mask);
    maps.push_back(map({loop(B), loop(S)}));
  }
  MaskAttr mask = op.getMask();
  Value pattern;
  if (mask.getPattern() && mask.getPattern().getNumElements())
    pattern = arith::ConstantOp::create(b, mask.getPattern());
  return generic(
      {B, H, T, S}, {B, H, T, S}, Value(), operands, maps,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value score = v[0];
        double scale = op.getScale().convertToDouble();
        if (scale != 1.0)
          score = arith::MulFOp::create(b, score, number(b, scale));
        if (keys.bias)
          score = arith::AddFOp::create(b, score, v[1]);
        Value seen;
        if (mask.getPattern() && !pattern)
          seen = arith::ConstantOp::create(b, b.getBoolAttr(false));
        else
          seen = visible(b, keys, pattern);
        if (keys.mask) {
          Value key = v[operands.size() - 1];
          seen = seen ? arith::AndIOp::create(b, seen, key).getResult() : key;
        }
        if (!seen)
          return score;
        bool softmax = op.getNormaliser() == Normaliser::softmax;
        return arith::SelectOp::create(b, seen, score,
                                       number(b, softmax ? kLowest : 0.0));
      });
}

//===----------------------------------------------------------------------===//
// Weights and averages
//===----------------------------------------------------------------------===//

/// exp(score - maximum). -∞ - -∞ would be NaN: a row of -∞ keeps its scores.
Value Formula::exponentials(Value scores, Value maxima,
                            ArrayRef<int64_t> loops) {
  SmallVector<AffineExpr> at;
  for (int64_t number : loops)
    at.push_back(loop(number));
  return generic(
      loops, loops, Value(), {scores, maxima}, {map(at), row},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1],
                                           number(b, kLowest));
        Value shift = arith::SelectOp::create(b, none, number(b, 0.0), v[1]);
        return math::ExpOp::create(b, arith::SubFOp::create(b, v[0], shift));
      });
}

static Value larger(ImplicitLocOpBuilder &b, ValueRange v) {
  return arith::MaximumFOp::create(b, v[0], v[1]);
}

Value Formula::addWeights(Value weights, Value init) {
  return generic({B, H, T, S}, {B, H, T}, init, weights, all,
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(b, v[1], v[0]);
                 });
}

Value Formula::addValues(Value weights, const Keys &keys, Value init) {
  int64_t heads = op.getValue().getType().getDimSize(2);
  return generic({B, H, T, S, D}, {B, T, H, D}, init, {weights, keys.value},
                 {all, map({loop(B), loop(S), head(heads), loop(D)})},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[2], arith::MulFOp::create(b, v[0], v[1]));
                 });
}

Value Formula::divide(Value product, Value sum) {
  return generic(
      {B, T, H, D}, {B, T, H, D}, Value(), {product, sum}, {out, row},
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value zero = number(b, 0.0);
        Value none =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1], zero);
        return arith::SelectOp::create(b, none, zero,
                                       arith::DivFOp::create(b, v[0], v[1]));
      });
}

Value Formula::whole() {
  Keys keys{op.getKey(),  op.getValue(), op.getKeyMask(),
            op.getBias(), Value(),       false};
  Value weights = hide(keys, scores(keys));
  if (op.getNormaliser() == Normaliser::softmax) {
    Value maxima = generic({B, H, T, S}, {B, H, T}, filled({B, H, T}, kLowest),
                           weights, all, larger);
    weights = exponentials(weights, maxima, {B, H, T, S});
  }
  Value sum = addWeights(weights, filled({B, H, T}, 0.0));
  Value product = addValues(weights, keys, filled({B, T, H, D}, 0.0));
  return divide(product, sum);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Splits the keys, dimension `dim`, into tiles, and puts the number of the
/// tile second: [B, S, …] becomes [B, tiles, size, …], [B, Hq, T, S] becomes
/// [B, tiles, Hq, T, size].
Value Formula::inTiles(Value tensor, int64_t dim, int64_t size, Value padding) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank();
  Location loc = b.getLoc();
  AffineExpr s = b.getAffineSymbolExpr(0);
  auto apply = [&](AffineExpr expr) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, {keyCount});
  };
  SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high(low);
  high[dim] = apply(s.ceilDiv(size) * size - s);
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = ShapedType::isDynamic(shape[dim])
                   ? shape[dim]
                   : int64_t(llvm::alignTo(shape[dim], size));
  Value padded =
      tensor::PadOp::create(b, type.clone(shape), tensor, low, high, padding);

  SmallVector<OpFoldResult> split = tensor::getMixedSizes(b, loc, tensor);
  split[dim] = apply(s.ceilDiv(size));
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

/// The number of the first key of each tile, [1, tiles].
Value Formula::firstKeys(int64_t size) {
  AffineExpr s = b.getAffineSymbolExpr(0);
  OpFoldResult tiles = affine::makeComposedFoldedAffineApply(
      b, b.getLoc(), s.ceilDiv(size), {keyCount});
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

/// The states (sum of values, maximum, sum of weights) after one more tile.
SmallVector<Value> Formula::addTile(const Keys &tile, ValueRange states) {
  Value before = states[1];
  Value hidden = hide(tile, scores(tile));
  Value maxima = generic({B, H, T, S}, {B, H, T}, before, hidden, all, larger);
  Value weights = exponentials(hidden, maxima, {B, H, T, S});
  Value decay = exponentials(before, maxima, {B, H, T});
  auto shrink = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    return arith::MulFOp::create(b, v[0], v[1]);
  };
  Value sum = generic({B, H, T}, {B, H, T}, Value(), {states[2], decay},
                      {row, row}, shrink);
  Value product = generic({B, T, H, D}, {B, T, H, D}, Value(),
                          {states[0], decay}, {out, row}, shrink);
  return {addValues(weights, tile, product), maxima, addWeights(weights, sum)};
}

Value Formula::tiled(int64_t size) {
  Value zero = number(b, 0.0);
  SmallVector<Value> inputs{inTiles(op.getKey(), kTimeDim, size, zero),
                            inTiles(op.getValue(), kTimeDim, size, zero),
                            firstKeys(size)};
  if (op.getKeyMask()) {
    Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
    inputs.push_back(inTiles(op.getKeyMask(), kTimeDim, size, no));
  }
  Value shared; // a bias that is the same for all keys
  if (op.getBias()) {
    auto type = cast<RankedTensorType>(op.getBias().getType());
    if (type.getShape().back() == 1)
      shared = op.getBias();
    else
      inputs.push_back(inTiles(op.getBias(), type.getRank() - 1, size, zero));
  }
  SmallVector<Value> states{filled({B, T, H, D}, 0.0),
                            filled({B, H, T}, kLowest), filled({B, H, T}, 0.0)};
  sizes[S] = b.getIndexAttr(size);
  SmallVector<Value> last = recurrence(
      b, /*reverse=*/false, inputs, ValueRange(), states,
      [&](ValueRange slices, ValueRange states) {
        Value zero = arith::ConstantIndexOp::create(b, 0);
        Value first = tensor::ExtractOp::create(b, slices[2], zero);
        Keys tile{slices[0],
                  slices[1],
                  Value(),
                  shared,
                  arith::IndexCastOp::create(b, b.getIndexType(), first),
                  true};
        unsigned next = 3;
        if (op.getKeyMask())
          tile.mask = slices[next++];
        if (op.getBias() && !shared)
          tile.bias = slices[next];
        return addTile(tile, states);
      });
  return divide(last[0], last[2]);
}
} // namespace

FailureOr<SmallVector<Value>> AttentionOp::generalize(OpBuilder &builder) {
  return SmallVector<Value>{Formula(*this, builder).whole()};
}

Value AttentionOp::generalizeInTiles(OpBuilder &builder, int64_t keys) {
  return Formula(*this, builder).tiled(keys);
}
