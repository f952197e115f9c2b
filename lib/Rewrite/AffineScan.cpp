//===- AffineScan.cpp - the steps of a recurrence as maps to compose --------===//

#include "AffineScan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

/// Zeros of the sizes of `like`, without the dimension `dropped`.
static Value zeros(OpBuilder &b, Value like, std::optional<int64_t> dropped) {
  Location loc = like.getLoc();
  Type element = getElementTypeOrSelf(like.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, like);
  if (dropped)
    sizes.erase(sizes.begin() + *dropped);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return linalg::FillOp::create(b, loc, zero, empty).getResult(0);
}

/// x · y + added; x may have sizes of 1 where y has others.
Value AffineScan::multiplyAdd(OpBuilder &b, Value x, Value y, Value added) {
  Location loc = recurrence.getLoc();
  auto type = cast<RankedTensorType>(y.getType());
  if (x.getType() == type) {
    Value product = arith::MulFOp::create(b, loc, x, y);
    return added ? arith::AddFOp::create(b, loc, product, added).getResult()
                 : product;
  }
  MLIRContext *context = b.getContext();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  SmallVector<AffineExpr> exprs(identity.getResults());
  for (auto [dim, size] :
       llvm::enumerate(cast<RankedTensorType>(x.getType()).getShape()))
    if (size == 1)
      exprs[dim] = getAffineConstantExpr(0, context);
  SmallVector<Value> inputs{x, y};
  SmallVector<AffineMap> maps{AffineMap::get(type.getRank(), 0, exprs, context),
                              identity};
  if (added) {
    inputs.push_back(added);
    maps.push_back(identity);
  }
  maps.push_back(identity);
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, y), type.getElementType());
  auto generic = linalg::GenericOp::create(
      b, loc, type, inputs, empty, maps,
      SmallVector(type.getRank(), utils::IteratorType::parallel),
      [&](OpBuilder &nested, Location loc, ValueRange scalars) {
        Value value =
            arith::MulFOp::create(nested, loc, scalars[0], scalars[1]);
        if (added)
          value = arith::AddFOp::create(nested, loc, value, scalars[2]);
        linalg::YieldOp::create(nested, loc, value);
      });
  return generic.getResult(0);
}

/// Σ_k matrix[…, i, k] right[…, k, …] + added. The matrix's columns follow the
/// dimensions of the state; so do the right side's, if it has any.
Value AffineScan::multiplyMatrix(OpBuilder &b, Value matrix, Value right,
                                 Value added) {
  MLIRContext *context = b.getContext();
  Location loc = recurrence.getLoc();
  auto type = cast<RankedTensorType>(right.getType());
  unsigned rank = group.used.size(), loops = type.getRank();
  SmallVector<AffineExpr> left, middle;
  for (unsigned loop = 0; loop < loops; ++loop)
    middle.push_back(getAffineDimExpr(loop, context));
  for (unsigned dim = 0; dim < rank; ++dim)
    left.push_back(group.used.test(dim) ? getAffineDimExpr(dim, context)
                                        : getAffineConstantExpr(0, context));
  unsigned sums = loops;
  for (unsigned dim : group.mixed) {
    AffineExpr sum = getAffineDimExpr(sums++, context);
    left.push_back(sum);
    middle[dim] = sum;
  }
  SmallVector<AffineMap> maps{
      AffineMap::get(sums, 0, left, context),
      AffineMap::get(sums, 0, middle, context),
      AffineMap::getMultiDimIdentityMap(sums, context).getMajorSubMap(loops)};
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  iterators.resize(sums, utils::IteratorType::reduction);
  if (!added)
    added = zeros(b, right, {});
  auto generic = linalg::GenericOp::create(
      b, loc, type, ValueRange{matrix, right}, added, maps, iterators,
      [](OpBuilder &nested, Location loc, ValueRange scalars) {
        Value product =
            arith::MulFOp::create(nested, loc, scalars[0], scalars[1]);
        Value sum = arith::AddFOp::create(nested, loc, scalars[2], product);
        linalg::YieldOp::create(nested, loc, sum);
      });
  return generic.getResult(0);
}

/// Members: A[g][k] for all that are present, row by row.
AffineScan::Values AffineScan::composeCoefficients(OpBuilder &b,
                                                   ValueRange earlier,
                                                   ValueRange later) {
  unsigned count = group.states.size();
  Values composed;
  for (unsigned g = 0; g < count; ++g)
    for (unsigned k = 0; k < count; ++k) {
      if (!group.present[g].test(k))
        continue;
      Value sum;
      for (unsigned via = 0; via < count; ++via)
        if (group.present[g].test(via) && group.present[via].test(k))
          sum =
              multiplyAdd(b, later[place[g][via]], earlier[place[via][k]], sum);
      // No path of two: nothing is left after two steps.
      composed.push_back(sum ? sum : zeros(b, earlier[place[g][k]], {}));
    }
  return composed;
}

/// Members: coefficients, then f[g].
AffineScan::Values AffineScan::composeElementwise(OpBuilder &b,
                                                  ValueRange earlier,
                                                  ValueRange later) {
  Location loc = recurrence.getLoc();
  if (group.isOne)
    return {arith::AddFOp::create(b, loc, earlier.front(), later.front())};
  unsigned count = group.states.size();
  Values composed = composeCoefficients(b, earlier, later);
  for (unsigned g = 0; g < count; ++g) {
    Value sum = later[numCoefficients + g];
    for (unsigned k = 0; k < count; ++k)
      if (group.present[g].test(k))
        sum = multiplyAdd(b, later[place[g][k]], earlier[numCoefficients + k],
                          sum);
    composed.push_back(sum);
  }
  return composed;
}

/// Members: A, f.
AffineScan::Values AffineScan::composeMatrix(OpBuilder &b, ValueRange earlier,
                                             ValueRange later) {
  return {multiplyMatrix(b, later[0], earlier[0], {}),
          multiplyMatrix(b, later[0], earlier[1], later[1])};
}

AffineScan::Values AffineScan::buildCoefficients() {
  unsigned count = group.states.size();
  Values coefficients;
  place.assign(count, SmallVector<unsigned>(count));
  TermSequences::Shape shape{group.states.front(), group.used, group.mixed};
  for (unsigned g = 0; g < count && !group.isOne; ++g)
    for (unsigned k = 0; k < count; ++k)
      if (group.present[g].test(k)) {
        place[g][k] = coefficients.size();
        coefficients.push_back(
            sequences.toSequence(sequences.build(group.terms[g][k], shape)));
      }
  numCoefficients = coefficients.size();
  return coefficients;
}

/// A scan with a combiner that takes its two tuples.
static seq::ScanOp
createScan(OpBuilder &builder, Location loc, int64_t dim, bool reverse,
           bool exclusive, ValueRange inputs, ValueRange initials,
           function_ref<SmallVector<Value>(OpBuilder &, ValueRange, ValueRange)>
               combine) {
  auto scan =
      seq::ScanOp::create(builder, loc, dim, reverse,
                          /*associative=*/true, exclusive, inputs, initials);
  Block &block = scan.getCombiner().emplaceBlock();
  for (unsigned side = 0; side < 2; ++side)
    for (Value initial : initials)
      block.addArgument(initial.getType(), loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  SmallVector<Value> combined =
      combine(inner, scan.getEarlier(), scan.getLater());
  seq::YieldOp::create(inner, loc, combined);
  return scan;
}

void AffineScan::build(bool exclusive) {
  int64_t dim = recurrence.getDim();
  Values inputs = buildCoefficients(), initials;
  for (Value coefficient : inputs)
    initials.push_back(zeros(builder, coefficient, dim));
  TermSequences::Shape shape;
  shape.used.resize(group.used.size(), true);
  for (auto [g, state] : llvm::enumerate(group.states)) {
    shape.state = state;
    inputs.push_back(
        sequences.toSequence(sequences.build(group.added[g], shape)));
    initials.push_back(recurrence.getStates()[state]);
  }
  scan = createScan(builder, recurrence.getLoc(), dim, recurrence.getReverse(),
                    exclusive, inputs, initials,
                    [&](OpBuilder &b, ValueRange earlier, ValueRange later) {
                      return group.mixed.empty()
                                 ? composeElementwise(b, earlier, later)
                                 : composeMatrix(b, earlier, later);
                    });
}

void AffineScan::buildPowers(bool reverse, bool exclusive) {
  if (group.isOne)
    return;
  Location loc = recurrence.getLoc();
  int64_t dim = recurrence.getDim();
  Values inputs = buildCoefficients(), initials(inputs.size());
  for (unsigned g = 0; g < group.states.size(); ++g)
    for (unsigned k = 0; k < group.states.size(); ++k)
      if (group.present[g].test(k)) {
        Value zero = zeros(builder, inputs[place[g][k]], dim);
        Value one = arith::ConstantOp::create(
            builder, loc,
            builder.getFloatAttr(getElementTypeOrSelf(zero.getType()), 1.0));
        initials[place[g][k]] =
            g == k
                ? linalg::FillOp::create(builder, loc, one, zero).getResult(0)
                : zero;
      }
  scan = createScan(builder, loc, dim, reverse, exclusive, inputs, initials,
                    [&](OpBuilder &b, ValueRange earlier, ValueRange later) {
                      return composeCoefficients(b, earlier, later);
                    });
}
