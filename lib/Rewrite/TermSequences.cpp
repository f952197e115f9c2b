//===- TermSequences.cpp - the terms of a step for all times ----------------===//

#include "TermSequences.h"

#include "FactorProduct.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

/// Whether the term is there on a part of its dimension `dim` only.
static bool isCut(const Term &term, unsigned dim) {
  return !term.ranges.empty() &&
         term.ranges[dim] != std::pair<int64_t, int64_t>(0, term.sizes[dim]);
}

void TermSequences::findUsed(const Term &term, llvm::SmallBitVector &used) {
  for (unsigned dim = 0; dim < term.rank; ++dim)
    if (isCut(term, dim) ||
        (term.sizes[dim] != 1 &&
         llvm::any_of(term.factors, [&](const Factor &factor) {
           return factor.map.isFunctionOfDim(dim);
         })))
      used.set(dim);
}

bool TermSequences::canBuild(const Term &term) {
  for (const Factor &factor : term.factors) {
    bool can = dimensions.dependsOnTime(factor.value)
                   ? lifter.canLift(factor.value)
                   : lifter.canMoveOut(factor.value);
    if (!can)
      return false;
  }
  // A sum whose length no tensor tells.
  for (unsigned sum = term.rank; sum < term.sizes.size(); ++sum) {
    bool isKnown =
        term.sizes[sum] == 1 ||
        llvm::any_of(term.factors,
                     [&](const Factor &factor) {
                       return llvm::is_contained(
                           factor.map.getResults(),
                           getAffineDimExpr(sum, factor.map.getContext()));
                     }) ||
        (term.state &&
         llvm::is_contained(term.stateMap.getResults(),
                            getAffineDimExpr(sum, term.stateMap.getContext())));
    if (!isKnown)
      return false;
  }
  return true;
}

SmallVector<OpFoldResult> TermSequences::sizesOf(const Shape &shape,
                                                 bool hasTime) {
  Value state = recurrence.getStates()[shape.state];
  SmallVector<OpFoldResult> own =
      tensor::getMixedSizes(builder, recurrence.getLoc(), state);
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, size] : llvm::enumerate(own))
    sizes.push_back(shape.used.test(dim) ? size : builder.getIndexAttr(1));
  for (unsigned column : shape.columns)
    sizes.push_back(own[column]);
  if (hasTime)
    sizes.insert(sizes.begin() + recurrence.getDim(),
                 tensor::getMixedSize(builder, recurrence.getLoc(),
                                      recurrence.getTimeSource(),
                                      recurrence.getDim()));
  return sizes;
}

Value TermSequences::fill(ArrayRef<OpFoldResult> sizes, Type element) {
  Location loc = recurrence.getLoc();
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, element);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// The value itself where the term is nothing but it.
Value TermSequences::asFactor(const Term &term, const Shape &shape,
                              bool hasTime) {
  if (term.factors.size() != 1 || term.scale != 1.0 || !shape.columns.empty() ||
      term.sizes.size() != term.rank)
    return {};
  const Factor &factor = term.factors.front();
  Value state = recurrence.getStates()[shape.state];
  auto type = dyn_cast<RankedTensorType>(factor.value.getType());
  if (factor.kind != Factor::Times || !type || type != state.getType() ||
      !factor.map.isIdentity() || !shape.used.all() ||
      dimensions.dependsOnTime(factor.value) != hasTime)
    return {};
  for (unsigned dim = 0; dim < term.rank; ++dim)
    if (isCut(term, dim))
      return {};
  return hasTime ? lifter.lift(factor.value) : lifter.moveOut(factor.value);
}

Value TermSequences::buildTerm(const Term &term, const Shape &shape,
                               bool hasTime) {
  if (Value value = asFactor(term, shape, hasTime))
    return value;
  MLIRContext *context = builder.getContext();
  Location loc = recurrence.getLoc();
  unsigned time = recurrence.getDim(), numDims = term.rank + hasTime;
  Type element =
      getElementTypeOrSelf(recurrence.getStates()[shape.state].getType());

  // Loops: the dims with the time among them, columns, sums.
  SmallVector<AffineExpr> replaced(term.sizes.size());
  SmallVector<OpFoldResult> sizes = sizesOf(shape, hasTime);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0)),
      partSizes(sizes);
  bool hasPart = false;
  for (unsigned dim = 0; dim < term.rank; ++dim) {
    unsigned loop = dim + (hasTime && dim >= time);
    replaced[dim] = getAffineDimExpr(loop, context);
    if (!isCut(term, dim))
      continue;
    auto [low, high] = term.ranges[dim];
    hasPart = true;
    replaced[dim] = replaced[dim] + low;
    offsets[loop] = builder.getIndexAttr(low);
    partSizes[loop] = builder.getIndexAttr(high - low);
  }
  unsigned loops = numDims;
  SmallVector<std::pair<unsigned, AffineExpr>> equations;
  for (unsigned column : shape.columns) {
    AffineExpr read = term.stateMap.getResult(column);
    auto sum = dyn_cast<AffineDimExpr>(read);
    if (sum && sum.getPosition() >= term.rank && !replaced[sum.getPosition()])
      replaced[sum.getPosition()] = getAffineDimExpr(loops, context);
    else
      equations.push_back({loops, read});
    ++loops;
  }
  unsigned numParallel = loops;
  for (auto [expr, size] : llvm::zip(replaced, term.sizes))
    if (!expr)
      expr = size == 1 ? getAffineConstantExpr(0, context)
                       : getAffineDimExpr(loops++, context);

  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (const Factor &factor : term.factors) {
    bool varies = dimensions.dependsOnTime(factor.value);
    inputs.push_back(varies ? lifter.lift(factor.value)
                            : lifter.moveOut(factor.value));
    SmallVector<AffineExpr> index;
    for (AffineExpr expr : factor.map.getResults())
      index.push_back(expr.replaceDims(replaced));
    if (varies)
      index.insert(index.begin() + time, getAffineDimExpr(time, context));
    maps.push_back(AffineMap::get(loops, 0, index, context));
  }
  auto places = llvm::to_vector(llvm::seq<unsigned>(0, numParallel));
  maps.push_back(AffineMap::getMultiDimMapWithTargets(loops, places, context));
  bool isSum = loops > numParallel;
  Value init = isSum ? fill(partSizes, element)
                     : tensor::EmptyOp::create(builder, loc, partSizes, element)
                           .getResult();
  SmallVector<utils::IteratorType> iterators(numParallel,
                                             utils::IteratorType::parallel);
  iterators.resize(loops, utils::IteratorType::reduction);
  auto payload = [&](OpBuilder &b, Location loc, ValueRange arguments) {
    SmallVector<Factor::Kind> kinds;
    for (const Factor &factor : term.factors)
      kinds.push_back(factor.kind);
    Value product =
        multiplyFactors(b, loc, kinds, arguments, term.scale, element);
    // An element of the matrix is there where the state is read.
    SmallVector<Value> indices;
    if (!equations.empty())
      for (unsigned loop = 0; loop < loops; ++loop)
        indices.push_back(linalg::IndexOp::create(b, loc, loop));
    for (auto [loop, read] : equations) {
      Value index = affine::expandAffineExpr(b, loc, read.replaceDims(replaced),
                                             indices, {});
      Value equal = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                          index, indices[loop]);
      Value zero =
          arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0.0));
      product = arith::SelectOp::create(b, loc, equal, product, zero);
    }
    if (isSum)
      product = arith::AddFOp::create(b, loc, arguments.back(), product);
    linalg::YieldOp::create(b, loc, product);
  };
  Value part = linalg::GenericOp::create(builder, loc, init.getType(), inputs,
                                         init, maps, iterators, payload)
                   .getResult(0);
  if (!hasPart)
    return part;
  return tensor::InsertSliceOp::create(
      builder, loc, part, fill(sizes, element), offsets, partSizes,
      SmallVector<OpFoldResult>(sizes.size(), builder.getIndexAttr(1)));
}

TermSequences::Result TermSequences::build(ArrayRef<const Term *> terms,
                                           const Shape &shape) {
  Result result;
  for (const Term *term : terms)
    for (const Factor &factor : term->factors)
      result.hasTime |= dimensions.dependsOnTime(factor.value);
  for (const Term *term : terms) {
    Value value = buildTerm(*term, shape, result.hasTime);
    result.value = result.value
                       ? arith::AddFOp::create(builder, recurrence.getLoc(),
                                               result.value, value)
                             .getResult()
                       : value;
  }
  if (terms.empty())
    result.value = fill(
        sizesOf(shape, /*hasTime=*/false),
        getElementTypeOrSelf(recurrence.getStates()[shape.state].getType()));
  return result;
}

Value TermSequences::toSequence(const Result &result) {
  if (result.hasTime)
    return result.value;
  Location loc = recurrence.getLoc();
  int64_t time = recurrence.getDim();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, result.value);
  sizes.insert(
      sizes.begin() + time,
      tensor::getMixedSize(builder, loc, recurrence.getTimeSource(), time));
  Value empty = tensor::EmptyOp::create(
      builder, loc, sizes, getElementTypeOrSelf(result.value.getType()));
  return linalg::BroadcastOp::create(builder, loc, result.value, empty, {time})
      ->getResult(0);
}
