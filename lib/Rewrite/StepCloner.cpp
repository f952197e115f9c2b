//===- StepCloner.cpp - one time of a function ----------------------------------------===//

#include "StepCloner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

InFlightDiagnostic seqc::refuseStep(Operation *op) {
  return op->emitError("no step can be derived: ");
}

static RankedTensorType dropDim(RankedTensorType type,
                                std::optional<unsigned> dim) {
  SmallVector<int64_t> shape(type.getShape());
  if (dim)
    shape.erase(shape.begin() + *dim);
  return type.clone(shape);
}

/// Attributes of an argument or result, whose `seq.sizes` has a number for each
/// dimension.
static DictionaryAttr dropSize(DictionaryAttr attributes,
                                  std::optional<unsigned> time) {
  auto sizes = attributes ? attributes.getAs<DenseI64ArrayAttr>("seq.sizes")
                          : DenseI64ArrayAttr();
  if (!sizes || !time)
    return attributes;
  NamedAttrList list(attributes);
  SmallVector<int64_t> kept(sizes.asArrayRef());
  kept.erase(kept.begin() + *time);
  if (llvm::all_of(kept, [](int64_t size) { return size < 0; }))
    list.erase("seq.sizes");
  else
    list.set("seq.sizes", DenseI64ArrayAttr::get(attributes.getContext(), kept));
  return list.getDictionary(attributes.getContext());
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

FailureOr<bool> StepCloner::collectState(OpOperand &init, Value last,
                                         SmallVectorImpl<AddedState> &added) {
  if (!last && !getSplatConstant(init.get()))
    return init.getOwner()->emitError(
               "no step can be derived: the callee takes the initial state as "
               "argument #")
           << init.getOperandNumber() << ", but does not return the last one";
  if (!last) {
    added.push_back({cast<RankedTensorType>(init.get().getType()),
                     getSplatConstant(init.get()), init.getOwner()->getLoc()});
    return true;
  }
  FailureOr<StateOrigin> origin =
      findStateOrigin(init.get(), last, init.getOwner(), refuseStep);
  if (failed(origin))
    return failure();
  if (origin->initial) {
    added.push_back({cast<RankedTensorType>(init.get().getType()),
                     origin->initial, init.getOwner()->getLoc()});
    return true;
  }
  handedOn.insert(&init);
  if (!origin->result) {
    unreturned.push_back({*origin->argument, last});
    return false;
  }
  std::pair<unsigned, unsigned> pair{*origin->argument, *origin->result};
  if (!llvm::is_contained(kept, pair))
    kept.push_back(pair);
  return false;
}

LogicalResult StepCloner::collect(Block &block,
                                  SmallVectorImpl<AddedState> &added) {
  for (Operation &op : block) {
    if (auto temporal = dyn_cast<seq::TemporalOpInterface>(op)) {
      if (temporal.getReverse())
        return op.emitError("no step can be derived: the recurrence runs from "
                            "the last time to the first");
      OperationStates &states = statesOf[&op];
      for (const seq::CarriedState &state : temporal.getCarriedStates()) {
        FailureOr<bool> isAdded =
            collectState(*state.initial, state.final, added);
        if (failed(isAdded))
          return failure();
        states.isAdded.push_back(*isAdded);
      }
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      func::FuncOp callee = getCallee(call, deriver.getSymbols());
      if (!callee)
        continue;
      FailureOr<bool> runs = deriver.runsThroughTime(callee);
      if (failed(runs))
        return failure();
      if (!*runs && !times.touches(&op))
        continue;
      FailureOr<const StepFunction *> step = deriver.derive(
          callee, times.of(op.getOperands()), times.of(op.getResults()));
      if (failed(step))
        return failure();
      OperationStates states;
      states.callee = *step;
      for (auto [argument, result] : (*step)->kept) {
        // Null for a state that the callee takes, but does not return.
        Value last = result < op.getNumResults() ? op.getResult(result) : Value();
        FailureOr<bool> isAdded =
            collectState(op.getOpOperand(argument), last, added);
        if (failed(isAdded))
          return failure();
        states.isAdded.push_back(*isAdded);
      }
      for (const AddedState &state : (*step)->added)
        added.push_back({state.type, state.initial, op.getLoc()});
      statesOf[&op] = std::move(states);
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      SmallVector<AddedState> inLoop;
      if (failed(collect(*loop.getBody(), inLoop)))
        return failure();
      std::optional<APInt> count = loop.getStaticTripCount();
      if (!inLoop.empty() && !count)
        return op.emitError("no step can be derived: the loop has states of "
                            "its own, but not a constant number of iterations");
      for (const AddedState &state : inLoop) {
        SmallVector<int64_t> shape(state.type.getShape());
        shape.insert(shape.begin(), count->getSExtValue());
        added.push_back({state.type.clone(shape), state.initial, state.loc});
      }
      addedInLoop[&op] = std::move(inLoop);
    } else {
      WalkResult nested = op.walk([&](seq::TemporalOpInterface inner) {
        inner.emitError("no step can be derived: recurrences are expected in "
                        "a function or an scf.for, not in ")
            << op.getName();
        return WalkResult::interrupt();
      });
      if (nested.wasInterrupted())
        return failure();
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Causality
//===----------------------------------------------------------------------===//

/// Results that hold a state after all times, or what is read at the last one.
SmallVector<Value> StepCloner::getLastStates(Operation *op) {
  SmallVector<Value> values;
  if (auto temporal = dyn_cast<seq::TemporalOpInterface>(op))
    for (const seq::CarriedState &state : temporal.getCarriedStates())
      values.push_back(state.final);
  else if (const StepFunction *callee = statesOf.lookup(op).callee)
    for (auto [result, isAfterAll] :
         llvm::zip(op->getResults(), callee->resultAfterAll))
      if (isAfterAll)
        values.push_back(result);
  if (times.isLastTime(op))
    values.push_back(op->getResult(0));
  return values;
}

//===----------------------------------------------------------------------===//
// Cloning
//===----------------------------------------------------------------------===//

RankedTensorType StepCloner::withoutTime(Value value) {
  return dropDim(cast<RankedTensorType>(value.getType()), times.of(value));
}

/// False if an operand is the number of times, or computed from it: it has no
/// counterpart in the step.
bool StepCloner::hasOperands(Operation *op) {
  bool all = true;
  forEachUse(op, [&](OpOperand &operand) {
    all &= mapping.contains(operand.get());
  });
  return all;
}

LogicalResult StepCloner::cloneRecurrence(seq::RecurrenceOp op,
                                          OpBuilder &builder,
                                          MutableArrayRef<Value> &states) {
  for (auto [slice, sequence] : llvm::zip(op.getInputSlices(), op.getInputs()))
    mapping.map(slice, mapping.lookup(sequence));
  for (auto [slice, sequence] :
       llvm::zip(op.getOutputSlices(), op.getOutputs()))
    mapping.map(slice, mapping.lookup(sequence));
  ArrayRef<bool> isAdded = statesOf[op].isAdded;
  unsigned next = 0;
  for (auto [i, argument, init] :
       llvm::enumerate(op.getStateArguments(), op.getStates()))
    mapping.map(argument, isAdded[i] ? states[next++] : mapping.lookup(init));
  for (Operation &inner : op.getBody().front().without_terminator()) {
    if (!hasOperands(&inner))
      return inner.emitError("no step can be derived: the step depends on the "
                             "number of times");
    builder.clone(inner, mapping);
  }
  for (auto [result, yielded] :
       llvm::zip(op.getOutputResults(), op.getYieldedOutputs()))
    mapping.map(result, mapping.lookup(yielded));
  for (auto [i, result, yielded] :
       llvm::enumerate(op.getStateResults(), op.getYieldedStates())) {
    Value last = mapping.lookup(yielded);
    mapping.map(result, last);
    if (isAdded[i]) {
      states.front() = last;
      states = states.drop_front();
    }
  }
  return success();
}

/// One time is a sequence of one.
void StepCloner::cloneAttention(seq::CachedAttentionOp op, OpBuilder &builder,
                                MutableArrayRef<Value> &states) {
  Location loc = op.getLoc();
  // Batch and time, heads, channels.
  SmallVector<ReassociationIndices> groups{{0, 1}, {2}, {3}};
  auto withOneTime = [](RankedTensorType type) {
    SmallVector<int64_t> shape(type.getShape());
    shape[1] = 1;
    return type.clone(shape);
  };
  auto expand = [&](Value sequence) -> Value {
    return tensor::ExpandShapeOp::create(
        builder, loc, withOneTime(cast<RankedTensorType>(sequence.getType())),
        mapping.lookup(sequence), groups);
  };
  ArrayRef<bool> isAdded = statesOf[op].isAdded;
  SmallVector<Value> initial;
  for (auto [i, state] : llvm::enumerate(op.getCarriedStates()))
    initial.push_back(isAdded[i] ? states[llvm::count(isAdded.take_front(i), true)]
                                 : mapping.lookup(state.initial->get()));
  auto step = seq::CachedAttentionOp::create(
      builder, loc, withOneTime(op.getOutput().getType()), initial[0].getType(),
      initial[1].getType(), initial[2].getType(), expand(op.getQuery()),
      expand(op.getKey()), expand(op.getValue()), initial[0], initial[1],
      initial[2], op.getMask(), op.getScale());
  mapping.map(op.getOutput(), tensor::CollapseShapeOp::create(
                                  builder, loc, withoutTime(op.getOutput()),
                                  step.getOutput(), groups)
                                  .getResult());
  for (auto [i, before, after] : llvm::enumerate(
           op.getResults().drop_front(), step.getResults().drop_front())) {
    mapping.map(before, after);
    if (isAdded[i]) {
      states.front() = after;
      states = states.drop_front();
    }
  }
}

void StepCloner::cloneCall(func::CallOp op, OpBuilder &builder,
                           MutableArrayRef<Value> &states) {
  const OperationStates &callStates = statesOf[op];
  const StepFunction &callee = *callStates.callee;
  SmallVector<Value> operands;
  for (Value operand : op.getOperands())
    operands.push_back(mapping.lookupOrNull(operand));
  unsigned next = 0;
  for (auto [pair, isAdded] : llvm::zip(callee.kept, callStates.isAdded))
    if (isAdded)
      operands[pair.first] = states[next++];
  for (unsigned i = 0; i < callee.added.size(); ++i)
    operands.push_back(states[next++]);
  auto call = func::CallOp::create(builder, op.getLoc(), callee.step, operands);
  for (auto [before, after] : llvm::zip(op.getResults(), call.getResults()))
    mapping.map(before, after);
  next = 0;
  for (auto [pair, isAdded] : llvm::zip(callee.kept, callStates.isAdded))
    if (isAdded)
      states[next++] = call.getResult(pair.second);
  for (Value last : call.getResults().take_back(callee.added.size()))
    states[next++] = last;
  states = states.drop_front(next);
}

/// The loop carries its added states stacked, and takes out and puts back the
/// part of each iteration.
LogicalResult StepCloner::cloneLoop(Operation *operation, OpBuilder &builder,
                                    MutableArrayRef<Value> &states) {
  auto op = cast<scf::ForOp>(operation);
  ArrayRef<AddedState> added = addedInLoop[op];
  Location loc = op.getLoc();
  SmallVector<Value> inits;
  for (Value init : op.getInitArgs())
    inits.push_back(mapping.lookup(init));
  unsigned carried = inits.size();
  llvm::append_range(inits, states.take_front(added.size()));
  auto loop = scf::ForOp::create(
      builder, loc, mapping.lookup(op.getLowerBound()),
      mapping.lookup(op.getUpperBound()), mapping.lookup(op.getStep()), inits);
  mapping.map(op.getInductionVar(), loop.getInductionVar());
  for (auto [before, after] :
       llvm::zip(op.getRegionIterArgs(), loop.getRegionIterArgs()))
    mapping.map(before, after);

  if (inits.empty())
    loop.getBody()->getTerminator()->erase();
  OpBuilder body = OpBuilder::atBlockEnd(loop.getBody());
  SmallVector<Value> parts;
  SmallVector<SmallVector<OpFoldResult>> offsets, sizes, strides;
  if (!added.empty()) {
    Value iteration = loop.getInductionVar();
    if (!isConstantIntValue(op.getLowerBound(), 0))
      iteration =
          arith::SubIOp::create(body, loc, iteration, loop.getLowerBound());
    if (!isConstantIntValue(op.getStep(), 1))
      iteration =
          arith::DivUIOp::create(body, loc, iteration, loop.getStep());
    if (!iteration.getType().isIndex())
      iteration = arith::IndexCastOp::create(body, loc, body.getIndexType(),
                                             iteration);
    for (auto [state, stacked] :
         llvm::zip(added, loop.getRegionIterArgs().drop_front(carried))) {
      auto type = cast<RankedTensorType>(stacked.getType());
      offsets.emplace_back(type.getRank(), body.getIndexAttr(0));
      offsets.back()[0] = iteration;
      sizes.push_back(tensor::getMixedSizes(body, loc, stacked));
      sizes.back()[0] = body.getIndexAttr(1);
      strides.emplace_back(type.getRank(), body.getIndexAttr(1));
      parts.push_back(tensor::ExtractSliceOp::create(
          body, loc, state.type, stacked, offsets.back(), sizes.back(),
          strides.back()));
    }
  }
  if (failed(cloneBlock(*op.getBody(), body, parts)))
    return failure();
  SmallVector<Value> yielded;
  for (Value value : op.getYieldedValues()) {
    if (!mapping.contains(value))
      return op.emitError("no step can be derived: the loop hands on the "
                          "number of times");
    yielded.push_back(mapping.lookup(value));
  }
  for (auto [i, part, stacked] : llvm::enumerate(
           parts, loop.getRegionIterArgs().drop_front(carried)))
    yielded.push_back(tensor::InsertSliceOp::create(
        body, loc, part, stacked, offsets[i], sizes[i], strides[i]));
  scf::YieldOp::create(body, loc, yielded);
  for (auto [before, after] : llvm::zip(op.getResults(), loop.getResults()))
    mapping.map(before, after);
  for (auto [state, last] :
       llvm::zip(states, loop.getResults().drop_front(carried)))
    state = last;
  states = states.drop_front(added.size());
  return success();
}

LogicalResult StepCloner::cloneBlock(Block &block, OpBuilder &builder,
                                     MutableArrayRef<Value> states) {
  for (Operation &op : block.without_terminator()) {
    if (isa<scf::ForOp>(op) || statesOf.contains(&op)) {
      for (Value operand : op.getOperands())
        if (!mapping.contains(operand))
          return op.emitError("no step can be derived: the operation depends "
                              "on the number of times");
    }
    if (auto recurrence = dyn_cast<seq::RecurrenceOp>(op)) {
      if (failed(cloneRecurrence(recurrence, builder, states)))
        return failure();
    } else if (auto attention = dyn_cast<seq::CachedAttentionOp>(op)) {
      cloneAttention(attention, builder, states);
    } else if (isa<scf::ForOp>(op)) {
      if (failed(cloneLoop(&op, builder, states)))
        return failure();
    } else if (statesOf.contains(&op)) {
      cloneCall(cast<func::CallOp>(op), builder, states);
    } else if (times.isLastTime(&op)) {
      if (failed(cloneLastTime(&op, builder)))
        return failure();
    } else if (times.touches(&op)) {
      if (failed(cloneWithTime(&op, builder)))
        return failure();
    } else if (hasOperands(&op)) {
      builder.clone(op, mapping);
    }
  }
  return success();
}

LogicalResult StepCloner::run(StepFunction &result) {
  Block &body = function.getBody().front();
  if (failed(collect(body, result.added)))
    return failure();
  AfterAll afterAll(body, times, handedOn,
                    [&](Operation *op) { return getLastStates(op); });
  if (failed(afterAll.checkCausal(refuseStep)))
    return failure();

  Operation *end = body.getTerminator();
  MLIRContext *context = function.getContext();
  SmallVector<Type> argumentTypes, resultTypes;
  auto addType = [&](SmallVectorImpl<Type> &types, Value value) {
    types.push_back(isa<RankedTensorType>(value.getType())
                        ? withoutTime(value)
                        : value.getType());
  };
  for (Value argument : function.getArguments())
    addType(argumentTypes, argument);
  for (Value returned : end->getOperands())
    addType(resultTypes, returned);
  unsigned numArguments = argumentTypes.size();
  for (auto [argument, last] : unreturned) {
    kept.push_back({argument, static_cast<unsigned>(resultTypes.size())});
    resultTypes.push_back(last.getType());
  }
  unsigned numResults = resultTypes.size();
  for (const AddedState &state : result.added) {
    argumentTypes.push_back(state.type);
    resultTypes.push_back(state.type);
  }

  result.argumentTimes = times.of(function.getArguments());
  result.resultTimes = times.of(end->getOperands());
  result.kept = kept;
  for (Value returned : end->getOperands())
    result.resultAfterAll.push_back(afterAll.contains(returned));
  result.resultAfterAll.append(unreturned.size(), true);

  OpBuilder builder(context);
  builder.setInsertionPointAfter(function);
  result.step = func::FuncOp::create(
      builder, function.getLoc(), (function.getName() + "_step").str(),
      builder.getFunctionType(argumentTypes, resultTypes));
  result.step.setVisibility(function.getVisibility());
  auto before = cast<FunctionOpInterface>(function.getOperation());
  auto after = cast<FunctionOpInterface>(result.step.getOperation());
  for (unsigned i = 0; i < numArguments; ++i)
    after.setArgAttrs(i, dropSize(before.getArgAttrDict(i),
                                     result.argumentTimes[i]));
  for (unsigned i = 0; i < end->getNumOperands(); ++i)
    after.setResultAttrs(
        i, dropSize(before.getResultAttrDict(i), result.resultTimes[i]));

  // A state has one name, at its argument and at its result.
  unsigned count = 0;
  auto name = [&](unsigned argument, unsigned result, func::FuncOp step) {
    auto known = step.getArgAttrOfType<StringAttr>(argument, "seq.state");
    StringAttr text =
        known ? known : builder.getStringAttr("state" + Twine(count));
    ++count;
    step.setArgAttr(argument, "seq.state", text);
    step.setResultAttr(result, "seq.state", text);
  };
  llvm::sort(kept);
  for (auto [argument, last] : kept)
    name(argument, last, result.step);
  for (auto [i, state] : llvm::enumerate(result.added)) {
    name(numArguments + i, numResults + i, result.step);
    result.step.setArgAttr(numArguments + i, "seq.initial", state.initial);
  }

  Block *entry = result.step.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  mapping.map(function.getArguments(),
              entry->getArguments().take_front(numArguments));
  SmallVector<Value> states(entry->getArguments().drop_front(numArguments));
  if (failed(cloneBlock(body, builder, states)))
    return failure();
  SmallVector<Value> returned;
  for (Value value : end->getOperands()) {
    if (!mapping.contains(value))
      return end->emitError("no step can be derived: the number of times, or "
                            "what depends on it, is returned");
    returned.push_back(mapping.lookup(value));
  }
  for (auto [argument, last] : unreturned)
    returned.push_back(mapping.lookup(last));
  llvm::append_range(returned, states);
  func::ReturnOp::create(builder, end->getLoc(), returned);
  return success();
}
