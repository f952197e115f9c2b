//===- Dimensions.cpp - the dimensions of a recurrence ----------------------------===//

#include "seqc/Analysis/Dimensions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

namespace {
/// Collects which pairs of (value, dimension) are one and which are broken.
/// Pairs are numbered; numbers grow in the order of first appearance, so the
/// classes, numbered by their smallest member, have a stable order.
class Collector {
public:
  struct Pair {
    Value value;
    unsigned dim;
  };
  struct Obstacle {
    unsigned pair;
    Operation *operation;
    StringRef reason;
  };
  /// A dimension that is summed into output slice `output`.
  struct Sum {
    unsigned pair;
    unsigned output;
  };

  explicit Collector(seq::RecurrenceOp recurrence) : recurrence(recurrence) {}

  void visit(Operation &op);

  ArrayRef<unsigned> pairsOf(Value value);
  void breakDim(Value value, unsigned dim, Operation *op, StringRef reason) {
    obstacles.push_back({pairsOf(value)[dim], op, reason});
  }

  llvm::IntEqClasses equal;
  std::vector<Pair> pairs;
  SmallVector<Obstacle> obstacles;
  SmallVector<Sum> sums;

private:
  void unite(Value a, unsigned i, Value b, unsigned j) {
    unsigned first = pairsOf(a)[i], second = pairsOf(b)[j];
    equal.join(first, second);
  }
  void uniteAll(Value a, Value b) {
    for (unsigned dim = 0, rank = pairsOf(a).size(); dim < rank; ++dim)
      unite(a, dim, b, dim);
  }
  void breakAll(Value value, Operation *op) {
    for (unsigned dim = 0, rank = pairsOf(value).size(); dim < rank; ++dim)
      breakDim(value, dim, op, "meets an operation the analysis does not know");
  }
  void breakNested(Operation &op);

  std::optional<unsigned> outputSummedInto(linalg::LinalgOp op);
  void visitLinalg(linalg::LinalgOp op);
  void visitSlice(Operation *op, Value whole, Value part,
                  OffsetSizeAndStrideOpInterface slice,
                  const llvm::SmallBitVector &dropped);
  void visitReshape(Operation *op, Value expanded, Value collapsed,
                    ArrayRef<ReassociationIndices> groups);
  void visitDim(tensor::DimOp op);
  void visitUnknown(Operation &op);

  seq::RecurrenceOp recurrence;
  DenseMap<Value, SmallVector<unsigned>> numbers;
};
} // namespace

ArrayRef<unsigned> Collector::pairsOf(Value value) {
  auto [it, isNew] = numbers.try_emplace(value);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!isNew || !type)
    return it->second;
  for (unsigned dim = 0; dim < type.getRank(); ++dim) {
    it->second.push_back(pairs.size());
    pairs.push_back({value, dim});
  }
  equal.grow(pairs.size());
  return it->second;
}

void Collector::visit(Operation &op) {
  for (Value value : op.getResults())
    (void)pairsOf(value);
  llvm::TypeSwitch<Operation *>(&op)
      .Case<linalg::LinalgOp>([&](auto op) { visitLinalg(op); })
      .Case<tensor::DimOp>([&](auto op) { visitDim(op); })
      .Case<tensor::EmptyOp, tensor::SplatOp>([](auto) {})
      .Case<arith::ConstantOp>([&](arith::ConstantOp op) {
        auto elements = dyn_cast<ElementsAttr>(op.getValue());
        if (elements && !elements.isSplat())
          breakAll(op, op);
      })
      .Case<tensor::CastOp>(
          [&](auto op) { uniteAll(op.getSource(), op.getResult()); })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp op) {
        visitSlice(op, op.getSource(), op.getResult(), op, op.getDroppedDims());
      })
      .Case<tensor::InsertSliceOp>([&](tensor::InsertSliceOp op) {
        uniteAll(op.getDest(), op.getResult());
        visitSlice(op, op.getDest(), op.getSource(), op, op.getDroppedDims());
      })
      .Case<tensor::ExpandShapeOp>([&](tensor::ExpandShapeOp op) {
        visitReshape(op, op.getResult(), op.getSrc(),
                     op.getReassociationIndices());
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp op) {
        visitReshape(op, op.getSrc(), op.getResult(),
                     op.getReassociationIndices());
      })
      .Case<tensor::ConcatOp>([&](tensor::ConcatOp op) {
        for (Value input : op.getInputs()) {
          for (unsigned dim = 0, rank = pairsOf(input).size(); dim < rank;
               ++dim)
            if (dim != op.getDim())
              unite(input, dim, op.getResult(), dim);
          breakDim(input, op.getDim(), op, "is concatenated");
        }
        breakDim(op.getResult(), op.getDim(), op, "is concatenated");
      })
      .Case<seq::YieldOp>([&](seq::YieldOp op) {
        auto targets = recurrence.getBody().front().getArguments().drop_front(
            recurrence.getInputs().size());
        for (auto [value, target] : llvm::zip(op.getValues(), targets))
          uniteAll(value, target);
      })
      .Default([&](Operation *op) { visitUnknown(*op); });
}

void Collector::visitUnknown(Operation &op) {
  SmallVector<Value> values;
  for (Value value :
       llvm::concat<Value>(llvm::to_vector(op.getOperands()),
                           llvm::to_vector<4>(llvm::map_range(
                               op.getResults(),
                               [](OpResult result) -> Value { return result; }))))
    if (isa<RankedTensorType>(value.getType()))
      values.push_back(value);
  // Elementwise operations ask for equal shapes, up to scalars.
  if (op.hasTrait<OpTrait::Elementwise>() && op.getNumRegions() == 0) {
    for (Value value : llvm::drop_begin(values))
      uniteAll(values.front(), value);
    return;
  }
  for (Value value : values)
    breakAll(value, &op);
  breakNested(op);
}

/// Breaks what nested regions capture, such as the table of a gather.
void Collector::breakNested(Operation &op) {
  op.walk([&](Operation *nested) {
    if (nested == &op)
      return;
    for (Value value : nested->getOperands())
      if (isa<RankedTensorType>(value.getType()) &&
          !op.isAncestor(value.getParentRegion()->getParentOp()))
        breakAll(value, nested);
  });
}

/// The output slice into which `op` sums, if it does so as reductionOnly asks.
std::optional<unsigned> Collector::outputSummedInto(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1)
    return std::nullopt;
  auto slice = dyn_cast<BlockArgument>(op.getDpsInitOperand(0)->get());
  auto outputs = recurrence.getOutputSlices();
  if (!slice || !llvm::is_contained(outputs, slice) || !slice.hasOneUse())
    return std::nullopt;
  unsigned output = slice.getArgNumber() - outputs.front().getArgNumber();
  OpResult result = op->getResult(0);
  if (!result.hasOneUse() || recurrence.getYieldedOutputs()[output] != result)
    return std::nullopt;
  BlockArgument accumulator = op.getRegionOutputArgs().front();
  Operation *add =
      op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add) ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != add)
    return std::nullopt;
  return output;
}

void Collector::visitLinalg(linalg::LinalgOp op) {
  breakNested(*op);
  // One operand dimension for each loop stands for the loop.
  SmallVector<std::optional<Pair>> loops(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    for (auto [dim, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
      if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
        std::optional<Pair> &first = loops[loop.getPosition()];
        if (first)
          unite(first->value, first->dim, value, dim);
        else
          first = Pair{value, static_cast<unsigned>(dim)};
      }
    }
  }
  auto breakLoop = [&](unsigned loop, StringRef reason) {
    if (loops[loop])
      breakDim(loops[loop]->value, loops[loop]->dim, op, reason);
  };
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type)
      continue;
    for (auto [dim, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
      if (isa<AffineDimExpr>(expr) || type.getDimSize(dim) == 1)
        continue;
      breakDim(operand.get(), dim, op, "is read at another index");
      for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
        if (expr.isFunctionOfDim(loop))
          breakLoop(loop, "is read at another index");
    }
  }
  std::optional<unsigned> sumOutput = outputSummedInto(op);
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (kind == utils::IteratorType::parallel || !loops[loop])
      continue;
    if (sumOutput)
      sums.push_back({pairsOf(loops[loop]->value)[loops[loop]->dim],
                      *sumOutput});
    else
      breakLoop(loop, "is reduced");
  }
  op.getBlock()->walk([&](linalg::IndexOp index) {
    breakLoop(index.getDim(), "is used as a number");
  });
  for (OpResult result : op->getResults())
    uniteAll(result, op.getDpsInitOperand(result.getResultNumber())->get());
}

/// `part` is what `slice` takes out of, or puts into, `whole`.
void Collector::visitSlice(Operation *op, Value whole, Value part,
                           OffsetSizeAndStrideOpInterface slice,
                           const llvm::SmallBitVector &dropped) {
  auto type = cast<RankedTensorType>(whole.getType());
  auto isWhole = [&](unsigned dim) {
    OpFoldResult size = slice.getMixedSizes()[dim];
    if (!isConstantIntValue(slice.getMixedOffsets()[dim], 0) ||
        !isConstantIntValue(slice.getMixedStrides()[dim], 1))
      return false;
    if (std::optional<int64_t> constant = getConstantIntValue(size))
      return *constant == type.getDimSize(dim);
    auto dimOp = cast<Value>(size).getDefiningOp<tensor::DimOp>();
    return dimOp && dimOp.getSource() == whole &&
           dimOp.getConstantIndex() == static_cast<int64_t>(dim);
  };
  unsigned partDim = 0;
  for (unsigned dim = 0; dim < type.getRank(); ++dim) {
    bool isDropped = dropped.test(dim);
    if (!isWhole(dim)) {
      breakDim(whole, dim, op, "is cut");
      if (!isDropped)
        breakDim(part, partDim, op, "is cut");
    } else if (!isDropped) {
      unite(whole, dim, part, partDim);
    }
    partDim += !isDropped;
  }
}

void Collector::visitReshape(Operation *op, Value expanded, Value collapsed,
                             ArrayRef<ReassociationIndices> groups) {
  auto type = cast<RankedTensorType>(expanded.getType());
  for (auto [dim, group] : llvm::enumerate(groups)) {
    SmallVector<int64_t> others(llvm::make_filter_range(
        group, [&](int64_t i) { return type.getDimSize(i) != 1; }));
    if (others.size() == 1) {
      unite(expanded, others.front(), collapsed, dim);
    } else if (others.size() > 1) {
      breakDim(collapsed, dim, op, "is split or joined");
      for (int64_t i : group)
        breakDim(expanded, i, op, "is split or joined");
    }
  }
}

/// A size is understood as the size of an empty tensor. Elsewhere it is a
/// number, which would be wrong for a part of the dimension.
void Collector::visitDim(tensor::DimOp op) {
  std::optional<int64_t> dim = op.getConstantIndex();
  if (!dim)
    return breakAll(op.getSource(), op);
  for (OpOperand &use : op.getResult().getUses()) {
    Operation *user = use.getOwner();
    if (auto empty = dyn_cast<tensor::EmptyOp>(user)) {
      unsigned position = 0;
      for (auto [i, size] : llvm::enumerate(empty.getType().getShape()))
        if (ShapedType::isDynamic(size) &&
            position++ == use.getOperandNumber())
          unite(op.getSource(), *dim, empty.getResult(), i);
    } else if (!isa<tensor::ExtractSliceOp, tensor::InsertSliceOp>(user)) {
      breakDim(op.getSource(), *dim, op, "is used as a number");
    }
  }
}

/// Adds to `dependent` the values of `body` computed from those in it.
static void propagateDependence(Block &body, DenseSet<Value> &dependent) {
  for (Operation &op : body) {
    if (isa<tensor::DimOp>(op))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    bool depends = false;
    op.walk([&](Operation *nested) {
      for (OpOperand &operand : nested->getOpOperands()) {
        bool isUnreadDestination =
            nested == &op && linalgOp && linalgOp.isDpsInit(&operand) &&
            !linalgOp.payloadUsesValueFromOperand(&operand);
        depends |= !isUnreadDestination && dependent.contains(operand.get());
      }
    });
    if (depends)
      dependent.insert_range(op.getResults());
  }
}

DimensionAnalysis::DimensionAnalysis(seq::RecurrenceOp recurrence)
    : recurrence(recurrence) {
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(recurrence.getBody(), used);
  llvm::copy_if(used, std::back_inserter(captures), [](Value value) {
    return isa<RankedTensorType>(value.getType());
  });

  Collector collector(recurrence);
  auto outputs = recurrence.getOutputSlices();
  auto states = recurrence.getStateArguments();
  auto inputs = recurrence.getInputSlices();
  for (auto arguments : {states, outputs, inputs})
    for (Value argument : arguments)
      (void)collector.pairsOf(argument);
  for (Value capture : captures)
    (void)collector.pairsOf(capture);
  for (Operation &op : recurrence.getBody().front())
    collector.visit(op);

  collector.equal.compress();
  classes.resize(collector.equal.getNumClasses());
  for (auto [number, pair] : llvm::enumerate(collector.pairs)) {
    unsigned cls = collector.equal[number];
    SmallVector<unsigned> &ofValue = classesOfValue[pair.value];
    if (llvm::is_contained(ofValue, cls))
      collector.breakDim(pair.value, pair.dim, recurrence,
                         "is met twice in one value");
    ofValue.push_back(cls);
    classes[cls].members.push_back({pair.value, pair.dim});
    int64_t size =
        cast<RankedTensorType>(pair.value.getType()).getDimSize(pair.dim);
    if (!ShapedType::isDynamic(size))
      classes[cls].size = size;
  }
  for (auto [pair, op, reason] : collector.obstacles) {
    DimensionClass &cls = classes[collector.equal[pair]];
    if (cls.obstacle)
      continue;
    cls.obstacle = op;
    cls.reason = reason;
  }

  for (auto [index, cls] : llvm::enumerate(classes)) {
    auto has = [&, index = index](Value value) {
      return dimOf(value, index).has_value();
    };
    cls.inStates = llvm::any_of(states, has);
    cls.inOutputs = llvm::any_of(outputs, has);
    cls.inInputs = llvm::any_of(inputs, has);
    cls.inCaptures = llvm::any_of(captures, has);
    llvm::SmallBitVector summed(outputs.size());
    for (auto [pair, output] : collector.sums)
      if (collector.equal[pair] == index)
        summed.set(output);
    bool inAllOutputs = true;
    for (auto [output, slice] : llvm::enumerate(outputs))
      inAllOutputs &= has(slice) || summed.test(output);
    if (!cls.obstacle && !(llvm::all_of(states, has) && inAllOutputs)) {
      cls.obstacle = recurrence;
      cls.reason = "is missing in a state or an output";
    }
    cls.separable = !cls.obstacle && summed.none();
    cls.reductionOnly = !cls.obstacle && summed.any();
  }

  stateful.insert_range(outputs);
  stateful.insert_range(states);
  timeVarying.insert_range(recurrence.getBody().getArguments());
  for (DenseSet<Value> *dependent : {&stateful, &timeVarying})
    propagateDependence(recurrence.getBody().front(), *dependent);
}

SmallVector<unsigned> DimensionAnalysis::getSeparableClasses() const {
  SmallVector<unsigned> found;
  for (auto [index, cls] : llvm::enumerate(classes))
    if (cls.separable)
      found.push_back(index);
  return found;
}

SmallVector<unsigned> DimensionAnalysis::getReductionClasses() const {
  SmallVector<unsigned> found;
  for (auto [index, cls] : llvm::enumerate(classes))
    if (cls.reductionOnly)
      found.push_back(index);
  return found;
}

/// The region argument of an operand of the recurrence and, for sequences, the
/// dimension there; none for time.
static std::optional<unsigned> sliceDim(seq::RecurrenceOp op, bool isSequence,
                                        unsigned dim) {
  unsigned time = op.getDim();
  if (!isSequence || dim < time)
    return dim;
  return dim == time ? std::nullopt : std::optional(dim - 1);
}

std::optional<unsigned> DimensionAnalysis::classOf(Value value,
                                                   unsigned dim) const {
  auto result = dyn_cast<OpResult>(value);
  if (result && result.getOwner() == recurrence) {
    auto recurrence = this->recurrence;
    return classOf(
        recurrence.getDpsInitsMutable()[result.getResultNumber()], dim);
  }
  auto it = classesOfValue.find(value);
  if (it == classesOfValue.end() || dim >= it->second.size())
    return std::nullopt;
  return it->second[dim];
}

std::optional<unsigned> DimensionAnalysis::classOf(OpOperand &operand,
                                                   unsigned dim) const {
  unsigned index = operand.getOperandNumber();
  auto recurrence = this->recurrence;
  bool isSequence = index < recurrence.getInputs().size() +
                                recurrence.getOutputs().size();
  std::optional<unsigned> inSlice = sliceDim(recurrence, isSequence, dim);
  if (!inSlice)
    return std::nullopt;
  return classOf(recurrence.getBody().getArgument(index), *inSlice);
}

std::optional<unsigned> DimensionAnalysis::dimOf(Value value,
                                                 unsigned cls) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (unsigned dim = 0; type && dim < type.getRank(); ++dim)
    if (classOf(value, dim) == cls)
      return dim;
  return std::nullopt;
}

std::optional<unsigned> DimensionAnalysis::dimOf(OpOperand &operand,
                                                 unsigned cls) const {
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  for (unsigned dim = 0; type && dim < type.getRank(); ++dim)
    if (classOf(operand, dim) == cls)
      return dim;
  return std::nullopt;
}
