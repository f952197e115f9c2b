//===- BlockScan.cpp - parts of sequences, and combiners of blocks ----------===//

#include "BlockScan.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;
using namespace seqc;

static SmallVector<OpFoldResult> ones(OpBuilder &builder, int64_t count) {
  return SmallVector<OpFoldResult>(count, builder.getIndexAttr(1));
}

/// Offsets and sizes of the part of `tensor` within the ranges.
static std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>
partOf(OpBuilder &builder, Location loc, Value tensor,
       ArrayRef<TimeSpan> ranges) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  for (const TimeSpan &range : ranges) {
    offsets[range.dim] = range.begin;
    sizes[range.dim] = range.size;
  }
  return {offsets, sizes};
}

/// Whether the ranges are all of a sequence, where every one is of all times.
bool BlockScan::isWhole(ArrayRef<TimeSpan> ranges) {
  return isSequential && ranges.size() == 1 && ranges[0].dim == dim &&
         ranges[0].begin.known() == 0 &&
         OpFoldResult(ranges[0].size) == OpFoldResult(countTimes());
}

static RankedTensorType typeOfSizes(RankedTensorType type,
                                    ArrayRef<OpFoldResult> sizes,
                                    ArrayRef<int64_t> dropped = {}) {
  SmallVector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(sizes))
    if (!llvm::is_contained(dropped, static_cast<int64_t>(i)))
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, type.getElementType());
}

Value BlockScan::slice(Value tensor, ArrayRef<TimeSpan> ranges,
                       ArrayRef<int64_t> dropped) {
  if (isWhole(ranges))
    return tensor;
  auto [offsets, sizes] = partOf(builder, loc, tensor, ranges);
  auto type = typeOfSizes(cast<RankedTensorType>(tensor.getType()), sizes,
                          dropped);
  // Nothing has no place: a slice must begin inside of the tensor.
  if (llvm::is_contained(type.getShape(), 0)) {
    SmallVector<OpFoldResult> kept;
    for (auto [i, size] : llvm::enumerate(sizes))
      if (!llvm::is_contained(dropped, static_cast<int64_t>(i)))
        kept.push_back(size);
    return tensor::EmptyOp::create(builder, loc, kept, type.getElementType());
  }
  return tensor::ExtractSliceOp::create(
      builder, loc, type, tensor, offsets, sizes,
      ones(builder, sizes.size()));
}

/// Dimensions that the part lacks have a range of 1.
Value BlockScan::insert(Value part, Value tensor, ArrayRef<TimeSpan> ranges) {
  if (isWhole(ranges) && part.getType() == tensor.getType())
    return part;
  if (llvm::is_contained(cast<RankedTensorType>(part.getType()).getShape(), 0))
    return tensor;
  auto [offsets, sizes] = partOf(builder, loc, tensor, ranges);
  return tensor::InsertSliceOp::create(builder, loc, part, tensor, offsets,
                                       sizes, ones(builder, sizes.size()));
}

/// Blocks and times are one group, every other dimension is its own.
SmallVector<ReassociationIndices> BlockScan::groupsAround(int64_t rank) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank; ++i) {
    if (i == dim + 1)
      groups.back().push_back(i);
    else
      groups.push_back({i});
  }
  return groups;
}

/// […, N·L, …] as […, N, L, …].
Value BlockScan::splitBlocks(Value sequence, TimeCount length) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, sequence);
  sizes[dim] = builder.getIndexAttr(numBlocks);
  sizes.insert(sizes.begin() + dim + 1, length);
  return tensor::ExpandShapeOp::create(
      builder, loc,
      typeOfSizes(cast<RankedTensorType>(sequence.getType()), sizes), sequence,
      groupsAround(sizes.size()), sizes);
}

Value BlockScan::joinBlocks(Value blocks) {
  int64_t rank = cast<RankedTensorType>(blocks.getType()).getRank();
  return tensor::CollapseShapeOp::create(builder, loc, blocks,
                                         groupsAround(rank));
}

/// An unwritten tensor of the sizes of a slice of `like`, a sequence, with
/// dimensions inserted.
Value BlockScan::emptyLike(Value like,
                           ArrayRef<std::pair<int64_t, TimeCount>> inserted) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, like);
  sizes.erase(sizes.begin() + dim);
  for (auto &[at, size] : inserted)
    sizes.insert(sizes.begin() + at, size);
  return tensor::EmptyOp::create(builder, loc, sizes,
                                 getElementTypeOrSelf(like.getType()));
}

seq::RecurrenceOp BlockScan::recur(int64_t along, ValueRange ins,
                                   ValueRange outs, ValueRange inits,
                                   Body body) {
  auto recurrence =
      seq::RecurrenceOp::create(builder, loc, along, reverse, ins, outs, inits);
  Block &block = recurrence.getBody().emplaceBlock();
  for (Value sequence : llvm::concat<Value>(Values(ins), Values(outs)))
    block.addArgument(
        recurrence.getSliceType(cast<RankedTensorType>(sequence.getType())),
        loc);
  for (Value state : inits)
    block.addArgument(state.getType(), loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  Values yielded = body(inner, ValueRange(recurrence.getInputSlices()),
                        ValueRange(recurrence.getStateArguments()));
  seq::YieldOp::create(inner, loc, yielded);
  return recurrence;
}

BlockScan::Values BlockScan::combine(OpBuilder &inner, ValueRange earlier,
                                     ValueRange later) {
  IRMapping map;
  map.map(op.getEarlier(), earlier);
  map.map(op.getLater(), later);
  Block &combiner = op.getCombiner().front();
  for (Operation &operation : combiner.without_terminator())
    inner.clone(operation, map);
  return llvm::map_to_vector(
      combiner.getTerminator()->getOperands(),
      [&](Value value) { return map.lookupOrDefault(value); });
}

/// Members of the combination of tuples that have the blocks as a further
/// dimension: a recurrence along it, without states, for all its times at once.
BlockScan::Values BlockScan::combineBlocks(OpBuilder &inner, ValueRange earlier,
                                           ValueRange later,
                                           ArrayRef<unsigned> wanted) {
  Values tuples(earlier);
  llvm::append_range(tuples, later);
  auto each = seq::RecurrenceOp::create(inner, loc, dim, /*reverse=*/false,
                                        tuples, earlier, ValueRange());
  IRMapping map;
  op.getCombiner().cloneInto(&each.getBody(), map);
  for (BlockArgument member : op.getEarlier())
    each.getBody().addArgument(member.getType(), loc);
  Values combined;
  {
    DimensionAnalysis dimensions(each);
    OpBuilder before(each);
    TimeLifter lifter(each, dimensions, before);
    for (unsigned i : wanted)
      combined.push_back(lifter.lift(each.getYieldedOutputs()[i]));
  }
  each.erase();
  return combined;
}

/// Members that need each other's earlier values, by a path, or the later ones
/// of the same dimensions: those may as well share a loop.
std::vector<SmallVector<unsigned>> BlockScan::findComponents() {
  Block &combiner = op.getCombiner().front();
  unsigned members = op.getInputs().size();
  llvm::IntEqClasses equal(members);
  for (unsigned i = 0; i < members; ++i) {
    Values needed{combiner.getTerminator()->getOperand(i)};
    DenseSet<Value> seen;
    while (!needed.empty()) {
      Value value = needed.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      auto argument = dyn_cast<BlockArgument>(value);
      if (argument && argument.getOwner() == &combiner) {
        unsigned member = argument.getArgNumber() % members;
        if (argument.getArgNumber() < members ||
            op.getInputs()[member].getType() == op.getInputs()[i].getType())
          equal.join(i, member);
      }
      Operation *definition = value.getDefiningOp();
      if (definition && op->isAncestor(definition))
        definition->walk([&](Operation *nested) {
          llvm::append_range(needed, nested->getOperands());
        });
    }
  }
  equal.compress();
  std::vector<SmallVector<unsigned>> components(equal.getNumClasses());
  for (unsigned i = 0; i < members; ++i)
    components[equal[i]].push_back(i);
  return components;
}

bool BlockScan::canLift() {
  // Asks on tensors that go away again.
  Values tuples;
  for (Value input : op.getInputs())
    tuples.push_back(emptyLike(input, {{dim, constant(numBlocks)}}));
  Values twice(tuples);
  llvm::append_range(twice, tuples);
  auto each = seq::RecurrenceOp::create(builder, loc, dim, /*reverse=*/false,
                                        twice, tuples, ValueRange());
  IRMapping map;
  op.getCombiner().cloneInto(&each.getBody(), map);
  for (BlockArgument member : op.getEarlier())
    each.getBody().addArgument(member.getType(), loc);
  bool can;
  {
    DimensionAnalysis dimensions(each);
    TimeLifter lifter(each, dimensions, builder);
    can = llvm::all_of(each.getYieldedOutputs(),
                       [&](Value value) { return lifter.canLift(value); });
  }
  each.erase();
  for (Value tuple : tuples)
    tuple.getDefiningOp()->erase();
  return can;
}

/// Sequences that are one slice, repeated, need no memory in the loops.
void BlockScan::findInvariants() {
  for (Value input : op.getInputs()) {
    auto broadcast = input.getDefiningOp<linalg::BroadcastOp>();
    bool isRepeated =
        broadcast && broadcast.getDimensions() == ArrayRef<int64_t>{dim};
    invariant.push_back(isRepeated ? broadcast.getInput() : Value());
    if (!isRepeated)
      varying.push_back(input);
  }
  if (!varying.empty())
    return;
  // Something must tell the number of times.
  invariant.front() = {};
  varying.push_back(op.getInputs().front());
}

/// The invariant slices for `count` blocks.
BlockScan::Values BlockScan::repeatInvariants(int64_t count) {
  Values repeated;
  for (auto [input, slice] : llvm::zip(op.getInputs(), invariant)) {
    if (!slice) {
      repeated.push_back({});
      continue;
    }
    Value empty = emptyLike(input, {{dim, constant(count)}});
    repeated.push_back(
        linalg::BroadcastOp::create(builder, loc, slice, empty, {dim})
            ->getResult(0));
  }
  return repeated;
}

/// The tuple of one time.
BlockScan::Values BlockScan::laterOf(ValueRange slices, ValueRange invariants) {
  Values tuple;
  for (Value slice : invariants) {
    tuple.push_back(slice ? slice : slices.front());
    if (!slice)
      slices = slices.drop_front();
  }
  return tuple;
}
