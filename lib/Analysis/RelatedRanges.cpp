//===- RelatedRanges.cpp - bounds of values that share operands -----------===//

#include "RelatedRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <limits>

using namespace mlir;
using namespace seqc;

namespace {
/// An element: of a tensor, at map(index), or a scalar of a payload whose loops
/// are at map(index).
struct Element {
  Value value;
  AffineMap map;
};

/// Operations are compared to this depth.
constexpr unsigned kMaxDepth = 8;
} // namespace

static AffineMap identityOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  unsigned rank = type ? type.getRank() : 0;
  if (auto linalgOp =
          dyn_cast<linalg::LinalgOp>(value.getParentBlock()->getParentOp()))
    rank = linalgOp.getNumLoops();
  return AffineMap::getMultiDimIdentityMap(rank, value.getContext());
}

/// The same element where it is computed by an operation on elements.
static Element open(Element element) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(element.value)) {
      auto op = dyn_cast_or_null<linalg::LinalgOp>(
          argument.getOwner()->getParentOp());
      if (!op)
        return element;
      OpOperand *source = op.getMatchingOpOperand(argument);
      if (op.isDpsInit(source))
        return element;
      element = {source->get(),
                 op.getMatchingIndexingMap(source).compose(element.map)};
      continue;
    }
    auto op = element.value.getDefiningOp<linalg::LinalgOp>();
    if (op && op->getNumRegions() == 1 && op.getNumReductionLoops() == 0 &&
        op.getIndexingMapMatchingResult(cast<OpResult>(element.value))
            .isIdentity()) {
      element.value = op.getBlock()->getTerminator()->getOperand(
          cast<OpResult>(element.value).getResultNumber());
      continue;
    }
    if (auto cast = element.value.getDefiningOp<tensor::CastOp>()) {
      element.value = cast.getSource();
      continue;
    }
    return element;
  }
}

static bool isElementwise(Operation *op) {
  return op && op->getNumResults() == 1 && op->getNumRegions() == 0 &&
         OpTrait::hasElementwiseMappableTraits(op);
}

static bool isSame(Element a, Element b, unsigned depth = kMaxDepth) {
  a = open(a);
  b = open(b);
  if (a.value == b.value)
    return a.map == b.map;
  Operation *left = a.value.getDefiningOp(), *right = b.value.getDefiningOp();
  Attribute one, other;
  if (left && right && matchPattern(left, m_Constant(&one)) &&
      matchPattern(right, m_Constant(&other)))
    return one == other;
  if (depth == 0 || !isElementwise(left) || !isElementwise(right) ||
      left->getName() != right->getName() ||
      left->getAttrDictionary() != right->getAttrDictionary())
    return false;
  for (auto [x, y] : llvm::zip_equal(left->getOperands(), right->getOperands()))
    if (!isSame({x, a.map}, {y, b.map}, depth - 1))
      return false;
  return true;
}

/// The operands of an element that is computed by `Op`.
template <typename Op>
static std::optional<std::pair<Element, Element>> match(Element element) {
  element = open(element);
  auto op = element.value.getDefiningOp<Op>();
  if (!op)
    return std::nullopt;
  return std::pair(
      Element{op->getOperand(0), element.map},
      Element{op->getOperand(op->getNumOperands() - 1), element.map});
}

static bool isOne(Element element) {
  Value value = open(element).value;
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    value = splat.getInput();
  return matchPattern(value, m_OneFloat());
}

static bool isFraction(Element element, RangeAnalysis &ranges) {
  return ranges.get(element.value).isIn(0.0, 1.0);
}

/// a where the element is 1 - a.
static std::optional<Element> oneLess(Element element) {
  auto difference = match<arith::SubFOp>(element);
  if (!difference || !isOne(difference->first))
    return std::nullopt;
  return difference->second;
}

/// x / (x + y)
static std::optional<Interval> ofShare(Element x, Element sum,
                                       RangeAnalysis &ranges) {
  auto parts = match<arith::AddFOp>(sum);
  if (!parts)
    return std::nullopt;
  auto [left, right] = *parts;
  for (auto [own, rest] : {std::pair(left, right), std::pair(right, left)})
    if (isSame(own, x) && ranges.get(own.value).low >= 0.0 &&
        ranges.get(rest.value).low >= 0.0)
      return Interval{0.0, 1.0};
  return std::nullopt;
}

/// first + second, a mean of two values with weights a and 1 - a.
static std::optional<Interval> ofMean(Element first, Element second,
                                      RangeAnalysis &ranges) {
  auto product = match<arith::MulFOp>(second);
  if (!product)
    return std::nullopt;
  auto [left, right] = *product;
  for (auto [weight, y] : {std::pair(left, right), std::pair(right, left)}) {
    if (std::optional<Element> a = oneLess(weight);
        a && isFraction(*a, ranges)) {
      if (isSame(*a, first))
        return hull({1.0, 1.0}, ranges.get(y.value));
      if (auto own = match<arith::MulFOp>(first))
        for (auto [share, x] : {std::pair(own->first, own->second),
                                std::pair(own->second, own->first)})
          if (isSame(*a, share))
            return hull(ranges.get(x.value), ranges.get(y.value));
    }
    auto difference = match<arith::SubFOp>(y);
    if (difference && isSame(difference->second, first) &&
        isFraction(weight, ranges))
      return hull(ranges.get(first.value), ranges.get(difference->first.value));
  }
  return std::nullopt;
}

std::optional<Interval> seqc::getRelatedRange(Operation *op,
                                              RangeAnalysis &ranges) {
  if (!isa<arith::AddFOp, arith::DivFOp, arith::MulFOp>(op))
    return std::nullopt;
  AffineMap map = identityOf(op->getResult(0));
  Element left{op->getOperand(0), map}, right{op->getOperand(1), map};
  if (isa<arith::DivFOp>(op))
    return ofShare(left, right, ranges);
  if (isa<arith::AddFOp>(op)) {
    if (auto mean = ofMean(left, right, ranges))
      return mean;
    return ofMean(right, left, ranges);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (auto [product, z] : {std::pair(left, right), std::pair(right, left)}) {
    if (auto negation = match<arith::NegFOp>(product))
      if (isSame(negation->first, z))
        return Interval{-kInfinity, 0.0};
    auto factors = match<arith::MulFOp>(product);
    if (!factors)
      continue;
    auto [x, y] = *factors;
    for (auto [own, rest] : {std::pair(x, y), std::pair(y, x)}) {
      if (!isSame(own, z))
        continue;
      Interval scale = ranges.get(rest.value);
      if (scale.low >= 0.0)
        return Interval{0.0, kInfinity};
      if (scale.high <= 0.0)
        return Interval{-kInfinity, 0.0};
    }
  }
  return std::nullopt;
}
