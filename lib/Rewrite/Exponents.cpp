//===- Exponents.cpp - values that are exponentials ----------------------===//

#include "Exponents.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

namespace {
/// An element's operand: a scalar, or an element of a tensor.
struct Operand {
  Value value;
  AffineMap map;
};
} // namespace

/// The operands of the operation `Op` that computes each element of `value`.
template <typename Op>
static std::optional<SmallVector<Operand>> match(Value value) {
  while (auto cast = value.getDefiningOp<tensor::CastOp>())
    value = cast.getSource();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  SmallVector<Operand> operands;
  if (auto op = value.getDefiningOp<Op>()) {
    for (Value operand : op->getOperands())
      operands.push_back({operand, AffineMap::getMultiDimIdentityMap(
                                       type.getRank(), value.getContext())});
    return operands;
  }
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic->getNumResults() != 1 ||
      generic.getNumReductionLoops() != 0 ||
      !generic.getMatchingIndexingMap(generic.getDpsInitOperand(0))
           .isIdentity())
    return std::nullopt;
  auto yield = cast<linalg::YieldOp>(generic.getBody()->getTerminator());
  auto op = yield.getOperand(0).getDefiningOp<Op>();
  if (!op || op->getBlock() != generic.getBody())
    return std::nullopt;
  for (Value operand : op->getOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand);
    if (argument && argument.getOwner() == generic.getBody()) {
      OpOperand *source = generic.getMatchingOpOperand(argument);
      if (generic.isDpsInit(source))
        return std::nullopt;
      operands.push_back(
          {source->get(), generic.getMatchingIndexingMap(source)});
    } else if (operand.getParentBlock() == generic.getBody()) {
      return std::nullopt; // of several operations
    } else {
      operands.push_back(
          {operand, AffineMap::get(type.getRank(), 0, value.getContext())});
    }
  }
  return operands;
}

static bool isOne(Value value) {
  if (matchPattern(value, m_OneFloat()))
    return true;
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return isOne(fill.getInputs().front());
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    return isOne(splat.getInput());
  if (auto broadcast = value.getDefiningOp<linalg::BroadcastOp>())
    return isOne(broadcast.getInput());
  return false;
}

std::optional<Exponent> seqc::findExponent(Value value) {
  if (auto exp = match<math::ExpOp>(value))
    return Exponent{Exponent::Plain, (*exp)[0].value, (*exp)[0].map};
  // 1 / (1 + exp(x))
  auto quotient = match<arith::DivFOp>(value);
  if (!quotient || !isOne((*quotient)[0].value))
    return std::nullopt;
  auto sum = match<arith::AddFOp>((*quotient)[1].value);
  if (!sum)
    return std::nullopt;
  for (unsigned i : {0, 1}) {
    if (!isOne((*sum)[i].value))
      continue;
    auto exp = match<math::ExpOp>((*sum)[1 - i].value);
    if (!exp)
      continue;
    return Exponent{
        Exponent::MinusSoftplus, (*exp)[0].value,
        (*exp)[0].map.compose((*sum)[1 - i].map).compose((*quotient)[1].map)};
  }
  return std::nullopt;
}
