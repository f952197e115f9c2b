//===- DimensionRelation.cpp - which dimensions are one loop ------------------------===//

#include "seqc/Analysis/DimensionRelation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace seqc;

ArrayRef<unsigned> DimensionRelation::pairsOf(Value value) {
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

void DimensionRelation::unite(Value a, unsigned i, Value b, unsigned j) {
  unsigned first = pairsOf(a)[i], second = pairsOf(b)[j];
  equal.join(first, second);
}

void DimensionRelation::uniteAll(Value a, Value b) {
  for (unsigned dim = 0, rank = pairsOf(a).size(); dim < rank; ++dim)
    unite(a, dim, b, dim);
}

void DimensionRelation::breakDim(Value value, unsigned dim, Operation *op,
                                 StringRef reason) {
  obstacles.push_back({pairsOf(value)[dim], op, reason});
}

void DimensionRelation::breakAll(Value value, Operation *op, StringRef reason) {
  for (unsigned dim = 0, rank = pairsOf(value).size(); dim < rank; ++dim)
    breakDim(value, dim, op, reason);
}

void DimensionRelation::relate(Operation &op) {
  for (Value value : op.getResults())
    (void)pairsOf(value);
  if (relateOther(op))
    return;
  llvm::TypeSwitch<Operation *>(&op)
      .Case<linalg::LinalgOp>([&](auto op) { relateLinalg(op); })
      .Case<tensor::DimOp>([&](auto op) { relateDim(op); })
      .Case<tensor::ConcatOp>([&](auto op) { relateConcat(op); })
      .Case<tensor::EmptyOp, tensor::SplatOp>([](auto) {})
      .Case<arith::ConstantOp>([&](arith::ConstantOp op) {
        auto elements = dyn_cast<ElementsAttr>(op.getValue());
        if (elements && !elements.isSplat())
          breakAll(op, op, "is spelled out in a constant");
      })
      .Case<tensor::CastOp>(
          [&](auto op) { uniteAll(op.getSource(), op.getResult()); })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp op) {
        relateSlice(op, op.getSource(), op.getResult(), op,
                    op.getDroppedDims());
      })
      .Case<tensor::InsertSliceOp>([&](tensor::InsertSliceOp op) {
        uniteAll(op.getDest(), op.getResult());
        relateSlice(op, op.getDest(), op.getSource(), op, op.getDroppedDims());
      })
      .Case<tensor::ExpandShapeOp>([&](tensor::ExpandShapeOp op) {
        relateReshape(op, op.getResult(), op.getSrc(),
                      op.getReassociationIndices());
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp op) {
        relateReshape(op, op.getSrc(), op.getResult(),
                      op.getReassociationIndices());
      })
      .Default([&](Operation *op) {
        SmallVector<Value> values;
        for (Value value : op->getOperands())
          if (isa<RankedTensorType>(value.getType()))
            values.push_back(value);
        for (Value value : op->getResults())
          if (isa<RankedTensorType>(value.getType()))
            values.push_back(value);
        // Elementwise operations ask for equal shapes, up to scalars.
        if (op->hasTrait<OpTrait::Elementwise>() && op->getNumRegions() == 0) {
          for (Value value : values)
            uniteAll(values.front(), value);
          return;
        }
        for (Value value : values)
          breakAll(value, op);
        breakNested(*op);
      });
}

/// Breaks what nested regions capture, such as the table of a gather.
void DimensionRelation::breakNested(Operation &op) {
  op.walk([&](Operation *nested) {
    if (nested == &op)
      return;
    for (Value value : nested->getOperands())
      if (isa<RankedTensorType>(value.getType()) &&
          !op.isAncestor(value.getParentRegion()->getParentOp()))
        breakAll(value, nested);
  });
}

void DimensionRelation::relateLinalg(linalg::LinalgOp op) {
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
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind != utils::IteratorType::parallel && loops[loop])
      reduce(op, *loops[loop]);
  op.getBlock()->walk([&](linalg::IndexOp index) {
    breakLoop(index.getDim(), "is used as a number");
  });
  for (OpResult result : op->getResults())
    uniteAll(result, op.getDpsInitOperand(result.getResultNumber())->get());
}

/// `part` is what `slice` takes out of, or puts into, `whole`.
void DimensionRelation::relateSlice(Operation *op, Value whole, Value part,
                                    OffsetSizeAndStrideOpInterface slice,
                                    const llvm::SmallBitVector &dropped) {
  auto type = cast<RankedTensorType>(whole.getType());
  (void)pairsOf(whole);
  (void)pairsOf(part);
  unsigned partDim = 0;
  for (unsigned dim = 0; dim < type.getRank(); ++dim) {
    std::optional<Pair> inPart;
    if (!dropped.test(dim))
      inPart = Pair{part, partDim++};
    bool startsAtZero = isConstantIntValue(slice.getMixedOffsets()[dim], 0) &&
                        isConstantIntValue(slice.getMixedStrides()[dim], 1);
    OpFoldResult size = slice.getMixedSizes()[dim];
    std::optional<int64_t> constant = getConstantIntValue(size);
    auto dimOp = constant ? tensor::DimOp()
                          : cast<Value>(size).getDefiningOp<tensor::DimOp>();
    if (startsAtZero && dimOp && dimOp.getConstantIndex()) {
      pending.push_back(
          {op,
           {whole, dim},
           inPart,
           {dimOp.getSource(),
            static_cast<unsigned>(*dimOp.getConstantIndex())}});
    } else if (startsAtZero && constant == type.getDimSize(dim)) {
      if (inPart)
        unite(whole, dim, inPart->value, inPart->dim);
    } else {
      breakDim(whole, dim, op, "is cut");
      if (inPart)
        breakDim(inPart->value, inPart->dim, op, "is cut");
    }
  }
}

/// A slice of size (v, j) is whole if (v, j) is known to be the dimension; to
/// know this may take other slices.
void DimensionRelation::resolvePending() {
  for (bool changed = true; changed;) {
    changed = false;
    llvm::erase_if(pending, [&](const PendingSlice &slice) {
      unsigned whole = pairsOf(slice.whole.value)[slice.whole.dim];
      unsigned size = pairsOf(slice.size.value)[slice.size.dim];
      if (equal.findLeader(whole) != equal.findLeader(size))
        return false;
      if (slice.part)
        unite(slice.whole.value, slice.whole.dim, slice.part->value,
              slice.part->dim);
      return changed = true;
    });
  }
  for (const PendingSlice &slice : pending) {
    breakDim(slice.whole.value, slice.whole.dim, slice.op, "is cut");
    if (slice.part)
      breakDim(slice.part->value, slice.part->dim, slice.op, "is cut");
  }
  pending.clear();
}

void DimensionRelation::relateReshape(Operation *op, Value expanded, Value collapsed,
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

void DimensionRelation::relateConcat(tensor::ConcatOp op) {
  for (Value input : op.getInputs()) {
    for (unsigned dim = 0, rank = pairsOf(input).size(); dim < rank; ++dim)
      if (dim != op.getDim())
        unite(input, dim, op.getResult(), dim);
    breakDim(input, op.getDim(), op, "is concatenated");
  }
  breakDim(op.getResult(), op.getDim(), op, "is concatenated");
}

/// A size is understood as the size of another tensor. Elsewhere it is a
/// number, which would be wrong for a part of the dimension.
void DimensionRelation::relateDim(tensor::DimOp op) {
  std::optional<int64_t> dim = op.getConstantIndex();
  if (!dim)
    return breakAll(op.getSource(), op, "is used as a number");
  for (OpOperand &use : op.getResult().getUses()) {
    Operation *user = use.getOwner();
    if (auto empty = dyn_cast<tensor::EmptyOp>(user)) {
      unsigned position = 0;
      for (auto [i, size] : llvm::enumerate(empty.getType().getShape()))
        if (ShapedType::isDynamic(size) && position++ == use.getOperandNumber())
          unite(op.getSource(), *dim, empty.getResult(), i);
    } else if (!isa<tensor::ExtractSliceOp, tensor::InsertSliceOp,
                    tensor::ExpandShapeOp>(user)) {
      breakDim(op.getSource(), *dim, op, "is used as a number");
    }
  }
}

void DimensionRelation::finish() {
  resolvePending();
  equal.compress();
}
