//===- StackedRecurrences.cpp - recurrences that run side by side ---------===//

#include "StackedRecurrences.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Who reads whom
//===----------------------------------------------------------------------===//

Readers::Readers(Operation *op) : op(op) {
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode()) {
    SetVector<Value> read(next->operand_begin(), next->operand_end());
    getUsedValuesDefinedAbove(next->getRegions(), read);
    if (llvm::any_of(read, [&](Value value) { return have(value); }))
      readers.insert(next);
  }
}

bool Readers::have(Value value) const {
  Operation *def = value.getDefiningOp();
  return def && (def == op || readers.contains(def));
}

void Readers::moveBehind(Operation *place) const {
  for (Operation *reader : llvm::reverse(readers))
    if (reader != place && reader->isBeforeInBlock(place))
      reader->moveAfter(place);
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

SmallVector<Value> seqc::cloneStep(OpBuilder &b, seq::RecurrenceOp op,
                                   ValueRange arguments) {
  IRMapping mapping;
  Block &body = op.getBody().front();
  mapping.map(body.getArguments(), arguments);
  for (Operation &inner : body.without_terminator())
    b.clone(inner, mapping);
  return llvm::map_to_vector(
      body.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

seq::RecurrenceOp seqc::createRecurrence(OpBuilder &b, Location loc,
                                         int64_t dim, bool reverse,
                                         ValueRange inputs, ValueRange outputs,
                                         ValueRange states) {
  auto op =
      seq::RecurrenceOp::create(b, loc, dim, reverse, inputs, outputs, states);
  Block &body = op.getBody().emplaceBlock();
  for (ValueRange sequences : {inputs, outputs})
    for (Value sequence : sequences)
      body.addArgument(
          op.getSliceType(cast<RankedTensorType>(sequence.getType())), loc);
  for (Value state : states)
    body.addArgument(state.getType(), loc);
  return op;
}

//===----------------------------------------------------------------------===//
// One above the other
//===----------------------------------------------------------------------===//

static bool isFill(Value value) {
  return value.getDefiningOp<linalg::FillOp>() ||
         value.getDefiningOp<tensor::EmptyOp>();
}

/// Whether a sequence can be computed for one time from slices: from outputs of
/// lower by operations that have the time as one and the same parallel loop, or
/// elementwise. Finds the outputs and the other sequences that this reads.
bool StackedRecurrences::canSink(Value value) {
  // One that cannot ends the search.
  if (!asked.insert(value).second)
    return true;
  int64_t time = lower.getDim();
  Operation *op = value.getDefiningOp();
  if (op == lower) {
    unsigned number = cast<OpResult>(value).getResultNumber();
    carried.insert(value);
    return number < lower.getOutputs().size();
  }
  if (!readers.have(value)) {
    others.insert(value);
    return cast<RankedTensorType>(value.getType()).getRank() > time;
  }
  if (op->getNumResults() != 1 || !isPure(op))
    return false;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (linalgOp.getNumDpsInits() != 1)
      return false;
    OpOperand *init = linalgOp.getDpsInitOperand(0);
    AffineMap out = linalgOp.getMatchingIndexingMap(init);
    if (out.getNumResults() <= time || !out.isProjectedPermutation() ||
        (linalgOp.payloadUsesValueFromOperand(init) &&
         !init->get().getDefiningOp<linalg::FillOp>()) ||
        !isFill(init->get()) || linalgOp.hasIndexSemantics())
      return false;
    AffineExpr loop = out.getResult(time);
    for (OpOperand *input : linalgOp.getDpsInputOperands()) {
      AffineMap map = linalgOp.getMatchingIndexingMap(input);
      bool hasTime =
          map.isFunctionOfDim(cast<AffineDimExpr>(loop).getPosition());
      if (!hasTime && !readers.have(input->get()))
        continue;
      if (map.getNumResults() <= time || map.getResult(time) != loop ||
          llvm::count(map.getResults(), loop) != 1 || !canSink(input->get()))
        return false;
    }
    // Nothing that a nested operation reads may have a time.
    SetVector<Value> captures;
    getUsedValuesDefinedAbove(op->getRegions(), captures);
    return llvm::none_of(captures,
                         [&](Value capture) { return readers.have(capture); });
  }
  return OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isa<RankedTensorType>(operand.getType()) && canSink(operand);
         });
}

bool StackedRecurrences::match() {
  if (lower->getBlock() != upper->getBlock() ||
      !lower->isBeforeInBlock(upper) || lower.getDim() != upper.getDim() ||
      lower.getReverse() || upper.getReverse())
    return false;
  SetVector<Value> fixed(upper.getOutputs().begin(), upper.getOutputs().end());
  fixed.insert_range(upper.getStates());
  getUsedValuesDefinedAbove(upper.getBody(), fixed);
  if (llvm::any_of(fixed, [&](Value value) { return readers.have(value); }))
    return false;
  bool all = llvm::all_of(upper.getInputs(),
                          [&](Value input) { return canSink(input); });
  // Something must tell how often upper runs by itself.
  return all && !carried.empty() &&
         !(upper.getOutputs().empty() && others.empty());
}

/// The value of one time.
Value StackedRecurrences::sink(OpBuilder &b, Value value, IRMapping &slices) {
  if (Value known = slices.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  unsigned time = lower.getDim();
  Location loc = op->getLoc();
  auto withoutTime = [&](RankedTensorType type) {
    return lower.getSliceType(type);
  };
  Value result;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(sink(b, operand, slices));
    OperationState state(loc, op->getName());
    state.addOperands(operands);
    state.addTypes(withoutTime(cast<RankedTensorType>(value.getType())));
    state.addAttributes(op->getAttrs());
    result = b.create(state)->getResult(0);
  } else {
    OpOperand *init = linalgOp.getDpsInitOperand(0);
    AffineMap out = linalgOp.getMatchingIndexingMap(init);
    unsigned loop = out.getDimPosition(time);
    SmallVector<AffineExpr> shifted;
    for (unsigned i = 0; i < linalgOp.getNumLoops(); ++i)
      shifted.push_back(b.getAffineDimExpr(i - (i > loop)));
    SmallVector<AffineMap> maps;
    SmallVector<Value> inputs;
    auto addMap = [&](AffineMap map) {
      SmallVector<AffineExpr> exprs;
      for (auto [dim, expr] : llvm::enumerate(map.getResults()))
        if (!(map.isFunctionOfDim(loop) && dim == time))
          exprs.push_back(expr.replaceDims(shifted));
      maps.push_back(
          AffineMap::get(linalgOp.getNumLoops() - 1, 0, exprs, b.getContext()));
    };
    for (OpOperand *input : linalgOp.getDpsInputOperands()) {
      AffineMap map = linalgOp.getMatchingIndexingMap(input);
      addMap(map);
      inputs.push_back(map.isFunctionOfDim(loop) ? sink(b, input->get(), slices)
                                                 : input->get());
    }
    addMap(out);
    auto type = withoutTime(cast<RankedTensorType>(value.getType()));
    SmallVector<OpFoldResult> sizes;
    for (auto [dim, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        sizes.push_back(b.getIndexAttr(size));
        continue;
      }
      for (auto [input, map] : llvm::zip(inputs, maps))
        if (std::optional<unsigned> place =
                map.getResultPosition(maps.back().getResult(dim))) {
          sizes.push_back(tensor::getMixedSize(b, loc, input, *place));
          break;
        }
    }
    Value destination =
        tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
    if (auto fill = init->get().getDefiningOp<linalg::FillOp>())
      destination =
          linalg::FillOp::create(b, loc, fill.getInputs()[0], destination)
              .getResult(0);
    SmallVector<utils::IteratorType> kinds = linalgOp.getIteratorTypesArray();
    kinds.erase(kinds.begin() + loop);
    auto generic = linalg::GenericOp::create(b, loc, destination.getType(),
                                             inputs, destination, maps, kinds);
    IRMapping none;
    op->getRegion(0).cloneInto(&generic.getRegion(), none);
    result = generic.getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(b, loc, type, result);
  }
  slices.map(value, result);
  return result;
}

/// What the step of upper yields; `carriedSlices` are those of lower's outputs.
SmallVector<Value> StackedRecurrences::upperStep(OpBuilder &b,
                                                 ValueRange otherSlices,
                                                 ValueRange outputs,
                                                 ValueRange states,
                                                 ValueRange carriedSlices) {
  IRMapping slices;
  slices.map(ValueRange(others.getArrayRef()), otherSlices);
  slices.map(ValueRange(carried.getArrayRef()), carriedSlices);
  SmallVector<Value> arguments;
  for (Value input : upper.getInputs())
    arguments.push_back(sink(b, input, slices));
  llvm::append_range(arguments, outputs);
  llvm::append_range(arguments, states);
  return cloneStep(b, upper, arguments);
}

SmallVector<Value> StackedRecurrences::takePart(OpBuilder &b,
                                                ValueRange sequences,
                                                OpFoldResult first,
                                                OpFoldResult count) {
  SmallVector<Value> parts;
  for (Value sequence : sequences) {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, upper.getLoc(), sequence);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    offsets[lower.getDim()] = first;
    sizes[lower.getDim()] = count;
    parts.push_back(tensor::ExtractSliceOp::create(b, upper.getLoc(), sequence,
                                                   offsets, sizes, strides));
  }
  return parts;
}

void StackedRecurrences::merge() {
  readers.moveBehind(upper);
  OpBuilder b(upper);
  Location loc = upper.getLoc();
  int64_t dim = lower.getDim();
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult times = tensor::getMixedSize(b, loc, lower.getTimeSource(), dim);
  AffineExpr t = b.getAffineSymbolExpr(0), m = b.getAffineSymbolExpr(1);
  OpFoldResult first = affine::makeComposedFoldedAffineMin(
      b, loc,
      AffineMap::get(0, 1, {t, b.getAffineConstantExpr(1)}, b.getContext()),
      {times});
  OpFoldResult rest =
      affine::makeComposedFoldedAffineApply(b, loc, t - m, {times, first});
  auto carriedOf = [&](ValueRange outputs) {
    SmallVector<Value> values;
    for (Value value : carried)
      values.push_back(outputs[cast<OpResult>(value).getResultNumber()]);
    return values;
  };
  unsigned numOutputs = lower.getOutputs().size(),
           numUpper = upper.getOutputs().size(),
           numStates = lower.getStates().size();

  // Lower alone. What upper would read is never read where there is no time.
  SmallVector<Value> states(lower.getStates());
  for (Value value : carried) {
    auto type = lower.getSliceType(cast<RankedTensorType>(value.getType()));
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(
        b, loc, lower.getTiedOpOperand(cast<OpResult>(value))->get());
    sizes.erase(sizes.begin() + dim);
    Value empty = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
    Value none = arith::ConstantOp::create(
        b, loc, cast<TypedAttr>(b.getZeroAttr(type.getElementType())));
    Value filled = linalg::FillOp::create(b, loc, none, empty).getResult(0);
    if (filled.getType() != type)
      filled = tensor::CastOp::create(b, loc, type, filled);
    states.push_back(filled);
  }
  auto begin = createRecurrence(
      b, loc, dim, false, takePart(b, lower.getInputs(), zero, first),
      takePart(b, lower.getOutputs(), zero, first), states);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&begin.getBody().front());
    SmallVector<Value> arguments(begin.getBody().getArguments());
    arguments.truncate(arguments.size() - carried.size());
    SmallVector<Value> yielded = cloneStep(b, lower, arguments);
    llvm::append_range(yielded, carriedOf(yielded));
    seq::YieldOp::create(b, loc, yielded);
  }

  // Both.
  SmallVector<Value> inputs = takePart(b, lower.getInputs(), first, rest),
                     outputs = takePart(b, lower.getOutputs(), first, rest);
  llvm::append_range(inputs, takePart(b, others.getArrayRef(), zero, rest));
  llvm::append_range(outputs, takePart(b, upper.getOutputs(), zero, rest));
  states.assign(begin.getStateResults().begin(), begin.getStateResults().end());
  states.insert(states.begin() + numStates, upper.getStates().begin(),
                upper.getStates().end());
  auto both = createRecurrence(b, loc, dim, false, inputs, outputs, states);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&both.getBody().front());
    auto slices = both.getInputSlices(), outs = both.getOutputSlices(),
         held = both.getStateArguments();
    SmallVector<Value> arguments(slices.take_front(lower.getInputs().size()));
    llvm::append_range(arguments, outs.take_front(numOutputs));
    llvm::append_range(arguments, held.take_front(numStates));
    SmallVector<Value> low = cloneStep(b, lower, arguments);
    SmallVector<Value> up = upperStep(
        b, SmallVector<Value>(slices.take_back(others.size())),
        SmallVector<Value>(outs.take_back(numUpper)),
        SmallVector<Value>(held.slice(numStates, upper.getStates().size())),
        SmallVector<Value>(held.take_back(carried.size())));
    SmallVector<Value> yielded(ArrayRef(low).take_front(numOutputs));
    yielded.append(up.begin(), up.begin() + numUpper);
    yielded.append(low.begin() + numOutputs, low.end());
    yielded.append(up.begin() + numUpper, up.end());
    llvm::append_range(yielded, carriedOf(low));
    seq::YieldOp::create(b, loc, yielded);
  }

  // Upper alone, at most once.
  SmallVector<Value> last(both.getStateResults());
  SmallVector<Value> lastCarried(ArrayRef(last).take_back(carried.size()));
  auto end = createRecurrence(
      b, loc, dim, false, takePart(b, others.getArrayRef(), rest, first),
      takePart(b, upper.getOutputs(), rest, first),
      ArrayRef(last).slice(numStates, upper.getStates().size()));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&end.getBody().front());
    seq::YieldOp::create(b, loc,
                         upperStep(b, SmallVector<Value>(end.getInputSlices()),
                                   SmallVector<Value>(end.getOutputSlices()),
                                   SmallVector<Value>(end.getStateArguments()),
                                   lastCarried));
  }

  auto putBack = [&](Value whole, Value part, OpFoldResult at) -> Value {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, part);
    SmallVector<OpFoldResult> offsets(sizes.size(), zero);
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    offsets[dim] = at;
    return tensor::InsertSliceOp::create(b, loc, part, whole, offsets, sizes,
                                         strides);
  };
  SmallVector<Value> lowerResults, upperResults;
  for (auto [i, output] : llvm::enumerate(lower.getOutputs()))
    lowerResults.push_back(
        putBack(putBack(output, begin.getOutputResults()[i], zero),
                both.getOutputResults()[i], first));
  for (auto [i, output] : llvm::enumerate(upper.getOutputs()))
    upperResults.push_back(
        putBack(putBack(output, both.getOutputResults()[numOutputs + i], zero),
                end.getOutputResults()[i], rest));
  lowerResults.append(last.begin(), last.begin() + numStates);
  llvm::append_range(upperResults, end.getStateResults());
  upper->replaceAllUsesWith(upperResults);
  upper.erase();
  lower->replaceAllUsesWith(lowerResults);
  lower.erase();
}
