//===- PackMatrix.cpp - the packed form of a matrix ----------------------------------===//

#include "PackMatrix.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

int64_t seqc::choosePanel(int64_t columns, int64_t limit) {
  constexpr int64_t vector = 16; // f32 in the widest vector register
  int64_t panels = std::max<int64_t>(1, llvm::divideCeil(columns, limit));
  return std::max(vector,
                  int64_t(llvm::alignTo(llvm::divideCeil(columns, panels), vector)));
}

static Value transpose(ImplicitLocOpBuilder &b, Value value,
                       ArrayRef<int64_t> order) {
  auto type = cast<RankedTensorType>(value.getType());
  if (llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
    return value;
  Value empty = tensor::EmptyOp::create(
      b, applyPermutation(type.getShape(), order), type.getElementType());
  return linalg::TransposeOp::create(b, value, empty, order)->getResult(0);
}

Value seqc::packMatrix(ImplicitLocOpBuilder &b, Value matrix,
                       ArrayRef<int64_t> columnDims,
                       ArrayRef<int64_t> depthDims, int64_t panel) {
  // To a matrix of two dimensions; [K, N] is as good as [N, K].
  SmallVector<int64_t> order(columnDims), other(depthDims);
  order.append(depthDims.begin(), depthDims.end());
  other.append(columnDims.begin(), columnDims.end());
  bool depthFirst = llvm::equal(other, llvm::seq<int64_t>(0, other.size()));
  if (!depthFirst)
    matrix = transpose(b, matrix, order);
  if (order.size() > 2) {
    int64_t first = depthFirst ? depthDims.size() : columnDims.size();
    SmallVector<ReassociationIndices> groups(2);
    for (int64_t i = 0; i < int64_t(order.size()); ++i)
      groups[i >= first].push_back(i);
    matrix = tensor::CollapseShapeOp::create(b, matrix, groups);
  }

  int64_t columnDim = depthFirst ? 1 : 0;
  auto type = cast<RankedTensorType>(matrix.getType());
  int64_t columns = type.getDimSize(columnDim),
          depth = type.getDimSize(1 - columnDim),
          panels = llvm::divideCeil(columns, panel);
  if (int64_t missing = panels * panel - columns) {
    SmallVector<int64_t> shape(type.getShape());
    shape[columnDim] += missing;
    type = RankedTensorType::get(shape, type.getElementType());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
    SmallVector<OpFoldResult> low(2, b.getIndexAttr(0)), high(low);
    high[columnDim] = b.getIndexAttr(missing);
    matrix = tensor::PadOp::create(b, type, matrix, low, high, zero);
  }
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> turn;
  if (depthFirst) {
    shape = {depth, panels, panel};
    groups = {{0}, {1, 2}};
    turn = {1, 0, 2};
  } else {
    shape = {panels, panel, depth};
    groups = {{0, 1}, {2}};
    turn = {0, 2, 1};
  }
  matrix = tensor::ExpandShapeOp::create(
      b, RankedTensorType::get(shape, type.getElementType()), matrix, groups);
  return transpose(b, matrix, turn);
}

bool seqc::isFromWeights(Value value) {
  bool anyWeight = false;
  SmallVector<Value> worklist{value};
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    Operation *op = next.getDefiningOp();
    if (!op)
      return false;
    if (isa<seq::WeightOp>(op)) {
      anyWeight = true;
      continue;
    }
    if (!isPure(op))
      return false;
    worklist.append(op->operand_begin(), op->operand_end());
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    worklist.append(captured.begin(), captured.end());
  }
  return anyWeight;
}
