//===- TermBuilder.cpp - products of a term's factors as tensors ----------===//

#include "TermBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

TermProduct TermProduct::all(const Term &term) {
  TermProduct product{&term, {}};
  product.factors = llvm::to_vector(llvm::seq<unsigned>(term.factors.size()));
  return product;
}

/// Whether the product depends on a dim.
static bool usesDim(const TermProduct &product, unsigned dim) {
  const Term &term = *product.term;
  return (product.state && term.stateMap.isFunctionOfDim(dim)) ||
         llvm::any_of(product.factors, [&](unsigned factor) {
           return term.factors[factor].map.isFunctionOfDim(dim);
         });
}

bool TermBuilder::hasTime(Value value) {
  return lifter && analysis.dependsOnTime(value);
}

Value TermBuilder::operandFor(Value value) {
  if (!lifter)
    return value;
  return hasTime(value) ? lifter->lift(value) : lifter->moveOut(value);
}

/// Where a dim's size can be read from a tensor: the tensor's place among the
/// operands of the product (the state last) and the dimension of the tensor.
static std::optional<std::pair<unsigned, unsigned>>
findSize(const TermProduct &product, unsigned dim) {
  const Term &term = *product.term;
  auto placeIn = [&](AffineMap map) {
    return map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  };
  for (auto [place, factor] : llvm::enumerate(product.factors))
    if (auto position = placeIn(term.factors[factor].map))
      return std::pair<unsigned, unsigned>(place, *position);
  if (product.state)
    if (auto position = placeIn(term.stateMap))
      return std::pair<unsigned, unsigned>(product.factors.size(), *position);
  return std::nullopt;
}

bool TermBuilder::canBuild(const TermProduct &product,
                           ArrayRef<unsigned> dims) {
  const Term &term = *product.term;
  for (unsigned dim = 0; dim < term.sizes.size(); ++dim) {
    bool isUsed = usesDim(product, dim);
    bool isWanted = llvm::is_contained(dims, dim);
    if ((isUsed || isWanted) && ShapedType::isDynamic(term.sizes[dim]) &&
        !findSize(product, dim))
      return false;
    // A part whose end is that of a dimension of unknown size.
    if (!term.isWhole(dim) && ShapedType::isDynamic(term.sizes[dim]) &&
        term.ranges[dim].second == INT64_MAX)
      return false;
    // A whole term over a dim that is nowhere: a sum of equal summands.
    if (!isUsed && !isWanted && dim >= term.rank &&
        product.factors.size() == term.factors.size())
      return false;
  }
  return !lifter || llvm::all_of(product.factors, [&](unsigned number) {
    Value value = term.factors[number].value;
    return hasTime(value) ? lifter->canLift(value) : lifter->canMoveOut(value);
  });
}

std::optional<OpFoldResult> TermBuilder::sizeOf(const TermProduct &product,
                                                unsigned dim) {
  if (dim == kTime)
    return tensor::getMixedSize(builder, recurrence.getLoc(),
                                recurrence.getTimeSource(),
                                recurrence.getDim());
  const Term &term = *product.term;
  if (!ShapedType::isDynamic(term.sizes[dim]))
    return builder.getIndexAttr(term.sizes[dim]);
  auto found = findSize(product, dim);
  if (!found)
    return std::nullopt;
  auto [place, position] = *found;
  bool isState = place == product.factors.size();
  Value value =
      isState ? product.state : term.factors[product.factors[place]].value;
  bool timed = isState ? product.stateHasTime : hasTime(value);
  unsigned shift = timed && position >= recurrence.getDim();
  return tensor::getMixedSize(builder, recurrence.getLoc(),
                              isState ? value : operandFor(value),
                              position + shift);
}

/// `value` as a float of another type.
static Value convert(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (value.getType().getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, type, value);
  return arith::TruncFOp::create(builder, loc, type, value);
}

static Value zero(OpBuilder &builder, Location loc, Type type) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getFloatAttr(type, 0.0));
}

/// The product of one element of each operand.
static Value multiply(OpBuilder &builder, Location loc,
                      const TermProduct &product, ValueRange elements,
                      Type type) {
  const Term &term = *product.term;
  Value result;
  if (product.scaled && term.scale != 1.0)
    result = arith::ConstantOp::create(builder, loc,
                                       builder.getFloatAttr(type, term.scale));
  auto times = [&](Value factor) {
    factor = convert(builder, loc, factor, type);
    result =
        result ? arith::MulFOp::create(builder, loc, result, factor) : factor;
  };
  if (product.state)
    times(elements[product.factors.size()]);
  for (auto [number, element] : llvm::zip(product.factors, elements))
    if (term.factors[number].kind == Factor::Times)
      times(element);
  if (!result)
    result = arith::ConstantOp::create(builder, loc,
                                       builder.getFloatAttr(type, 1.0));
  for (auto [number, element] : llvm::zip(product.factors, elements))
    if (term.factors[number].kind == Factor::Over)
      result = arith::DivFOp::create(builder, loc, result,
                                     convert(builder, loc, element, type));
  for (auto [number, element] : llvm::zip(product.factors, elements)) {
    Factor::Kind kind = term.factors[number].kind;
    Value none = kind == Factor::Where || kind == Factor::WhereNot
                     ? zero(builder, loc, type)
                     : Value();
    if (kind == Factor::Where)
      result = arith::SelectOp::create(builder, loc, element, result, none);
    if (kind == Factor::WhereNot)
      result = arith::SelectOp::create(builder, loc, element, none, result);
  }
  return result;
}

/// Cuts off what loops over a part of `operand` from 0 on do not reach.
static Value takePart(OpBuilder &builder, Location loc, Value operand,
                      AffineMap map, ArrayRef<OpFoldResult> loops) {
  auto type = dyn_cast<RankedTensorType>(operand.getType());
  if (!type)
    return operand;
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, operand);
  bool isPart = false;
  for (auto [size, expr] : llvm::zip(sizes, map.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    std::optional<int64_t> loop =
        dim ? getConstantIntValue(loops[dim.getPosition()]) : std::nullopt;
    if (!loop || getConstantIntValue(size) == loop)
      continue;
    size = builder.getIndexAttr(*loop);
    isPart = true;
  }
  if (!isPart)
    return operand;
  SmallVector<OpFoldResult> zeros(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, operand, zeros, sizes,
                                        ones);
}

Value TermBuilder::addProduct(const TermProduct &product,
                              ArrayRef<unsigned> dims, Type element,
                              Value sum) {
  MLIRContext *context = builder.getContext();
  Location loc = recurrence.getLoc();
  const Term &term = *product.term;

  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  SmallVector<bool> timed;
  for (unsigned number : product.factors) {
    const Factor &factor = term.factors[number];
    operands.push_back(operandFor(factor.value));
    maps.push_back(factor.map);
    timed.push_back(hasTime(factor.value));
  }
  if (product.state) {
    operands.push_back(product.state);
    maps.push_back(term.stateMap);
    timed.push_back(product.stateHasTime);
  }

  // Loops: those of the result, then sums.
  SmallVector<unsigned> loops(dims);
  if (llvm::is_contained(timed, true) && !llvm::is_contained(dims, kTime))
    loops.push_back(kTime);
  for (unsigned dim = 0; dim < term.sizes.size(); ++dim)
    if (usesDim(product, dim) && !llvm::is_contained(dims, dim))
      loops.push_back(dim);
  // On a part only, loops run over the part.
  auto partOf =
      [&](unsigned dim) -> std::optional<std::pair<int64_t, int64_t>> {
    if (dim == kTime || term.isWhole(dim))
      return std::nullopt;
    return term.ranges[dim];
  };
  SmallVector<AffineExpr> exprs(term.sizes.size(),
                                getAffineConstantExpr(0, context));
  AffineExpr timeLoop;
  SmallVector<OpFoldResult> sizes, offsets;
  bool isPart = false;
  for (auto [loop, dim] : llvm::enumerate(loops)) {
    AffineExpr expr = getAffineDimExpr(loop, context);
    auto part = partOf(dim);
    isPart |= part.has_value() && loop < dims.size();
    if (dim == kTime)
      timeLoop = expr;
    else
      exprs[dim] = part ? expr + part->first : expr;
    sizes.push_back(part ? builder.getIndexAttr(part->second - part->first)
                         : *sizeOf(product, dim));
    offsets.push_back(builder.getIndexAttr(part ? part->first : 0));
  }
  for (auto [operand, map, hasTime] : llvm::zip(operands, maps, timed)) {
    SmallVector<AffineExpr> results;
    for (AffineExpr expr : map.getResults())
      results.push_back(
          simplifyAffineExpr(expr.replaceDims(exprs), loops.size(), 0));
    if (hasTime)
      results.insert(results.begin() + recurrence.getDim(), timeLoop);
    map = AffineMap::get(loops.size(), 0, results, context);
    operand = takePart(builder, loc, operand, map, sizes);
  }
  // A sum over a loop that no operand tells by itself.
  SmallVector<Value> inputs(operands);
  SmallVector<AffineExpr> untold;
  SmallVector<OpFoldResult> untoldSizes;
  for (unsigned loop = dims.size(); loop < loops.size(); ++loop) {
    AffineExpr expr = getAffineDimExpr(loop, context);
    if (llvm::any_of(maps, [&](AffineMap map) {
          return map.getResultPosition(expr).has_value();
        }))
      continue;
    untold.push_back(expr);
    untoldSizes.push_back(sizes[loop]);
  }
  if (!untold.empty()) {
    inputs.push_back(
        tensor::EmptyOp::create(builder, loc, untoldSizes, element));
    maps.push_back(AffineMap::get(loops.size(), 0, untold, context));
  }

  bool isSum = loops.size() > dims.size();
  SmallVector<OpFoldResult> shape =
      llvm::to_vector(ArrayRef(sizes).take_front(dims.size()));
  SmallVector<OpFoldResult> ones(dims.size(), builder.getIndexAttr(1));
  offsets.resize(dims.size());
  if (!sum && (isSum || isPart)) {
    SmallVector<OpFoldResult> whole;
    for (unsigned dim : dims)
      whole.push_back(*sizeOf(product, dim));
    Value empty = tensor::EmptyOp::create(builder, loc, whole, element);
    sum =
        linalg::FillOp::create(builder, loc, zero(builder, loc, element), empty)
            .getResult(0);
  }
  Value init = sum;
  if (!sum)
    init = tensor::EmptyOp::create(builder, loc, shape, element);
  else if (isPart)
    init =
        tensor::ExtractSliceOp::create(builder, loc, sum, offsets, shape, ones);
  maps.push_back(AffineMap::getMultiDimMapWithTargets(
      loops.size(), llvm::to_vector(llvm::seq<unsigned>(dims.size())),
      context));
  SmallVector<utils::IteratorType> kinds(loops.size(),
                                         utils::IteratorType::reduction);
  std::fill_n(kinds.begin(), dims.size(), utils::IteratorType::parallel);
  bool adds = sum != nullptr;
  Value result =
      linalg::GenericOp::create(
          builder, loc, init.getType(), inputs, init, maps, kinds,
          [&](OpBuilder &nested, Location loc, ValueRange arguments) {
            Value value =
                multiply(nested, loc, product,
                         arguments.take_front(operands.size()), element);
            if (adds)
              value =
                  arith::AddFOp::create(nested, loc, arguments.back(), value);
            linalg::YieldOp::create(nested, loc, value);
          })
          .getResult(0);
  if (isPart)
    result = tensor::InsertSliceOp::create(builder, loc, result, sum, offsets,
                                           shape, ones);
  return result;
}

Value TermBuilder::build(ArrayRef<TermProduct> products,
                         ArrayRef<unsigned> dims, Type element) {
  Value sum;
  for (const TermProduct &product : products)
    sum = addProduct(product, dims, element, sum);
  return sum;
}
