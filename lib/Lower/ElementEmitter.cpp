//===- ElementEmitter.cpp - one element of a tensor formula, on vectors -------------===//

#include "ElementEmitter.h"

#include "seqc/Lower/VectorRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

FailureOr<IndexList> seqc::applyMap(AffineMap map, ArrayRef<Index> iteration) {
  IndexList index;
  for (AffineExpr result : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(result))
      index.push_back(iteration[dim.getPosition()]);
    else if (auto constant = dyn_cast<AffineConstantExpr>(result))
      index.push_back(Index::constant(constant.getValue()));
    else
      return failure();
  }
  return index;
}

/// offset + stride · index.
static FailureOr<Index> shift(Index index, int64_t offset, int64_t stride) {
  if (stride != 1) {
    if (!index.isConstant())
      return failure();
    return Index::constant(offset + stride * index.offset);
  }
  index.offset += offset;
  return index;
}

static FailureOr<IndexList> inSliceSource(tensor::ExtractSliceOp slice,
                                          ArrayRef<Index> index) {
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  IndexList source;
  unsigned next = 0;
  for (int64_t dim = 0; dim < slice.getSourceType().getRank(); ++dim) {
    std::optional<int64_t> offset =
        getConstantIntValue(slice.getMixedOffsets()[dim]);
    std::optional<int64_t> stride =
        getConstantIntValue(slice.getMixedStrides()[dim]);
    if (!offset || !stride)
      return failure();
    Index inner = dropped.test(dim) ? Index::constant(0) : index[next++];
    FailureOr<Index> shifted = shift(inner, *offset, *stride);
    if (failed(shifted))
      return failure();
    source.push_back(*shifted);
  }
  return source;
}

/// [.., a, b, ..] of an expanded tensor to [.., a·B + b, ..] of its source.
static FailureOr<IndexList> inExpandSource(ImplicitLocOpBuilder &builder,
                                           tensor::ExpandShapeOp expand,
                                           ArrayRef<Index> index) {
  IndexList source;
  ArrayRef<int64_t> shape = expand.getResultType().getShape();
  for (const ReassociationIndices &group : expand.getReassociationIndices()) {
    Index flat = Index::constant(0);
    int64_t stride = 1;
    for (int64_t dim : llvm::reverse(group)) {
      Index part = index[dim];
      if (shape[dim] != 1) {
        if (part.lane && stride != 1)
          return failure();
        if (ShapedType::isDynamic(shape[dim]) && dim != group.front())
          return failure();
        if (part.base && stride != 1)
          part.base = arith::MulIOp::create(
              builder, part.base, arith::ConstantIndexOp::create(builder, stride));
        if (part.base && flat.base)
          flat.base = arith::AddIOp::create(builder, part.base, flat.base);
        else if (part.base)
          flat.base = part.base;
        flat.offset += part.offset * stride;
        flat.lane |= part.lane;
        stride *= shape[dim];
      }
    }
    source.push_back(flat);
  }
  return source;
}

/// [.., i, ..] of a collapsed tensor to [.., i / B, i mod B, ..] of its source.
static FailureOr<IndexList> inCollapseSource(tensor::CollapseShapeOp collapse,
                                             ArrayRef<Index> index) {
  IndexList source(collapse.getSrcType().getRank());
  ArrayRef<int64_t> shape = collapse.getSrcType().getShape();
  for (auto [group, flat] :
       llvm::zip(collapse.getReassociationIndices(), index)) {
    SmallVector<int64_t> wide;
    for (int64_t dim : group)
      if (shape[dim] != 1)
        wide.push_back(dim);
    if (wide.size() <= 1) {
      for (int64_t dim : group)
        source[dim] = shape[dim] == 1 ? Index::constant(0) : flat;
      continue;
    }
    if (!flat.isConstant())
      return failure();
    int64_t rest = flat.offset;
    for (int64_t dim : llvm::reverse(group)) {
      if (ShapedType::isDynamic(shape[dim]))
        return failure();
      source[dim] = Index::constant(rest % shape[dim]);
      rest /= shape[dim];
    }
  }
  return source;
}

FailureOr<std::pair<Value, IndexList>>
seqc::indexInSource(ImplicitLocOpBuilder &builder, Operation *op,
                    ArrayRef<Index> index) {
  FailureOr<IndexList> source = failure();
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    source = inSliceSource(slice, index);
  else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    source = inExpandSource(builder, expand, index);
  else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    source = inCollapseSource(collapse, index);
  else if (isa<tensor::CastOp>(op))
    source = IndexList(index);
  if (failed(source))
    return failure();
  return std::make_pair(op->getOperand(0), std::move(*source));
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

ElementEmitter::Key ElementEmitter::makeKey(Value value,
                                            ArrayRef<Index> index) {
  Key key{value.getAsOpaquePointer(), {}};
  for (const Index &part : index)
    key.second.push_back(part.key());
  return key;
}

Value ElementEmitter::lookup(Value value, ArrayRef<Index> index) const {
  Key key = makeKey(value, index);
  for (const auto &scope : llvm::reverse(scopes))
    if (auto it = scope.find(key); it != scope.end())
      return it->second;
  return {};
}

void ElementEmitter::bind(Value value, ArrayRef<Index> index, Value element) {
  scopes.back()[makeKey(value, index)] = element;
}

void ElementEmitter::enterStep(const Steps &steps, int64_t step) {
  steps.enter(step);
  scopes.push_back(std::move(stepScopes[step]));
}

void ElementEmitter::leaveStep(int64_t step) {
  stepScopes[step] = std::move(scopes.back());
  scopes.pop_back();
}

FailureOr<Value> ElementEmitter::element(Value value, ArrayRef<Index> index) {
  if (Value known = lookup(value, index))
    return known;
  FailureOr<Value> emitted = emit(value, index);
  if (succeeded(emitted))
    bind(value, index, *emitted);
  return emitted;
}

Value ElementEmitter::indexValue(const Index &index) {
  Value value = arith::ConstantIndexOp::create(builder, index.offset);
  if (index.base)
    value = index.offset
                ? Value(arith::AddIOp::create(builder, index.base, value))
                : index.base;
  if (!index.lane)
    return value;
  auto type = VectorType::get({width}, builder.getIndexType());
  Value lanes = vector::StepOp::create(builder, type);
  return arith::AddIOp::create(builder, toLanes(builder, value, width), lanes);
}

FailureOr<Value> ElementEmitter::emit(Value value, ArrayRef<Index> index) {
  if (isLeaf(value))
    return load(value, index);
  Operation *op = value.getDefiningOp();
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return emitGeneric(generic, cast<OpResult>(value).getResultNumber(), index);
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return element(fill.getInputs()[0], {});
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Attribute attribute = constant.getValue();
    if (auto elements = dyn_cast<DenseElementsAttr>(attribute)) {
      if (elements.isSplat()) {
        attribute = elements.getSplatValue<Attribute>();
      } else {
        uint64_t flat = 0;
        for (auto [part, size] : llvm::zip(index, elements.getType().getShape())) {
          if (!part.isConstant())
            return failure();
          flat = flat * size + part.offset;
        }
        attribute = *(elements.value_begin<Attribute>() + flat);
      }
    }
    auto typed = dyn_cast<TypedAttr>(attribute);
    if (!typed || isa<ShapedType>(typed.getType()))
      return failure();
    return Value(arith::ConstantOp::create(builder, typed));
  }
  // Memory that nobody has written: any value will do.
  if (isa<tensor::EmptyOp>(op)) {
    Type type = cast<RankedTensorType>(value.getType()).getElementType();
    return Value(arith::ConstantOp::create(builder, builder.getZeroAttr(type)));
  }
  FailureOr<std::pair<Value, IndexList>> source =
      indexInSource(builder, op, index);
  if (succeeded(source))
    return element(source->first, source->second);
  // Scalars computed from scalars.
  if (!isa<ShapedType>(value.getType()) && op->getNumRegions() == 0 &&
      isPure(op)) {
    IRMapping map;
    for (Value operand : op->getOperands()) {
      if (isa<ShapedType>(operand.getType()))
        return failure();
      FailureOr<Value> scalar = element(operand, {});
      if (failed(scalar))
        return failure();
      map.map(operand, *scalar);
    }
    return builder.clone(*op, map)->getResult(
        cast<OpResult>(value).getResultNumber());
  }
  return failure();
}

FailureOr<SmallVector<Value>>
ElementEmitter::emitPayload(linalg::GenericOp op, ArrayRef<Index> iteration,
                            Value accumulator) {
  Block &payload = *op.getBody();
  IRMapping map;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = payload.getArgument(operand.getOperandNumber());
    if (argument.use_empty())
      continue;
    if (accumulator && op.isDpsInit(&operand)) {
      map.map(argument, accumulator);
      continue;
    }
    IndexList index;
    if (isa<ShapedType>(operand.get().getType())) {
      FailureOr<IndexList> mapped =
          applyMap(op.getMatchingIndexingMap(&operand), iteration);
      if (failed(mapped))
        return failure();
      index = *mapped;
    }
    FailureOr<Value> read = element(operand.get(), index);
    if (failed(read))
      return failure();
    map.map(argument, *read);
  }
  for (Operation &inner : payload.without_terminator()) {
    if (auto number = dyn_cast<linalg::IndexOp>(inner)) {
      map.map(number.getResult(), indexValue(iteration[number.getDim()]));
      continue;
    }
    if (inner.getNumRegions() != 0 || !isPure(&inner))
      return failure();
    for (Value operand : inner.getOperands()) {
      if (isa<ShapedType>(operand.getType()))
        return failure();
      if (map.contains(operand) || operand.getParentBlock() == &payload)
        continue;
      FailureOr<Value> scalar = element(operand, {});
      if (failed(scalar))
        return failure();
      map.map(operand, *scalar);
    }
    cloneOnLanes(builder, inner, map, width);
  }
  SmallVector<Value> results;
  for (Value value : payload.getTerminator()->getOperands()) {
    if (!map.contains(value)) {
      FailureOr<Value> scalar = element(value, {});
      if (failed(scalar))
        return failure();
      map.map(value, *scalar);
    }
    results.push_back(map.lookup(value));
  }
  return results;
}

/// The iteration that writes `index` of a result; reduction loops stay unset.
static FailureOr<SmallVector<std::optional<Index>>>
iterationOf(linalg::GenericOp op, unsigned result, ArrayRef<Index> index) {
  SmallVector<std::optional<Index>> iteration(op.getNumLoops());
  AffineMap map = op.getIndexingMapMatchingResult(op->getResult(result));
  for (auto [expression, part] : llvm::zip(map.getResults(), index)) {
    auto dim = dyn_cast<AffineDimExpr>(expression);
    if (!dim || iteration[dim.getPosition()])
      return failure();
    iteration[dim.getPosition()] = part;
  }
  return iteration;
}

FailureOr<Value> ElementEmitter::emitGeneric(linalg::GenericOp op,
                                             unsigned result,
                                             ArrayRef<Index> index) {
  FailureOr<SmallVector<std::optional<Index>>> written =
      iterationOf(op, result, index);
  if (failed(written))
    return failure();
  SmallVector<unsigned> open;
  IndexList iteration;
  int64_t terms = 1;
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  for (auto [dim, part] : llvm::enumerate(*written)) {
    iteration.push_back(part.value_or(Index()));
    if (part)
      continue;
    if (ShapedType::isDynamic(ranges[dim]))
      return failure();
    open.push_back(dim);
    terms *= ranges[dim];
  }
  if (open.empty()) {
    FailureOr<SmallVector<Value>> values = emitPayload(op, iteration, {});
    if (failed(values))
      return failure();
    return (*values)[result];
  }
  if (op.getNumDpsInits() != 1)
    return failure();
  FailureOr<Value> accumulator =
      element(op.getDpsInitOperand(0)->get(), index);
  if (failed(accumulator))
    return failure();
  if (terms <= unrollLimit) {
    for (int64_t term = 0; term < terms; ++term) {
      int64_t rest = term;
      for (unsigned dim : llvm::reverse(open)) {
        iteration[dim] = Index::constant(rest % ranges[dim]);
        rest /= ranges[dim];
      }
      FailureOr<SmallVector<Value>> values =
          emitPayload(op, iteration, *accumulator);
      if (failed(values))
        return failure();
      accumulator = (*values)[0];
    }
    return accumulator;
  }
  // One loop a reduced dimension, the outermost first.
  bool onLanes = llvm::any_of(index, [](const Index &i) { return i.lane; });
  Value initial = onLanes ? toLanes(builder, *accumulator, width) : *accumulator;
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value one = arith::ConstantIndexOp::create(builder, 1);
  std::function<FailureOr<Value>(size_t, Value)> nest =
      [&](size_t level, Value carried) -> FailureOr<Value> {
    if (level == open.size()) {
      FailureOr<SmallVector<Value>> values =
          emitPayload(op, iteration, carried);
      if (failed(values))
        return failure();
      return (*values)[0];
    }
    Value end = arith::ConstantIndexOp::create(builder, ranges[open[level]]);
    auto loop = scf::ForOp::create(builder, zero, end, one, carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    enterScope();
    iteration[open[level]] = Index::at(loop.getInductionVar());
    FailureOr<Value> next = nest(level + 1, loop.getRegionIterArg(0));
    leaveScope();
    if (failed(next) || next->getType() != carried.getType())
      return failure();
    scf::YieldOp::create(builder, *next);
    return loop.getResult(0);
  };
  return nest(0, initial);
}
