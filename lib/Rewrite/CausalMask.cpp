//===- CausalMask.cpp - masks that are known to hide later keys -----------===//

#include "LinearStages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

LinearIndex LinearIndex::plus(const LinearIndex &other, int64_t sign) const {
  LinearIndex sum = *this;
  for (auto [loop, coefficient] : other.coefficients)
    sum.coefficients[loop] += sign * coefficient;
  sum.constant += sign * other.constant;
  return sum;
}

std::optional<LinearIndex> seqc::readIndex(const Scalar &scalar,
                                           unsigned depth) {
  // Masks are written in a few steps.
  constexpr unsigned deepest = 8;
  if (depth > deepest)
    return std::nullopt;
  Scalar source = scalar.open();
  APInt number;
  if (matchPattern(source.value, m_ConstantInt(&number))) {
    // Far from overflow, as numbers of times are.
    if (number.getSignificantBits() > 32)
      return std::nullopt;
    return LinearIndex{{}, number.getSExtValue()};
  }
  Operation *def = source.getOperation();
  if (!def)
    return std::nullopt;
  auto read = [&](unsigned operand) {
    return readIndex(source.getOperand(operand), depth + 1);
  };
  if (auto index = dyn_cast<linalg::IndexOp>(def)) {
    LinearIndex result;
    result.coefficients[source.loops[index.getDim()]] = 1;
    return result;
  }
  if (auto cast = dyn_cast<arith::IndexCastOp>(def)) {
    // A narrower type would wrap around.
    for (Type type : {cast.getIn().getType(), cast.getOut().getType()})
      if (Type element = getElementTypeOrSelf(type);
          !element.isIndex() && element.getIntOrFloatBitWidth() < 32)
        return std::nullopt;
    return read(0);
  }
  if (!isa<arith::AddIOp, arith::SubIOp>(def))
    return std::nullopt;
  std::optional<LinearIndex> left = read(0), right = read(1);
  if (!left || !right)
    return std::nullopt;
  return left->plus(*right, isa<arith::AddIOp>(def) ? 1 : -1);
}

static bool isNeverNegative(const LinearIndex &index) {
  return index.constant >= 0 &&
         llvm::all_of(index.coefficients,
                      [](auto term) { return term.second >= 0; });
}

static arith::CmpIPredicate asSigned(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::ult:
    return arith::CmpIPredicate::slt;
  case arith::CmpIPredicate::ule:
    return arith::CmpIPredicate::sle;
  case arith::CmpIPredicate::ugt:
    return arith::CmpIPredicate::sgt;
  case arith::CmpIPredicate::uge:
    return arith::CmpIPredicate::sge;
  default:
    return predicate;
  }
}

/// What is at least 0 where the comparison holds.
static std::optional<LinearIndex> readComparison(const Scalar &scalar,
                                                 bool holds) {
  auto compare = dyn_cast_or_null<arith::CmpIOp>(scalar.getOperation());
  if (!compare)
    return std::nullopt;
  arith::CmpIPredicate predicate = compare.getPredicate();
  if (!holds)
    predicate = arith::invertPredicate(predicate);
  std::optional<LinearIndex> left = readIndex(
                                 {compare.getLhs(), scalar.op, scalar.loops}),
                             right = readIndex(
                                 {compare.getRhs(), scalar.op, scalar.loops});
  if (!left || !right)
    return std::nullopt;
  // What is never negative compares as unsigned as it does as signed.
  if (isNeverNegative(*left) && isNeverNegative(*right))
    predicate = asSigned(predicate);
  bool less = predicate == arith::CmpIPredicate::sle ||
              predicate == arith::CmpIPredicate::slt;
  bool greater = predicate == arith::CmpIPredicate::sge ||
                 predicate == arith::CmpIPredicate::sgt;
  if (!less && !greater)
    return std::nullopt;
  LinearIndex difference =
      less ? right->plus(*left, -1) : left->plus(*right, -1);
  if (predicate == arith::CmpIPredicate::slt ||
      predicate == arith::CmpIPredicate::sgt)
    difference.constant -= 1;
  return difference;
}

static std::optional<Causality>
fromComparison(const Scalar &scalar, bool holds,
               function_ref<bool(unsigned)> isKey) {
  std::optional<LinearIndex> difference = readComparison(scalar, holds);
  if (!difference || difference->constant > 0 || difference->constant < -1)
    return std::nullopt;
  std::optional<unsigned> query, key;
  for (auto [loop, coefficient] : difference->coefficients) {
    if (coefficient == 0)
      continue;
    std::optional<unsigned> &place = isKey(loop) ? key : query;
    if (place || coefficient != (isKey(loop) ? -1 : 1))
      return std::nullopt;
    place = loop;
  }
  if (!query || !key)
    return std::nullopt;
  return Causality{*query, *key, difference->constant};
}

/// A constant of ones and zeros that is a triangle in two dimensions, all other
/// dimensions being of size 1.
static std::optional<Causality>
fromConstant(const Scalar &scalar, bool holds,
             function_ref<bool(unsigned)> isKey) {
  auto element = scalar.getElement();
  DenseElementsAttr constant;
  if (!element || !matchPattern(element->first, m_Constant(&constant)))
    return std::nullopt;
  std::optional<std::pair<unsigned, unsigned>> query, key; // dimension, loop
  ArrayRef<int64_t> shape = constant.getType().getShape();
  for (auto [dim, expr] : llvm::enumerate(element->second.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop || shape[dim] == 1)
      continue;
    unsigned number = scalar.loops[loop.getPosition()];
    auto &place = isKey(number) ? key : query;
    if (place)
      return std::nullopt;
    place = {dim, number};
  }
  if (!query || !key)
    return std::nullopt;

  SmallVector<bool> seen;
  if (constant.getElementType().isInteger(1)) {
    for (bool value : constant.getValues<bool>())
      seen.push_back(value == holds);
  } else if (isa<FloatType>(constant.getElementType()) && holds) {
    for (const APFloat &value : constant.getValues<APFloat>()) {
      if (!value.isZero() && !value.isExactlyValue(1.0))
        return std::nullopt;
      seen.push_back(!value.isZero());
    }
  } else {
    return std::nullopt;
  }
  int64_t columns = shape[key->first];
  bool keysLast = key->first > query->first;
  for (int64_t last : {0, -1}) {
    bool isTriangle = true;
    for (int64_t t = 0; t < shape[query->first]; ++t)
      for (int64_t s = 0; s < columns; ++s) {
        int64_t at = keysLast ? t * columns + s : s * shape[query->first] + t;
        isTriangle &= seen[at] == (s <= t + last);
      }
    if (isTriangle)
      return Causality{query->second, key->second, last};
  }
  return std::nullopt;
}

static bool isConstantFloat(const Scalar &scalar, double expected) {
  FloatAttr number;
  return matchPattern(scalar.resolve().value, m_Constant(&number)) &&
         number.getValueAsDouble() == expected;
}

/// The condition of which the factor is 1 or 0.
static std::optional<std::pair<Scalar, bool>>
readIndicator(const Scalar &factor) {
  Operation *def = factor.getOperation();
  if (!def)
    return std::nullopt;
  auto scalar = [&](Value value) {
    return Scalar{value, factor.op, factor.loops};
  };
  if (auto select = dyn_cast<arith::SelectOp>(def)) {
    for (bool holds : {true, false})
      if (isConstantFloat(scalar(select.getTrueValue()), holds ? 1.0 : 0.0) &&
          isConstantFloat(scalar(select.getFalseValue()), holds ? 0.0 : 1.0))
        return std::pair(scalar(select.getCondition()), holds);
    return std::nullopt;
  }
  if (isa<arith::UIToFPOp, arith::SIToFPOp>(def)) {
    bool isSigned = isa<arith::SIToFPOp>(def);
    Value source = def->getOperand(0);
    if (auto extended = source.getDefiningOp<arith::ExtUIOp>()) {
      source = extended.getIn();
      isSigned = false;
    }
    if (getElementTypeOrSelf(source).isInteger(1) && !isSigned)
      return std::pair(scalar(source), true);
  }
  return std::nullopt;
}

std::optional<Causality>
seqc::findCausality(const LinearStage &stage,
                    function_ref<bool(unsigned)> isKey) {
  Scalar mask = stage.operand.open();
  bool holds = stage.keepsTrue;
  if (stage.kind == LinearStage::multiply) {
    if (std::optional<Causality> found = fromConstant(mask, true, isKey))
      return found;
    std::optional<std::pair<Scalar, bool>> indicator = readIndicator(mask);
    if (!indicator)
      return std::nullopt;
    mask = indicator->first.open();
    holds = indicator->second;
  } else if (stage.kind != LinearStage::select) {
    return std::nullopt;
  }
  if (std::optional<Causality> found = fromComparison(mask, holds, isKey))
    return found;
  return fromConstant(mask, holds, isKey);
}
