//===- PackComputation.cpp - computations of weights, taken out of a program -----------===//

#include "PackComputation.h"

#include "kernel/Kernel.h"
#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// The constant list of numbers that `index` is taken from.
static DenseIntElementsAttr readTable(Value index) {
  auto extract = index.getDefiningOp<tensor::ExtractOp>();
  DenseIntElementsAttr table;
  if (!extract || extract.getTensor().getType().getRank() != 1 ||
      !matchPattern(extract.getTensor(), m_Constant(&table)))
    return {};
  return table;
}

WeightIndex seqc::readWeightIndex(Value index) {
  WeightIndex result{index, 0};
  if (DenseIntElementsAttr table = readTable(index)) {
    Value place = index.getDefiningOp<tensor::ExtractOp>().getIndices().front();
    result = readWeightIndex(place);
    // A table of places in a table is an index of another form.
    if (result.table)
      return {index, 0};
    result.table = table;
    if (result.base || result.offset < 0 ||
        result.offset >= table.getNumElements())
      return result;
    APInt number = *(table.value_begin<APInt>() + result.offset);
    return {Value(), number.getSExtValue()};
  }
  while (true) {
    if (std::optional<int64_t> constant = getConstantIntValue(result.base))
      return {Value(), result.offset + *constant};
    Operation *op = result.base.getDefiningOp();
    if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op))
      return result;
    std::optional<int64_t> left = getConstantIntValue(op->getOperand(0)),
                           right = getConstantIntValue(op->getOperand(1));
    if (right) {
      result.offset += isa<arith::AddIOp>(op) ? *right : -*right;
      result.base = op->getOperand(0);
    } else if (left && isa<arith::AddIOp>(op)) {
      result.offset += *left;
      result.base = op->getOperand(1);
    } else {
      return result;
    }
  }
}

std::optional<IndexRange> seqc::findIndexRange(Value base) {
  auto argument = dyn_cast<BlockArgument>(base);
  if (!argument)
    return std::nullopt;
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto function = dyn_cast<func::FuncOp>(parent)) {
    auto number = [&](StringRef name) {
      return function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(),
                                                    name);
    };
    IntegerAttr count = number("seq.count"), first = number("seq.first");
    if (!argument.getOwner()->isEntryBlock() || !count || count.getInt() < 1)
      return std::nullopt;
    return IndexRange{first ? first.getInt() : 0, count.getInt()};
  }
  auto loop = dyn_cast<scf::ForOp>(parent);
  if (!loop || argument != loop.getInductionVar())
    return std::nullopt;
  std::optional<int64_t> from = getConstantIntValue(loop.getLowerBound()),
                         to = getConstantIntValue(loop.getUpperBound());
  if (!from || !to || getConstantIntValue(loop.getStep()) != 1 || *to <= *from)
    return std::nullopt;
  return IndexRange{*from, *to - *from};
}

//===----------------------------------------------------------------------===//
// Computations
//===----------------------------------------------------------------------===//

namespace {
/// The operations that a value is computed by, operands first.
class Slice {
public:
  explicit Slice(Value value) { visit(value.getDefiningOp()); }

  ArrayRef<Operation *> getOperations() const { return ops.getArrayRef(); }
  ArrayRef<seq::WeightOp> getWeights() const { return weights; }

private:
  void visit(Operation *op) {
    if (ops.contains(op))
      return;
    if (auto weight = dyn_cast<seq::WeightOp>(op)) {
      weights.push_back(weight);
      ops.insert(op);
      return;
    }
    for (Value operand : op->getOperands())
      visit(operand.getDefiningOp());
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      visit(value.getDefiningOp());
    ops.insert(op);
  }

  SetVector<Operation *> ops;
  SmallVector<seq::WeightOp> weights;
};

WeightIndex indexOf(seq::WeightOp weight) {
  return weight.getIndex() ? readWeightIndex(weight.getIndex())
                           : WeightIndex{};
}

/// "a" + "b.{}" of the tensors' names, each once.
std::string nameOf(const Slice &slice) {
  SetVector<StringRef> seen;
  SmallVector<std::string> names;
  for (seq::WeightOp weight : slice.getWeights()) {
    std::string name = weight.getTensor().str();
    WeightIndex index = indexOf(weight);
    if (size_t place = name.find("{}");
        place != std::string::npos && !index.base)
      name.replace(place, 2, std::to_string(index.offset));
    if (!llvm::is_contained(names, name))
      names.push_back(name);
  }
  return llvm::join(names, "+");
}
} // namespace

bool seqc::isWorthStoring(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() ||
      kernel::EntryOp::getElementBytes(type.getElementType()) == 0)
    return false;
  Slice slice(value);
  Value base;
  int64_t elements = 0;
  for (seq::WeightOp weight : slice.getWeights()) {
    elements += weight.getType().getNumElements();
    Value other = indexOf(weight).base;
    if (base && other && base != other)
      return false;
    base = base ? base : other;
  }
  constexpr int64_t growth = 4, few = 1024;
  return type.getNumElements() <= std::max(few, growth * elements);
}

PackComputation seqc::copyPackComputation(Value value) {
  Slice slice(value);
  PackComputation result;
  // The argument is the least of the indices, so that a weight is the same
  // entry whether it is counted from 0 or from 1.
  std::optional<int64_t> least;
  for (seq::WeightOp weight : slice.getWeights())
    if (WeightIndex index = indexOf(weight); index.base) {
      result.base = index.base;
      least = std::min(least.value_or(index.offset), index.offset);
    }
  if (result.base) {
    result.range = *findIndexRange(result.base);
    result.range.first += *least;
  }
  result.name = nameOf(slice);

  MLIRContext *context = value.getContext();
  ImplicitLocOpBuilder b(value.getLoc(), context);
  auto function = func::FuncOp::create(
      b, "computation",
      b.getFunctionType(b.getIndexType(), value.getType()));
  result.function = function;
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  IRMapping mapping;
  for (Operation *op : slice.getOperations()) {
    auto weight = dyn_cast<seq::WeightOp>(op);
    if (!weight || !weight.getIndex()) {
      b.clone(*op, mapping);
      continue;
    }
    WeightIndex index = indexOf(weight);
    Value number = block->getArgument(0);
    if (!index.base)
      number = arith::ConstantIndexOp::create(b, index.offset);
    else if (int64_t distance = index.offset - *least)
      number = arith::AddIOp::create(
          b, number, arith::ConstantIndexOp::create(b, distance));
    if (index.table)
      number = tensor::ExtractOp::create(
          b, arith::ConstantOp::create(b, index.table), number);
    mapping.map(weight.getIndex(), number);
    b.clone(*op, mapping);
  }
  func::ReturnOp::create(b, mapping.lookup(value));

  IRRewriter rewriter(context);
  DominanceInfo dominance(function);
  eliminateCommonSubExpressions(rewriter, dominance, function);
  llvm::raw_string_ostream stream(result.key);
  stream << result.range.first << " " << result.range.count << "\n";
  function->print(stream,
                  OpPrintingFlags().printGenericOpForm().useLocalScope());
  return result;
}
