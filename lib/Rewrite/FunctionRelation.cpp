//===- FunctionRelation.cpp - which dimensions of a function are one ------===//

#include "FunctionRelation.h"

#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

func::FuncOp seqc::getCallee(func::CallOp call,
                             SymbolTableCollection &symbols) {
  auto callee =
      symbols.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  return callee && !callee.isExternal() ? callee : func::FuncOp();
}

FunctionRelation::FunctionRelation(func::FuncOp function,
                                   SymbolTableCollection &symbols,
                                   const FunctionRelation *caller)
    : function(function), symbols(symbols), caller(caller) {
  for (Value argument : function.getArguments())
    (void)pairsOf(argument);
  relateBlock(function.getBody().front());
}

void FunctionRelation::addTime(Value value, unsigned dim) {
  times.push_back(pairsOf(value)[dim]);
}

DenseSet<unsigned> FunctionRelation::getTimeClasses() const {
  DenseSet<unsigned> classes;
  for (unsigned pair : times)
    classes.insert(classOf(pair));
  return classes;
}

void FunctionRelation::relateBlock(Block &block) {
  for (Operation &op : block)
    relate(op);
}

bool FunctionRelation::relateOther(Operation &op) {
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<seq::TemporalOpInterface>(
          [&](auto op) { return relateTemporal(op); })
      .Case<seq::AttentionOp>([&](auto op) { return relateAttention(op); })
      .Case<seq::ScanOp>([&](auto op) { return relateScan(op); })
      .Case<scf::ForOp>([&](auto op) { return relateLoop(op); })
      .Case<func::CallOp>([&](auto op) { return relateCall(op); })
      .Case<func::ReturnOp, scf::YieldOp, seq::YieldOp, seq::WeightOp>(
          [](auto) { return true; })
      .Default(false);
}

bool FunctionRelation::relateTemporal(seq::TemporalOpInterface op) {
  unsigned time = op.getTimeDim();
  SmallVector<Value> sequences = op.getSequences();
  for (Value sequence : sequences) {
    unite(sequences.front(), time, sequence, time);
    for (unsigned dim = 0, rank = pairsOf(sequence).size(); dim < rank; ++dim)
      if (dim != time)
        breakDim(sequence, dim, op, "is a dimension of slices as well");
  }
  addTime(sequences.front(), time);
  for (const seq::CarriedState &state : op.getCarriedStates()) {
    uniteAll(state.initial->get(), state.final);
    breakAll(state.initial->get(), op, "is a dimension of a state as well");
  }
  SetVector<Value> wholes;
  for (Value operand : op->getOperands())
    if (!llvm::is_contained(sequences, operand))
      wholes.insert(operand);
  getUsedValuesDefinedAbove(op->getRegions(), wholes);
  for (Value whole : wholes)
    breakAll(whole, op, "is read as a whole by each step");
  if (auto recurrence = dyn_cast<seq::RecurrenceOp>(op.getOperation()))
    relateBody(recurrence);
  return true;
}

void FunctionRelation::relateBody(seq::RecurrenceOp op) {
  unsigned time = op.getDim();
  auto uniteSlice = [&](Value sequence, Value slice) {
    for (unsigned dim = 0, rank = pairsOf(slice).size(); dim < rank; ++dim)
      unite(sequence, dim + (dim >= time), slice, dim);
  };
  for (auto [sequence, slice] : llvm::zip(op.getInputs(), op.getInputSlices()))
    uniteSlice(sequence, slice);
  for (auto [sequence, slice, yielded, result] :
       llvm::zip(op.getOutputs(), op.getOutputSlices(), op.getYieldedOutputs(),
                 op.getOutputResults())) {
    uniteSlice(sequence, slice);
    uniteSlice(sequence, yielded);
    uniteAll(sequence, result);
  }
  for (auto [init, argument, yielded] : llvm::zip(
           op.getStates(), op.getStateArguments(), op.getYieldedStates())) {
    uniteAll(init, argument);
    uniteAll(init, yielded);
  }
  relateBlock(op.getBody().front());
}

bool FunctionRelation::relateScan(seq::ScanOp op) {
  Value first = op.getInputs().front();
  addTime(first, op.getDim());
  for (auto [input, result] :
       llvm::zip(op.getInputs(), op.getSequenceResults())) {
    unite(first, op.getDim(), input, op.getDim());
    uniteAll(input, result);
    breakAll(input, op, "is scanned");
  }
  for (auto [initial, total] :
       llvm::zip(op.getInitials(), op.getTotalResults())) {
    uniteAll(initial, total);
    breakAll(initial, op);
  }
  return true;
}

/// Queries and output, keys and values have one time each. Where the attention
/// can run on pieces that is time; whether the two are one is for
/// TimeDimensions to say.
bool FunctionRelation::relateAttention(seq::AttentionOp op) {
  Value query = op.getQuery(), key = op.getKey();
  for (unsigned dim : {0, 1})
    unite(query, dim, op.getOutput(), dim);
  unite(query, 0, key, 0);
  for (Value perKey : {Value(op.getValue()), Value(op.getKeyMask())})
    for (unsigned dim : {0, 1})
      if (perKey)
        unite(key, dim, perKey, dim);
  if (Value bias = op.getBias()) {
    ArrayRef<int64_t> shape = op.getBias().getType().getShape();
    unsigned last = shape.size() - 1;
    if (shape[last - 1] != 1)
      unite(query, 1, bias, last - 1);
    if (shape[last] != 1)
      unite(key, 1, bias, last);
  }
  if (op.canStream()) {
    addTime(query, 1);
    addTime(key, 1);
    for (Value sequence :
         {query, key, Value(op.getValue()), Value(op.getOutput())})
      for (unsigned dim : {0, 2, 3})
        breakDim(sequence, dim, op, "is a dimension of slices as well");
    return true;
  }
  for (Value operand : op->getOperands())
    breakAll(operand, op, "is read as a whole by each query");
  breakAll(op.getOutput(), op, "is a dimension of queries");
  return true;
}

bool FunctionRelation::relateLoop(scf::ForOp op) {
  for (auto [init, argument, yielded, result] :
       llvm::zip(op.getInitArgs(), op.getRegionIterArgs(),
                 op.getYieldedValues(), op.getResults())) {
    uniteAll(init, argument);
    uniteAll(init, yielded);
    uniteAll(init, result);
  }
  relateBlock(*op.getBody());
  return true;
}

bool FunctionRelation::relateCall(func::CallOp call) {
  func::FuncOp callee = getCallee(call, symbols);
  for (const FunctionRelation *open = this; callee && open; open = open->caller)
    if (open->function == callee)
      callee = {};
  if (!callee)
    return false;
  FunctionRelation inner(callee, symbols, this);
  inner.finish();
  DenseSet<unsigned> timeClasses = inner.getTimeClasses();
  SmallVector<Value> outside(call.getOperands()), inside;
  llvm::append_range(outside, call.getResults());
  llvm::append_range(inside, callee.getArguments());
  llvm::append_range(inside,
                     callee.getBody().front().getTerminator()->getOperands());
  DenseMap<unsigned, Pair> firstOfClass;
  for (auto [outer, value] : llvm::zip(outside, inside))
    for (auto [dim, pair] : llvm::enumerate(inner.pairsOf(value))) {
      unsigned cls = inner.classOf(pair);
      Pair here{outer, static_cast<unsigned>(dim)};
      Pair first = firstOfClass.try_emplace(cls, here).first->second;
      unite(first.value, first.dim, outer, dim);
      if (timeClasses.contains(cls))
        addTime(outer, dim);
    }
  return true;
}
