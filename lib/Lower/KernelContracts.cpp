//===- KernelContracts.cpp - products with a matrix become kernel.contract --------===//

#include "Epilogue.h"
#include "PackComputation.h"
#include "PackMatrix.h"
#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace seqc {
#define GEN_PASS_DEF_KERNELCONTRACTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// Below this a panel would be mostly padding.
constexpr int64_t kFewestColumns = 8;
/// Rows that pay for packing a matrix at run time.
constexpr int64_t kRowsToPack = 32;

/// A product `out[rows…, columns…] += activation[rows…, depth…] · matrix`.
struct Product {
  Value activation, matrix;
  int64_t rows;                                // leading dimensions
  SmallVector<int64_t> columnDims, depthDims;  // of the matrix
};

/// Whether the body is out + a · b and nothing else.
bool isMultiplyAdd(linalg::LinalgOp op) {
  Block *block = op.getBlock();
  if (block->getNumArguments() != 3 || block->getOperations().size() != 3)
    return false;
  auto add = block->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  Value a = block->getArgument(0), b = block->getArgument(1),
        out = block->getArgument(2);
  auto isProduct = [&](Value value) {
    auto mul = value.getDefiningOp<arith::MulFOp>();
    return mul && ((mul.getLhs() == a && mul.getRhs() == b) ||
                   (mul.getLhs() == b && mul.getRhs() == a));
  };
  return (add.getLhs() == out && isProduct(add.getRhs())) ||
         (add.getRhs() == out && isProduct(add.getLhs()));
}

/// Reads the maps with operand `matrixNumber` as the matrix.
std::optional<Product> match(linalg::LinalgOp op, unsigned matrixNumber) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap activation = maps[1 - matrixNumber], matrix = maps[matrixNumber],
            out = maps[2];
  Product product{op->getOperand(1 - matrixNumber), op->getOperand(matrixNumber),
                  0, {}, {}};
  auto has = [](AffineMap map, unsigned dim) { return map.isFunctionOfDim(dim); };
  SmallVector<unsigned> activationDims, outDims;
  for (AffineExpr expr : activation.getResults())
    activationDims.push_back(cast<AffineDimExpr>(expr).getPosition());
  for (AffineExpr expr : out.getResults())
    outDims.push_back(cast<AffineDimExpr>(expr).getPosition());
  auto matrixDim = [&](unsigned dim) {
    return int64_t(*matrix.getResultPosition(
        getAffineDimExpr(dim, op->getContext())));
  };

  // Rows first, in one order, and then what the other two share.
  while (product.rows < int64_t(outDims.size()) &&
         product.rows < int64_t(activationDims.size()) &&
         outDims[product.rows] == activationDims[product.rows])
    ++product.rows;
  for (unsigned dim : ArrayRef(outDims).take_front(product.rows))
    if (has(matrix, dim))
      return std::nullopt;
  for (unsigned dim : ArrayRef(outDims).drop_front(product.rows)) {
    if (has(activation, dim) || !has(matrix, dim))
      return std::nullopt;
    product.columnDims.push_back(matrixDim(dim));
  }
  for (unsigned dim : ArrayRef(activationDims).drop_front(product.rows)) {
    if (has(out, dim) || !has(matrix, dim))
      return std::nullopt;
    product.depthDims.push_back(matrixDim(dim));
  }
  if (product.columnDims.size() + product.depthDims.size() !=
          matrix.getNumResults() ||
      product.columnDims.empty() || product.depthDims.empty())
    return std::nullopt;
  return product;
}

int64_t sizeOf(Value value, ArrayRef<int64_t> dims) {
  int64_t size = 1;
  for (int64_t dim : dims)
    size *= cast<ShapedType>(value.getType()).getDimSize(dim);
  return size;
}

bool isWorthPacking(const Product &product) {
  auto matrix = cast<ShapedType>(product.matrix.getType());
  if (!matrix.hasStaticShape() ||
      sizeOf(product.matrix, product.columnDims) < kFewestColumns ||
      sizeOf(product.matrix, product.depthDims) == 0)
    return false;
  if (isFromWeights(product.matrix))
    return true;
  auto rows = cast<ShapedType>(product.activation.getType())
                  .getShape()
                  .take_front(product.rows);
  int64_t known = 1;
  for (int64_t size : rows) {
    if (ShapedType::isDynamic(size))
      return true;
    known *= size;
  }
  return known >= kRowsToPack;
}

/// A product of weights is one of the things that are packed.
bool isComputedInAdvance(Value value) {
  return isFromWeights(value) && isWorthStoring(value);
}

std::optional<Product> findProduct(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op->getNumResults() != 1 || isComputedInAdvance(op->getResult(0)) ||
      !llvm::all_of(op.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isProjectedPermutation(); }) ||
      !isMultiplyAdd(op))
    return std::nullopt;
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (!llvm::all_of(op->getOperandTypes(), [&](Type type) {
        return isa<RankedTensorType>(type) && getElementTypeOrSelf(type) == element;
      }))
    return std::nullopt;
  std::optional<Product> found;
  for (unsigned number : {1, 0}) {
    std::optional<Product> product = match(op, number);
    if (!product || !isWorthPacking(*product))
      continue;
    if (isFromWeights(product->matrix))
      return product;
    if (!found)
      found = product;
  }
  return found;
}

/// Sizes of a destination without a use of the destination.
SmallVector<OpFoldResult> sizesOf(ImplicitLocOpBuilder &b, Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.getOutputs()[0];
  if (auto empty = init.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes();
  return tensor::getMixedSizes(b, b.getLoc(), init);
}

bool isZero(Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.getInputs()[0];
  return matchPattern(init, m_AnyZeroFloat());
}

/// Whether the result may take the place of `value`: nothing reads it later,
/// and its buffer is likely to be its own.
bool isLastUse(Value value, Operation *user) {
  Operation *op = value.getDefiningOp();
  if (op && !isa<DestinationStyleOpInterface, func::CallOp>(op))
    return false;
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && argument.getOwner()->isEntryBlock())
    if (auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (function.isPublic())
        return false;
  if (value.getParentBlock() != user->getBlock())
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *other) {
    Operation *ancestor = user->getBlock()->findAncestorOpInBlock(*other);
    return ancestor == user || (ancestor && ancestor->isBeforeInBlock(user));
  });
}

SmallVector<ReassociationIndices> lastGrouped(int64_t leading, int64_t rank) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < leading; ++i)
    groups.push_back({i});
  groups.emplace_back();
  for (int64_t i = leading; i < rank; ++i)
    groups.back().push_back(i);
  return groups;
}

void rewrite(linalg::LinalgOp op, Product product, int64_t limit) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  Value init = op.getDpsInits()[0];
  Value value = op->getResult(0);
  auto type = cast<RankedTensorType>(value.getType());
  int64_t N = sizeOf(product.matrix, product.columnDims);
  int64_t panel = choosePanel(N, limit);
  Value packed = packMatrix(b, product.matrix, product.columnDims,
                            product.depthDims, panel);
  Value activation = product.activation;
  if (product.depthDims.size() > 1)
    activation = tensor::CollapseShapeOp::create(
        b, activation,
        lastGrouped(product.rows, product.rows + product.depthDims.size()));

  SmallVector<OpFoldResult> sizes = sizesOf(b, init);
  bool expanded = product.columnDims.size() > 1;
  bool fromZero = isZero(init);
  SmallVector<Value> extras;
  std::optional<Epilogue> epilogue;
  // Operations that follow see the product's own shape.
  if (!expanded) {
    epilogue.emplace(value);
    extras.assign(epilogue->getExtras().begin(), epilogue->getExtras().end());
  }
  Value result = expanded ? value : epilogue->getResult();
  Operation *last = result.getDefiningOp();
  b.setInsertionPoint(last);

  auto flatten = [&](Value tensor) -> Value {
    if (!expanded)
      return tensor;
    return tensor::CollapseShapeOp::create(
        b, tensor, lastGrouped(product.rows, type.getRank()));
  };
  unsigned initNumber = 0;
  if (!fromZero) {
    initNumber = extras.size();
    extras.push_back(flatten(init));
  }
  SmallVector<OpFoldResult> flatSizes(sizes);
  flatSizes.resize(product.rows);
  flatSizes.push_back(b.getIndexAttr(N));
  Value empty =
      tensor::EmptyOp::create(b, flatSizes, type.getElementType());

  // A residual is added in place where it is not needed any more.
  std::optional<unsigned> inPlace;
  for (auto [number, extra] : llvm::enumerate(extras))
    if (!inPlace && extra.getType() == empty.getType() && !isFromWeights(extra) &&
        isLastUse(extra, last))
      inPlace = number;
  SmallVector<Value> others;
  for (auto [number, extra] : llvm::enumerate(extras))
    if (inPlace != number)
      others.push_back(extra);
  Value output = inPlace ? extras[*inPlace] : empty;

  OperationState state(b.getLoc(), kernel::ContractOp::getOperationName());
  state.addOperands({activation, packed});
  state.addOperands(others);
  state.addOperands(output);
  state.addTypes(output.getType());
  state.addRegion();
  auto contract = cast<kernel::ContractOp>(b.create(state));
  {
    OpBuilder::InsertionGuard guard(b);
    Block *block = b.createBlock(&contract.getEpilogue());
    block->addArgument(type.getElementType(), b.getLoc());
    for (Value other : others)
      block->addArgument(getElementTypeOrSelf(other), b.getLoc());
    block->addArgument(type.getElementType(), b.getLoc());
    SmallVector<Value> elements{block->getArgument(0)};
    unsigned argument = 1;
    for (unsigned number = 0; number < extras.size(); ++number)
      elements.push_back(inPlace == number ? block->getArguments().back()
                                           : block->getArgument(argument++));
    if (!fromZero)
      elements[0] =
          arith::AddFOp::create(b, elements[0], elements[1 + initNumber]);
    Value element = epilogue ? epilogue->clone(b, elements) : elements[0];
    kernel::YieldOp::create(b, element);
  }
  Value replacement = contract.getResult(0);
  if (expanded)
    replacement = tensor::ExpandShapeOp::create(
        b, type, replacement, lastGrouped(product.rows, type.getRank()), sizes);
  result.replaceAllUsesWith(replacement);
  if (epilogue)
    epilogue->erase();
  op->erase();
  if (empty.use_empty())
    empty.getDefiningOp()->erase();
}

struct KernelContracts : seqc::impl::KernelContractsBase<KernelContracts> {
  using KernelContractsBase::KernelContractsBase;

  void runOnOperation() override {
    if (panel < 16 || panel % 16) {
      getOperation()->emitError("kernel-contracts: panel must be a multiple of "
                                "16, is ")
          << panel;
      return signalPassFailure();
    }
    // The bodies of recurrences are formulas: their emitters read them as they
    // are.
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa_and_nonnull<seq::SeqDialect, kernel::KernelDialect>(
              op->getDialect()) &&
          op->getNumRegions())
        return WalkResult::skip();
      if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
        if (findProduct(linalgOp))
          products.push_back(linalgOp);
      return WalkResult::advance();
    });
    // An epilogue erases elementwise operations only, never another product.
    for (linalg::LinalgOp op : products)
      if (std::optional<Product> product = findProduct(op))
        rewrite(op, *product, panel);
  }
};
} // namespace
