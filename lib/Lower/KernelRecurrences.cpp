//===- KernelRecurrences.cpp - recurrences on threads and lanes ---------------------===//

#include "seqc/Lower/Passes.h"

#include "RecurrenceAccess.h"
#include "RecurrenceBody.h"

#include "seq/Seq.h"
#include "seqc/Analysis/Dimensions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace seqc {
#define GEN_PASS_DEF_KERNELRECURRENCES
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;
using kernel::RecurrenceOp;

namespace {

/// Where the recurrence goes.
struct Arrangement {
  bool coupled = false;
  int64_t width = 0;
  SmallVector<int64_t> unitSizes;
  /// Roles of each region argument's dimensions: inputs, captures, outputs,
  /// states.
  SmallVector<SmallVector<int64_t>> roles;
  /// For each capture the dimension to cut into blocks, or -1.
  SmallVector<int64_t> blocked;
};

int64_t rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : 0;
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The number of registers a block takes, of {4, 2, 1}: the one that wastes the
/// fewest lanes, the largest of equals, and few enough that `copies` of a block
/// fit into `registers` and that there are at least `minBlocks` blocks.
int64_t chooseRegisters(int64_t size, int64_t lanes, int64_t copies,
                        int64_t registers, int64_t minBlocks) {
  int64_t best = 1, bestCost = ceilDiv(size, lanes);
  for (int64_t count : {2, 4}) {
    int64_t blocks = ceilDiv(size, lanes * count);
    if (copies * count <= registers && blocks >= minBlocks &&
        blocks * count <= bestCost) {
      best = count;
      bestCost = blocks * count;
    }
  }
  return best;
}

class Formation {
public:
  Formation(seq::RecurrenceOp op, int64_t lanes)
      : op(op), lanes(lanes), dimensions(op),
        captures(capturesOf(op)) {}

  std::optional<Arrangement> arrangeSeparable();
  Arrangement arrangeCoupled();
  void markAhead(const Arrangement &arrangement, unsigned laneClass,
                 ArrayRef<unsigned> unitClasses);
  LogicalResult form(const Arrangement &arrangement);

private:
  static SmallVector<Value> capturesOf(seq::RecurrenceOp op) {
    SetVector<Value> used;
    getUsedValuesDefinedAbove(op.getBody(), used);
    return llvm::to_vector(
        llvm::make_filter_range(used, [](Value v) { return !isFormula(v); }));
  }
  /// Constants and unwritten tensors are part of the formula, not memory.
  static bool isFormula(Value value) {
    Operation *definition = value.getDefiningOp();
    return definition && definition->getNumOperands() == 0 &&
           (definition->hasTrait<OpTrait::ConstantLike>() ||
            isa<tensor::EmptyOp>(definition));
  }
  SmallVector<int64_t> rolesOf(Value value, unsigned laneClass,
                               ArrayRef<unsigned> unitClasses);
  bool fits(const Arrangement &arrangement);
  kernel::RecurrenceOp build(OpBuilder &builder,
                             const Arrangement &arrangement, ValueRange inputs,
                             ValueRange captures, ValueRange outputs,
                             ValueRange states, TypeRange results);
  Value cutIntoBlocks(OpBuilder &builder, Value value, int64_t dim,
                      int64_t width);

  seq::RecurrenceOp op;
  int64_t lanes;
  DimensionAnalysis dimensions;
  SmallVector<Value> captures;
};

SmallVector<int64_t> Formation::rolesOf(Value value, unsigned laneClass,
                                        ArrayRef<unsigned> unitClasses) {
  SmallVector<int64_t> roles;
  for (int64_t dim = 0; dim < rankOf(value); ++dim) {
    std::optional<unsigned> cls = dimensions.classOf(value, dim);
    int64_t role = RecurrenceOp::kRow;
    if (cls == laneClass)
      role = RecurrenceOp::kLane;
    else if (cls)
      for (auto [number, unit] : llvm::enumerate(unitClasses))
        if (unit == *cls)
          role = number;
    roles.push_back(role);
  }
  return roles;
}

std::optional<Arrangement> Formation::arrangeSeparable() {
  // Lanes: the separable class that is innermost in every output (or state, if
  // there is no output) and in the most sequences.
  SmallVector<unsigned> separable = dimensions.getSeparableClasses();
  auto isLast = [&](Value value, unsigned cls) {
    int64_t rank = rankOf(value);
    return rank > 0 && dimensions.classOf(value, rank - 1) == cls;
  };
  std::optional<unsigned> lane;
  auto leading = op.getOutputs().empty() ? op.getStateArguments()
                                         : op.getOutputSlices();
  for (unsigned cls : separable) {
    const DimensionClass &info = dimensions.getClasses()[cls];
    if (ShapedType::isDynamic(info.size))
      return std::nullopt;
    if (llvm::all_of(leading, [&](Value v) { return isLast(v, cls); }))
      lane = cls;
  }
  if (!lane)
    return std::nullopt;
  for (Value slice : op.getInputSlices())
    for (int64_t dim = 0; dim + 1 < rankOf(slice); ++dim)
      if (dimensions.classOf(slice, dim) == lane)
        return std::nullopt;

  Arrangement result;
  SmallVector<unsigned> units;
  int64_t unitCount = 1;
  for (unsigned cls : separable)
    if (cls != *lane) {
      units.push_back(cls);
      result.unitSizes.push_back(dimensions.getClasses()[cls].size);
      unitCount *= result.unitSizes.back();
    }
  int64_t rows = 0;
  for (BlockArgument state : op.getStateArguments()) {
    int64_t count = 1;
    for (auto [role, size] :
         llvm::zip(rolesOf(state, *lane, units),
                   cast<RankedTensorType>(state.getType()).getShape()))
      if (role == RecurrenceOp::kRow)
        count *= size;
    rows += count;
  }
  int64_t size = dimensions.getClasses()[*lane].size;
  // Blocks for several threads matter more than wide blocks.
  int64_t minBlocks = unitCount >= 8 ? 1 : 8 / std::max<int64_t>(1, unitCount);
  bool inRegisters = rows <= 16;
  result.width = lanes * chooseRegisters(size, lanes, inRegisters ? rows : 8, 16,
                                         inRegisters ? minBlocks : 1);
  for (Value argument : op.getInputSlices())
    result.roles.push_back(rolesOf(argument, *lane, units));
  for (Value capture : captures) {
    result.roles.push_back(rolesOf(capture, *lane, units));
    ArrayRef<int64_t> roles = result.roles.back();
    int64_t blocked = -1;
    for (int64_t dim = 0; dim + 1 < static_cast<int64_t>(roles.size()); ++dim)
      if (roles[dim] == RecurrenceOp::kLane)
        blocked = dim;
    result.blocked.push_back(blocked);
  }
  for (Value argument : op.getOutputSlices())
    result.roles.push_back(rolesOf(argument, *lane, units));
  for (Value argument : op.getStateArguments())
    result.roles.push_back(rolesOf(argument, *lane, units));
  markAhead(result, *lane, units);
  return result;
}

Arrangement Formation::arrangeCoupled() {
  Arrangement result;
  result.coupled = true;
  // A product's weight is read along the lanes of its result's last dimension.
  int64_t products = 0, rows = 1, size = 1;
  result.blocked.assign(captures.size(), -1);
  for (Operation &inner : op.getBody().front()) {
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    if (!generic || generic.getNumReductionLoops() == 0 ||
        generic.getNumResults() != 1)
      continue;
    auto type = cast<RankedTensorType>(generic.getResult(0).getType());
    if (type.getRank() == 0)
      continue;
    auto lane = dyn_cast<AffineDimExpr>(
        generic.getIndexingMapMatchingResult(generic->getResult(0))
            .getResults()
            .back());
    if (!lane)
      continue;
    for (OpOperand *operand : generic.getDpsInputOperands()) {
      auto *capture = llvm::find(captures, operand->get());
      if (capture == captures.end())
        continue;
      AffineMap map = generic.getMatchingIndexingMap(operand);
      for (int64_t dim = 0; dim + 1 < map.getNumResults(); ++dim)
        if (map.getResult(dim) == lane) {
          result.blocked[capture - captures.begin()] = dim;
          ++products;
          size = std::max(size, type.getShape().back());
          rows = std::max(rows, type.getNumElements() /
                                    std::max<int64_t>(1, type.getShape().back()));
        }
    }
  }
  if (products == 0)
    for (BlockArgument state : op.getStateArguments())
      if (rankOf(state) > 0)
        size = std::max(
            size, cast<RankedTensorType>(state.getType()).getShape().back());
  // With one row a block's own registers must hide the latency of additions;
  // with several the rows do, and narrow blocks leave room for them.
  products = std::max<int64_t>(1, products);
  int64_t registers = rows >= 4 ? 4 : 8;
  result.width =
      lanes * chooseRegisters(size, lanes, products, registers, 4);
  return result;
}

/// State-free work with mathematics in it, of at most an output's size, is
/// computed ahead of the steps: mixed into the recurrence it would compete for
/// registers with the state.
void Formation::markAhead(const Arrangement &arrangement, unsigned laneClass,
                          ArrayRef<unsigned> unitClasses) {
  int64_t limit = 1;
  for (BlockArgument output : op.getOutputSlices())
    limit = std::max(
        limit, cast<RankedTensorType>(output.getType()).getNumElements());
  auto isCandidate = [&](Operation *inner) {
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    return generic && generic.getNumResults() == 1 &&
           generic.getNumReductionLoops() == 0 &&
           !dimensions.dependsOnState(generic.getResult(0)) &&
           cast<RankedTensorType>(generic.getResult(0).getType())
                   .getNumElements() <= limit;
  };
  DenseSet<Value> costly;
  for (Operation &inner : op.getBody().front()) {
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    if (!generic || !isCandidate(&inner))
      continue;
    bool hasMath = llvm::any_of(*generic.getBody(), [](Operation &scalar) {
      return isa<math::MathDialect>(scalar.getDialect()) ||
             isa<arith::DivFOp>(scalar);
    });
    for (Value operand : inner.getOperands())
      hasMath |= costly.contains(operand);
    if (hasMath)
      costly.insert(inner.getResult(0));
  }
  for (Value value : costly) {
    bool leaves = llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !isCandidate(user);
    });
    if (!leaves)
      continue;
    SmallVector<int64_t> roles = rolesOf(value, laneClass, unitClasses);
    int64_t rows = 1;
    for (auto [role, size] :
         llvm::zip(roles, cast<RankedTensorType>(value.getType()).getShape()))
      if (role == RecurrenceOp::kRow)
        rows *= size;
    if (llvm::is_contained(roles, RecurrenceOp::kLane) && rows > 16)
      continue;
    value.getDefiningOp()->setAttr(
        RecurrenceOp::kAhead,
        DenseI64ArrayAttr::get(op.getContext(), roles));
  }
}

kernel::RecurrenceOp Formation::build(OpBuilder &builder,
                                      const Arrangement &arrangement,
                                      ValueRange inputs, ValueRange captureds,
                                      ValueRange outputs, ValueRange states,
                                      TypeRange results) {
  SmallVector<Attribute> roles;
  for (ArrayRef<int64_t> list : arrangement.roles)
    roles.push_back(builder.getDenseI64ArrayAttr(list));
  auto formed = kernel::RecurrenceOp::create(
      builder, op.getLoc(), results, op.getDim(), op.getReverse(),
      arrangement.coupled, arrangement.width, arrangement.unitSizes,
      builder.getArrayAttr(roles), arrangement.blocked, inputs, captureds,
      outputs, states);
  Block &body = op.getBody().front();
  Block &block = formed.getBody().emplaceBlock();
  IRMapping map;
  auto add = [&](ValueRange values) {
    for (Value value : values)
      map.map(value, block.addArgument(value.getType(), value.getLoc()));
  };
  add(ValueRange(op.getInputSlices()));
  add(captures);
  add(ValueRange(op.getOutputSlices()));
  add(ValueRange(op.getStateArguments()));
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  SetVector<Value> used;
  getUsedValuesDefinedAbove(op.getBody(), used);
  for (Value value : used)
    if (isFormula(value))
      inner.clone(*value.getDefiningOp(), map);
  for (Operation &operation : body.without_terminator())
    inner.clone(operation, map);
  SmallVector<Value> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(map.lookupOrDefault(value));
  kernel::YieldOp::create(inner, op.getLoc(), yielded);
  return formed;
}

/// The shape of a capture cut into blocks: [blocks, the rest…, width].
SmallVector<int64_t> blockedShape(RankedTensorType type, int64_t dim,
                                  int64_t width) {
  SmallVector<int64_t> shape{blocksOf(type.getDimSize(dim), width)};
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != dim)
      shape.push_back(type.getDimSize(i));
  shape.push_back(width);
  return shape;
}

Value Formation::cutIntoBlocks(OpBuilder &builder, Value value, int64_t dim,
                               int64_t width) {
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType();
  int64_t rank = type.getRank(), blocks = blocksOf(type.getDimSize(dim), width);
  SmallVector<int64_t> padded(type.getShape());
  padded[dim] = blocks * width;
  if (padded[dim] != type.getDimSize(dim)) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    Value empty = tensor::EmptyOp::create(builder, loc, padded, element);
    Value filled =
        linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
    SmallVector<OpFoldResult> offsets(rank, builder.getIndexAttr(0)), sizes,
        strides(rank, builder.getIndexAttr(1));
    for (int64_t size : type.getShape())
      sizes.push_back(builder.getIndexAttr(size));
    value = tensor::InsertSliceOp::create(builder, loc, value, filled, offsets,
                                          sizes, strides);
  }
  SmallVector<int64_t> expanded;
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t place = expanded.size();
    if (i == dim) {
      expanded.append({blocks, width});
      groups.push_back({place, place + 1});
    } else {
      expanded.push_back(type.getDimSize(i));
      groups.push_back({place});
    }
  }
  value = tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(expanded, element), value, groups);
  SmallVector<int64_t> permutation{dim};
  for (int64_t i = 0; i < rank + 1; ++i)
    if (i != dim && i != dim + 1)
      permutation.push_back(i);
  permutation.push_back(dim + 1);
  Value empty = tensor::EmptyOp::create(
      builder, loc, blockedShape(type, dim, width), element);
  return linalg::TransposeOp::create(builder, loc, value, empty, permutation)
      ->getResult(0);
}

/// Tries the lowering on buffers of the same shapes, in a function that nobody
/// sees: what passes here passes after bufferization.
bool Formation::fits(const Arrangement &arrangement) {
  OpBuilder builder(op.getContext());
  SmallVector<Type> types;
  auto bufferOf = [](Type type) -> Type {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor ? MemRefType::get(tensor.getShape(), tensor.getElementType())
                  : type;
  };
  for (Type type : op.getInputs().getTypes())
    types.push_back(bufferOf(type));
  for (auto [capture, dim] : llvm::zip(captures, arrangement.blocked)) {
    auto tensor = dyn_cast<RankedTensorType>(capture.getType());
    if (dim < 0)
      types.push_back(bufferOf(capture.getType()));
    else
      types.push_back(
          MemRefType::get(blockedShape(tensor, dim, arrangement.width),
                          tensor.getElementType()));
  }
  for (Type type : op.getOutputs().getTypes())
    types.push_back(bufferOf(type));
  for (Type type : op.getStates().getTypes())
    types.push_back(bufferOf(type));
  OwningOpRef<func::FuncOp> trial = func::FuncOp::create(
      builder, op.getLoc(), "trial", builder.getFunctionType(types, {}));
  Block *entry = trial->addEntryBlock();
  builder.setInsertionPointToStart(entry);
  ValueRange arguments = entry->getArguments();
  auto take = [&](size_t count) {
    ValueRange taken = arguments.take_front(count);
    arguments = arguments.drop_front(count);
    return taken;
  };
  ValueRange inputs = take(op.getInputs().size());
  ValueRange captureds = take(captures.size());
  ValueRange outputs = take(op.getOutputs().size());
  ValueRange states = take(op.getStates().size());
  auto formed = build(builder, arrangement, inputs, captureds, outputs, states,
                      TypeRange());
  func::ReturnOp::create(builder, op.getLoc());
  return succeeded(arrangement.coupled ? lowerCoupled(formed, lanes)
                                       : lowerSeparable(formed, lanes));
}

/// A column of a matrix has its neighbours apart in memory: such a slice is
/// copied, so that lanes are loaded at once.
Value withNeighbours(OpBuilder &builder, Value value) {
  auto slice = value.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getType().getRank() == 0)
    return value;
  int64_t last = slice.getSourceType().getRank() - 1;
  if (!slice.getDroppedDims().test(last) &&
      isConstantIntValue(slice.getMixedStrides()[last], 1))
    return value;
  Location loc = value.getLoc();
  Value empty = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, value),
      slice.getType().getElementType());
  return linalg::CopyOp::create(builder, loc, value, empty)->getResult(0);
}

LogicalResult Formation::form(const Arrangement &arrangement) {
  if (!fits(arrangement))
    return failure();
  IRRewriter rewriter(op);
  SmallVector<Value> inputs, operands;
  for (Value input : op.getInputs())
    inputs.push_back(withNeighbours(rewriter, input));
  for (auto [capture, dim] : llvm::zip(captures, arrangement.blocked))
    operands.push_back(dim < 0 ? withNeighbours(rewriter, capture)
                               : cutIntoBlocks(rewriter, capture, dim,
                                               arrangement.width));
  SmallVector<Type> results(op->getResultTypes());
  auto formed = build(rewriter, arrangement, inputs, operands,
                      op.getOutputs(), op.getStates(), results);
  rewriter.replaceOp(op, formed.getResults());
  return success();
}

struct KernelRecurrences
    : seqc::impl::KernelRecurrencesBase<KernelRecurrences> {
  using KernelRecurrencesBase::KernelRecurrencesBase;
  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation().walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences)
      normalizeBody(op);
    // Gates share operands.
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
    for (seq::RecurrenceOp op : recurrences) {
      Formation formation(op, lanes);
      std::optional<Arrangement> separable = formation.arrangeSeparable();
      if (separable && succeeded(formation.form(*separable)))
        continue;
      op.getBody().walk(
          [](Operation *inner) { inner->removeAttr(RecurrenceOp::kAhead); });
      (void)formation.form(formation.arrangeCoupled());
    }
  }
};
} // namespace
