//===- SeqMergeProducts.cpp - products that share an operand become one ---------------===//

#include "seqc/Rewrite/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

namespace seqc {
#define GEN_PASS_DEF_SEQMERGEPRODUCTS
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// A contraction of a shared operand with a weight into a filled tensor.
struct Product {
  linalg::LinalgOp op;
  unsigned sharedIndex;
  Value shared;
  Value weight;
  Value filledWith;
  /// Where the loops of the weight's own columns are in the weight and in the
  /// result.
  unsigned weightDim;
  unsigned resultDim;
};
} // namespace

/// A weight from the file, as it is or converted, or with its elements
/// rearranged.
static bool isFileWeight(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<seq::WeightOp>(op))
    return true;
  if (isa<linalg::TransposeOp, linalg::BroadcastOp>(op))
    return isFileWeight(op->getOperand(0));
  return isa<arith::ExtFOp, tensor::CastOp, tensor::ConcatOp, tensor::ExtractSliceOp,
             tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) &&
         llvm::all_of(op->getOperands(), isFileWeight);
}

/// An argument of a function that may be a weight: static, one for all times.
static bool isWeightArgument(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument &&
         isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
         cast<RankedTensorType>(argument.getType()).hasStaticShape() &&
         llvm::none_of(argument.getUsers(), [](Operation *user) {
           return isa<seq::RecurrenceOp, seq::ScanOp>(user);
         });
}

/// `op` as a product of operand `sharedIndex` with a weight.
static std::optional<Product> matchProduct(linalg::LinalgOp op,
                                           unsigned sharedIndex) {
  Product product;
  product.op = op;
  product.sharedIndex = sharedIndex;
  product.shared = op.getDpsInputs()[sharedIndex];
  product.weight = op.getDpsInputs()[1 - sharedIndex];
  bool isWeight = isFileWeight(product.weight) ||
                  (isWeightArgument(product.weight) &&
                   !isWeightArgument(product.shared));
  if (!isWeight || isFileWeight(product.shared) ||
      !cast<RankedTensorType>(product.weight.getType()).hasStaticShape())
    return std::nullopt;

  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  if (!fill)
    return std::nullopt;
  product.filledWith = fill.getInputs().front();

  OpOperand *shared = op.getDpsInputOperand(sharedIndex);
  OpOperand *weight = op.getDpsInputOperand(1 - sharedIndex);
  AffineMap sharedMap = op.getMatchingIndexingMap(shared);
  AffineMap weightMap = op.getMatchingIndexingMap(weight);
  AffineMap resultMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [dim, expr] : llvm::enumerate(resultMap.getResults())) {
    std::optional<unsigned> inWeight = weightMap.getResultPosition(expr);
    if (!inWeight || sharedMap.getResultPosition(expr))
      continue;
    product.weightDim = *inWeight;
    product.resultDim = dim;
    return product;
  }
  return std::nullopt;
}

static bool isSameConstant(Value a, Value b) {
  Attribute x, y;
  return a == b || (matchPattern(a, m_Constant(&x)) &&
                    matchPattern(b, m_Constant(&y)) && x == y);
}

/// Whether the two differ in their weights, and those in one dimension's size.
static bool canMerge(const Product &a, const Product &b) {
  linalg::LinalgOp first = a.op, second = b.op;
  auto type = cast<RankedTensorType>(a.weight.getType());
  auto other = cast<RankedTensorType>(b.weight.getType());
  if (first->getName() != second->getName() ||
      a.sharedIndex != b.sharedIndex || a.weightDim != b.weightDim ||
      a.resultDim != b.resultDim || type.getRank() != other.getRank() ||
      type.getElementType() != other.getElementType() ||
      getElementTypeOrSelf(first->getResult(0)) !=
          getElementTypeOrSelf(second->getResult(0)) ||
      first.getIndexingMapsArray() != second.getIndexingMapsArray() ||
      !isSameConstant(a.filledWith, b.filledWith))
    return false;
  for (unsigned dim = 0; dim < type.getRank(); ++dim)
    if (dim != a.weightDim && type.getDimSize(dim) != other.getDimSize(dim))
      return false;
  return OperationEquivalence::isRegionEquivalentTo(
      &first->getRegion(0), &second->getRegion(0),
      OperationEquivalence::IgnoreLocations);
}

/// Makes `value`, a weight, available before `op`; false if that is not
/// possible.
static bool makeAvailable(Value value, Operation *op,
                          DominanceInfo &dominance) {
  if (dominance.properlyDominates(value, op))
    return true;
  Operation *def = value.getDefiningOp();
  if (!def || !isPure(def) || def->getNumRegions() != 0)
    return false;
  for (Value operand : def->getOperands())
    if (!makeAvailable(operand, op, dominance))
      return false;
  def->moveBefore(op);
  return true;
}

/// The elementwise operation on a product and a weight of its columns that alone
/// reads the product: it adds a bias.
static linalg::GenericOp matchBias(const Product &product) {
  Value result = product.op->getResult(0);
  int64_t rank = cast<RankedTensorType>(result.getType()).getRank();
  auto op = result.hasOneUse()
                ? dyn_cast<linalg::GenericOp>(*result.user_begin())
                : linalg::GenericOp();
  if (!op || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getDpsInputs()[0] != result || !isFileWeight(op.getDpsInputs()[1]) ||
      !linalg::isElementwise(op) || op.getNumLoops() != rank ||
      !op.getRegionOutputArgs().front().use_empty())
    return {};
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto column = AffineMap::get(
      rank, 0, getAffineDimExpr(product.resultDim, op.getContext()));
  return maps[0].isIdentity() && maps[1] == column && maps[2].isIdentity()
             ? op
             : linalg::GenericOp();
}

/// The operations that add the biases, if all products have one and the same.
static SmallVector<linalg::GenericOp> matchBiases(ArrayRef<Product> products) {
  SmallVector<linalg::GenericOp> biases;
  DominanceInfo dominance;
  for (const Product &product : products) {
    linalg::GenericOp op = matchBias(product);
    if (!op ||
        getElementTypeOrSelf(op.getDpsInputs()[1]) !=
            getElementTypeOrSelf((biases.empty() ? op : biases.front())
                                     .getDpsInputs()[1]) ||
        (!biases.empty() && !OperationEquivalence::isRegionEquivalentTo(
                                &biases.front()->getRegion(0),
                                &op->getRegion(0),
                                OperationEquivalence::IgnoreLocations)) ||
        !makeAvailable(op.getDpsInputs()[1], products.front().op, dominance))
      return {};
    biases.push_back(op);
  }
  return biases;
}

/// Adds the joined biases to the merged product.
static Value addBiases(OpBuilder &builder, Value merged,
                       ArrayRef<OpFoldResult> sizes,
                       ArrayRef<linalg::GenericOp> biases) {
  linalg::GenericOp first = biases.front();
  SmallVector<Value> weights;
  for (linalg::GenericOp op : biases)
    weights.push_back(op.getDpsInputs()[1]);
  Location loc = first.getLoc();
  Value bias = tensor::ConcatOp::create(builder, loc, /*dim=*/0, weights);
  Value empty = tensor::EmptyOp::create(
      builder, loc, sizes, getElementTypeOrSelf(first.getResult(0)));
  return clone(builder, first, empty.getType(), {merged, bias, empty})
      ->getResult(0);
}

static void merge(ArrayRef<Product> products) {
  linalg::LinalgOp first = products.front().op;
  unsigned weightDim = products.front().weightDim;
  unsigned resultDim = products.front().resultDim;
  Location loc = first.getLoc();

  // The joined weight is made outside of loops, where its parts are.
  SmallVector<Value> weights;
  for (const Product &product : products)
    weights.push_back(product.weight);
  Operation *outermost = first;
  auto isAbove = [](Operation *op, Value value) {
    return !op->isAncestor(value.getParentBlock()->getParentOp());
  };
  while (isa<seq::RecurrenceOp>(outermost->getParentOp()) &&
         llvm::all_of(weights, [&](Value weight) {
           return isAbove(outermost->getParentOp(), weight);
         }))
    outermost = outermost->getParentOp();
  OpBuilder builder(outermost);
  Value weight = tensor::ConcatOp::create(builder, loc, weightDim, weights);
  int64_t columns =
      cast<RankedTensorType>(weight.getType()).getDimSize(weightDim);

  builder.setInsertionPoint(first);
  Value init = first.getDpsInits()[0];
  auto fill = init.getDefiningOp<linalg::FillOp>();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, fill.getOutputs().front());
  sizes[resultDim] = builder.getIndexAttr(columns);
  Value empty = tensor::EmptyOp::create(builder, loc, sizes,
                                        getElementTypeOrSelf(init));
  Value filled = linalg::FillOp::create(builder, fill.getLoc(),
                                        fill.getInputs().front(), empty)
                     .getResult(0);
  SmallVector<Value> operands = {weight, weight, filled};
  operands[products.front().sharedIndex] = products.front().shared;
  Value merged = clone(builder, first, filled.getType(), operands)->getResult(0);
  SmallVector<linalg::GenericOp> biases = matchBiases(products);
  if (!biases.empty())
    merged = addBiases(builder, merged, sizes, biases);

  int64_t offset = 0;
  for (auto [number, product] : llvm::enumerate(products)) {
    Value result = biases.empty() ? product.op->getResult(0)
                                  : biases[number].getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
    int64_t size = cast<RankedTensorType>(product.weight.getType())
                       .getDimSize(weightDim);
    offsets[resultDim] = builder.getIndexAttr(offset);
    sizes[resultDim] = builder.getIndexAttr(size);
    offset += size;
    Value slice = tensor::ExtractSliceOp::create(builder, product.op->getLoc(),
                                                 merged, offsets, sizes,
                                                 strides);
    if (slice.getType() != type)
      slice = tensor::CastOp::create(builder, loc, type, slice);
    result.replaceAllUsesWith(slice);
  }
  for (linalg::GenericOp op : biases)
    op.erase();
  for (const Product &product : products)
    product.op->erase();
}

static void mergeInBlock(Block &block) {
  llvm::MapVector<Value, SmallVector<Product>> byShared;
  for (auto op : block.getOps<linalg::LinalgOp>())
    if (linalg::isaContractionOpInterface(op) && op.getNumDpsInputs() == 2 &&
        op.hasPureTensorSemantics())
      for (unsigned index : {0u, 1u})
        if (std::optional<Product> product = matchProduct(op, index))
          byShared[product->shared].push_back(*product);

  for (auto &[shared, products] : byShared) {
    while (products.size() > 1) {
      // The first and all that go with it. A product's operands are the shared
      // one, a weight and a fill, so none depends on another.
      SmallVector<Product> group = {products.front()}, rest;
      DominanceInfo dominance;
      for (const Product &product : llvm::drop_begin(products)) {
        bool goes = canMerge(group.front(), product) &&
                    makeAvailable(product.weight, group.front().op, dominance);
        (goes ? group : rest).push_back(product);
      }
      if (group.size() > 1)
        merge(group);
      products = std::move(rest);
    }
  }
}

namespace {
struct SeqMergeProducts : seqc::impl::SeqMergeProductsBase<SeqMergeProducts> {
  void runOnOperation() override {
    getOperation()->walk([](Block *block) { mergeInBlock(*block); });
  }
};
} // namespace
