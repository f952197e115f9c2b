//===- TimeDecay.cpp - factors of scores that decay with distance ---------===//

#include "TimeDecay.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace seqc;

/// Exponents are written in a few steps.
static constexpr unsigned kDeepest = 8;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads differences of the times t and s.
class DecayReader {
public:
  explicit DecayReader(const Causality &causality)
      : causality(causality), t(causality.queryTime), s(causality.keyTime) {}

  bool readSum(const Scalar &exponent, int sign, ArrayRef<LinearStage> scale,
               SmallVectorImpl<TimeDecay> &decays, unsigned depth = 0) const;
  bool isDistance(const Scalar &scalar, int64_t sign) const;
  bool isFree(const Scalar &scalar) const {
    return dependsOnly(scalar, std::nullopt);
  }

private:
  bool dependsOnly(const Scalar &scalar, std::optional<unsigned> time) const;
  bool isMoved(const Scalar &x, const Scalar &y, unsigned depth = 0) const;
  bool readDifference(const Scalar &x, const Scalar &y, int sign,
                      ArrayRef<LinearStage> scale,
                      SmallVectorImpl<TimeDecay> &decays) const;

  const Causality &causality;
  unsigned t, s;
};
} // namespace

/// Of the times t and s, on none but `time`.
bool DecayReader::dependsOnly(const Scalar &scalar,
                              std::optional<unsigned> time) const {
  SetVector<unsigned> loops;
  if (!scalar.collectLoops(loops))
    return false;
  return llvm::all_of(std::array{t, s}, [&](unsigned loop) {
    return loops.contains(loop) == (loop == time);
  });
}

/// Whether y at the time s is what x is at the time t.
bool DecayReader::isMoved(const Scalar &x, const Scalar &y,
                          unsigned depth) const {
  if (depth > kDeepest)
    return false;
  Scalar a = x.resolve(), b = y.resolve();
  auto moved = [&](unsigned loop) { return loop == t ? s : loop; };
  auto elementA = a.getElement(), elementB = b.getElement();
  if (elementA && elementB && elementA->first == elementB->first &&
      elementA->second.isProjectedPermutation() &&
      elementB->second.isProjectedPermutation()) {
    AffineMap mapA = elementA->second, mapB = elementB->second;
    return llvm::all_of(
        llvm::seq<unsigned>(mapA.getNumResults()), [&](unsigned dim) {
          return moved(a.loops[mapA.getDimPosition(dim)]) ==
                 b.loops[mapB.getDimPosition(dim)];
        });
  }
  a = a.open();
  b = b.open();
  Operation *opA = a.getOperation(), *opB = b.getOperation();
  if (!opA || !opB)
    return !opA && !opB && !a.getElement() && !b.getElement() &&
           a.value == b.value;
  if (opA->getName() != opB->getName() || !isPure(opA) ||
      opA->getNumRegions() || opA->getNumResults() != 1 ||
      opA->getNumOperands() != opB->getNumOperands())
    return false;
  if (auto index = dyn_cast<linalg::IndexOp>(opA))
    return moved(a.loops[index.getDim()]) ==
           b.loops[cast<linalg::IndexOp>(opB).getDim()];
  return opA->getAttrDictionary() == opB->getAttrDictionary() &&
         llvm::all_of(llvm::seq<unsigned>(opA->getNumOperands()),
                      [&](unsigned number) {
                        return isMoved(a.getOperand(number),
                                       b.getOperand(number), depth + 1);
                      });
}

/// Integers, and what is computed from them in floating point.
static std::optional<LinearIndex> readNumber(const Scalar &scalar,
                                             unsigned depth = 0) {
  if (depth > kDeepest)
    return std::nullopt;
  Scalar source = scalar.open();
  if (getElementTypeOrSelf(source.value).isIntOrIndex())
    return readIndex(source);
  Operation *def = source.getOperation();
  if (isa_and_nonnull<arith::SIToFPOp>(def))
    return readIndex(source.getOperand(0));
  if (!isa_and_nonnull<arith::SubFOp>(def))
    return std::nullopt;
  std::optional<LinearIndex> left = readNumber(source.getOperand(0), depth + 1),
                             right =
                                 readNumber(source.getOperand(1), depth + 1);
  if (!left || !right)
    return std::nullopt;
  return left->plus(*right, -1);
}

/// Whether it is sign · (t - s).
bool DecayReader::isDistance(const Scalar &scalar, int64_t sign) const {
  std::optional<LinearIndex> index = readNumber(scalar);
  return index && index->constant == 0 &&
         index->coefficients.lookup(t) == sign &&
         index->coefficients.lookup(s) == -sign &&
         llvm::all_of(index->coefficients, [&](auto term) {
           return term.first == t || term.first == s || term.second == 0;
         });
}

/// x - y as b[t] - b[s], from either side.
bool DecayReader::readDifference(const Scalar &x, const Scalar &y, int sign,
                                 ArrayRef<LinearStage> scale,
                                 SmallVectorImpl<TimeDecay> &decays) const {
  bool isQueryFirst = dependsOnly(x, t) && dependsOnly(y, s);
  if (!isQueryFirst && !(dependsOnly(x, s) && dependsOnly(y, t)))
    return false;
  const Scalar &ofQuery = isQueryFirst ? x : y, &ofKey = isQueryFirst ? y : x;
  if (!isMoved(ofQuery, ofKey))
    return false;
  TimeDecay decay{TimeDecay::differences, ofQuery,
                  SmallVector<LinearStage>(scale)};
  if ((sign > 0) != isQueryFirst)
    decay.scale.push_back({LinearStage::negate, ofQuery});
  auto here = ofQuery.resolve().getElement(), there = ofKey.resolve().getElement();
  decay.sharesTimes = here && there && here->first == there->first;
  decays.push_back(std::move(decay));
  return true;
}

bool DecayReader::readSum(const Scalar &exponent, int sign,
                          ArrayRef<LinearStage> scale,
                          SmallVectorImpl<TimeDecay> &decays,
                          unsigned depth) const {
  if (depth > kDeepest)
    return false;
  for (int direction : {1, -1})
    if (isDistance(exponent, direction)) {
      TimeDecay decay{TimeDecay::exponential, exponent,
                      SmallVector<LinearStage>(scale)};
      if (sign != direction)
        decay.scale.push_back({LinearStage::negate, exponent});
      decays.push_back(std::move(decay));
      return true;
    }
  if (std::optional<Scalar> step =
          readRunningDecay(exponent, causality, /*isLog=*/true)) {
    TimeDecay decay{TimeDecay::logSteps, *step, SmallVector<LinearStage>(scale)};
    if (sign < 0)
      decay.scale.push_back({LinearStage::negate, *step});
    decays.push_back(std::move(decay));
    return true;
  }
  Scalar source = exponent.open();
  Operation *def = source.getOperation();
  if (!def)
    return false;
  auto operand = [&](unsigned number) { return source.getOperand(number); };
  if (isa<arith::NegFOp>(def))
    return readSum(operand(0), -sign, scale, decays, depth + 1);
  if (isa<arith::MulFOp, arith::DivFOp>(def)) {
    unsigned factor = isFree(operand(1)) ? 1 : 0;
    if (!isFree(operand(factor)) || (factor == 0 && isa<arith::DivFOp>(def)))
      return false;
    SmallVector<LinearStage> scales(scale);
    scales.push_back({isa<arith::MulFOp>(def) ? LinearStage::multiply
                                              : LinearStage::divide,
                      operand(factor)});
    return readSum(operand(1 - factor), sign, scales, decays, depth + 1);
  }
  if (isa<arith::SubFOp>(def)) {
    if (readDifference(operand(0), operand(1), sign, scale, decays))
      return true;
  } else if (isa<arith::AddFOp>(def)) {
    for (unsigned number : {0, 1}) {
      Scalar term = operand(number).open();
      if (isa_and_nonnull<arith::NegFOp>(term.getOperation()) &&
          readDifference(operand(1 - number), term.getOperand(0), sign, scale,
                         decays))
        return true;
    }
  } else {
    return false;
  }
  return readSum(operand(0), sign, scale, decays, depth + 1) &&
         readSum(operand(1), isa<arith::SubFOp>(def) ? -sign : sign, scale,
                 decays, depth + 1);
}

bool seqc::readLogDecays(const Scalar &exponent, const Causality &causality,
                         SmallVectorImpl<TimeDecay> &decays) {
  return DecayReader(causality).readSum(exponent, 1, {}, decays);
}

bool seqc::readDecays(const Scalar &factor, const Causality &causality,
                      SmallVectorImpl<TimeDecay> &decays) {
  Scalar source = factor.open();
  Operation *def = source.getOperation();
  if (isa_and_nonnull<math::ExpOp>(def))
    return readLogDecays(source.getOperand(0), causality, decays);
  if (std::optional<Scalar> step =
          readRunningDecay(factor, causality, /*isLog=*/false)) {
    decays.push_back({TimeDecay::steps, *step, {}});
    return true;
  }
  DecayReader reader(causality);
  if (!isa_and_nonnull<math::PowFOp, math::FPowIOp>(def) ||
      !reader.isFree(source.getOperand(0)) ||
      !reader.isDistance(source.getOperand(1), 1))
    return false;
  decays.push_back({TimeDecay::power, source.getOperand(0), {}});
  return true;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

bool TimeDecay::collectLoops(unsigned queryTime,
                             SetVector<unsigned> &found) const {
  if (kind == differences)
    found.insert(queryTime);
  if (kind != exponential && !base.collectLoops(found))
    return false;
  return llvm::all_of(scale, [&](const LinearStage &stage) {
    return stage.kind == LinearStage::negate ||
           stage.operand.collectLoops(found);
  });
}

/// x[t] - x[t-1] along the first dimension, and 0 at the first time, where there
/// is nothing to decay yet.
static Factor differencesOf(ImplicitLocOpBuilder &b, Factor x) {
  auto type = cast<RankedTensorType>(x.value.getType());
  Value zero =
      arith::ConstantOp::create(b, b.getFloatAttr(type.getElementType(), 0.0));
  SmallVector<OpFoldResult> none(type.getRank(), b.getIndexAttr(0)), low(none),
      sizes = tensor::getMixedSizes(b, b.getLoc(), x.value),
      strides(type.getRank(), b.getIndexAttr(1));
  low[0] = b.getIndexAttr(1);
  Value padded =
      tensor::PadOp::create(b, RankedTensorType(), x.value, low, none, zero);
  Factor before{tensor::ExtractSliceOp::create(b, padded, none, sizes, strides),
                x.loops};
  x.value = createGeneric(
      b, {x, before}, x.loops,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value t = linalg::IndexOp::create(b, 0);
        Value first = arith::ConstantIndexOp::create(b, 0);
        Value isFirst =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, t, first);
        Value step = arith::SubFOp::create(b, v[0], v[1]);
        return arith::SelectOp::create(b, isFirst, zero, step);
      });
  return x;
}

StepDecay TimeDecay::build(ImplicitLocOpBuilder &b, ArrayRef<unsigned> loops,
                           ArrayRef<OpFoldResult> sizes) const {
  Type element = getElementTypeOrSelf(base.value.getType());
  Value one = arith::ConstantOp::create(b, b.getFloatAttr(element, 1.0));
  Value init = tensor::EmptyOp::create(b, sizes, element);
  Factor ones{linalg::FillOp::create(b, one, init).getResult(0),
              SmallVector<unsigned>(loops)};
  SmallVector<LinearStage> stages;
  if (kind != exponential)
    stages.push_back({LinearStage::multiply, base});
  stages.append(scale.begin(), scale.end());
  Factor result = applyStages(b, ones, stages, loops, sizes);
  if (kind == differences)
    result = differencesOf(b, result);
  return {result, kind != power && kind != steps};
}
