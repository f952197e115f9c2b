//===- ProductChain.cpp - two products in a row, in either order ----------===//

#include "ProductChain.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

bool seqc::restsOnWeights(Value value) {
  SmallVector<Value> worklist{value};
  DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    Operation *op = next.getDefiningOp();
    if (!op || !isPure(op))
      return false;
    if (isa<seq::WeightOp>(op))
      continue;
    worklist.append(op->operand_begin(), op->operand_end());
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    worklist.append(captured.begin(), captured.end());
  }
  return true;
}

/// The product of the sizes of all loops of the factors.
static double iterations(ArrayRef<const Factor *> sized,
                         const SetVector<unsigned> &loops) {
  double work = 1;
  for (unsigned loop : loops) {
    int64_t size = ShapedType::kDynamic;
    for (const Factor *factor : sized)
      if (*factor)
        for (auto [dim, other] : llvm::enumerate(factor->loops))
          if (other == loop && ShapedType::isDynamic(size))
            size =
                cast<RankedTensorType>(factor->value.getType()).getDimSize(dim);
    work *= ShapedType::isDynamic(size) ? ProductChain::kUnknownSize : size;
  }
  return work;
}

static SetVector<unsigned>
loopsOf(std::initializer_list<ArrayRef<unsigned>> all) {
  SetVector<unsigned> loops;
  for (ArrayRef<unsigned> some : all)
    loops.insert_range(some);
  return loops;
}

double ProductChain::workOfFirst() const {
  if (restsOnWeights(query.value) && restsOnWeights(key.value))
    return 0;
  return iterations({&query, &key, &value}, loopsOf({query.loops, key.loops}));
}

double ProductChain::workOfLast() const {
  return iterations({&query, &key, &value}, loopsOf({result, summed}));
}

double ProductChain::workReordered() const {
  double first =
      iterations({&query, &key, &value}, loopsOf({key.loops, value.loops}));
  if (restsOnWeights(key.value) && (!value || restsOnWeights(value.value)))
    first = 0;
  return first + iterations({&query, &key, &value},
                            loopsOf({query.loops, stateLoops()}));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value seqc::createGeneric(ImplicitLocOpBuilder &b, ArrayRef<Factor> inputs,
                          ArrayRef<unsigned> result, ScalarFn body) {
  SetVector<unsigned> loops(result.begin(), result.end());
  for (const Factor &input : inputs)
    loops.insert_range(input.loops);
  auto mapOf = [&](ArrayRef<unsigned> dims) {
    SmallVector<AffineExpr> places;
    for (unsigned loop : dims)
      places.push_back(b.getAffineDimExpr(
          std::distance(loops.begin(), llvm::find(loops, loop))));
    return AffineMap::get(loops.size(), 0, places, b.getContext());
  };
  SmallVector<AffineMap> maps;
  SmallVector<Value> values;
  for (const Factor &input : inputs) {
    maps.push_back(mapOf(input.loops));
    values.push_back(input.value);
  }
  maps.push_back(mapOf(result));

  SmallVector<OpFoldResult> shape;
  for (unsigned loop : result) {
    OpFoldResult size;
    for (const Factor &input : inputs)
      for (auto [dim, other] : llvm::enumerate(input.loops))
        if (other == loop && !isa_and_nonnull<Attribute>(size))
          if (!size ||
              !cast<RankedTensorType>(input.value.getType()).isDynamicDim(dim))
            size = tensor::getMixedSize(b, b.getLoc(), input.value, dim);
    shape.push_back(size);
  }
  Type element = getElementTypeOrSelf(values.front().getType());
  Value init = tensor::EmptyOp::create(b, shape, element);
  bool reduces = loops.size() > result.size();
  if (reduces) {
    Value zero = arith::ConstantOp::create(b, b.getFloatAttr(element, 0.0));
    init = linalg::FillOp::create(b, zero, init).getResult(0);
  }
  SmallVector<utils::IteratorType> kinds(result.size(),
                                         utils::IteratorType::parallel);
  kinds.resize(loops.size(), utils::IteratorType::reduction);
  return linalg::GenericOp::create(
             b, init.getType(), values, init, maps, kinds,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               ImplicitLocOpBuilder nested(loc, builder);
               linalg::YieldOp::create(
                   nested, body(nested, reduces ? args : args.drop_back()));
             })
      .getResult(0);
}

Factor seqc::sumOfProducts(ImplicitLocOpBuilder &b, ArrayRef<Factor> factors,
                           ArrayRef<unsigned> result) {
  SmallVector<Factor> present;
  for (const Factor &factor : factors)
    if (factor)
      present.push_back(factor);
  Value value = createGeneric(
      b, present, result, [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value product = v[0];
        for (Value factor : v.slice(1, present.size() - 1))
          product = arith::MulFOp::create(b, product, factor);
        if (v.size() > present.size())
          product = arith::AddFOp::create(b, v.back(), product);
        return product;
      });
  return {value, SmallVector<unsigned>(result)};
}

/// The loops of M: those shared with the result first, then k, then the
/// value's own.
SmallVector<unsigned> ProductChain::stateLoops() const {
  auto inState = [&](unsigned loop) {
    return (key.has(loop) || value.has(loop)) &&
           !llvm::is_contained(summed, loop);
  };
  SetVector<unsigned> loops;
  for (unsigned loop : result)
    if (query.has(loop) && inState(loop))
      loops.insert(loop);
  for (ArrayRef<unsigned> some :
       {ArrayRef(query.loops), ArrayRef(key.loops), ArrayRef(value.loops)})
    for (unsigned loop : some)
      if (inState(loop))
        loops.insert(loop);
  return loops.takeVector();
}

static Value castTo(ImplicitLocOpBuilder &b, Type type, Value value) {
  return value.getType() == type ? value
                                 : tensor::CastOp::create(b, type, value);
}

Value ProductChain::buildReordered(ImplicitLocOpBuilder &b) const {
  Factor inner = sumOfProducts(b, {key, value}, stateLoops());
  return castTo(b, type, sumOfProducts(b, {query, inner}, result).value);
}

//===----------------------------------------------------------------------===//
// Sums of the keys so far
//===----------------------------------------------------------------------===//

/// The factor with the dimension of `loop` at `place`.
static Factor moveDim(ImplicitLocOpBuilder &b, Factor factor, unsigned loop,
                      unsigned place) {
  SmallVector<unsigned> order(factor.loops);
  order.erase(llvm::find(order, loop));
  order.insert(order.begin() + place, loop);
  return order == factor.loops ? factor : sumOfProducts(b, {factor}, order);
}

namespace {
/// Brings keys to the times of the queries.
struct Alignment {
  Alignment(ImplicitLocOpBuilder &b, OpFoldResult queries, OpFoldResult keys,
            bool atEnd)
      : b(b), queries(queries) {
    MLIRContext *context = b.getContext();
    AffineExpr t = b.getAffineSymbolExpr(0), s = b.getAffineSymbolExpr(1);
    AffineExpr zero = b.getAffineConstantExpr(0);
    auto choose = [&](AffineExpr x, AffineExpr y, bool larger) {
      AffineMap map = AffineMap::get(0, 2, {x, y}, context);
      return larger ? affine::makeComposedFoldedAffineMax(b, b.getLoc(), map,
                                                          {queries, keys})
                    : affine::makeComposedFoldedAffineMin(b, b.getLoc(), map,
                                                          {queries, keys});
    };
    OpFoldResult none = b.getIndexAttr(0);
    count = choose(t, s, /*larger=*/false);
    OpFoldResult missing = choose(t - s, zero, /*larger=*/true);
    before = atEnd ? choose(s - t, zero, /*larger=*/true) : none;
    low = atEnd ? missing : none;
    high = atEnd ? none : missing;
  }

  Factor part(Factor factor, unsigned dim, OpFoldResult offset,
              OpFoldResult size) const {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), factor.value);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    offsets[dim] = offset;
    sizes[dim] = size;
    factor.value = tensor::ExtractSliceOp::create(b, factor.value, offsets,
                                                  sizes, strides);
    return factor;
  }
  /// The keys before the time of the first query.
  Factor earlier(Factor factor, unsigned dim) const {
    return part(std::move(factor), dim, b.getIndexAttr(0), before);
  }
  /// Those of the queries' times, zeros where there are none.
  Factor beside(Factor factor, unsigned dim) const {
    factor = part(std::move(factor), dim, before, count);
    auto type = cast<RankedTensorType>(factor.value.getType());
    SmallVector<OpFoldResult> lows(type.getRank(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> highs(lows);
    lows[dim] = low;
    highs[dim] = high;
    Value zero = arith::ConstantOp::create(
        b, b.getFloatAttr(type.getElementType(), 0.0));
    Value padded = tensor::PadOp::create(b, RankedTensorType(), factor.value,
                                         lows, highs, zero);
    if (std::optional<int64_t> times = getConstantIntValue(queries)) {
      SmallVector<int64_t> shape(type.getShape());
      shape[dim] = *times;
      padded = castTo(b, type.clone(shape), padded);
    }
    factor.value = padded;
    return factor;
  }

  ImplicitLocOpBuilder &b;
  OpFoldResult queries, before, count, low, high;
};
} // namespace

/// The size of a loop, from the first factor that has it.
static OpFoldResult sizeOf(ImplicitLocOpBuilder &b, unsigned loop,
                           ArrayRef<Factor> factors) {
  for (const Factor &factor : factors)
    for (auto [dim, other] : llvm::enumerate(factor.loops))
      if (other == loop)
        return tensor::getMixedSize(b, b.getLoc(), factor.value, dim);
  llvm_unreachable("every loop is in a factor");
}

static Factor withoutLoop(Factor factor, unsigned loop, Value slice) {
  factor.loops.erase(llvm::find(factor.loops, loop));
  factor.value = slice;
  return factor;
}

/// The state, times all that it decays by.
static Factor decayed(ImplicitLocOpBuilder &b, Factor state,
                      ArrayRef<StepDecay> decays) {
  if (decays.empty())
    return state;
  SmallVector<Factor> factors{state};
  for (const StepDecay &decay : decays)
    factors.push_back(decay.factor);
  state.value = createGeneric(
      b, factors, state.loops,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value product = v[0];
        for (auto [decay, number] : llvm::zip(decays, v.drop_front())) {
          Value factor = number;
          if (decay.isLog)
            factor = math::ExpOp::create(b, factor);
          product = arith::MulFOp::create(b, product, factor);
        }
        return product;
      });
  return state;
}

Value ProductChain::buildCausal(ImplicitLocOpBuilder &b,
                                const Causality &causality,
                                ArrayRef<StepDecay> decays) const {
  unsigned t = causality.queryTime, s = causality.keyTime;
  Type element = type.getElementType();
  SmallVector<unsigned> loops = stateLoops();
  // A state that is no larger than a query is put out as it is, and read for
  // all times at once; a matrix meets the query inside.
  bool readsInside =
      llvm::any_of(loops, [&](unsigned loop) { return !query.has(loop); });
  SmallVector<unsigned> outLoops(loops);
  if (readsInside) {
    outLoops = result;
    outLoops.erase(llvm::find(outLoops, t));
  }

  // One dimension of time for all: that of the result, where all have it.
  size_t time = std::distance(result.begin(), llvm::find(result, t));
  if (outLoops.size() < time)
    time = 0;
  for (const Factor *factor : {&query, &key, &value})
    if (*factor && factor->loops.size() <= time)
      time = 0;
  for (const StepDecay &decay : decays)
    if (decay.factor.has(t) && decay.factor.loops.size() <= time)
      time = 0;
  Factor queries = moveDim(b, query, t, time);
  SmallVector<Factor> read{moveDim(b, key, s, time)};
  if (value && value.has(s))
    read.push_back(moveDim(b, value, s, time));
  OpFoldResult times = sizeOf(b, t, queries);

  // What the first query finds.
  SmallVector<Factor> beforeFirst(read);
  if (!causality.sameTimes) {
    Alignment alignment(b, times, sizeOf(b, s, read), causality.atEnd);
    for (auto [factor, earlier] : llvm::zip(read, beforeFirst)) {
      if (causality.atEnd)
        earlier = alignment.earlier(factor, time);
      factor = alignment.beside(factor, time);
    }
  }
  SmallVector<Factor> all(read);
  all.push_back(queries);
  if (value)
    all.push_back(value);
  auto sizesOf = [&](ArrayRef<unsigned> loops) {
    return llvm::map_to_vector(
        loops, [&](unsigned loop) { return sizeOf(b, loop, all); });
  };
  auto [shape, dynamic] = decomposeMixedValues(sizesOf(loops));
  auto stateType = RankedTensorType::get(shape, element);
  Value initial;
  if (causality.atEnd && !causality.sameTimes) {
    if (value && !value.has(s))
      beforeFirst.push_back(value);
    initial = sumOfProducts(b, beforeFirst, loops).value;
  } else if (stateType.hasStaticShape()) {
    // A constant, by which the states of a session are known.
    initial =
        arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(stateType)));
  } else {
    Value zero = arith::ConstantOp::create(b, b.getFloatAttr(element, 0.0));
    Value empty = tensor::EmptyOp::create(b, stateType, dynamic);
    initial = linalg::FillOp::create(b, zero, empty).getResult(0);
  }

  SmallVector<OpFoldResult> outSizes = sizesOf(outLoops);
  outSizes.insert(outSizes.begin() + time, times);
  Value destination = tensor::EmptyOp::create(b, outSizes, element);
  SmallVector<Value> sequences;
  for (const Factor &factor : read)
    sequences.push_back(factor.value);
  if (readsInside)
    sequences.push_back(queries.value);
  SmallVector<StepDecay> steps(decays);
  for (StepDecay &decay : steps)
    if (decay.factor.has(t)) {
      decay.factor = moveDim(b, decay.factor, t, time);
      sequences.push_back(decay.factor.value);
    }
  auto recurrence = seq::RecurrenceOp::create(
      b, static_cast<int64_t>(time), /*reverse=*/false, sequences,
      ValueRange(destination), ValueRange(initial));
  Block &body = recurrence.getBody().emplaceBlock();
  sequences.push_back(destination);
  for (Value sequence : sequences)
    body.addArgument(
        recurrence.getSliceType(cast<RankedTensorType>(sequence.getType())),
        b.getLoc());
  body.addArgument(initial.getType(), b.getLoc());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&body);
    unsigned number = read.size() + readsInside;
    for (StepDecay &decay : steps)
      if (decay.factor.has(t))
        decay.factor = withoutLoop(decay.factor, t, body.getArgument(number++));
    Factor kept = decayed(b, {body.getArguments().back(), loops}, steps);
    SmallVector<Factor> terms{kept};
    for (auto [number, factor] : llvm::enumerate(read))
      terms.push_back(withoutLoop(factor, s, body.getArgument(number)));
    if (value && !value.has(s))
      terms.push_back(value);
    Value next = createGeneric(
        b, terms, loops, [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
          Value added = v[1];
          for (Value factor : v.drop_front(2))
            added = arith::MulFOp::create(b, added, factor);
          return arith::AddFOp::create(b, v[0], added);
        });
    Factor seen = terms[0];
    if (causality.last == 0)
      seen.value = next;
    if (readsInside)
      seen = sumOfProducts(
          b, {withoutLoop(queries, t, body.getArgument(read.size())), seen},
          outLoops);
    unsigned out = body.getNumArguments() - 2;
    SmallVector<Value> yielded{
        castTo(b, body.getArgument(out).getType(), seen.value),
        castTo(b, initial.getType(), next)};
    seq::YieldOp::create(b, yielded);
  }
  outLoops.insert(outLoops.begin() + time, t);
  Factor output{recurrence.getResult(0), outLoops};
  if (!readsInside)
    output = sumOfProducts(b, {query, output}, result);
  else if (ArrayRef(outLoops) != ArrayRef(result))
    output = sumOfProducts(b, {output}, result);
  return castTo(b, type, output.value);
}
