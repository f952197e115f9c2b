//===- AttentionFormula.cpp - seq.attention in general operations ---------===//

#include "AttentionFormula.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

Formula::Formula(AttentionOp op, OpBuilder &builder)
    : op(op), b(op.getLoc(), builder),
      element(op.getQuery().getType().getElementType()), query(op.getQuery()) {
  for (int64_t dim : {0, 2, 1})
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getQuery(), dim));
  sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getKey(), 1));
  sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getValue(), 3));
  keyCount = sizes[S];
  queryCount = sizes[T];
  all = map({loop(B), loop(H), loop(T), loop(S)});
  row = map({loop(B), loop(H), loop(T)});
  out = map({loop(B), loop(T), loop(H), loop(D)});
}

Value Formula::number(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(element, value));
}

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
                 {query, keys.key},
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
  Value t = linalg::IndexOp::create(b, T);
  if (firstQuery)
    t = add(t, firstQuery);
  Value p =
      add(t, arith::SubIOp::create(b, asIndex(keyCount), asIndex(queryCount)));
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

Value Formula::larger(ImplicitLocOpBuilder &b, ValueRange v) {
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

FailureOr<SmallVector<Value>> AttentionOp::generalize(OpBuilder &builder) {
  return SmallVector<Value>{Formula(*this, builder).whole()};
}
