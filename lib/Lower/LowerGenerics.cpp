//===- LowerGenerics.cpp - linalg operations on memrefs as vector loops --------------===//

#include "seqc/Lower/Passes.h"

#include "seqc/Lower/VectorRegion.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/TypeSwitch.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERGENERICS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// Less work than this many payloads is not worth waking a thread for.
constexpr int64_t kSerialWork = 16384;
/// Sums in registers of a product: at most this many rows and vectors of each,
/// 16 sums in all where there are 32 registers (16 lanes), else 8.
constexpr int64_t kTileRows = 8, kTileVectors = 4;

class GenericLowering {
public:
  GenericLowering(linalg::GenericOp op, int64_t lanes)
      : op(op), builder(op.getLoc(), op), width(lanes) {}

  void run();

private:
  enum class Mode { ParallelLanes, ReductionLanes, Scalar };

  void plan();
  bool lastOrAbsent(unsigned dim);
  bool payloadFits(unsigned lane);
  bool isCombiner();
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(builder, value);
  }

  using Body = llvm::function_ref<SmallVector<Value>(ValueRange)>;
  /// Loops over `dims`, the first outermost, with carried values.
  SmallVector<Value> loopOver(ArrayRef<unsigned> dims, ValueRange carried,
                              Body body);
  SmallVector<Value> loop(Value begin, Value end, int64_t step,
                          ValueRange carried,
                          llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body);

  SmallVector<Value> indicesOf(OpOperand &operand);
  Value read(OpOperand &operand, Value mask);
  void write(unsigned result, Value value, Value mask);
  SmallVector<Value> payload(ArrayRef<Value> accumulators, Value mask);

  void hoist();
  void emitUnit();
  void emitLanes(llvm::function_ref<void(Value mask)> body);
  void emitParallel(Value mask);
  void planTile();
  void emitTiles();
  void emitReduction();

  linalg::GenericOp op;
  ImplicitLocOpBuilder builder;
  int64_t width;
  Mode mode = Mode::Scalar;
  unsigned lane = 0;
  /// Loops that the team shares, reduced ones, and, of scalar code, the
  /// parallel loop inside a unit; all without the lane dimension.
  SmallVector<unsigned> parallel, reduced, innermost;
  /// Products: the shared loop of which a unit has `rows` indices, and the
  /// vectors of lanes that it sums side by side.
  std::optional<unsigned> row;
  int64_t rows = 1, vectors = 1;
  SmallVector<int64_t> ranges;
  SmallVector<Value> ends;  // the loops' sizes
  SmallVector<Value> at;    // the present iteration; of the lane, its first
  /// What of the payload is the same for all lanes of a unit.
  IRMapping hoisted;
};

/// Whether every operand has `dim` innermost, with unit stride, or not at all.
bool GenericLowering::lastOrAbsent(unsigned dim) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [place, expression] : llvm::enumerate(map.getResults())) {
      if (!expression.isFunctionOfDim(dim))
        continue;
      if (!isa<AffineDimExpr>(expression) || place + 1 != map.getNumResults() ||
          !cast<MemRefType>(operand.get().getType()).isLastDimUnitStride())
        return false;
    }
  }
  return true;
}

/// Whether the payload can run on lanes along `lane`.
bool GenericLowering::payloadFits(unsigned lane) {
  DenseSet<Value> varying;
  for (OpOperand &operand : op->getOpOperands())
    if (op.getMatchingIndexingMap(&operand).isFunctionOfDim(lane) ||
        op.isDpsInit(&operand))
      varying.insert(op.getMatchingBlockArgument(&operand));
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (inner.getNumRegions() != 0)
      return false;
    bool depends = llvm::any_of(inner.getOperands(), [&](Value operand) {
      return varying.contains(operand);
    });
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      depends = index.getDim() == lane;
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      // A row: only the last index runs, and it is the lane's number.
      auto isLane = [&](Value value) {
        auto index = value.getDefiningOp<linalg::IndexOp>();
        return index && index.getDim() == lane;
      };
      for (Value index : load.getIndices().empty()
                             ? ValueRange()
                             : load.getIndices().drop_back())
        if (varying.contains(index))
          return false;
      if (depends && (!isLane(load.getIndices().back()) ||
                      !load.getMemRefType().isLastDimUnitStride()))
        return false;
    } else if (!isa<linalg::IndexOp>(inner) && !isPure(&inner)) {
      return false;
    }
    if (depends)
      varying.insert(inner.result_begin(), inner.result_end());
  }
  return true;
}

/// accumulator = accumulator ∘ term, for a ∘ that has a horizontal form.
bool GenericLowering::isCombiner() {
  if (op.getNumDpsInits() != 1 || op.hasIndexSemantics())
    return false;
  Operation *combiner =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument accumulator = op.getBody()->getArguments().back();
  return combiner && combiner->getBlock() == op.getBody() &&
         isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp, arith::AddIOp>(combiner) &&
         accumulator.hasOneUse() &&
         llvm::is_contained(combiner->getOperands(), accumulator) &&
         combiner->getOperand(0) != combiner->getOperand(1);
}

void GenericLowering::plan() {
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  ranges = op.getStaticLoopRanges();
  SmallVector<std::optional<unsigned>> last;
  for (unsigned result = 0; result < op.getNumDpsInits(); ++result) {
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
    std::optional<unsigned> dim;
    if (map.getNumResults() > 0)
      if (auto expression = dyn_cast<AffineDimExpr>(map.getResults().back()))
        dim = expression.getPosition();
    last.push_back(dim);
  }
  bool same = !last.empty() && last[0] && llvm::all_equal(last) &&
              linalg::isParallelIterator(kinds[*last[0]]);
  // An i1 in memory is a byte, but lanes of them would be bits.
  auto isPlain = [](Type type) {
    return type.isIntOrIndexOrFloat() && !type.isInteger(1);
  };
  bool plain = llvm::all_of(op.getBody()->getArgumentTypes(), isPlain);
  op.getBody()->walk(
      [&](memref::LoadOp load) { plain &= isPlain(load.getType()); });
  std::optional<unsigned> reducedLane;
  for (auto [dim, kind] : llvm::enumerate(kinds))
    if (linalg::isReductionIterator(kind) && lastOrAbsent(dim) &&
        payloadFits(dim) && ranges[dim] != 1)
      reducedLane = dim;
  if (plain && same && lastOrAbsent(*last[0]) && payloadFits(*last[0]) &&
      ranges[*last[0]] != 1) {
    mode = Mode::ParallelLanes;
    lane = *last[0];
  } else if (plain && reducedLane && isCombiner()) {
    mode = Mode::ReductionLanes;
    lane = *reducedLane;
  }
  for (auto [dim, kind] : llvm::enumerate(kinds)) {
    if (mode != Mode::Scalar && dim == lane)
      continue;
    (linalg::isParallelIterator(kind) ? parallel : reduced).push_back(dim);
  }
  // The innermost of several parallel loops stays inside a unit.
  if (mode == Mode::Scalar && parallel.size() > 1) {
    unsigned inner = last[0] && llvm::is_contained(parallel, *last[0])
                         ? *last[0]
                         : parallel.back();
    llvm::erase(parallel, inner);
    innermost = {inner};
  }
}

SmallVector<Value> GenericLowering::loop(
    Value begin, Value end, int64_t step, ValueRange carried,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto forOp = scf::ForOp::create(builder, begin, end, constant(step), carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(forOp.getBody());
  SmallVector<Value> next =
      body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(builder, next);
  return SmallVector<Value>(forOp.getResults());
}

SmallVector<Value> GenericLowering::loopOver(ArrayRef<unsigned> dims,
                                             ValueRange carried, Body body) {
  if (dims.empty())
    return body(carried);
  return loop(constant(0), ends[dims.front()], 1, carried,
              [&](Value number, ValueRange inner) {
                at[dims.front()] = number;
                return loopOver(dims.drop_front(), inner, body);
              });
}

SmallVector<Value> GenericLowering::indicesOf(OpOperand &operand) {
  SmallVector<Value> indices;
  for (AffineExpr expression :
       op.getMatchingIndexingMap(&operand).getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expression)) {
      indices.push_back(at[dim.getPosition()]);
      continue;
    }
    // Other places need not be known yet.
    AffineMap map = AffineMap::get(op.getNumLoops(), 0, expression);
    SmallVector<Value> places;
    for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
      if (map.isFunctionOfDim(dim))
        places.push_back(at[dim]);
    indices.push_back(affine::AffineApplyOp::create(
        builder, compressUnusedDims(map), places));
  }
  return indices;
}

Value GenericLowering::read(OpOperand &operand, Value mask) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return operand.get();
  SmallVector<Value> indices = indicesOf(operand);
  if (mode == Mode::Scalar ||
      !op.getMatchingIndexingMap(&operand).isFunctionOfDim(lane))
    return memref::LoadOp::create(builder, operand.get(), indices);
  auto vector = VectorType::get({width}, type.getElementType());
  if (!mask)
    return vector::LoadOp::create(builder, vector, operand.get(), indices);
  Value zero = arith::ConstantOp::create(builder, builder.getZeroAttr(vector));
  return vector::MaskedLoadOp::create(builder, vector, operand.get(), indices,
                                      mask, zero);
}

void GenericLowering::write(unsigned result, Value value, Value mask) {
  OpOperand &operand = *op.getDpsInitOperand(result);
  SmallVector<Value> indices = indicesOf(operand);
  if (mode == Mode::Scalar ||
      !op.getMatchingIndexingMap(&operand).isFunctionOfDim(lane)) {
    memref::StoreOp::create(builder, value, operand.get(), indices);
    return;
  }
  value = toLanes(builder, value, width);
  if (mask)
    vector::MaskedStoreOp::create(builder, operand.get(), indices, mask, value);
  else
    vector::StoreOp::create(builder, value, operand.get(), indices);
}

/// The payload at the present iteration; `accumulators` stand for the outputs'
/// elements, which are read where there are none.
SmallVector<Value> GenericLowering::payload(ArrayRef<Value> accumulators,
                                            Value mask) {
  IRMapping map = hoisted;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (argument.use_empty() || map.contains(argument))
      continue;
    if (op.isDpsInit(&operand) && !accumulators.empty())
      map.map(argument, accumulators[operand.getOperandNumber() -
                                     op.getNumDpsInputs()]);
    else
      map.map(argument, read(operand, mask));
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (llvm::all_of(inner.getResults(),
                     [&](Value result) { return map.contains(result); }))
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      Value value = at[index.getDim()];
      if (mode != Mode::Scalar && index.getDim() == lane) {
        auto type = VectorType::get({width}, builder.getIndexType());
        Value step = vector::StepOp::create(builder, type);
        value = arith::AddIOp::create(builder, toLanes(builder, value, width),
                                      step);
      }
      map.map(index.getResult(), value);
      continue;
    }
    auto load = dyn_cast<memref::LoadOp>(inner);
    if (load && mode != Mode::Scalar && !load.getIndices().empty() &&
        isa<VectorType>(
            map.lookupOrDefault(load.getIndices().back()).getType())) {
      SmallVector<Value> indices;
      for (Value index : load.getIndices().drop_back())
        indices.push_back(map.lookupOrDefault(index));
      indices.push_back(at[lane]);
      auto type = VectorType::get({width}, load.getType());
      Value loaded;
      if (mask) {
        Value zero =
            arith::ConstantOp::create(builder, builder.getZeroAttr(type));
        loaded = vector::MaskedLoadOp::create(builder, type, load.getMemRef(),
                                              indices, mask, zero);
      } else {
        loaded =
            vector::LoadOp::create(builder, type, load.getMemRef(), indices);
      }
      map.map(load.getResult(), loaded);
      continue;
    }
    if (mode == Mode::Scalar)
      builder.clone(inner, map);
    else
      cloneOnLanes(builder, inner, map, width);
  }
  SmallVector<Value> results;
  for (Value value : op.getBody()->getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(value));
  return results;
}

/// Whole vectors along the lane dimension, then the rest under a mask.
void GenericLowering::emitLanes(llvm::function_ref<void(Value mask)> body) {
  int64_t size = ranges[lane];
  bool isStatic = !ShapedType::isDynamic(size);
  Value end = ends[lane];
  Value whole =
      isStatic ? constant(size / width * width)
               : arith::SubIOp::create(
                     builder, end,
                     arith::RemUIOp::create(builder, end, constant(width)));
  if (!isStatic || size >= width)
    loop(constant(0), whole, width, {}, [&](Value first, ValueRange) {
      at[lane] = first;
      body({});
      return SmallVector<Value>();
    });
  if (isStatic && size % width == 0)
    return;
  auto masked = [&] {
    at[lane] = whole;
    Value rest = arith::SubIOp::create(builder, end, whole);
    body(vector::CreateMaskOp::create(
        builder, VectorType::get({width}, builder.getI1Type()), rest));
  };
  if (isStatic)
    return masked();
  Value any = arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, whole,
                                    end);
  auto branch = scf::IfOp::create(builder, any, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  masked();
}

/// One place of the outputs (or one vector of places), all reduced terms.
void GenericLowering::emitParallel(Value mask) {
  if (reduced.empty()) {
    for (auto [number, value] : llvm::enumerate(payload({}, mask)))
      write(number, value, mask);
    return;
  }
  SmallVector<Value> initial;
  for (OpOperand &init : op.getDpsInitsMutable())
    initial.push_back(read(init, mask));
  SmallVector<Value> sums =
      loopOver(reduced, initial, [&](ValueRange carried) {
        SmallVector<Value> next = payload(SmallVector<Value>(carried), mask);
        for (auto [value, old] : llvm::zip(next, carried))
          if (isa<VectorType>(old.getType()))
            value = toLanes(builder, value, width);
        return next;
      });
  for (auto [number, value] : llvm::enumerate(sums))
    write(number, value, mask);
}

/// One place of the output; lanes are terms of its reduction.
void GenericLowering::emitReduction() {
  Operation *combiner =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  Type element = cast<MemRefType>(op.getDpsInits()[0].getType()).getElementType();
  auto type = VectorType::get({width}, element);
  vector::CombiningKind kind =
      llvm::TypeSwitch<Operation *, vector::CombiningKind>(combiner)
          .Case<arith::MulFOp>([](auto) { return vector::CombiningKind::MUL; })
          .Case<arith::MaximumFOp>([](auto) { return vector::CombiningKind::MAXIMUMF; })
          .Case<arith::MinimumFOp>([](auto) { return vector::CombiningKind::MINIMUMF; })
          .Case<arith::MaxNumFOp>([](auto) { return vector::CombiningKind::MAXNUMF; })
          .Case<arith::MinNumFOp>([](auto) { return vector::CombiningKind::MINNUMF; })
          .Default([](auto) { return vector::CombiningKind::ADD; });
  // Lanes start from the neutral element; the output's element joins at the end.
  TypedAttr neutral = *arith::getNeutralElement(combiner);
  Value neutralLanes = arith::ConstantOp::create(
      builder, DenseElementsAttr::get(type, Attribute(neutral)));
  OpOperand &output = *op.getDpsInitOperand(0);
  auto combine = [&](Value a, Value b) {
    OperationState state(op.getLoc(), combiner->getName(), {a, b}, a.getType(),
                         combiner->getAttrs());
    return builder.create(state)->getResult(0);
  };
  auto term = [&](Value sum, Value mask) {
    Value next = toLanes(builder, payload(sum, mask)[0], width);
    // Lanes beyond the end keep what they had.
    return mask ? Value(arith::SelectOp::create(builder, mask, next, sum)) : next;
  };
  constexpr int64_t kPartials = 4;
  SmallVector<Value> sums = loopOver(
      reduced, neutralLanes, [&](ValueRange carried) -> SmallVector<Value> {
        Value sum = carried[0], end = ends[lane];
        int64_t size = ranges[lane];
        bool isStatic = !ShapedType::isDynamic(size);
        auto upTo = [&](int64_t step) -> Value {
          if (isStatic)
            return constant(size / step * step);
          return arith::SubIOp::create(
              builder, end,
              arith::RemUIOp::create(builder, end, constant(step)));
        };
        Value quads = upTo(width * kPartials), whole = upTo(width);
        SmallVector<Value> partials(kPartials, neutralLanes);
        partials[0] = sum;
        partials = loop(constant(0), quads, width * kPartials, partials,
                        [&](Value first, ValueRange inner) {
                          SmallVector<Value> next;
                          for (int64_t part = 0; part < kPartials; ++part) {
                            at[lane] = arith::AddIOp::create(
                                builder, first, constant(part * width));
                            next.push_back(term(inner[part], {}));
                          }
                          return next;
                        });
        sum = combine(combine(partials[0], partials[1]),
                      combine(partials[2], partials[3]));
        sum = loop(quads, whole, width, sum,
                   [&](Value first, ValueRange inner) -> SmallVector<Value> {
                     at[lane] = first;
                     return {term(inner[0], {})};
                   })[0];
        if (isStatic && size % width == 0)
          return {sum};
        at[lane] = whole;
        Value rest = arith::SubIOp::create(builder, end, whole);
        Value mask = vector::CreateMaskOp::create(
            builder, VectorType::get({width}, builder.getI1Type()), rest);
        return {term(sum, mask)};
      });
  Value total = vector::ReductionOp::create(
      builder, kind, sums[0],
      isa<FloatType>(element) ? arith::FastMathFlags::reassoc
                              : arith::FastMathFlags::none);
  mode = Mode::Scalar;
  Value initial = read(output, {});
  write(0, combine(initial, total), {});
  mode = Mode::ReductionLanes;
}

/// Emits what does not depend on the lane in front of the loop over lanes: the
/// scale of a row is then computed once a row. Loads stay in the payload.
void GenericLowering::hoist() {
  hoisted.clear();
  for (OpOperand *operand : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(operand);
    if (!argument.use_empty() &&
        !op.getMatchingIndexingMap(operand).isFunctionOfDim(lane))
      hoisted.map(argument, read(*operand, {}));
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    bool isFixed = llvm::all_of(inner.getOperands(), [&](Value operand) {
      return hoisted.contains(operand) ||
             operand.getParentBlock() != op.getBody();
    });
    if (isFixed && isPure(&inner) && !isa<linalg::IndexOp>(inner))
      builder.clone(inner, hoisted);
  }
}

/// A sum over few loops of a product that reads more than it writes keeps a
/// tile of sums in registers: each element that is read serves several.
void GenericLowering::planTile() {
  if (mode != Mode::ParallelLanes || reduced.empty() ||
      op.getNumDpsInits() != 1 || ShapedType::isDynamic(ranges[lane]) ||
      ranges[lane] % width != 0)
    return;
  auto divisor = [](int64_t size, int64_t most) {
    while (size % most != 0)
      --most;
    return most;
  };
  const int64_t sums = std::max<int64_t>(width, 8);
  vectors = divisor(ranges[lane] / width, std::min(kTileVectors, sums / 4));
  auto readsLane = [&](OpOperand *operand, unsigned dim) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    return map.isFunctionOfDim(lane) && !map.isFunctionOfDim(dim);
  };
  for (unsigned dim : llvm::reverse(parallel)) {
    if (ShapedType::isDynamic(ranges[dim]) || ranges[dim] == 1 ||
        llvm::none_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
          return readsLane(operand, dim);
        }))
      continue;
    row = dim;
    rows = divisor(ranges[dim], std::min(kTileRows, sums / vectors));
    return;
  }
}

/// A tile of `rows` × `vectors` sums at a time.
void GenericLowering::emitTiles() {
  Value firstRow = row ? at[*row] : Value();
  auto atEach = [&](Value firstLane, llvm::function_ref<void()> visit) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        if (row)
          at[*row] = arith::AddIOp::create(builder, firstRow, constant(r));
        at[lane] =
            arith::AddIOp::create(builder, firstLane, constant(v * width));
        visit();
      }
  };
  loop(constant(0), ends[lane], width * vectors, {},
       [&](Value first, ValueRange) -> SmallVector<Value> {
         SmallVector<Value> sums;
         OpOperand &output = *op.getDpsInitOperand(0);
         atEach(first, [&] { sums.push_back(read(output, {})); });
         sums = loopOver(reduced, sums, [&](ValueRange carried) {
           SmallVector<Value> next;
           atEach(first, [&] {
             next.push_back(toLanes(
                 builder, payload(carried[next.size()], {})[0], width));
           });
           return next;
         });
         unsigned next = 0;
         atEach(first, [&] { write(0, sums[next++], {}); });
         return {};
       });
}

/// Everything at one place of the shared parallel dimensions.
void GenericLowering::emitUnit() {
  switch (mode) {
  case Mode::ParallelLanes:
    if (rows * vectors > 1)
      return emitTiles();
    if (reduced.empty())
      hoist();
    return emitLanes([&](Value mask) { emitParallel(mask); });
  case Mode::ReductionLanes:
    return emitReduction();
  case Mode::Scalar:
    loopOver(innermost, {}, [&](ValueRange) {
      emitParallel({});
      return SmallVector<Value>();
    });
    return;
  }
}

void GenericLowering::run() {
  plan();
  SmallVector<Range> domain =
      cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(builder, op.getLoc());
  for (const Range &range : domain)
    ends.push_back(
        getValueOrCreateConstantIndexOp(builder, op.getLoc(), range.size));
  at.assign(ends.size(), Value());
  planTile();
  if (row)
    ends[*row] = constant(ranges[*row] / rows);
  auto toRows = [&] {
    if (row)
      at[*row] = arith::MulIOp::create(builder, at[*row], constant(rows));
  };
  // Work of one unit and of all, as far as it is known.
  int64_t unitWork = 1, units = 1;
  for (auto [dim, size] : llvm::enumerate(ranges)) {
    bool shared = llvm::is_contained(parallel, dim);
    int64_t known = ShapedType::isDynamic(size) ? (shared ? 0 : 64) : size;
    if (row == dim)
      unitWork *= rows, known /= rows;
    if (!shared)
      unitWork *= std::max<int64_t>(1, known);
    else
      units = known == 0 ? 0 : units * known;
  }
  bool nested = op->getParentOfType<scf::ForallOp>() ||
                op->getParentOfType<kernel::TeamOp>();
  bool serial = nested || parallel.empty() ||
                (units > 0 && units * unitWork <= kSerialWork) || units == 1;
  if (serial) {
    loopOver(parallel, {}, [&](ValueRange) {
      toRows();
      emitUnit();
      return SmallVector<Value>();
    });
    op.erase();
    return;
  }
  Value count = constant(1);
  for (unsigned dim : parallel)
    count = arith::MulIOp::create(builder, count, ends[dim]);
  auto forall = scf::ForallOp::create(builder, SmallVector<OpFoldResult>{count},
                                      ValueRange(), std::nullopt);
  forall->setAttr(kernel::kGrain,
                  builder.getI64IntegerAttr(std::max<int64_t>(
                      1, kSerialWork / 4 / std::max<int64_t>(1, unitWork))));
  builder.setInsertionPointToStart(forall.getBody());
  Value rest = forall.getInductionVar(0);
  for (unsigned dim : llvm::reverse(parallel)) {
    if (dim == parallel.front()) {
      at[dim] = rest;
      break;
    }
    at[dim] = arith::RemUIOp::create(builder, rest, ends[dim]);
    rest = arith::DivUIOp::create(builder, rest, ends[dim]);
  }
  toRows();
  emitUnit();
  op.erase();
}

struct LowerGenerics : seqc::impl::LowerGenericsBase<LowerGenerics> {
  using LowerGenericsBase::LowerGenericsBase;
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> operations;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics())
        operations.push_back(op);
    });
    for (linalg::LinalgOp op : operations) {
      auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
      if (!generic) {
        rewriter.setInsertionPoint(op);
        FailureOr<linalg::GenericOp> general =
            linalg::generalizeNamedOp(rewriter, op);
        if (failed(general))
          continue;
        generic = *general;
      }
      GenericLowering(generic, lanes).run();
    }
  }
};
} // namespace
