//===- KernelPackWeights.cpp - what rests on weights alone is done in advance ------===//

#include "PackComputation.h"
#include "PackMatrix.h"
#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

namespace seqc {
#define GEN_PASS_DEF_KERNELPACKWEIGHTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;
using kernel::EntryOp;

namespace {
constexpr StringLiteral kPack = "pack";

/// Finds the values to store: the last ones that are worth it, between weights
/// and the operations that need more than weights.
class Frontier {
public:
  explicit Frontier(ModuleOp module) {
    module.walk([&](Operation *op) {
      if (isComputedInAdvance(op))
        return;
      for (OpOperand &operand : op->getOpOperands())
        if (!isUnread(operand))
          require(operand.get());
    });
  }
  ArrayRef<Value> getValues() const { return values.getArrayRef(); }

private:
  /// Whether all of `op` is part of a computation from weights.
  static bool isComputedInAdvance(Operation *op) {
    for (; op; op = op->getParentOp())
      if (op->getNumResults() && isFromWeights(op->getResult(0)))
        return true;
    return false;
  }
  /// A destination that only tells the shape: replaced by one without a use.
  static bool isUnread(OpOperand &operand) {
    auto op = dyn_cast<linalg::LinalgOp>(operand.getOwner());
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!op || !type || !type.hasStaticShape() || !op.isDpsInit(&operand) ||
        op.payloadUsesValueFromOperand(&operand) ||
        !isFromWeights(operand.get()))
      return false;
    OpBuilder b(op);
    operand.set(tensor::EmptyOp::create(b, op.getLoc(), type.getShape(),
                                        type.getElementType()));
    return true;
  }
  void require(Value value) {
    if (!isFromWeights(value) || !seen.insert(value).second)
      return;
    if (isWorthStoring(value)) {
      values.insert(value);
      return;
    }
    Operation *op = value.getDefiningOp();
    if (isa<seq::WeightOp>(op)) {
      values.insert(value);
      return;
    }
    SetVector<Value> operands(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), operands);
    for (Value operand : operands)
      require(operand);
  }

  DenseSet<Value> seen;
  SetVector<Value> values;
};

/// Every weight can be selected, and stored as it is.
LogicalResult checkWeights(ModuleOp module) {
  WalkResult walk = module.walk([](seq::WeightOp weight) {
    Type element = weight.getType().getElementType();
    if (EntryOp::getElementBytes(element) == 0) {
      weight.emitOpError("weight ")
          << weight.getTensorAttr() << ": a weight file has no elements of type "
          << element;
      return WalkResult::interrupt();
    }
    if (!weight.getIndex())
      return WalkResult::advance();
    WeightIndex index = readWeightIndex(weight.getIndex());
    std::optional<IndexRange> range =
        index.base ? findIndexRange(index.base) : IndexRange{};
    if (!range) {
      weight.emitOpError("weight ")
          << weight.getTensorAttr()
          << ": its index must be a constant, a loop's variable with constant "
             "bounds, or an argument with seq.count (plus a constant)";
      return WalkResult::interrupt();
    }
    int64_t first = range->first + index.offset;
    if (index.table &&
        (first < 0 || first + range->count > index.table.getNumElements())) {
      weight.emitOpError("weight ")
          << weight.getTensorAttr() << ": its index reads a table of "
          << index.table.getNumElements() << " numbers at the places " << first
          << " to " << first + range->count - 1;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

/// The entries of a module, and @pack.
class Packing {
public:
  explicit Packing(ModuleOp module) : module(module), symbols(module) {}

  /// The entry of a computation; a new one if it is new.
  EntryOp getEntry(PackComputation &computation);
  void layOut();
  void createPackFunction();

private:
  std::string chooseName(PackComputation &computation);

  struct Item {
    EntryOp entry;
    PackComputation computation;
  };
  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<EntryOp> byKey;
  llvm::StringSet<> fileNames;
  std::vector<Item> items;
};

std::string Packing::chooseName(PackComputation &computation) {
  OpBuilder b(module.getContext());
  for (int number = 0;; ++number) {
    std::string name = computation.name;
    if (number)
      name += "." + std::to_string(number);
    if (symbols.lookup(name))
      continue;
    // Names of tensors that the program's file holds are unique as well.
    OwningOpRef<EntryOp> entry = EntryOp::create(
        b, module.getLoc(), name, computation.getType(),
        computation.range.count, computation.range.first, 0, 0);
    SmallVector<std::string> names;
    for (int64_t i = 0; i < computation.range.count; ++i)
      names.push_back(entry->getFileName(i));
    if (llvm::any_of(names, [&](StringRef n) { return fileNames.contains(n); }))
      continue;
    fileNames.insert_range(names);
    return name;
  }
}

EntryOp Packing::getEntry(PackComputation &computation) {
  EntryOp &entry = byKey[computation.key];
  if (entry)
    return entry;
  std::string name = chooseName(computation);
  OpBuilder b(module.getContext());
  if (items.empty())
    b.setInsertionPointToStart(module.getBody());
  else
    b.setInsertionPointAfter(items.back().entry);
  entry = EntryOp::create(b, computation.function->getLoc(), name,
                          computation.getType(), computation.range.count,
                          computation.range.first, 0, 0);
  symbols.insert(entry);
  items.push_back({entry, std::move(computation)});
  return entry;
}

void Packing::layOut() {
  auto spaceOf = [](EntryOp entry) {
    return int64_t(llvm::alignTo(entry.getBytes(), EntryOp::kAlignment));
  };
  llvm::MapVector<int64_t, SmallVector<EntryOp>> groups;
  for (Item &item : items)
    groups[item.entry.getCount()].push_back(item.entry);
  int64_t offset = 0;
  for (auto &[count, entries] : groups) {
    int64_t stride = 0;
    for (EntryOp entry : entries)
      stride += spaceOf(entry);
    for (EntryOp entry : entries) {
      entry.setOffset(offset);
      entry.setStride(count > 1 ? stride : spaceOf(entry));
      offset += spaceOf(entry);
    }
    offset += (count - 1) * stride;
  }

  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Item &item : items)
    stream << item.entry << "\n";
  OpBuilder b(module.getContext());
  module->setAttr("kernel.payload_bytes", b.getI64IntegerAttr(offset));
  module->setAttr("kernel.layout_id",
                  b.getI64IntegerAttr(llvm::xxh3_64bits(text)));
}

/// One computation after the other, each in a loop over its index. Nothing is
/// shared between them, so that each one's memory is free when it is stored.
void Packing::createPackFunction() {
  ImplicitLocOpBuilder b(module.getLoc(), module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto pack = func::FuncOp::create(b, kPack, b.getFunctionType({}, {}));
  pack.setPrivate();
  b.setInsertionPointToStart(pack.addEntryBlock());
  IRRewriter rewriter(b.getContext());
  for (Item &item : items) {
    OpBuilder::InsertionGuard guard(b);
    b.setLoc(item.entry.getLoc());
    IndexRange range = item.computation.range;
    Value index, number;
    if (range.count > 1) {
      Value from = arith::ConstantIndexOp::create(b, 0),
            to = arith::ConstantIndexOp::create(b, range.count),
            step = arith::ConstantIndexOp::create(b, 1);
      auto loop = scf::ForOp::create(b, from, to, step);
      b.setInsertionPointToStart(loop.getBody());
      number = index = loop.getInductionVar();
    }
    if (!index || range.first) {
      number = arith::ConstantIndexOp::create(b, range.first);
      if (index)
        number = arith::AddIOp::create(b, index, number);
    }
    Value result = item.computation.getResult();
    Block &body = item.computation.function->getBody().front();
    body.getTerminator()->erase();
    auto store = kernel::StoreEntryOp::create(
        b, result, item.entry.getSymName(), index);
    rewriter.inlineBlockBefore(&body, store, number);
    if (number.use_empty() && number != index)
      number.getDefiningOp()->erase();
  }
  func::ReturnOp::create(b);
}

/// The tensor of the weight file in place of `value`.
void replace(Value value, Value base, EntryOp entry) {
  ImplicitLocOpBuilder b(value.getLoc(), value.getDefiningOp());
  Value index = base;
  if (base)
    if (int64_t first = findIndexRange(base)->first)
      index = arith::SubIOp::create(
          b, base, arith::ConstantIndexOp::create(b, first));
  Value weight = kernel::WeightOp::create(b, value.getType(),
                                          entry.getSymName(), index);
  value.replaceAllUsesWith(weight);
}

struct KernelPackWeights : seqc::impl::KernelPackWeightsBase<KernelPackWeights> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(checkWeights(module)))
      return signalPassFailure();
    Frontier frontier(module);
    if (!frontier.getValues().empty()) {
      if (Operation *other = SymbolTable::lookupSymbolIn(module, kPack)) {
        other->emitError("the name @pack is the compiler's own");
        return signalPassFailure();
      }
      // Copied first: a value may be part of another one's computation.
      Packing packing(module);
      struct Replacement {
        Value value, base;
        EntryOp entry;
      };
      SmallVector<Replacement> replacements;
      for (Value value : frontier.getValues()) {
        PackComputation computation = copyPackComputation(value);
        Value base = computation.base;
        EntryOp entry = packing.getEntry(computation);
        replacements.push_back({value, base, entry});
      }
      for (Replacement &replacement : replacements)
        replace(replacement.value, replacement.base, replacement.entry);
      packing.layOut();
      packing.createPackFunction();
    }
    eraseDead(module);
  }

  static void eraseDead(ModuleOp module) {
    SmallVector<Operation *> all;
    module.walk<WalkOrder::PreOrder>([&](Operation *op) { all.push_back(op); });
    for (Operation *op : llvm::reverse(all))
      if (isOpTriviallyDead(op))
        op->erase();
  }
};
} // namespace
