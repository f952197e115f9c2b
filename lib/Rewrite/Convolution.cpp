//===- Convolution.cpp - the products of a long convolution -----------------===//

#include "Convolution.h"

#include "FactorProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

OpFoldResult Convolution::times() {
  return tensor::getMixedSize(builder, loc, copy.getTimeSource(), time);
}

std::pair<Powers *, unsigned> Convolution::find(unsigned state) {
  for (Powers &powers : all)
    for (auto [g, number] : llvm::enumerate(powers.group.states))
      if (number == state)
        return {&powers, g};
  return {};
}

bool Convolution::isZero(unsigned state) {
  Value initial = copy.getStates()[state];
  if (auto fill = initial.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.getInputs().front(), m_AnyZeroFloat());
  return matchPattern(initial, m_AnyZeroFloat());
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value Convolution::zeros(ArrayRef<OpFoldResult> sizes, Type element) {
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, element);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// A factor at the loops that its term's dims are.
LoopOperand Convolution::ofFactor(const Factor &factor,
                                  ArrayRef<AffineExpr> dims, AffineExpr now) {
  LoopOperand operand;
  operand.kind = factor.kind;
  operand.value = varies(factor) ? lifter->lift(factor.value)
                                 : lifter->moveOut(factor.value);
  for (AffineExpr expr : factor.map.getResults())
    operand.index.push_back(expr.replaceDims(dims));
  if (varies(factor))
    operand.index.insert(operand.index.begin() + time, now);
  return operand;
}

LoopOperand Convolution::ofPower(Value power, const StateGroup &group,
                                 ArrayRef<AffineExpr> state, AffineExpr now) {
  LoopOperand operand;
  operand.value = power;
  for (auto [dim, expr] : llvm::enumerate(state))
    operand.index.push_back(
        group.used.test(dim) ? expr : getAffineConstantExpr(0, context));
  if (now)
    operand.index.insert(operand.index.begin() + time, now);
  return operand;
}

/// init[i…] + Σ scale · Π operands, over the loops from the sizes' number on.
Value Convolution::contract(ArrayRef<LoopOperand> operands, double scale,
                            ArrayRef<OpFoldResult> sizes, unsigned loops,
                            Value init, Type element) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<Factor::Kind> kinds;
  for (const LoopOperand &operand : operands) {
    inputs.push_back(operand.value);
    maps.push_back(AffineMap::get(loops, 0, operand.index, context));
    kinds.push_back(operand.kind);
  }
  auto places = llvm::to_vector(llvm::seq<unsigned>(0, sizes.size()));
  maps.push_back(AffineMap::getMultiDimMapWithTargets(loops, places, context));
  SmallVector<utils::IteratorType> iterators(sizes.size(),
                                             utils::IteratorType::parallel);
  iterators.resize(loops, utils::IteratorType::reduction);
  if (!init)
    init = zeros(sizes, element);
  return linalg::GenericOp::create(
             builder, loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder &b, Location loc, ValueRange scalars) {
               Value product =
                   multiplyFactors(b, loc, kinds, scalars, scale, element);
               Value sum =
                   arith::AddFOp::create(b, loc, scalars.back(), product);
               linalg::YieldOp::create(b, loc, sum);
             })
      .getResult(0);
}

/// Sizes of the value that the term belongs to.
SmallVector<OpFoldResult> Convolution::sizesOf(const Term &term, bool hasTime) {
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(
      context, ArrayRef(term.sizes).take_front(term.rank));
  if (hasTime)
    sizes.insert(sizes.begin() + time, times());
  return sizes;
}

//===----------------------------------------------------------------------===//
// Parts of the result
//===----------------------------------------------------------------------===//

/// init + K ∗ x of one readout of state g and one term added to state k.
///
/// Dims are numbered: those of the readout's term, then the sums of the added
/// one, whose other dims are where the readout reads the state.
Value Convolution::convolve(const Term &readout, const Powers &powers,
                            unsigned g, unsigned k, const Term &added,
                            Value init) {
  Type element = getElementTypeOrSelf(init.getType());
  unsigned own = readout.sizes.size();
  SmallVector<int64_t> sizes(readout.sizes);
  SmallVector<AffineExpr> dims, addedDims(readout.stateMap.getResults());
  for (unsigned sum = added.rank; sum < added.sizes.size(); ++sum) {
    addedDims.push_back(d(sizes.size()));
    sizes.push_back(added.sizes[sum]);
  }
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    dims.push_back(d(dim));
  Value power = powers.kernel->getPower(g, k);

  // What depends on which dim.
  llvm::SmallBitVector inKernel(sizes.size()), inInput(sizes.size());
  auto mark = [&](AffineExpr expr, llvm::SmallBitVector &used) {
    for (unsigned dim = 0; dim < sizes.size(); ++dim)
      if (expr.isFunctionOfDim(dim))
        used.set(dim);
  };
  for (const Factor &factor : readout.factors)
    if (!varies(factor))
      for (AffineExpr expr : factor.map.getResults())
        mark(expr, inKernel);
  for (const Factor &factor : added.factors)
    for (AffineExpr expr : factor.map.getResults())
      mark(expr.replaceDims(addedDims), varies(factor) ? inInput : inKernel);
  if (power)
    for (auto [dim, expr] : llvm::enumerate(readout.stateMap.getResults()))
      if (powers.group.used.test(dim))
        mark(expr, inKernel);
  SmallVector<unsigned> kept, summed, read;
  double scale = readout.scale * added.scale;
  for (unsigned dim = 0; dim < sizes.size(); ++dim) {
    bool isKept = dim < readout.rank || inInput.test(dim);
    if (inKernel.test(dim))
      (isKept ? kept : summed).push_back(dim);
    else if (!isKept)
      scale *= sizes[dim]; // a sum of equals
    if (inInput.test(dim))
      read.push_back(dim);
  }

  // The kernel: the time, what the output or x has, and sums.
  SmallVector<AffineExpr> loops(sizes.size(),
                                getAffineConstantExpr(0, context));
  SmallVector<OpFoldResult> kernelSizes{times()};
  unsigned next = 1;
  for (unsigned dim : kept) {
    loops[dim] = d(next++);
    kernelSizes.push_back(builder.getIndexAttr(sizes[dim]));
  }
  for (unsigned dim : summed)
    loops[dim] = d(next++);
  auto at = [&](ArrayRef<AffineExpr> exprs) {
    return llvm::map_to_vector(
        exprs, [&](AffineExpr expr) { return expr.replaceDims(loops); });
  };
  SmallVector<LoopOperand> operands;
  SmallVector<AffineExpr> addedAt = at(addedDims);
  if (power)
    operands.push_back(
        ofPower(power, powers.group, at(readout.stateMap.getResults()), d(0)));
  for (const Factor &factor : readout.factors)
    if (!varies(factor))
      operands.push_back(
          ofFactor(factor, ArrayRef(loops).take_front(own), d(0)));
  for (const Factor &factor : added.factors)
    if (!varies(factor))
      operands.push_back(ofFactor(factor, addedAt, d(0)));
  // A sum over equal terms takes its length from an operand of ones.
  for (unsigned dim : summed)
    if (llvm::none_of(operands, [&](const LoopOperand &operand) {
          return llvm::is_contained(operand.index, loops[dim]);
        })) {
      auto type = RankedTensorType::get({sizes[dim]}, element);
      Value ones = arith::ConstantOp::create(
          builder, loc,
          SplatElementsAttr::get(type, builder.getFloatAttr(element, 1.0)));
      operands.push_back({ones, {loops[dim]}});
    }
  Value kernel = contract(operands, scale, kernelSizes, next, {}, element);

  // x, with as many zeros as there are times but one, or as many as times for a
  // readout before the update.
  SmallVector<OpFoldResult> inputSizes{times()};
  next = 1;
  for (unsigned dim : read) {
    loops[dim] = d(next++);
    inputSizes.push_back(builder.getIndexAttr(sizes[dim]));
  }
  operands.clear();
  addedAt = at(addedDims);
  for (const Factor &factor : added.factors)
    if (varies(factor))
      operands.push_back(ofFactor(factor, addedAt, d(0)));
  Value input = contract(operands, 1.0, inputSizes, next, {}, element);
  Value count = getValueOrCreateConstantIndexOp(builder, loc, times());
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value more = count;
  if (readout.after)
    more = arith::SubIOp::create(
        builder, loc, arith::MaxUIOp::create(builder, loc, count, one), one);
  Value length = arith::AddIOp::create(builder, loc, count, more);
  SmallVector<OpFoldResult> padded(inputSizes),
      offsets(inputSizes.size(), builder.getIndexAttr(0));
  padded[0] = length;
  if (!copy.getReverse())
    offsets[0] = more;
  Value room = zeros(padded, element);
  input = tensor::InsertSliceOp::create(
      builder, loc, input, room, offsets, inputSizes,
      SmallVector<OpFoldResult>(inputSizes.size(), builder.getIndexAttr(1)));

  // The sum over times, and over dims of x that the output has not.
  unsigned rank = readout.rank + 1;
  AffineExpr now = d(time), back = d(rank);
  next = rank + 1;
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    loops[dim] = dim < readout.rank  ? d(dim + (dim >= time))
                 : inInput.test(dim) ? d(next++)
                                     : getAffineConstantExpr(0, context);
  LoopOperand ofKernel{kernel, {back}}, ofInput{input, {now + back}};
  // Backwards, and before the update, the sum begins one time later.
  if (copy.getReverse() && !readout.after)
    ofInput.index[0] = now + back + 1;
  for (unsigned dim : kept)
    ofKernel.index.push_back(loops[dim]);
  for (unsigned dim : read)
    ofInput.index.push_back(loops[dim]);
  return contract({ofKernel, ofInput}, 1.0, sizesOf(readout, true), next, init,
                  element);
}

/// init + C A^t s₀, of one readout of state g.
Value Convolution::addInitial(const Term &readout, const Powers &powers,
                              unsigned g, Value init) {
  SmallVector<AffineExpr> loops;
  for (unsigned dim = 0; dim < readout.sizes.size(); ++dim)
    loops.push_back(d(dim < readout.rank ? dim + (dim >= time) : dim + 1));
  SmallVector<AffineExpr> state;
  for (AffineExpr expr : readout.stateMap.getResults())
    state.push_back(expr.replaceDims(loops));
  for (auto [k, number] : llvm::enumerate(powers.group.states)) {
    if (isZero(number) ||
        (!powers.group.isOne && !powers.group.present[g].test(k)))
      continue;
    SmallVector<LoopOperand> operands;
    for (const Factor &factor : readout.factors)
      if (!varies(factor))
        operands.push_back(ofFactor(factor, loops, d(time)));
    operands.push_back({copy.getStates()[number], state});
    if (Value power = powers.initial[readout.after]->getPower(g, k))
      operands.push_back(ofPower(power, powers.group, state, d(time)));
    init = contract(operands, readout.scale, sizesOf(readout, true),
                    readout.sizes.size() + 1, init,
                    getElementTypeOrSelf(init.getType()));
  }
  return init;
}

Value Convolution::computeReadout(const Readout &readout) {
  Type element = getElementTypeOrSelf(readout.value.getType());
  Value sum;
  for (const Term &term : readout.terms.terms) {
    SmallVector<OpFoldResult> sizes = sizesOf(term, true);
    SmallVector<AffineExpr> loops;
    for (unsigned dim = 0; dim < term.sizes.size(); ++dim)
      loops.push_back(d(dim < term.rank ? dim + (dim >= time) : dim + 1));
    SmallVector<LoopOperand> operands;
    double scale = 1.0;
    unsigned numLoops = sizes.size();
    if (!term.state) {
      scale = term.scale;
      numLoops = term.sizes.size() + 1;
      for (const Factor &factor : term.factors)
        operands.push_back(ofFactor(factor, loops, d(time)));
      sum = contract(operands, scale, sizes, numLoops, sum, element);
      continue;
    }
    auto [powers, g] = find(*term.state);
    Value part = addInitial(term, *powers, g, zeros(sizes, element));
    for (auto [k, added] : llvm::enumerate(powers->group.added))
      if (powers->group.isOne || powers->group.present[g].test(k))
        for (const Term *input : added)
          part = convolve(term, *powers, g, k, *input, part);
    for (const Factor &factor : term.factors)
      if (varies(factor))
        operands.push_back(ofFactor(factor, loops, d(time)));
    if (operands.empty() && !sum) {
      sum = part;
      continue;
    }
    LoopOperand whole{part, {}};
    for (unsigned loop = 0; loop < sizes.size(); ++loop)
      whole.index.push_back(d(loop));
    operands.insert(operands.begin(), whole);
    sum = contract(operands, scale, sizes, numLoops, sum, element);
  }
  return sum;
}

/// A^T s₀ + Σ_r A^{T-1-r} f_r, of state g.
Value Convolution::computeLast(const Powers &powers, unsigned g) {
  const StateGroup &group = powers.group;
  Value initial = copy.getStates()[group.states[g]];
  auto type = cast<RankedTensorType>(initial.getType());
  unsigned rank = type.getRank();
  SmallVector<OpFoldResult> sizes =
      getAsIndexOpFoldResult(context, type.getShape());
  SmallVector<AffineExpr> state;
  for (unsigned dim = 0; dim < rank; ++dim)
    state.push_back(d(dim));
  Value sum = zeros(sizes, type.getElementType());
  for (auto [k, number] : llvm::enumerate(group.states)) {
    if (!group.isOne && !group.present[g].test(k))
      continue;
    if (!isZero(number)) {
      SmallVector<LoopOperand> operands{{copy.getStates()[number], state}};
      if (Value power = powers.kernel->getLastPower(g, k))
        operands.push_back(ofPower(power, group, state, {}));
      sum = contract(operands, 1.0, sizes, rank, sum, type.getElementType());
    }
    for (const Term *added : group.added[k]) {
      SmallVector<AffineExpr> dims(state);
      for (unsigned term = added->rank; term < added->sizes.size(); ++term)
        dims.push_back(d(term + 1));
      SmallVector<LoopOperand> operands;
      for (const Factor &factor : added->factors)
        operands.push_back(ofFactor(factor, dims, d(rank)));
      if (Value power = powers.kernel->getPower(g, k))
        operands.push_back(ofPower(power, group, state, d(rank)));
      // What is added alike at all times is counted by ones.
      if (llvm::none_of(operands, [&](const LoopOperand &operand) {
            return llvm::is_contained(operand.index, d(rank));
          })) {
        Value one = arith::ConstantOp::create(
            builder, loc, builder.getFloatAttr(type.getElementType(), 1.0));
        Value empty = tensor::EmptyOp::create(
            builder, loc, ArrayRef<OpFoldResult>{times()},
            type.getElementType());
        operands.push_back(
            {linalg::FillOp::create(builder, loc, one, empty).getResult(0),
             {d(rank)}});
      }
      sum = contract(operands, added->scale, sizes, added->sizes.size() + 1,
                     sum, type.getElementType());
    }
  }
  return sum;
}
