//===- Ranges.cpp - bounds of the elements of tensors ---------------------===//

#include "seqc/Analysis/Ranges.h"

#include "RelatedRanges.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace seqc;

/// Beyond so many operations nothing is known, which spares the stack.
static constexpr unsigned kMaxDepth = 1000;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Interval arithmetic
//===----------------------------------------------------------------------===//

Interval seqc::operator+(Interval a, Interval b) {
  return {a.low + b.low, a.high + b.high};
}

Interval seqc::operator-(Interval a) { return {-a.high, -a.low}; }

Interval seqc::operator*(Interval a, Interval b) {
  // An infinite end stands for arbitrarily large values, of which 0 times is 0.
  auto times = [](double x, double y) {
    return x == 0.0 || y == 0.0 ? 0.0 : x * y;
  };
  double ends[] = {times(a.low, b.low), times(a.low, b.high),
                   times(a.high, b.low), times(a.high, b.high)};
  return {*std::min_element(ends, ends + 4), *std::max_element(ends, ends + 4)};
}

Interval seqc::operator/(Interval a, Interval b) {
  bool isOneSign = b.low >= 0.0 || b.high <= 0.0;
  if (!isOneSign || (b.low == 0.0 && b.high == 0.0))
    return {};
  if (b.high <= 0.0)
    return -a / -b;
  Interval inverse{b.high == kInfinity ? 0.0 : 1.0 / b.high,
                   b.low <= 0.0 ? kInfinity : 1.0 / b.low};
  return a * inverse;
}

Interval seqc::hull(Interval a, Interval b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

/// The image under a function that grows everywhere.
static Interval image(double (*function)(double), Interval a) {
  return {function(a.low), function(a.high)};
}

static Interval absolute(Interval a) {
  if (a.low >= 0.0)
    return a;
  if (a.high <= 0.0)
    return -a;
  return {0.0, std::max(-a.low, a.high)};
}

/// Cuts down to where a function is defined; elsewhere it is NaN.
static Interval from(double low, Interval a) {
  return {std::max(a.low, low), std::max(a.high, low)};
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static std::optional<Interval> ofConstant(Attribute attribute) {
  auto ofNumber = [](const APFloat &value) -> Interval {
    bool loses;
    APFloat number = value;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
    double exact = number.convertToDouble();
    return std::isnan(exact) ? Interval() : Interval{exact, exact};
  };
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return ofNumber(number.getValue());
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  if (!elements || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  if (elements.isSplat())
    return ofNumber(elements.getSplatValue<APFloat>());
  std::optional<Interval> all;
  for (const APFloat &value : elements.getValues<APFloat>())
    all = all ? hull(*all, ofNumber(value)) : ofNumber(value);
  return all;
}

/// One elementwise operation, given the bounds of its operands.
static std::optional<Interval> ofElementwise(Operation *op,
                                             ArrayRef<Interval> in) {
  auto isSquare = [&] { return op->getOperand(0) == op->getOperand(1); };
  return llvm::TypeSwitch<Operation *, std::optional<Interval>>(op)
      .Case<arith::AddFOp>([&](auto) { return in[0] + in[1]; })
      .Case<arith::SubFOp>([&](auto) { return in[0] + -in[1]; })
      .Case<arith::NegFOp>([&](auto) { return -in[0]; })
      .Case<arith::MulFOp>([&](auto) {
        if (!isSquare())
          return in[0] * in[1];
        Interval size = absolute(in[0]);
        return size * size;
      })
      .Case<arith::DivFOp>([&](auto) { return in[0] / in[1]; })
      .Case<math::FmaOp>([&](auto) { return in[0] * in[1] + in[2]; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) {
        return Interval{std::max(in[0].low, in[1].low),
                        std::max(in[0].high, in[1].high)};
      })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([&](auto) {
        return Interval{std::min(in[0].low, in[1].low),
                        std::min(in[0].high, in[1].high)};
      })
      .Case<math::ClampFOp>([&](auto) {
        return Interval{std::min(std::max(in[0].low, in[1].low), in[2].high),
                        std::min(std::max(in[0].high, in[1].high), in[2].high)};
      })
      .Case<arith::SelectOp>([&](auto) { return hull(in[1], in[2]); })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return in[0]; })
      .Case<math::ExpOp>([&](auto) { return image(std::exp, in[0]); })
      .Case<math::Exp2Op>([&](auto) { return image(std::exp2, in[0]); })
      .Case<math::ExpM1Op>([&](auto) { return image(std::expm1, in[0]); })
      .Case<math::LogOp>(
          [&](auto) { return image(std::log, from(0.0, in[0])); })
      .Case<math::Log2Op>(
          [&](auto) { return image(std::log2, from(0.0, in[0])); })
      .Case<math::Log1pOp>(
          [&](auto) { return image(std::log1p, from(-1.0, in[0])); })
      .Case<math::SqrtOp>(
          [&](auto) { return image(std::sqrt, from(0.0, in[0])); })
      .Case<math::RsqrtOp>([&](auto) {
        Interval root = image(std::sqrt, from(0.0, in[0]));
        return Interval{1.0, 1.0} / root;
      })
      .Case<math::TanhOp>([&](auto) { return image(std::tanh, in[0]); })
      .Case<math::ErfOp>([&](auto) { return image(std::erf, in[0]); })
      .Case<math::AtanOp>([&](auto) { return image(std::atan, in[0]); })
      .Case<math::SinOp, math::CosOp>([&](auto) { return Interval{-1.0, 1.0}; })
      .Case<math::AbsFOp>([&](auto) { return absolute(in[0]); })
      .Case<math::PowFOp>([&](auto) -> std::optional<Interval> {
        // Of a positive base: exp(y log x).
        if (in[0].low < 0.0)
          return std::nullopt;
        return image(std::exp, image(std::log, in[0]) * in[1]);
      })
      .Case<arith::UIToFPOp>([&](auto) { return Interval{0.0, kInfinity}; })
      .Default([](auto) { return std::nullopt; });
}

Interval RangeAnalysis::get(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  // What a value in a loop would need of itself is unknown.
  known[value] = Interval();
  if (depth == kMaxDepth)
    return {};
  ++depth;
  Interval interval = compute(value);
  --depth;
  if (std::isnan(interval.low) || std::isnan(interval.high))
    interval = Interval();
  return known[value] = interval;
}

Interval RangeAnalysis::compute(Value value) {
  if (!isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return {};
  if (auto result = dyn_cast<OpResult>(value))
    return ofOperation(result);
  auto argument = cast<BlockArgument>(value);
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(parent))
    return get(linalgOp.getMatchingOpOperand(argument)->get());
  auto recurrence = dyn_cast_or_null<seq::RecurrenceOp>(parent);
  if (recurrence &&
      argument.getArgNumber() <
          recurrence.getInputs().size() + recurrence.getOutputs().size())
    return get(recurrence->getOperand(argument.getArgNumber()));
  return {};
}

Interval RangeAnalysis::ofOperation(OpResult result) {
  Operation *op = result.getOwner();
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant)))
    return ofConstant(constant).value_or(Interval());
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (linalgOp.getNumReductionLoops() == 0 && op->getNumRegions() == 1)
      return get(linalgOp.getBlock()->getTerminator()->getOperand(
          result.getResultNumber()));
    return {};
  }
  if (isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
          tensor::CollapseShapeOp, tensor::CastOp, tensor::SplatOp,
          tensor::ExtractOp, tensor::ReshapeOp>(op))
    return get(op->getOperand(0));
  if (isa<tensor::ConcatOp, tensor::FromElementsOp>(op)) {
    if (op->getNumOperands() == 0)
      return {};
    Interval all = get(op->getOperand(0));
    for (Value operand : op->getOperands().drop_front())
      all = hull(all, get(operand));
    return all;
  }
  if (isa<tensor::InsertSliceOp, tensor::InsertOp>(op))
    return hull(get(op->getOperand(0)), get(op->getOperand(1)));
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding ? hull(get(pad.getSource()), get(padding)) : Interval();
  }
  SmallVector<Interval> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  Interval all = ofElementwise(op, operands).value_or(Interval());
  if (std::optional<Interval> related = getRelatedRange(op, *this))
    all = {std::max(all.low, related->low), std::min(all.high, related->high)};
  return all;
}
