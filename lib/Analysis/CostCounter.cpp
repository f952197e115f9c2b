//===- CostCounter.cpp - counts what operations do -----------------------===//

#include "CostCounter.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;

const MemoryLevel &CostCounter::levelOf(double bytes) const {
  for (const MemoryLevel &level : machine.memory)
    if (level.bytes == 0 ||
        bytes * (level.shared ? machine.cores : 1) <= level.bytes)
      return level;
  return machine.memory.back();
}

double CostCounter::laneFill(double size) const {
  double lanes = machine.lanes;
  return size > 0 ? size / (std::ceil(size / lanes) * lanes) : 1;
}

void CostCounter::bound(llvm::StringRef part, const Expression &seconds) {
  Cost one;
  one.bounds.push_back({part.str(), seconds});
  cost.add(one);
}

void CostCounter::compute(const Tally &tally, double efficiency, double rate) {
  cost.work += tally.work;
  cost.exponentials += tally.exponentials;
  double all = efficiency * machine.cores;
  bound("arithmetic", tally.slots.over(rate * all).folded());
  // On CPUs functions are arithmetic; others have a unit for them.
  bound(machine.exponentialUnit ? "exponentials" : "arithmetic",
        tally.exponentials.over(machine.exp * all).folded());
}

void CostCounter::touch(Value value) {
  if (touched.insert(value).second)
    footprint += sizes.ofBytes(value);
}

void CostCounter::read(Value value) {
  reads += sizes.ofBytes(value);
  touch(value);
}

void CostCounter::write(Value value) {
  writes += sizes.ofBytes(value);
  touch(value);
}

//===----------------------------------------------------------------------===//
// Loops over tensors
//===----------------------------------------------------------------------===//

/// Whether the result is computed in the loop of its only reader.
static bool isFused(Operation *op) {
  if (!isElementwise(op) || !op->getResult(0).hasOneUse())
    return false;
  Operation *user = *op->getResult(0).getUsers().begin();
  return user->getBlock() == op->getBlock() &&
         (isElementwise(user) || isa<linalg::GenericOp>(user));
}

/// A product with a matrix of static shape, which code generation packs.
static bool hasPackedWeight(linalg::LinalgOp op) {
  if (!linalg::isaContractionOpInterface(op))
    return false;
  return llvm::any_of(op.getDpsInputOperands(), [](OpOperand *operand) {
    auto type = dyn_cast<ShapedType>(operand->get().getType());
    return type && type.hasStaticShape() && type.getRank() == 2;
  });
}

/// The size of the dimension that goes to the lanes, or 1: as lower-generics
/// chooses it, that dimension is innermost in every operand that has it. 0 if
/// it is not known.
static double laneSize(Operation *operation, Sizes &sizes) {
  auto op = dyn_cast<linalg::LinalgOp>(operation);
  if (!op) {
    auto type = cast<RankedTensorType>(operation->getResult(0).getType());
    return type.getRank() == 0 ? 1
           : type.isDynamicDim(type.getRank() - 1)
               ? 0
               : double(type.getShape().back());
  }
  SmallVector<Expression> loops = sizes.ofLoops(op);
  auto isAlongLanes = [&](unsigned loop) {
    return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (!map.isFunctionOfDim(loop))
        return true;
      auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
      return last && last.getPosition() == loop &&
             !map.dropResult(map.getNumResults() - 1).isFunctionOfDim(loop);
    });
  };
  SmallVector<unsigned> candidates;
  AffineMap out = op.getIndexingMapsArray().back();
  if (out.getNumResults())
    if (auto last = dyn_cast<AffineDimExpr>(out.getResults().back()))
      candidates.push_back(last.getPosition());
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (!reductions.empty())
    candidates.push_back(reductions.back());
  for (unsigned loop : candidates)
    if (isAlongLanes(loop))
      return loops[loop].isConstant() ? loops[loop].evaluate(1) : 0;
  return 1;
}

void CostCounter::countLoops(Operation *op) {
  Tally tally = getTally(op, sizes);
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  bool isPacked = linalgOp && hasPackedWeight(linalgOp);
  Value result = op->getResult(0);
  double rate =
      bytesOfElement(result.getType()) > 4 ? machine.fma64 : machine.fma32;
  double fill = isPacked ? 1 : laneFill(laneSize(op, sizes));
  compute(tally, (isPacked ? kPackedProduct : kLoops) * fill, rate);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    if (linalgOp && linalgOp.isDpsInit(&operand) &&
        !linalgOp.payloadUsesValueFromOperand(&operand))
      continue;
    Operation *producer = operand.get().getDefiningOp();
    // Neither values of the same loop nor zeros to begin a sum with.
    if (producer && (isFused(producer) || isa<linalg::FillOp>(producer)))
      continue;
    read(operand.get());
  }
  if (isFused(op) || isa<linalg::FillOp>(op))
    return;
  write(result);
  cost.stored += sizes.ofBytes(result);
  dispatch();
}

/// Whether a slice was computed in its place in the destination.
static bool isInPlace(tensor::InsertSliceOp insert) {
  auto computed =
      insert.getSource().getDefiningOp<DestinationStyleOpInterface>();
  if (!computed)
    return false;
  auto slice = computed.getTiedOpOperand(cast<OpResult>(insert.getSource()))
                   ->get()
                   .getDefiningOp<tensor::ExtractSliceOp>();
  return slice && slice.getSource() == insert.getDest();
}

void CostCounter::countMovement(Operation *op) {
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op);
      insert && isInPlace(insert))
    return;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()) &&
        !(isa<tensor::InsertSliceOp>(op) && operand == op->getOperand(1)))
      read(operand);
  for (Value result : op->getResults()) {
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      // The rest of the destination stays where it is.
      writes += sizes.ofBytes(insert.getSource());
      touch(result);
      continue;
    }
    write(result);
    cost.stored += sizes.ofBytes(result);
  }
  dispatch();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

void CostCounter::countAttention(Value query, Value key, Value value,
                                 Value result, seq::MaskAttr mask) {
  Expression keys = sizes.ofDimension(key, 1);
  // Half of the keys are later ones.
  if (mask.isCausal() && mask.hasLeft())
    keys = double(mask.getLeft() + 1);
  else if (mask.isCausal())
    keys = keys.over(2);
  Expression scores = sizes.ofDimension(query, 0) *
                      sizes.ofDimension(query, 1) *
                      sizes.ofDimension(query, 2) * keys;
  Expression depth = sizes.ofDimension(query, 3) + sizes.ofDimension(value, 3);
  Tally tally;
  tally.work = Expression(2) * scores * depth;
  tally.slots = tally.work;
  tally.exponentials = scores;
  compute(tally, kAttention, machine.fma32);
  for (Value operand : {query, key, value})
    read(operand);
  write(result);
  cost.stored += sizes.ofBytes(result);
  dispatch();
}

//===----------------------------------------------------------------------===//
// All operations
//===----------------------------------------------------------------------===//

void CostCounter::count(Operation *op) {
  if (isView(op) || isOpTriviallyDead(op))
    return;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](seq::RecurrenceOp recurrence) { countRecurrence(recurrence); })
      .Case([&](seq::ScanOp scan) { countScan(scan); })
      .Case([&](kernel::AttentionOp op) {
        countAttention(op.getQuery(), op.getKey(), op.getValue(),
                       op.getOutput(), op.getMask());
      })
      .Case([&](seq::AttentionOp op) {
        countAttention(op.getQuery(), op.getKey(), op.getValue(),
                       op.getOutput(), op.getMask());
      })
      .Case([&](seq::CachedAttentionOp op) {
        countAttention(op.getQuery(), op.getKeyCache(), op.getValueCache(),
                       op.getOutput(), op.getMask());
      })
      .Case([&](scf::ForOp loop) {
        // Operations of a layer; the number of iterations is that of the
        // caller.
        for (Operation &inner : loop.getBody()->without_terminator())
          count(&inner);
      })
      .Case([&](scf::IfOp branch) {
        for (Operation &inner : branch.thenBlock()->without_terminator())
          count(&inner);
      })
      .Case<tensor::InsertSliceOp, tensor::ConcatOp, tensor::PadOp,
            tensor::GenerateOp>([&](Operation *) { countMovement(op); })
      .Default([&](Operation *) {
        if (isa<linalg::LinalgOp>(op) || isElementwise(op))
          countLoops(op);
      });
}

/// What lies beyond the nearer level of memory is moved at each level's speed.
/// A copy's time beyond that of reading is what writing takes.
Cost CostCounter::finish() {
  cost.bytes += reads + writes;
  double touchedOften = footprint.isZero() ? 1
                                           : cost.bytes.evaluate(kLongest) /
                                                 footprint.evaluate(kLongest);
  double nearer = 0;
  for (const MemoryLevel &level : machine.memory) {
    double readRate = 1 / level.readAll,
           writeRate = std::max(0.0, 1 / level.copyAll - 1 / level.readAll);
    Expression all =
        reads * Expression(readRate) + writes * Expression(writeRate);
    double perByte = cost.bytes.isZero() ? 0
                                         : all.evaluate(kLongest) /
                                               cost.bytes.evaluate(kLongest);
    bound(level.name,
          (all + Expression(-nearer * touchedOften * perByte)).folded());
    nearer = level.bytes * (level.shared ? 1 : machine.cores);
  }
  return cost;
}

Cost seqc::getCost(ArrayRef<Operation *> operations, const Machine &machine) {
  CostCounter counter(machine);
  for (Operation *op : operations)
    counter.count(op);
  return counter.finish();
}
