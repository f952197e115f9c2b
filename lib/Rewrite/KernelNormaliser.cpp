//===- KernelNormaliser.cpp - seq.attention as a chain of products --------===//

#include "KernelNormaliser.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

namespace {
/// Head h as the digits of a number in mixed radix, such that the head of each
/// operand is the first of them: 8 heads of queries over 2 of keys have the
/// digits [2, 4]. So shared heads are loops that an operand has not.
class Heads {
public:
  explicit Heads(seq::AttentionOp op) {
    SmallVector<int64_t> counts{op.getKey().getType().getDimSize(2),
                                op.getValue().getType().getDimSize(2),
                                op.getQuery().getType().getDimSize(2)};
    llvm::sort(counts);
    int64_t product = 1;
    for (int64_t count : counts) {
      isChain &= count % product == 0;
      if (count != product)
        digits.push_back(count / product);
      product = count;
    }
    if (digits.empty())
      digits.push_back(1);
  }

  /// The digits that `count` heads have.
  ArrayRef<int64_t> of(int64_t count) const {
    size_t used = 0;
    for (int64_t product = 1; used < digits.size(); ++used) {
      product *= digits[used];
      if (product > count)
        break;
    }
    return ArrayRef(digits).take_front(used);
  }

  bool isChain = true;

private:
  SmallVector<int64_t> digits;
};

constexpr unsigned B = 0, T = 1, S = 2, K = 3, V = 4, H = 5;

/// The loops of [B, time, heads, last], the heads as digits.
SmallVector<unsigned> loopsOf(ArrayRef<int64_t> digits, unsigned time,
                              std::optional<unsigned> last) {
  SmallVector<unsigned> loops{B, time};
  for (unsigned digit = 0; digit < digits.size(); ++digit)
    loops.push_back(H + digit);
  if (last)
    loops.push_back(*last);
  return loops;
}

SmallVector<ReassociationIndices> groupsOf(int64_t digits, bool hasLast) {
  SmallVector<ReassociationIndices> groups{{0}, {1}, {}};
  for (int64_t digit = 0; digit < digits; ++digit)
    groups[2].push_back(2 + digit);
  if (hasLast)
    groups.push_back({2 + digits});
  return groups;
}

/// [B, time, heads, last] with the heads as digits.
Factor split(ImplicitLocOpBuilder &b, const Heads &heads, Value tensor,
             unsigned time, unsigned last) {
  auto type = cast<RankedTensorType>(tensor.getType());
  ArrayRef<int64_t> digits = heads.of(type.getDimSize(2));
  SmallVector<int64_t> shape(type.getShape().take_front(2));
  llvm::append_range(shape, digits);
  shape.push_back(type.getDimSize(3));
  if (digits.empty()) {
    tensor = tensor::CollapseShapeOp::create(
        b, type.clone(shape), tensor,
        SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}});
  } else if (digits.size() > 1) {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), tensor);
    OpFoldResult size = sizes.back();
    sizes.truncate(2);
    for (int64_t digit : digits)
      sizes.push_back(b.getIndexAttr(digit));
    sizes.push_back(size);
    tensor = tensor::ExpandShapeOp::create(
        b, type.clone(shape), tensor, groupsOf(digits.size(), true), sizes);
  }
  return {tensor, loopsOf(digits, time, last)};
}

/// The chains of N and, without values, of z; tensors as they are or split.
struct Chains {
  ProductChain products, sums;
};

Chains chainsOf(seq::AttentionOp op, const Heads &heads, Factor query,
                Factor key, Factor value) {
  RankedTensorType type = op.getOutput().getType();
  ArrayRef<int64_t> digits = heads.of(type.getDimSize(2));
  SmallVector<int64_t> shape(type.getShape().take_front(2));
  llvm::append_range(shape, digits);
  RankedTensorType sumType = type.clone(shape);
  shape.push_back(type.getDimSize(3));
  return {{query, key, value, loopsOf(digits, T, V), {S}, type.clone(shape)},
          {query, key, {}, loopsOf(digits, T, std::nullopt), {S}, sumType}};
}

/// Multiply-adds for one batch and one head of queries need the sizes alone.
double sizeOf(RankedTensorType type, int64_t dim) {
  int64_t size = type.getDimSize(dim);
  return ShapedType::isDynamic(size) ? ProductChain::kUnknownSize : size;
}
} // namespace

std::optional<StringRef> KernelNormaliser::findObstacle(seq::AttentionOp op) {
  seq::MaskAttr mask = op.getMask();
  double scale = op.getScale().convertToDouble();
  if (mask.getPattern() || mask.hasLeft() ||
      (mask.hasRight() && !mask.isCausal()))
    return "its mask is neither full nor causal";
  if (scale == 0.0 || !std::isfinite(scale))
    return "its scale does not cancel out";
  if (!Heads(op).isChain)
    return "neither the heads of keys nor those of values divide the others";
  return std::nullopt;
}

double KernelNormaliser::workInOrder(seq::AttentionOp op) {
  RankedTensorType query = op.getQuery().getType();
  return sizeOf(query, 0) * sizeOf(query, 2) * sizeOf(query, 1) *
         sizeOf(op.getKey().getType(), 1) *
         (sizeOf(query, 3) + sizeOf(op.getValue().getType(), 3));
}

double KernelNormaliser::workReordered(seq::AttentionOp op) {
  RankedTensorType query = op.getQuery().getType(), key = op.getKey().getType(),
                   value = op.getValue().getType();
  double shared = std::max(sizeOf(key, 2), sizeOf(value, 2));
  return sizeOf(query, 0) * sizeOf(query, 3) * (sizeOf(value, 3) + 1) *
         (sizeOf(query, 1) * sizeOf(query, 2) + sizeOf(key, 1) * shared);
}

Value KernelNormaliser::build(ImplicitLocOpBuilder &b, seq::AttentionOp op,
                              bool sameTimes) {
  Heads heads(op);
  Value visible = op.getKey();
  if (Value mask = op.getKeyMask())
    visible = createGeneric(
        b, {{op.getKey(), {B, S, H, K}}, {mask, {B, S}}}, {B, S, H, K},
        [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          Value zero =
              arith::ConstantOp::create(b, b.getFloatAttr(v[0].getType(), 0.0));
          return arith::SelectOp::create(b, v[1], v[0], zero);
        });
  Chains chains = chainsOf(op, heads, split(b, heads, op.getQuery(), T, K),
                           split(b, heads, visible, S, K),
                           split(b, heads, op.getValue(), S, V));
  auto compute = [&](const ProductChain &chain) {
    Causality causality{T, S, /*last=*/0, /*atEnd=*/true, sameTimes};
    return Factor{op.getMask().isCausal() ? chain.buildCausal(b, causality)
                                          : chain.buildReordered(b),
                  chain.result};
  };
  Factor products = compute(chains.products), sums = compute(chains.sums);
  Value y = createGeneric(
      b, {products, sums}, chains.products.result,
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value zero =
            arith::ConstantOp::create(b, b.getFloatAttr(v[0].getType(), 0.0));
        Value none =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, v[1], zero);
        return arith::SelectOp::create(b, none, zero,
                                       arith::DivFOp::create(b, v[0], v[1]));
      });
  RankedTensorType type = op.getOutput().getType();
  size_t digits = heads.of(type.getDimSize(2)).size();
  if (digits > 1)
    y = tensor::CollapseShapeOp::create(b, y, groupsOf(digits, true));
  return y.getType() == type ? y : tensor::CastOp::create(b, type, y);
}
