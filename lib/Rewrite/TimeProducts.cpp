//===- TimeProducts.cpp - products of factors for all times --------------===//

#include "TimeProducts.h"

#include "Exponents.h"
#include "FactorProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

DimNames NamedProduct::NamedFactor::getDims() const {
  DimNames dims;
  for (auto [place, name] : llvm::enumerate(names))
    if (factor.map.isFunctionOfDim(place))
      dims.push_back(name);
  return dims;
}

bool NamedProduct::NamedFactor::dependsOn(ArrayRef<DimName> dims) const {
  return llvm::any_of(
      getDims(), [&](DimName dim) { return llvm::is_contained(dims, dim); });
}

DimNames NamedProduct::getDims() const {
  DimNames dims;
  for (const NamedFactor &factor : factors)
    llvm::append_range(dims, factor.getDims());
  llvm::sort(dims);
  dims.erase(llvm::unique(dims), dims.end());
  return dims;
}

bool TimeProducts::canBuild(const Factor &factor, TimeLifter &lifter,
                            const DimensionAnalysis &analysis) {
  if (!analysis.dependsOnTime(factor.value))
    return lifter.canMoveOut(factor.value);
  return isa<RankedTensorType>(factor.value.getType()) &&
         lifter.canLift(factor.value);
}

bool TimeProducts::varies(const NamedProduct &product) const {
  return llvm::any_of(product.factors, [&](const auto &factor) {
    return analysis.dependsOnTime(factor.factor.value);
  });
}

TimeProducts::Source
TimeProducts::getSource(const NamedProduct::NamedFactor &named,
                        ArrayRef<DimName> loops) {
  MLIRContext *context = tensors.getElementType().getContext();
  const Factor &factor = named.factor;
  SmallVector<AffineExpr> places;
  for (DimName name : named.names)
    places.push_back(
        getAffineDimExpr(llvm::find(loops, name) - loops.begin(), context));
  SmallVector<AffineExpr> index;
  for (AffineExpr expr : factor.map.getResults())
    index.push_back(expr.replaceDims(places));
  if (!analysis.dependsOnTime(factor.value))
    return {lifter.moveOut(factor.value),
            AffineMap::get(loops.size(), 0, index, context)};
  index.insert(
      index.begin() + timeDim,
      getAffineDimExpr(llvm::find(loops, time) - loops.begin(), context));
  return {lifter.lift(factor.value),
          AffineMap::get(loops.size(), 0, index, context)};
}

/// The element as a number of the type.
static Value converted(ImplicitLocOpBuilder &b, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(),
           to = type.getIntOrFloatBitWidth();
  if (value.getType() == type || from == 1)
    return value;
  if (from < to)
    return arith::ExtFOp::create(b, type, value);
  if (from > to)
    return arith::TruncFOp::create(b, type, value);
  return arith::TruncFOp::create(
      b, type, arith::ExtFOp::create(b, b.getF32Type(), value));
}

NamedTensor TimeProducts::emit(ArrayRef<Source> sources,
                               ArrayRef<DimName> loops,
                               ArrayRef<DimName> reduced,
                               NamedTensors::Scalar scalar) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Source &source : sources)
    if (isa<RankedTensorType>(source.value.getType())) {
      operands.push_back(source.value);
      maps.push_back(source.map);
    }
  ArrayRef<DimName> dims = loops.drop_back(reduced.size());
  return tensors.generic(
      operands, maps, dims, reduced, {},
      [&](ImplicitLocOpBuilder &b, ValueRange elements) {
        SmallVector<Value> values;
        unsigned next = 0;
        for (const Source &source : sources) {
          bool isScalar = !isa<RankedTensorType>(source.value.getType());
          values.push_back(converted(b,
                                     isScalar ? source.value : elements[next++],
                                     tensors.getElementType()));
        }
        return scalar(b, values);
      },
      /*adds=*/!reduced.empty());
}

NamedTensor TimeProducts::build(const NamedProduct &product,
                                ArrayRef<DimName> dims, bool withTime) {
  DimNames loops, reduced = product.getDims();
  llvm::erase_if(reduced,
                 [&](DimName dim) { return llvm::is_contained(dims, dim); });
  if (withTime || varies(product))
    loops.push_back(time);
  llvm::append_range(loops, dims);
  llvm::append_range(loops, reduced);
  SmallVector<Source> sources;
  for (const auto &factor : product.factors)
    sources.push_back(getSource(factor, loops));
  Type type = tensors.getElementType();
  if (sources.size() == 1 && product.scale == 1.0 &&
      product.factors.front().factor.kind == Factor::Times &&
      sources.front().map.isPermutation() &&
      getElementTypeOrSelf(sources.front().value.getType()) == type) {
    NamedTensor whole{sources.front().value, {}};
    for (AffineExpr place : sources.front().map.getResults())
      whole.dims.push_back(loops[cast<AffineDimExpr>(place).getPosition()]);
    return whole;
  }
  SmallVector<Factor::Kind> kinds;
  for (const auto &factor : product.factors)
    kinds.push_back(factor.factor.kind);
  return emit(sources, loops, reduced,
              [&](ImplicitLocOpBuilder &b, ValueRange values) {
                return multiplyFactors(b, b.getLoc(), kinds, values,
                                       product.scale, type);
              });
}

NamedTensor TimeProducts::buildLog(const NamedProduct &product,
                                   ArrayRef<DimName> dims) {
  if (product.scale != 1.0 || product.factors.empty())
    return {};
  DimNames loops{time};
  llvm::append_range(loops, dims);
  SmallVector<Source> sources;
  SmallVector<std::optional<Exponent>> exponents;
  for (const auto &factor : product.factors) {
    Source source = getSource(factor, loops);
    exponents.emplace_back();
    if (factor.factor.kind == Factor::Times) {
      exponents.back() = findExponent(splitPayload(source.value, tensors.getBuilder()));
      if (!exponents.back())
        return {};
      source = {exponents.back()->x, exponents.back()->map.compose(source.map)};
    } else if (factor.factor.kind == Factor::Over) {
      return {};
    }
    sources.push_back(source);
  }
  Type type = tensors.getElementType();
  return emit(
      sources, loops, {},
      [&](ImplicitLocOpBuilder &b, ValueRange values) -> Value {
        Value zero = scalarConstant(b, type, 0.0);
        Value result = zero;
        for (auto [exponent, value] : llvm::zip(exponents, values)) {
          if (!exponent)
            continue;
          Value log = value;
          if (exponent->kind == Exponent::MinusSoftplus) {
            Value magnitude = math::AbsFOp::create(b, value);
            Value rest = math::Log1pOp::create(
                b, math::ExpOp::create(b, arith::NegFOp::create(b, magnitude)));
            log = arith::NegFOp::create(
                b, arith::AddFOp::create(
                       b, arith::MaximumFOp::create(b, value, zero), rest));
          }
          result = result == zero ? log : arith::AddFOp::create(b, result, log);
        }
        Value never =
            scalarConstant(b, type, -std::numeric_limits<double>::infinity());
        for (auto [factor, value] : llvm::zip(product.factors, values)) {
          if (factor.factor.kind == Factor::Where)
            result = arith::SelectOp::create(b, value, result, never);
          else if (factor.factor.kind == Factor::WhereNot)
            result = arith::SelectOp::create(b, value, never, result);
        }
        return result;
      });
}
