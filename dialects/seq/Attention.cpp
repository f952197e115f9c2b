//===- Attention.cpp - seq.attention --------------------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// (C3) and (C5) for one operand whose sizes may be given as 1 instead.
static LogicalResult verifySizes(AttentionOp op, StringRef name, Value value,
                                 ArrayRef<StringRef> letters,
                                 ArrayRef<int64_t> expected, bool broadcasts) {
  auto type = cast<RankedTensorType>(value.getType());
  for (auto [letter, size, want] :
       llvm::zip_equal(letters, type.getShape(), expected)) {
    if (ShapedType::isDynamic(size)) {
      if (letter == "T" || letter == "S")
        continue;
      return op.emitOpError("C2: the size ")
             << letter << " of " << name << " must be known";
    }
    if (ShapedType::isDynamic(want) || size == want ||
        (broadcasts && size == 1))
      continue;
    InFlightDiagnostic error = op.emitOpError(broadcasts ? "C5: " : "C3: ")
                               << "the size " << letter << " of " << name
                               << " is " << size << ", expected " << want;
    if (broadcasts)
      error << " or 1";
    return error;
  }
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyShapes(*this, {{"query", getQuery(), "B T Hq D"},
                                  {"key", getKey(), "B S Hk D"},
                                  {"value", getValue(), "B S Hv Dv"},
                                  {"output", getOutput(), "B T Hq Dv"}})))
    return failure();
  ArrayRef<int64_t> query = getQuery().getType().getShape();
  ArrayRef<int64_t> key = getKey().getType().getShape();
  ArrayRef<int64_t> value = getValue().getType().getShape();
  int64_t times = ShapedType::isDynamic(key[1]) ? value[1] : key[1];
  if (Value mask = getKeyMask())
    if (failed(verifySizes(*this, "key_mask", mask, {"B", "S"},
                           {query[0], times}, /*broadcasts=*/false)))
      return failure();
  if (Value bias = getBias()) {
    if (getElementTypeOrSelf(bias.getType()) !=
        getQuery().getType().getElementType())
      return emitOpError("C1: bias has elements of type ")
             << getElementTypeOrSelf(bias.getType()) << ", expected "
             << getQuery().getType().getElementType() << " as in query";
    StringRef letters[] = {"B", "Hq", "T", "S"};
    int64_t sizes[] = {query[0], query[2], query[1], times};
    size_t rank = cast<RankedTensorType>(bias.getType()).getRank();
    if (failed(verifySizes(*this, "bias", bias,
                           ArrayRef(letters).take_back(rank),
                           ArrayRef(sizes).take_back(rank),
                           /*broadcasts=*/true)))
      return failure();
  }

  int64_t heads = query[2];
  if (heads == 0)
    return emitOpError("C4: query has no heads");
  for (auto [name, count] :
       {std::pair("key", key[2]), std::pair("value", value[2])}) {
    if (count == 0)
      return emitOpError("C4: ") << name << " has no heads";
    if (heads % count)
      return emitOpError("C4: the ") << count << " heads of " << name
                                     << " do not divide the query's " << heads;
  }
  if (getNormaliser() == Normaliser::kernel && getBias())
    return emitOpError("C6: the normaliser kernel takes no bias");
  return success();
}

//===----------------------------------------------------------------------===//
// Canonicalization
//===----------------------------------------------------------------------===//

namespace {
/// Drops a limit of a window that hides no key, as the causal one does for a
/// single query.
struct WidenWindow : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    MaskAttr mask = op.getMask();
    if (mask.getPattern())
      return failure();
    int64_t queries = op.getQuery().getType().getDimSize(1);
    int64_t keys = op.getKey().getType().getDimSize(1);
    int64_t left = mask.getLeft(), right = mask.getRight();
    int64_t global = mask.getGlobal();
    // The first query is at S - T, the last at S - 1.
    if (!ShapedType::isDynamic(queries) && right >= queries - 1)
      right = MaskAttr::kUnbounded;
    if (!ShapedType::isDynamic(keys) && left >= keys - 1)
      left = MaskAttr::kUnbounded;
    // Then the exempt positions see and are seen anyway.
    if (left == MaskAttr::kUnbounded &&
        (right == MaskAttr::kUnbounded || mask.isCausal()))
      global = 0;
    MaskAttr wider = MaskAttr::get(op.getContext(), left, right, global);
    if (wider == mask)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setMaskAttr(wider); });
    return success();
  }
};

/// Drops a key mask that hides nothing.
struct DropKeyMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    DenseElementsAttr constant;
    if (!op.getKeyMask() ||
        !matchPattern(op.getKeyMask(), m_Constant(&constant)) ||
        !constant.isSplat() || !constant.getSplatValue<bool>())
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getKeyMaskMutable().clear(); });
    return success();
  }
};
} // namespace

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<WidenWindow, DropKeyMask>(context);
}

//===----------------------------------------------------------------------===//
// Generalization
//===----------------------------------------------------------------------===//

namespace {
/// The formula of one seq.attention over the loops b, h, t, s and d: scores,
/// then weights, then averages, all [B, Hq, T, S] where they have keys.
class Formula {
public:
  Formula(AttentionOp op, OpBuilder &builder)
      : op(op), b(op.getLoc(), builder),
        element(op.getQuery().getType().getElementType()) {
    for (int64_t dim : {0, 2, 1})
      sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getQuery(), dim));
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getKey(), 1));
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getValue(), 3));
  }

  Value output();

private:
  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;
  enum Loop { B, H, T, S, D };

  AffineExpr loop(int64_t number) { return b.getAffineDimExpr(number); }
  AffineMap map(ArrayRef<AffineExpr> results) {
    return AffineMap::get(5, 0, results, b.getContext());
  }
  /// Head `h` of an operand with `count` heads.
  AffineExpr head(int64_t count) {
    return loop(H).floorDiv(op.getQuery().getType().getDimSize(2) / count);
  }
  Value generic(ArrayRef<int64_t> over, ArrayRef<int64_t> result, double init,
                ValueRange operands, ArrayRef<AffineMap> maps, Body body);
  Value number(ImplicitLocOpBuilder &b, double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(element, value));
  }
  Value scores();
  AffineMap biasMap();
  Value visible(ImplicitLocOpBuilder &b, Value pattern);
  Value hide(Value scores);

  AttentionOp op;
  ImplicitLocOpBuilder b;
  Type element;
  SmallVector<OpFoldResult> sizes; // of the loops b, h, t, s and dv
};

/// A linalg.generic over the loops `over`, all reduced that are not in
/// `result`. `body` gets an element of each operand and of the result so far.
Value Formula::generic(ArrayRef<int64_t> over, ArrayRef<int64_t> result,
                       double init, ValueRange operands,
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
  SmallVector<AffineExpr> out;
  SmallVector<OpFoldResult> shape;
  for (int64_t number : result) {
    out.push_back(loop(number));
    shape.push_back(sizes[number]);
  }
  SmallVector<AffineMap> used;
  for (AffineMap map : maps)
    used.push_back(map.replaceDimsAndSymbols(dims, {}, over.size(), 0));
  used.push_back(map(out).replaceDimsAndSymbols(dims, {}, over.size(), 0));
  Value destination = tensor::EmptyOp::create(b, shape, element);
  bool accumulates = over.size() > result.size();
  if (accumulates)
    destination =
        linalg::FillOp::create(b, number(b, init), destination).getResult(0);
  return linalg::GenericOp::create(
             b, destination.getType(), operands, destination, used, kinds,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(nested, body(nested, args));
             })
      .getResult(0);
}

Value Formula::scores() {
  int64_t heads = op.getKey().getType().getDimSize(2);
  return generic({B, H, T, S, D}, {B, H, T, S}, 0.0,
                 {op.getQuery(), op.getKey()},
                 {map({loop(B), loop(T), loop(H), loop(D)}),
                  map({loop(B), loop(S), head(heads), loop(D)})},
                 [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   return arith::AddFOp::create(
                       b, v[2], arith::MulFOp::create(b, v[0], v[1]));
                 });
}

AffineMap Formula::biasMap() {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op.getBias().getType()).getShape();
  SmallVector<AffineExpr> results;
  for (auto [place, size] : llvm::enumerate(shape))
    results.push_back(size == 1 ? b.getAffineConstantExpr(0)
                                : loop(4 - shape.size() + place));
  return map(results);
}

/// Whether the mask lets the present query see the present key.
Value Formula::visible(ImplicitLocOpBuilder &b, Value pattern) {
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
  Value p = add(linalg::IndexOp::create(b, T),
                arith::SubIOp::create(b, asIndex(sizes[S]), asIndex(sizes[T])));
  if (pattern) {
    auto type = cast<RankedTensorType>(pattern.getType());
    Value inside, zero = constant(0);
    SmallVector<Value> indices;
    for (auto [position, count] :
         llvm::zip(ValueRange{p, s}, type.getShape())) {
      Value block =
          arith::FloorDivSIOp::create(b, position, constant(mask.getBlock()));
      inside = both(inside, atMost(zero, block));
      inside = both(inside, atMost(block, constant(count - 1)));
      Value clamped = arith::MinSIOp::create(b, block, constant(count - 1));
      indices.push_back(arith::MaxSIOp::create(b, clamped, zero));
    }
    return both(inside, tensor::ExtractOp::create(b, pattern, indices));
  }
  Value seen = arith::ConstantOp::create(b, b.getBoolAttr(true));
  if (mask.hasLeft())
    seen = both(seen, atMost(p, add(s, constant(mask.getLeft()))));
  if (mask.hasRight())
    seen = both(seen, atMost(s, add(p, constant(mask.getRight()))));
  if (mask.getGlobal() == 0)
    return seen;
  Value last = constant(mask.getGlobal() - 1);
  Value exempt = arith::OrIOp::create(b, atMost(s, last), atMost(p, last));
  if (mask.isCausal())
    exempt = both(exempt, atMost(s, p));
  return arith::OrIOp::create(b, seen, exempt);
}

/// scale · score + bias, or what stands for an invisible key: -∞ before a
/// softmax, else a weight of 0.
Value Formula::hide(Value scores) {
  SmallVector<Value> operands{scores};
  AffineMap all = map({loop(B), loop(H), loop(T), loop(S)});
  SmallVector<AffineMap> maps{all};
  if (op.getBias()) {
    operands.push_back(op.getBias());
    maps.push_back(biasMap());
  }
  if (op.getKeyMask()) {
    operands.push_back(op.getKeyMask());
    maps.push_back(map({loop(B), loop(S)}));
  }
  MaskAttr mask = op.getMask();
  Value pattern;
  if (mask.getPattern() && mask.getPattern().getNumElements())
    pattern = arith::ConstantOp::create(b, mask.getPattern());
  return generic(
      {B, H, T, S}, {B, H, T, S}, 0.0, operands, maps,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value score = v[0];
        double scale = op.getScale().convertToDouble();
        if (scale != 1.0)
          score = arith::MulFOp::create(b, score, number(b, scale));
        if (op.getBias())
          score = arith::AddFOp::create(b, score, v[1]);
        Value seen;
        if (mask.getPattern() && !pattern)
          seen = arith::ConstantOp::create(b, b.getBoolAttr(false));
        else if (!mask.isFull())
          seen = visible(b, pattern);
        if (op.getKeyMask()) {
          Value key = v[operands.size() - 1];
          seen = seen ? arith::AndIOp::create(b, seen, key).getResult() : key;
        }
        if (!seen)
          return score;
        bool softmax = op.getNormaliser() == Normaliser::softmax;
        Value hidden =
            number(b, softmax ? -std::numeric_limits<double>::infinity() : 0.0);
        return arith::SelectOp::create(b, seen, score, hidden);
      });
}

Value Formula::output() {
  AffineMap all = map({loop(B), loop(H), loop(T), loop(S)});
  AffineMap row = map({loop(B), loop(H), loop(T)});
  Value weights = hide(scores());
  if (op.getNormaliser() == Normaliser::softmax) {
    double lowest = -std::numeric_limits<double>::infinity();
    Value largest = generic({B, H, T, S}, {B, H, T}, lowest, weights, all,
                            [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                              return arith::MaximumFOp::create(b, v[0], v[1]);
                            });
    weights = generic(
        {B, H, T, S}, {B, H, T, S}, 0.0, {weights, largest}, {all, row},
        [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          // -∞ - -∞ is NaN: a row of -∞ keeps its scores.
          Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1],
                                             number(b, lowest));
          Value shift = arith::SelectOp::create(b, none, number(b, 0.0), v[1]);
          return math::ExpOp::create(b, arith::SubFOp::create(b, v[0], shift));
        });
  }
  Value sum = generic({B, H, T, S}, {B, H, T}, 0.0, weights, all,
                      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                        return arith::AddFOp::create(b, v[1], v[0]);
                      });
  int64_t heads = op.getValue().getType().getDimSize(2);
  AffineMap out = map({loop(B), loop(T), loop(H), loop(D)});
  Value product =
      generic({B, H, T, S, D}, {B, T, H, D}, 0.0, {weights, op.getValue()},
              {all, map({loop(B), loop(S), head(heads), loop(D)})},
              [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                return arith::AddFOp::create(
                    b, v[2], arith::MulFOp::create(b, v[0], v[1]));
              });
  return generic({B, T, H, D}, {B, T, H, D}, 0.0, {product, sum}, {out, row},
                 [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                   Value zero = number(b, 0.0);
                   Value none = arith::CmpFOp::create(
                       b, arith::CmpFPredicate::OEQ, v[1], zero);
                   return arith::SelectOp::create(
                       b, none, zero, arith::DivFOp::create(b, v[0], v[1]));
                 });
}
} // namespace

FailureOr<SmallVector<Value>> AttentionOp::generalize(OpBuilder &builder) {
  return SmallVector<Value>{Formula(*this, builder).output()};
}
