//===- TimeDimensions.cpp - where time is in the values of a function ----------------===//

#include "TimeDimensions.h"

#include "seqc/Analysis/DimensionRelation.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

func::FuncOp seqc::getCallee(func::CallOp call,
                             SymbolTableCollection &symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  return callee && !callee.isExternal() ? callee : func::FuncOp();
}

namespace {
/// The relation in a function, loops and calls included, and its time.
class FunctionRelation : public DimensionRelation {
public:
  FunctionRelation(func::FuncOp function, SymbolTableCollection &symbols)
      : symbols(symbols) {
    for (Value argument : function.getArguments())
      (void)pairsOf(argument);
    relateBlock(function.getBody().front());
  }

  void addTime(Value value, unsigned dim) {
    times.push_back(pairsOf(value)[dim]);
  }
  /// After finish.
  DenseSet<unsigned> getTimeClasses() const {
    DenseSet<unsigned> classes;
    for (unsigned pair : times)
      classes.insert(classOf(pair));
    return classes;
  }

private:
  void relateBlock(Block &block) {
    for (Operation &op : block)
      relate(op);
  }

  bool relateOther(Operation &op) override {
    return llvm::TypeSwitch<Operation *, bool>(&op)
        .Case<seq::RecurrenceOp>([&](auto op) { return relateRecurrence(op); })
        .Case<seq::ScanOp>([&](seq::ScanOp op) {
          for (Value input : op.getInputs()) {
            addTime(input, op.getDim());
            breakAll(input, op, "is scanned, which has no step");
          }
          return true;
        })
        .Case<scf::ForOp>([&](scf::ForOp op) {
          for (auto [init, argument, yielded, result] :
               llvm::zip(op.getInitArgs(), op.getRegionIterArgs(),
                         op.getYieldedValues(), op.getResults())) {
            uniteAll(init, argument);
            uniteAll(init, yielded);
            uniteAll(init, result);
          }
          relateBlock(*op.getBody());
          return true;
        })
        .Case<func::CallOp>([&](auto op) { return relateCall(op); })
        .Case<func::ReturnOp, scf::YieldOp, seq::WeightOp>(
            [](auto) { return true; })
        .Default(false);
  }

  bool relateRecurrence(seq::RecurrenceOp op) {
    unsigned time = op.getDim();
    SmallVector<Value> sequences(op.getInputs());
    llvm::append_range(sequences, op.getOutputs());
    llvm::append_range(sequences, op.getOutputResults());
    for (Value sequence : sequences) {
      unite(sequences.front(), time, sequence, time);
      for (unsigned dim = 0, rank = pairsOf(sequence).size(); dim < rank; ++dim)
        if (dim != time)
          breakDim(sequence, dim, op, "is a dimension of slices as well");
    }
    addTime(sequences.front(), time);
    for (Value state : op.getStates())
      breakAll(state, op, "is a dimension of a state as well");
    SetVector<Value> captures;
    getUsedValuesDefinedAbove(op.getBody(), captures);
    for (Value capture : captures)
      breakAll(capture, op, "is read as a whole by each step");
    return true;
  }

  bool relateCall(func::CallOp call) {
    func::FuncOp callee = getCallee(call, symbols);
    if (!callee)
      return false;
    FunctionRelation inner(callee, symbols);
    inner.finish();
    DenseSet<unsigned> timeClasses = inner.getTimeClasses();
    SmallVector<Value> outside(call.getOperands()), inside;
    llvm::append_range(outside, call.getResults());
    llvm::append_range(inside, callee.getArguments());
    llvm::append_range(
        inside, callee.getBody().front().getTerminator()->getOperands());
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

  SymbolTableCollection &symbols;
  SmallVector<unsigned> times;
};
} // namespace

FailureOr<TimeDimensions>
TimeDimensions::compute(func::FuncOp function,
                        ArrayRef<std::optional<unsigned>> arguments,
                        ArrayRef<std::optional<unsigned>> results,
                        SymbolTableCollection &symbols) {
  FunctionRelation relation(function, symbols);
  Operation *end = function.getBody().front().getTerminator();
  for (auto [argument, dim] : llvm::zip(function.getArguments(), arguments))
    if (dim)
      relation.addTime(argument, *dim);
  for (auto [result, dim] : llvm::zip(end->getOperands(), results))
    if (dim)
      relation.addTime(result, *dim);
  relation.finish();

  DenseSet<unsigned> timeClasses = relation.getTimeClasses();
  for (auto [pair, op, reason] : relation.getObstacles())
    if (timeClasses.contains(relation.classOf(pair)))
      return op->emitError("no step can be derived: the time dimension ")
             << reason;
  TimeDimensions found;
  for (auto [number, pair] : llvm::enumerate(relation.getPairs())) {
    if (!timeClasses.contains(relation.classOf(number)))
      continue;
    if (found.dims.try_emplace(pair.value, pair.dim).second)
      continue;
    Operation *op = pair.value.getDefiningOp();
    return (op ? op : function)
               ->emitError("no step can be derived: dimensions ")
           << found.dims[pair.value] << " and " << pair.dim << " of a "
           << pair.value.getType() << " are both time";
  }
  return found;
}

std::optional<unsigned> TimeDimensions::of(Value value) const {
  auto it = dims.find(value);
  return it == dims.end() ? std::nullopt : std::optional(it->second);
}

TimeDims TimeDimensions::of(ValueRange values) const {
  return llvm::map_to_vector(values, [&](Value value) { return of(value); });
}

bool TimeDimensions::touches(Operation *op) const {
  auto hasTime = [&](Value value) { return of(value).has_value(); };
  return llvm::any_of(op->getOperands(), hasTime) ||
         llvm::any_of(op->getResults(), hasTime);
}
