//===- StepEvaluator.cpp - the body of a step in sums of terms ------------===//

#include "StepEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace seqc;

/// Bound the work on steps whose expansion would explode.
static constexpr size_t kMaxTerms = 64, kMaxFactors = 64, kMaxFreeFactors = 8;

static ArrayRef<int64_t> shapeOf(Value value) {
  auto type = dyn_cast<ShapedType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

static std::optional<double> asNumber(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(constant))
    constant = splat.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(constant))
    return number.getValueAsDouble();
  return std::nullopt;
}

StepAnalysis::Evaluator::Evaluator(seq::RecurrenceOp recurrence,
                                   ArrayRef<unsigned> given)
    : recurrence(recurrence) {
  for (auto [number, argument] :
       llvm::enumerate(recurrence.getStateArguments()))
    if (!llvm::is_contained(given, number))
      stateful.insert(argument);
  for (Operation &op : recurrence.getBody().front()) {
    if (isa<tensor::DimOp>(op))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    bool depends = false;
    op.walk([&](Operation *nested) {
      for (OpOperand &operand : nested->getOpOperands()) {
        bool isUnread = nested == &op && linalgOp &&
                        linalgOp.isDpsInit(&operand) &&
                        !linalgOp.payloadUsesValueFromOperand(&operand);
        depends |= !isUnread && stateful.contains(operand.get());
      }
    });
    if (depends)
      stateful.insert_range(op.getResults());
  }
  // In the order of the body, so that nothing recurs deeply.
  for (Operation &op : recurrence.getBody().front().without_terminator())
    for (Value result : op.getResults()) {
      (void)get(result, /*readout=*/false);
      (void)get(result, /*readout=*/true);
    }
}

const StepForm &StepAnalysis::Evaluator::get(Value value, bool readout) {
  if (auto it = forms[readout].find(value); it != forms[readout].end())
    return it->second;
  StepForm form = compute(value, readout);
  bool isLarge = form.terms.terms.size() > kMaxTerms ||
                 llvm::any_of(form.terms.terms, [](const Term &term) {
                   return term.factors.size() > kMaxFactors;
                 });
  if (isLarge)
    form = StepForm::nonlinear(value.getDefiningOp(),
                               "becomes a sum of too many products");
  terms::simplify(form.terms);
  return forms[readout].try_emplace(value, std::move(form)).first->second;
}

/// Whether a free value is better seen as this sum: another view of one value,
/// or a product of smaller ones.
static bool isWorthExpanding(const AffineValue &value) {
  if (value.terms.empty())
    return true;
  const Term &term = value.terms.front();
  if (value.terms.size() > 1 || term.factors.size() > kMaxFreeFactors ||
      term.sizes.size() > term.rank || !term.ranges.empty())
    return false;
  if (term.factors.empty() ||
      (term.factors.size() == 1 && term.factors[0].kind == Factor::Times))
    return true;
  return llvm::any_of(term.factors, [&](const Factor &factor) {
    for (unsigned dim = 0; dim < term.rank; ++dim)
      if (term.sizes[dim] != 1 && !factor.map.isFunctionOfDim(dim))
        return true;
    return false;
  });
}

StepForm StepAnalysis::Evaluator::compute(Value value, bool readout) {
  auto seqOp = recurrence;
  auto before = seqOp.getStateArguments();
  auto after = seqOp.getYieldedStates();
  StepForm form;
  if (auto it = llvm::find(before, value);
      it != before.end() && !isFree(value)) {
    form.kind = StepForm::Affine;
    form.terms.terms.push_back(
        terms::ofState(value, it - before.begin(), /*after=*/false));
    return form;
  }
  if (isFree(value)) {
    if (std::optional<double> number = asNumber(value)) {
      form.terms.terms.push_back(terms::ofNumber(*number, shapeOf(value)));
      return form;
    }
    auto result = dyn_cast<OpResult>(value);
    if (result && result.getOwner()->getBlock() == &seqOp.getBody().front()) {
      form = ofOperation(result, readout);
      if (form.kind == StepForm::Free && !form.isOpaque &&
          isWorthExpanding(form.terms))
        return form;
    }
    form = StepForm();
    form.terms.terms.push_back(terms::ofValue(value));
    return form;
  }
  if (readout)
    if (auto it = llvm::find(after, value); it != after.end()) {
      unsigned number = it - after.begin();
      form.kind = StepForm::Affine;
      form.terms.terms.push_back(
          terms::ofState(before[number], number, /*after=*/true));
      return form;
    }
  if (auto result = dyn_cast<OpResult>(value))
    return ofOperation(result, readout);
  return StepForm::nonlinear(recurrence,
                             "goes through an argument of a region");
}

StepForm StepAnalysis::Evaluator::ofSource(Operation *op, Value source,
                                           AffineMap map, Type type,
                                           bool readout) {
  StepForm form = get(source, readout);
  if (form.kind == StepForm::Nonlinear || form.isOpaque)
    return form;
  if (failed(terms::substitute(form.terms, map,
                               cast<RankedTensorType>(type).getShape())))
    return StepForm::nonlinear(
        op, "is read at a computed index of a joined tensor");
  return form;
}

/// (i, j, …) of the slice -> index of the source; none unless static.
static std::optional<AffineMap> sliceMap(OffsetSizeAndStrideOpInterface slice,
                                         const llvm::SmallBitVector &dropped) {
  MLIRContext *context = slice.getContext();
  SmallVector<AffineExpr> exprs;
  unsigned next = 0;
  for (auto [dim, offset, stride] :
       llvm::enumerate(slice.getStaticOffsets(), slice.getStaticStrides())) {
    if (ShapedType::isDynamic(offset) || ShapedType::isDynamic(stride))
      return std::nullopt;
    AffineExpr expr = getAffineConstantExpr(offset, context);
    if (!dropped.test(dim))
      expr = getAffineDimExpr(next++, context) * stride + expr;
    exprs.push_back(expr);
  }
  return AffineMap::get(next, 0, exprs, context);
}

/// The index of a reshape's source for each index of its result.
static std::optional<AffineMap>
reshapeMap(RankedTensorType source, RankedTensorType result,
           ArrayRef<ReassociationIndices> groups, bool expands) {
  MLIRContext *context = source.getContext();
  RankedTensorType wide = expands ? result : source;
  SmallVector<AffineExpr> exprs;
  for (auto [narrow, group] : llvm::enumerate(groups)) {
    int64_t stride = 1;
    SmallVector<AffineExpr> split;
    AffineExpr joined = getAffineConstantExpr(0, context);
    bool isUnknown = false;
    for (int64_t dim : llvm::reverse(group)) {
      int64_t size = wide.getDimSize(dim);
      if (size != 1 && isUnknown)
        return std::nullopt;
      AffineExpr index = getAffineDimExpr(expands ? dim : narrow, context);
      joined = size == 1 ? joined : index * stride + joined;
      AffineExpr digit = index.floorDiv(stride);
      bool isFirst = llvm::all_of(group, [&](int64_t other) {
        return other >= dim || wide.getDimSize(other) == 1;
      });
      if (!isFirst)
        digit = digit % size;
      split.push_back(size == 1 ? getAffineConstantExpr(0, context) : digit);
      if (ShapedType::isDynamic(size))
        isUnknown = true;
      else
        stride *= size;
    }
    if (expands)
      exprs.push_back(joined);
    else
      exprs.append(split.rbegin(), split.rend());
  }
  return AffineMap::get(result.getRank(), 0, exprs, context);
}

StepForm StepAnalysis::Evaluator::ofOperation(OpResult value, bool readout) {
  Operation *op = value.getOwner();
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return ofLinalg(linalgOp, value.getResultNumber(), readout);
  auto mapped = [&](Value source, std::optional<AffineMap> map) {
    return map ? ofSource(op, source, *map, value.getType(), readout)
               : StepForm::nonlinear(
                     op, "is cut or reshaped at sizes that are not known");
  };
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  if (slice && isFree(value))
    return mapped(value, std::nullopt);
  if (slice)
    return mapped(slice.getSource(), sliceMap(slice, slice.getDroppedDims()));
  if (auto reshape = dyn_cast<tensor::ExpandShapeOp>(op))
    return mapped(reshape.getSrc(),
                  reshapeMap(reshape.getSrcType(), reshape.getResultType(),
                             reshape.getReassociationIndices(), true));
  if (auto reshape = dyn_cast<tensor::CollapseShapeOp>(op))
    return mapped(reshape.getSrc(),
                  reshapeMap(reshape.getSrcType(), reshape.getResultType(),
                             reshape.getReassociationIndices(), false));
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    if (auto type = dyn_cast<RankedTensorType>(cast.getSource().getType()))
      return mapped(cast.getSource(), AffineMap::getMultiDimIdentityMap(
                                          type.getRank(), op->getContext()));
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return mapped(splat.getInput(), AffineMap::get(splat.getType().getRank(), 0,
                                                   op->getContext()));
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    return ofConcat(concat, readout);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return ofInsertSlice(insert, readout);
  if (!OpTrait::hasElementwiseMappableTraits(op))
    return StepForm::unknown(op);
  SmallVector<StepForm> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(get(operand, readout));
    // A mask of one element for a whole tensor.
    if (operands.back().kind != StepForm::Nonlinear &&
        !isa<ShapedType>(operand.getType()))
      (void)terms::substitute(
          operands.back().terms,
          AffineMap::get(shapeOf(value).size(), 0, op->getContext()),
          shapeOf(value));
  }
  return combine(op, operands, shapeOf(value));
}

//===----------------------------------------------------------------------===//
// Joined tensors
//===----------------------------------------------------------------------===//

static StepForm joined(Operation *op, StepForm all, const StepForm &part) {
  if (part.kind == StepForm::Nonlinear)
    return part;
  if (part.isOpaque)
    return StepForm::insidePayload(op);
  if (part.kind == StepForm::Affine)
    all.kind = StepForm::Affine;
  llvm::append_range(all.terms.terms, part.terms.terms);
  return all;
}

StepForm StepAnalysis::Evaluator::ofConcat(tensor::ConcatOp op, bool readout) {
  MLIRContext *context = op.getContext();
  unsigned dim = op.getDim();
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  StepForm all;
  int64_t offset = 0;
  for (Value input : op.getInputs()) {
    int64_t size = shapeOf(input)[dim];
    if (ShapedType::isDynamic(size))
      return StepForm::nonlinear(op, "is joined at sizes that are not known");
    StepForm part = get(input, readout);
    SmallVector<AffineExpr> exprs;
    for (unsigned i = 0; i < shape.size(); ++i)
      exprs.push_back(getAffineDimExpr(i, context) - (i == dim ? offset : 0));
    if (part.kind != StepForm::Nonlinear) {
      if (failed(terms::substitute(
              part.terms, AffineMap::get(shape.size(), 0, exprs, context),
              shape)))
        return StepForm::nonlinear(op, "is joined in parts");
      terms::restrict(part.terms, dim, offset, offset + size);
    }
    all = joined(op, std::move(all), part);
    if (all.kind == StepForm::Nonlinear)
      return all;
    offset += size;
  }
  return all;
}

StepForm StepAnalysis::Evaluator::ofInsertSlice(tensor::InsertSliceOp op,
                                                bool readout) {
  MLIRContext *context = op.getContext();
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  StepForm part = get(op.getSource(), readout);
  StepForm rest = get(op.getDest(), readout);
  for (const StepForm *form : {&part, &rest})
    if (form->kind == StepForm::Nonlinear)
      return *form;
  SmallVector<AffineExpr> exprs;
  SmallVector<std::pair<int64_t, int64_t>> box;
  for (auto [dim, offset, size, stride] : llvm::enumerate(
           op.getStaticOffsets(), op.getStaticSizes(), op.getStaticStrides())) {
    if (ShapedType::isDynamic(offset) || ShapedType::isDynamic(size) ||
        stride != 1)
      return StepForm::nonlinear(
          op, "is put into a tensor at places that are not known");
    box.push_back({offset, offset + size});
    if (!dropped.test(dim))
      exprs.push_back(getAffineDimExpr(dim, context) - offset);
  }
  if (failed(terms::substitute(
          part.terms, AffineMap::get(shape.size(), 0, exprs, context), shape)))
    return StepForm::nonlinear(op, "is joined in parts");
  StepForm all;
  // Outside of the box: below and above it in each dimension, inside of it in
  // those before.
  for (auto [dim, range] : llvm::enumerate(box)) {
    terms::restrict(part.terms, dim, range.first, range.second);
    StepForm below = rest, above = rest;
    terms::restrict(below.terms, dim, 0, range.first);
    terms::restrict(above.terms, dim, range.second,
                    ShapedType::isDynamic(shape[dim]) ? INT64_MAX : shape[dim]);
    all = joined(op, std::move(all), below);
    all = joined(op, std::move(all), above);
    terms::restrict(rest.terms, dim, range.first, range.second);
  }
  return joined(op, std::move(all), part);
}

//===----------------------------------------------------------------------===//
// Linalg operations
//===----------------------------------------------------------------------===//

StepForm StepAnalysis::Evaluator::ofPayload(Value scalar,
                                            DenseMap<Value, StepForm> &scalars,
                                            ArrayRef<int64_t> loops) {
  if (auto it = scalars.find(scalar); it != scalars.end())
    return it->second;
  StepForm form;
  if (std::optional<double> number = asNumber(scalar)) {
    form.terms.terms.push_back(terms::ofNumber(*number, loops));
  } else if (Operation *op = scalar.getDefiningOp();
             op && isa<linalg::LinalgOp>(op->getParentOp())) {
    SmallVector<StepForm> operands;
    for (Value operand : op->getOperands())
      operands.push_back(ofPayload(operand, scalars, loops));
    form = combine(op, operands, loops);
    if (isa<tensor::ExtractOp>(op) && form.kind == StepForm::Affine)
      form = StepForm::unknown(op);
    terms::simplify(form.terms);
  } else {
    // A scalar or a tensor from around the payload.
    form = get(scalar, /*readout=*/false);
    if (isa<ShapedType>(scalar.getType())) {
      if (form.kind == StepForm::Affine)
        form = StepForm::nonlinear(scalar.getParentBlock()->getParentOp(),
                                   "is read at a computed index");
    } else if (form.kind != StepForm::Nonlinear) {
      (void)terms::substitute(
          form.terms, AffineMap::get(loops.size(), 0, scalar.getContext()),
          loops);
    }
  }
  return scalars[scalar] = form;
}

StepForm StepAnalysis::Evaluator::ofLinalg(linalg::LinalgOp op, unsigned result,
                                           bool readout) {
  SmallVector<int64_t> loops = op.getStaticLoopRanges();
  AffineMap output = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  if (!output.isProjectedPermutation() || op->getNumRegions() != 1)
    return StepForm::unknown(op);

  DenseMap<Value, StepForm> scalars;
  auto bind = [&](OpOperand &operand) -> std::optional<StepForm> {
    if (!op.payloadUsesValueFromOperand(&operand))
      return std::nullopt;
    StepForm form = get(operand.get(), readout);
    if (form.kind != StepForm::Nonlinear &&
        failed(terms::substitute(form.terms,
                                 op.getMatchingIndexingMap(&operand), loops)))
      form = StepForm::nonlinear(
          op, "is read at a computed index of a joined tensor");
    scalars[op.getMatchingBlockArgument(&operand)] = form;
    return form;
  };
  for (OpOperand *input : op.getDpsInputOperands())
    (void)bind(*input);
  Value yielded = op.getBlock()->getTerminator()->getOperand(result);
  Operation *root = yielded.getDefiningOp();
  // In the order of the payload, so that nothing recurs deeply.
  auto evaluatePayload = [&] {
    for (Operation &scalar : op.getBlock()->without_terminator())
      if (&scalar != root || op.getNumReductionLoops() == 0)
        for (Value value : scalar.getResults())
          (void)ofPayload(value, scalars, loops);
  };

  if (op.getNumReductionLoops() == 0) {
    for (OpOperand &init : op.getDpsInitsMutable())
      (void)bind(init);
    evaluatePayload();
    StepForm form = ofPayload(yielded, scalars, loops);
    if (form.kind != StepForm::Nonlinear &&
        failed(terms::reduce(form.terms, output)))
      return StepForm::unknown(op);
    return form;
  }

  // accumulator ± summand
  BlockArgument accumulator =
      op.getMatchingBlockArgument(op.getDpsInitOperand(result));
  if (!isa_and_nonnull<arith::AddFOp, arith::SubFOp>(root) ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != root ||
      op.getNumDpsInits() != 1)
    return root ? StepForm::nonlinear(op, "is reduced by " +
                                              root->getName().getStringRef())
                : StepForm::unknown(op);
  bool isFirst = root->getOperand(0) == accumulator;
  if (isa<arith::SubFOp>(root) && !isFirst)
    return StepForm::nonlinear(op, "is reduced by arith.subf");
  evaluatePayload();
  StepForm summand = ofPayload(root->getOperand(isFirst), scalars, loops);
  if (summand.kind == StepForm::Nonlinear)
    return summand;
  if (!summand.isOpaque && failed(terms::reduce(summand.terms, output)))
    return StepForm::nonlinear(op, "is summed over a part of unknown size");
  return sum(root, get(op.getDpsInitOperand(result)->get(), readout), summand,
             isa<arith::SubFOp>(root) ? -1.0 : 1.0);
}
