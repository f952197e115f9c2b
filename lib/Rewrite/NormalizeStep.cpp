//===- NormalizeStep.cpp - the body of a step in single operations --------===//

#include "seqc/Analysis/StepAnalysis.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace seqc;

namespace {
/// A scalar of a payload: an element, at map(loops), of a tensor outside of it,
/// or a scalar outside of it.
struct Element {
  Value value;
  AffineMap map;
  bool isTensor() const { return isa<RankedTensorType>(value.getType()); }
};

/// Takes the payload of one linalg operation apart. Each of its operations
/// becomes one on tensors over the loops that it depends on, so that factors
/// stay as small as they are.
class PayloadSplitter {
public:
  PayloadSplitter(linalg::LinalgOp op, OpBuilder &builder)
      : op(op), builder(builder), loops(op.getStaticLoopRanges()) {}

  /// The operation's results in other words; nothing if it has to stay.
  std::optional<SmallVector<Value>> split();

private:
  bool canSplit();
  std::optional<OpFoldResult> sizeOf(unsigned loop);
  Element get(Value scalar);
  Element computeOver(Operation *scalar, ArrayRef<unsigned> dims);
  Value compute(Operation *scalar, AffineMap output, RankedTensorType type);
  Value copy(Element element, AffineMap output, RankedTensorType type);
  Value reduce(Operation *root, Value accumulator);
  Value createGeneric(ArrayRef<Element> inputs, Value init, AffineMap output,
                      ArrayRef<utils::IteratorType> iterators,
                      function_ref<Value(OpBuilder &, ValueRange)> payload);
  Value createEmpty(ArrayRef<unsigned> dims, Type element);

  linalg::LinalgOp op;
  OpBuilder &builder;
  SmallVector<int64_t> loops;
  DenseMap<Value, Element> elements;
};
} // namespace

static bool isScalarOperation(Operation *op) {
  return isPure(op) && op->getNumResults() == 1 && op->getNumRegions() == 0;
}

std::optional<OpFoldResult> PayloadSplitter::sizeOf(unsigned loop) {
  if (!ShapedType::isDynamic(loops[loop]))
    return builder.getIndexAttr(loops[loop]);
  AffineExpr dim = builder.getAffineDimExpr(loop);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (std::optional<unsigned> place = map.getResultPosition(dim))
      return tensor::DimOp::create(builder, op.getLoc(), operand.get(), *place)
          .getResult();
  }
  return std::nullopt;
}

bool PayloadSplitter::canSplit() {
  if (op->getNumRegions() != 1 || !op.hasPureTensorSemantics() ||
      !llvm::all_of(op.getBlock()->without_terminator(), [](Operation &scalar) {
        return isScalarOperation(&scalar);
      }))
    return false;
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!op.getMatchingIndexingMap(&init).isProjectedPermutation())
      return false;
  for (auto [loop, size] : llvm::enumerate(loops)) {
    AffineExpr dim = builder.getAffineDimExpr(loop);
    bool isKnown = !ShapedType::isDynamic(size);
    for (AffineMap map : op.getIndexingMapsArray())
      isKnown |= map.getResultPosition(dim).has_value();
    if (!isKnown)
      return false;
  }
  if (op.getNumReductionLoops() == 0)
    return true;
  // A reduction of one result by one operation on accumulator and summand.
  Operation *root =
      op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument accumulator = op.getRegionOutputArgs().front();
  return op.getNumDpsInits() == 1 && root && root->getNumOperands() == 2 &&
         accumulator.hasOneUse() && *accumulator.user_begin() == root;
}

Value PayloadSplitter::createEmpty(ArrayRef<unsigned> dims, Type element) {
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dims)
    sizes.push_back(*sizeOf(dim));
  return tensor::EmptyOp::create(builder, op.getLoc(), sizes, element);
}

Element PayloadSplitter::get(Value scalar) {
  if (auto it = elements.find(scalar); it != elements.end())
    return it->second;
  Operation *def = scalar.getDefiningOp();
  if (!def || def->getBlock() != op.getBlock())
    return elements[scalar] = {
               scalar, AffineMap::get(loops.size(), 0, op.getContext())};
  llvm::SmallBitVector used(loops.size());
  if (auto index = dyn_cast<linalg::IndexOp>(def))
    used.set(index.getDim());
  for (Value operand : def->getOperands()) {
    Element element = get(operand);
    for (unsigned loop = 0; loop < loops.size(); ++loop)
      if (element.map.isFunctionOfDim(loop))
        used.set(loop);
  }
  SmallVector<unsigned> dims;
  for (unsigned loop : used.set_bits())
    dims.push_back(loop);
  return elements[scalar] = computeOver(def, dims);
}

Element PayloadSplitter::computeOver(Operation *scalar,
                                     ArrayRef<unsigned> dims) {
  bool readsTensor = isa<tensor::ExtractOp>(scalar);
  bool hasTensors =
      !dims.empty() ||
      llvm::any_of(scalar->getOperands().drop_front(readsTensor),
                   [&](Value operand) { return get(operand).isTensor(); });
  AffineMap map =
      AffineMap::getMultiDimMapWithTargets(loops.size(), dims, op.getContext());
  Type element = scalar->getResult(0).getType();
  if (!hasTensors) {
    IRMapping mapping;
    for (Value operand : scalar->getOperands())
      mapping.map(operand, get(operand).value);
    return {builder.clone(*scalar, mapping)->getResult(0), map};
  }
  SmallVector<int64_t> shape;
  for (unsigned dim : dims)
    shape.push_back(loops[dim]);
  return {compute(scalar, map, RankedTensorType::get(shape, element)), map};
}

/// A linalg.generic over the loops that inputs and output use.
Value PayloadSplitter::createGeneric(
    ArrayRef<Element> inputs, Value init, AffineMap output,
    ArrayRef<utils::IteratorType> iterators,
    function_ref<Value(OpBuilder &, ValueRange)> payload) {
  SmallVector<AffineMap> maps;
  SmallVector<Value> values;
  for (const Element &input : inputs) {
    maps.push_back(input.map);
    values.push_back(input.value);
  }
  maps.push_back(output);
  llvm::SmallBitVector unused(loops.size());
  SmallVector<utils::IteratorType> kinds;
  for (unsigned loop = 0; loop < loops.size(); ++loop)
    if (llvm::none_of(maps,
                      [&](AffineMap map) { return map.isFunctionOfDim(loop); }))
      unused.set(loop);
    else
      kinds.push_back(iterators[loop]);
  for (AffineMap &map : maps)
    map = projectDims(map, unused, /*compressDimsFlag=*/true);
  auto generic = linalg::GenericOp::create(
      builder, op.getLoc(), init.getType(), values, init, maps, kinds,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(nested, loc, payload(nested, arguments));
      });
  return generic.getResult(0);
}

/// `scalar` for each index of `output`.
Value PayloadSplitter::compute(Operation *scalar, AffineMap output,
                               RankedTensorType type) {
  SmallVector<Element> inputs;
  bool isElementwise = OpTrait::hasElementwiseMappableTraits(scalar);
  for (Value operand : scalar->getOperands()) {
    Element element = get(operand);
    inputs.push_back(element);
    isElementwise &=
        element.map == output &&
        isa<RankedTensorType>(element.value.getType()) &&
        cast<RankedTensorType>(element.value.getType()).getShape() ==
            type.getShape();
  }
  IRMapping mapping;
  if (isElementwise && !inputs.empty()) {
    for (auto [operand, input] : llvm::zip(scalar->getOperands(), inputs))
      mapping.map(operand, input.value);
    Operation *copy = builder.clone(*scalar, mapping);
    copy->getResult(0).setType(type);
    return copy->getResult(0);
  }
  SmallVector<unsigned> dims;
  for (unsigned i = 0; i < output.getNumResults(); ++i)
    dims.push_back(output.getDimPosition(i));
  // A tensor that the payload reads by an index is captured as before.
  SmallVector<Element> read;
  SmallVector<Value> operands;
  bool isExtract = isa<tensor::ExtractOp>(scalar);
  for (auto [i, operand, input] :
       llvm::enumerate(scalar->getOperands(), inputs)) {
    if (isExtract && i == 0)
      continue;
    read.push_back(input);
    operands.push_back(operand);
  }
  SmallVector<utils::IteratorType> iterators(loops.size(),
                                             utils::IteratorType::parallel);
  return createGeneric(read, createEmpty(dims, type.getElementType()), output,
                       iterators, [&](OpBuilder &nested, ValueRange arguments) {
                         for (auto [operand, argument] :
                              llvm::zip(operands, arguments))
                           mapping.map(operand, argument);
                         Operation *copy = nested.clone(*scalar, mapping);
                         if (auto index = dyn_cast<linalg::IndexOp>(copy))
                           index.setDim(0);
                         return copy->getResult(0);
                       });
}

/// An element itself for each index of `output`.
Value PayloadSplitter::copy(Element element, AffineMap output,
                            RankedTensorType type) {
  if (element.map == output && element.value.getType() == type)
    return element.value;
  SmallVector<unsigned> dims;
  for (unsigned i = 0; i < output.getNumResults(); ++i)
    dims.push_back(output.getDimPosition(i));
  SmallVector<utils::IteratorType> iterators(loops.size(),
                                             utils::IteratorType::parallel);
  return createGeneric(
      element, createEmpty(dims, type.getElementType()), output, iterators,
      [](OpBuilder &, ValueRange arguments) { return arguments.front(); });
}

/// The reduction, of a product where the summand is one; null if it has to
/// stay.
Value PayloadSplitter::reduce(Operation *root, Value accumulator) {
  bool isFirst = root->getOperand(0) == accumulator;
  Value summand = root->getOperand(isFirst);
  Operation *product = summand.getDefiningOp();
  bool isProduct = isa<arith::AddFOp, arith::SubFOp, arith::AddIOp>(root) &&
                   isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product) &&
                   product->getBlock() == op.getBlock();
  SmallVector<Element> inputs;
  if (isProduct)
    inputs = {get(product->getOperand(0)), get(product->getOperand(1))};
  else
    inputs = {get(summand)};
  // A loop that only shapes have would be lost.
  for (unsigned loop = 0; loop < loops.size(); ++loop)
    if (op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction &&
        llvm::none_of(inputs, [&](const Element &input) {
          return input.map.isFunctionOfDim(loop);
        }))
      return {};
  OpOperand *init = op.getDpsInitOperand(0);
  AffineMap output = op.getMatchingIndexingMap(init);
  return createGeneric(
      inputs, init->get(), output, op.getIteratorTypesArray(),
      [&](OpBuilder &nested, ValueRange arguments) {
        IRMapping mapping;
        if (isProduct) {
          mapping.map(product->getOperand(0), arguments[0]);
          mapping.map(product->getOperand(1), arguments[1]);
          mapping.map(summand, nested.clone(*product, mapping)->getResult(0));
        } else {
          mapping.map(summand, arguments[0]);
        }
        mapping.map(accumulator, arguments.back());
        return nested.clone(*root, mapping)->getResult(0);
      });
}

std::optional<SmallVector<Value>> PayloadSplitter::split() {
  if (!canSplit())
    return std::nullopt;
  for (OpOperand &operand : op->getOpOperands())
    if (op.payloadUsesValueFromOperand(&operand))
      elements[op.getMatchingBlockArgument(&operand)] = {
          operand.get(), op.getMatchingIndexingMap(&operand)};
  SmallVector<Value> results;
  Operation *yield = op.getBlock()->getTerminator();
  // In the order of the payload, so that nothing recurs deeply. What is not
  // needed goes as dead.
  for (Operation &scalar : op.getBlock()->without_terminator())
    if (!llvm::is_contained(scalar.getUsers(), yield))
      (void)get(scalar.getResult(0));
  for (auto [result, scalar] :
       llvm::zip(op->getResults(), yield->getOperands())) {
    auto type = cast<RankedTensorType>(result.getType());
    AffineMap output = op.getIndexingMapMatchingResult(result);
    Operation *root = scalar.getDefiningOp();
    if (op.getNumReductionLoops() > 0) {
      Value reduced = reduce(root, op.getRegionOutputArgs().front());
      if (!reduced)
        return std::nullopt;
      results.push_back(reduced);
      continue;
    }
    bool isComputed = root && root->getBlock() == op.getBlock() &&
                      !isa<arith::ConstantOp>(root);
    // One operation that yields is computed in place; one with more uses is an
    // element like others.
    if (isComputed && scalar.hasOneUse())
      results.push_back(compute(root, output, type));
    else
      results.push_back(copy(get(scalar), output, type));
  }
  for (auto [before, after] : llvm::zip(op->getResults(), results))
    if (before.getType() != after.getType())
      after =
          tensor::CastOp::create(builder, op.getLoc(), before.getType(), after);
  return results;
}

/// Whether the operation is one of those that normalizeStep makes.
static bool isNormal(linalg::LinalgOp op) {
  if (isa<linalg::FillOp, linalg::BroadcastOp, linalg::TransposeOp>(op))
    return true;
  if (!isa<linalg::GenericOp>(op) || op->getNumRegions() != 1)
    return false;
  unsigned count = 0;
  for (Operation &scalar : op.getBlock()->without_terminator())
    count += !isa<arith::ConstantOp>(scalar);
  return count == 0 && op.getNumReductionLoops() == 0;
}

/// a · b + c as two operations.
static void splitFma(math::FmaOp fma) {
  OpBuilder builder(fma);
  Value product = arith::MulFOp::create(builder, fma.getLoc(), fma.getA(),
                                        fma.getB(), fma.getFastmath());
  Value sum = arith::AddFOp::create(builder, fma.getLoc(), product, fma.getC(),
                                    fma.getFastmath());
  fma.replaceAllUsesWith(sum);
  fma.erase();
}

void seqc::normalizeStep(seq::RecurrenceOp recurrence) {
  Block &body = recurrence.getBody().front();
  IRRewriter rewriter(recurrence.getContext());
  recurrence.getBody().walk([](math::FmaOp fma) { splitFma(fma); });
  for (Operation &inner : llvm::make_early_inc_range(body)) {
    auto op = dyn_cast<linalg::LinalgOp>(inner);
    if (!op || isNormal(op))
      continue;
    rewriter.setInsertionPoint(op);
    std::optional<SmallVector<Value>> results =
        PayloadSplitter(op, rewriter).split();
    if (results)
      rewriter.replaceOp(op, *results);
  }
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&inner))
      inner.erase();
}

Value seqc::splitPayload(Value value, OpBuilder &builder) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || isNormal(op) || op.getNumReductionLoops() != 0 ||
      op->getNumResults() != 1)
    return value;
  std::optional<SmallVector<Value>> results =
      PayloadSplitter(op, builder).split();
  return results ? results->front() : value;
}
