//===- SeqBlockScan.cpp - associative scans by blocks of time ----------------------===//
//
// Reduce, scan, apply [Blelloch 1990], with the blocks as a dimension:
//
//   [front] | block 0 | … | block N-1 | rest          (in the order of the scan)
//
//   sum[b]    = the combination of block b               all blocks at once
//   prefix[b] = e ∘ sum[0] ∘ … ∘ sum[b-1]                one after the other
//   block b   = scan of it, from prefix[b]               all blocks at once
//   rest      = scan of it, from the end of block N-1
//
// Nothing is padded and nothing is copied: a block has L = ⌊T/N⌋ times and the
// rest fewer than N, and the outputs are written to a tensor with room for whole
// blocks at both ends, of which the result is a slice. Where there is no initial
// tuple the front is the first time, which then serves as one.
//
// One block is the sequential form: [front] and rest.
//
//===----------------------------------------------------------------------===//

#include "ScanForm.h"
#include "TimeLifter.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/IntEqClasses.h"

#include <vector>

namespace seqc {
#define GEN_PASS_DEF_SEQBLOCKSCAN
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {

/// Numbers of times, known or not.
class Count {
public:
  Count(OpBuilder &builder, Location loc, OpFoldResult value)
      : builder(&builder), loc(loc), value(value) {}
  Count of(int64_t constant) const {
    return {*builder, loc, builder->getIndexAttr(constant)};
  }
  operator OpFoldResult() const { return value; }
  int64_t known() const {
    return getConstantIntValue(value).value_or(ShapedType::kDynamic);
  }

  template <typename Op>
  Count apply(Count other) const {
    Value a = asValue(), b = other.asValue();
    return {*builder, loc,
            getAsOpFoldResult(builder->createOrFold<Op>(loc, a, b))};
  }
  Count operator+(Count other) const { return apply<arith::AddIOp>(other); }
  Count operator-(Count other) const { return apply<arith::SubIOp>(other); }
  Count operator*(Count other) const { return apply<arith::MulIOp>(other); }
  Count operator/(Count other) const { return apply<arith::DivUIOp>(other); }
  Count min(Count other) const { return apply<arith::MinUIOp>(other); }
  Count max(Count other) const { return apply<arith::MaxUIOp>(other); }
  /// `yes` where this is at least `bound`, else `no`.
  Count atLeast(Count bound, Count yes, Count no) const {
    Value condition = builder->createOrFold<arith::CmpIOp>(
        loc, arith::CmpIPredicate::uge, asValue(), bound.asValue());
    return {*builder, loc,
            getAsOpFoldResult(builder->createOrFold<arith::SelectOp>(
                loc, condition, yes.asValue(), no.asValue()))};
  }

private:
  Value asValue() const {
    return getValueOrCreateConstantIndexOp(*builder, loc, value);
  }
  OpBuilder *builder;
  Location loc;
  OpFoldResult value;
};

/// A range of a dimension.
struct Span {
  int64_t dim;
  Count begin, size;
};

class Blocks {
public:
  Blocks(seq::ScanOp op, int64_t blocks)
      : op(op), builder(op), loc(op.getLoc()), dim(op.getDim()),
        reverse(op.getReverse()), numBlocks(blocks) {}

  /// Whether the combiner can combine all blocks at once.
  bool canLift();
  /// Blocks side by side, or one time after the other.
  void runBlocks();
  void runSequential();

private:
  using Values = SmallVector<Value>;
  /// Builds outputs and next states from slices of inputs and states.
  using Body = llvm::function_ref<Values(OpBuilder &, ValueRange, ValueRange)>;

  Count constant(int64_t value) {
    return {builder, loc, builder.getIndexAttr(value)};
  }
  bool isWhole(ArrayRef<Span> ranges);
  Value slice(Value tensor, ArrayRef<Span> ranges,
              ArrayRef<int64_t> dropped = {});
  Value insert(Value part, Value tensor, ArrayRef<Span> ranges);
  SmallVector<ReassociationIndices> groupsAround(int64_t rank);
  Value splitBlocks(Value sequence, Count length);
  Value joinBlocks(Value blocks);
  Value emptyLike(Value like, ArrayRef<std::pair<int64_t, Count>> inserted);
  seq::RecurrenceOp recur(int64_t along, ValueRange ins, ValueRange outs,
                          ValueRange inits, Body body);
  Values combine(OpBuilder &inner, ValueRange earlier, ValueRange later);
  Values combineBlocks(OpBuilder &inner, ValueRange earlier, ValueRange later,
                       ArrayRef<unsigned> wanted);
  std::vector<SmallVector<unsigned>> findComponents();
  Values reduceBlocks(ValueRange parts, Count length);
  /// The range of a dimension of `total` that is `size` from `begin` on in the
  /// order of the scan.
  Span inOrder(int64_t along, Count total, Count begin, Count size) {
    return {along, reverse ? total - begin - size : begin, size};
  }
  Values readOnes(ValueRange members) {
    return llvm::map_to_vector(read, [&](unsigned i) { return members[i]; });
  }
  void begin();
  void replace(ValueRange outputs, ValueRange totals);
  Values runFront(Count times, Count front, ArrayRef<Span> to);
  seq::RecurrenceOp runRest(Count times, Count begin, Count rest,
                            ArrayRef<Span> to, ValueRange states);
  void write(seq::RecurrenceOp part, ArrayRef<Span> ranges);
  Values slices(ValueRange tensors, ArrayRef<Span> ranges,
                ArrayRef<int64_t> dropped = {});
  Values outputsOf(ValueRange states, ValueRange next);
  Count countTimes() { return {builder, loc, times}; }
  void findInvariants();
  Values repeatInvariants(int64_t count);
  Values laterOf(ValueRange slices, ValueRange invariants);

  seq::ScanOp op;
  OpBuilder builder;
  Location loc;
  int64_t dim;
  bool reverse;
  int64_t numBlocks;
  /// Numbers of the sequences among the results that are read.
  SmallVector<unsigned> read;
  /// Inputs that differ from time to time, and for each input its slice if it
  /// is the same at all times.
  Values varying, invariant;
  /// The tensors that the results which are read are written to.
  Values written;
  /// The number of times.
  OpFoldResult times;
  bool isSequential = false;
};
} // namespace

static SmallVector<OpFoldResult> ones(OpBuilder &builder, int64_t count) {
  return SmallVector<OpFoldResult>(count, builder.getIndexAttr(1));
}

/// Offsets and sizes of the part of `tensor` within the ranges.
static std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>
partOf(OpBuilder &builder, Location loc, Value tensor,
       ArrayRef<Span> ranges) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  for (const Span &range : ranges) {
    offsets[range.dim] = range.begin;
    sizes[range.dim] = range.size;
  }
  return {offsets, sizes};
}

/// Whether the ranges are all of a sequence, where every one is of all times.
bool Blocks::isWhole(ArrayRef<Span> ranges) {
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
      shape.push_back(
          getConstantIntValue(size).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, type.getElementType());
}

Value Blocks::slice(Value tensor, ArrayRef<Span> ranges,
                    ArrayRef<int64_t> dropped) {
  if (isWhole(ranges))
    return tensor;
  auto [offsets, sizes] = partOf(builder, loc, tensor, ranges);
  auto type = cast<RankedTensorType>(tensor.getType());
  return tensor::ExtractSliceOp::create(
      builder, loc, typeOfSizes(type, sizes, dropped), tensor, offsets, sizes,
      ones(builder, sizes.size()));
}

/// Dimensions that the part lacks have a range of 1.
Value Blocks::insert(Value part, Value tensor, ArrayRef<Span> ranges) {
  if (isWhole(ranges) && part.getType() == tensor.getType())
    return part;
  auto [offsets, sizes] = partOf(builder, loc, tensor, ranges);
  return tensor::InsertSliceOp::create(builder, loc, part, tensor, offsets,
                                       sizes, ones(builder, sizes.size()));
}

/// Blocks and times are one group, every other dimension is its own.
SmallVector<ReassociationIndices> Blocks::groupsAround(int64_t rank) {
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
Value Blocks::splitBlocks(Value sequence, Count length) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, sequence);
  sizes[dim] = builder.getIndexAttr(numBlocks);
  sizes.insert(sizes.begin() + dim + 1, length);
  return tensor::ExpandShapeOp::create(
      builder, loc,
      typeOfSizes(cast<RankedTensorType>(sequence.getType()), sizes), sequence,
      groupsAround(sizes.size()), sizes);
}

Value Blocks::joinBlocks(Value blocks) {
  int64_t rank = cast<RankedTensorType>(blocks.getType()).getRank();
  return tensor::CollapseShapeOp::create(builder, loc, blocks,
                                         groupsAround(rank));
}

/// An unwritten tensor of the sizes of a slice of `like`, a sequence, with
/// dimensions inserted.
Value Blocks::emptyLike(Value like,
                        ArrayRef<std::pair<int64_t, Count>> inserted) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, like);
  sizes.erase(sizes.begin() + dim);
  for (auto &[at, size] : inserted)
    sizes.insert(sizes.begin() + at, size);
  return tensor::EmptyOp::create(builder, loc, sizes,
                                 getElementTypeOrSelf(like.getType()));
}

seq::RecurrenceOp Blocks::recur(int64_t along, ValueRange ins, ValueRange outs,
                                ValueRange inits, Body body) {
  auto recurrence = seq::RecurrenceOp::create(builder, loc, along, reverse, ins,
                                              outs, inits);
  Block &block = recurrence.getBody().emplaceBlock();
  for (Value sequence : llvm::concat<Value>(Values(ins), Values(outs)))
    block.addArgument(recurrence.getSliceType(
                          cast<RankedTensorType>(sequence.getType())),
                      loc);
  for (Value state : inits)
    block.addArgument(state.getType(), loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  Values yielded = body(inner, ValueRange(recurrence.getInputSlices()),
                        ValueRange(recurrence.getStateArguments()));
  seq::YieldOp::create(inner, loc, yielded);
  return recurrence;
}

Blocks::Values Blocks::combine(OpBuilder &inner, ValueRange earlier,
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
Blocks::Values Blocks::combineBlocks(OpBuilder &inner, ValueRange earlier,
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
std::vector<SmallVector<unsigned>> Blocks::findComponents() {
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

/// The combination of every block but the last. Members that do not meet are
/// recurrences of their own, each over the dimensions that it has.
Blocks::Values Blocks::reduceBlocks(ValueRange parts, Count length) {
  Values repeated = repeatInvariants(numBlocks - 1), sums;
  for (Value input : op.getInputs())
    sums.push_back(emptyLike(input, {{dim, constant(numBlocks - 1)}}));
  Count start = length.min(constant(1)), zero = constant(0);
  Span summed =
      inOrder(dim, constant(numBlocks), zero, constant(numBlocks - 1));
  Values firstTimes, otherTimes;
  for (Value part : parts) {
    firstTimes.push_back(
        slice(part, {summed, inOrder(dim + 1, length, zero, start)}));
    otherTimes.push_back(
        slice(part, {summed, inOrder(dim + 1, length, start, length - start)}));
  }
  Values empty(sums);
  for (ArrayRef<unsigned> members : findComponents()) {
    auto pick = [&](ValueRange all) {
      return llvm::map_to_vector(members, [&](unsigned i) { return all[i]; });
    };
    // Copies, which share no dimension.
    Values firsts;
    for (unsigned i : members) {
      auto first = recur(dim + 1, firstTimes, {}, empty[i],
                         [&](OpBuilder &, ValueRange slices, ValueRange) {
                           return Values{laterOf(slices, repeated)[i]};
                         });
      firsts.push_back(first.getStateResults().front());
    }
    auto reduced =
        recur(dim + 1, otherTimes, {}, firsts,
              [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
                Values earlier(empty);
                for (auto [i, state] : llvm::zip(members, states))
                  earlier[i] = state;
                return combineBlocks(inner, earlier, laterOf(slices, repeated),
                                     members);
              });
    for (auto [i, sum] : llvm::zip(members, reduced.getStateResults()))
      sums[i] = sum;
  }
  return sums;
}

bool Blocks::canLift() {
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
void Blocks::findInvariants() {
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
Blocks::Values Blocks::repeatInvariants(int64_t count) {
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
Blocks::Values Blocks::laterOf(ValueRange slices, ValueRange invariants) {
  Values tuple;
  for (Value slice : invariants) {
    tuple.push_back(slice ? slice : slices.front());
    if (!slice)
      slices = slices.drop_front();
  }
  return tuple;
}

void Blocks::begin() {
  builder.setInsertionPoint(op);
  for (Value input : op.getInputs())
    if (!times || !isa<Attribute>(times))
      times = tensor::getMixedSize(builder, loc, input, dim);
  findInvariants();
  for (OpResult result : op.getSequenceResults())
    if (!result.use_empty())
      read.push_back(result.getResultNumber());
}

Blocks::Values Blocks::slices(ValueRange tensors, ArrayRef<Span> ranges,
                              ArrayRef<int64_t> dropped) {
  return llvm::map_to_vector(
      tensors, [&](Value v) { return slice(v, ranges, dropped); });
}

void Blocks::write(seq::RecurrenceOp part, ArrayRef<Span> ranges) {
  for (auto [tensor, output] : llvm::zip(written, part.getOutputResults()))
    tensor = insert(output, tensor, ranges);
}

Blocks::Values Blocks::outputsOf(ValueRange states, ValueRange next) {
  Values yielded = readOnes(op.getExclusive() ? states : next);
  llvm::append_range(yielded, next);
  return yielded;
}

/// The initial tuple, or else the first time, which is written. (There is no
/// tuple to hand over where there are no times.)
Blocks::Values Blocks::runFront(Count times, Count front, ArrayRef<Span> to) {
  if (!op.getInitials().empty())
    return Values(op.getInitials());
  Values unwritten;
  for (Value input : op.getInputs())
    unwritten.push_back(emptyLike(input, {}));
  SmallVector<int64_t> dropped;
  if (to.size() == 2)
    dropped.push_back(dim);
  auto only = recur(
      dim, slices(varying, inOrder(dim, times, constant(0), front)),
      slices(written, to, dropped), unwritten,
      [&](OpBuilder &, ValueRange slices, ValueRange) {
        Values tuple = laterOf(slices, invariant), yielded = readOnes(tuple);
        llvm::append_range(yielded, tuple);
        return yielded;
      });
  write(only, to);
  return Values(only.getStateResults());
}

/// Times from `begin` on, one after the other.
seq::RecurrenceOp Blocks::runRest(Count times, Count begin, Count rest,
                                  ArrayRef<Span> to, ValueRange states) {
  SmallVector<int64_t> dropped;
  if (to.size() == 2)
    dropped.push_back(dim);
  auto after =
      recur(dim, slices(varying, inOrder(dim, times, begin, rest)),
            slices(written, to, dropped), states,
            [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
              return outputsOf(states, combine(inner, states,
                                               laterOf(slices, invariant)));
            });
  write(after, to);
  return after;
}

void Blocks::replace(ValueRange outputs, ValueRange totals) {
  for (auto [i, value] : llvm::zip(read, outputs)) {
    Value result = value;
    if (result.getType() != op.getType(i))
      result = tensor::CastOp::create(builder, loc, op.getType(i), result);
    op.getResult(i).replaceAllUsesWith(result);
  }
  for (auto [total, state] : llvm::zip(op.getTotalResults(), totals))
    total.replaceAllUsesWith(state);
  op.erase();
}

void Blocks::runSequential() {
  isSequential = true;
  begin();
  Count times = countTimes();
  Count front = op.getInitials().empty() ? times.min(constant(1)) : constant(0);
  for (unsigned i : read)
    written.push_back(emptyLike(op.getInputs()[i], {{dim, times}}));
  Values initial =
      runFront(times, front, inOrder(dim, times, constant(0), front));
  Count rest = times - front;
  auto after = runRest(times, front, rest, inOrder(dim, times, front, rest),
                       initial);
  replace(written, after.getStateResults());
}

void Blocks::runBlocks() {
  begin();
  bool hasInit = !op.getInitials().empty();
  Count times = countTimes();
  Count zero = constant(0), one = constant(1), blocks = constant(numBlocks);
  Count front = hasInit ? zero : times.min(one), behind = times - front;
  Count least = constant(numBlocks * numBlocks);
  Count length = behind.atLeast(least, behind / blocks, zero);
  Count inBlocks = length * blocks, rest = behind - inBlocks;

  // Where outputs are written: blocks of so many times, the front at the end of
  // the first one. Few times are all rest, in the block behind the front.
  int64_t before = hasInit ? 0 : 1;
  Count room = behind.atLeast(least, behind / blocks, behind.max(one));
  Count rooms = constant(numBlocks + 1 + before);
  SmallVector<Span> toFront{inOrder(dim, rooms, zero, one),
                            inOrder(dim + 1, room, room - one, front)};
  SmallVector<Span> toBlocks{inOrder(dim, rooms, constant(before), blocks),
                             inOrder(dim + 1, room, zero, length)};
  Count last = behind.atLeast(least, constant(before + numBlocks),
                              constant(before));
  SmallVector<Span> toRest{inOrder(dim, rooms, last, one),
                           inOrder(dim + 1, room, zero, rest)};
  for (unsigned i : read)
    written.push_back(
        emptyLike(op.getInputs()[i], {{dim, rooms}, {dim + 1, room}}));
  Values initial = runFront(times, front, toFront);

  // Reduce.
  Values parts;
  for (Value sequence : varying)
    parts.push_back(splitBlocks(
        slice(sequence, inOrder(dim, times, front, inBlocks)), length));
  Values sums = reduceBlocks(parts, length);

  // Scan: what has been combined in front of each block. Without blocks there
  // is the initial tuple in front of the last one.
  Count others = behind.atLeast(least, constant(numBlocks - 1), zero);
  Span toFirst = inOrder(dim, blocks, zero, one);
  Span toOthers = inOrder(dim, blocks, one, others);
  Span toLast = inOrder(dim, blocks, constant(numBlocks - 1), one);
  Values prefixes;
  for (auto [input, value] : llvm::zip(op.getInputs(), initial))
    prefixes.push_back(
        insert(value, emptyLike(input, {{dim, blocks}}), toFirst));
  auto scanned =
      recur(dim, slices(sums, Span{dim, zero, others}),
            slices(prefixes, toOthers), initial,
            [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
              Values next = combine(inner, states, slices), yielded(next);
              llvm::append_range(yielded, next);
              return yielded;
            });
  for (auto [prefix, others, total] :
       llvm::zip(prefixes, scanned.getOutputResults(),
                 scanned.getStateResults()))
    prefix = insert(total, insert(others, prefix, toOthers), toLast);

  // Apply.
  Values repeated = repeatInvariants(numBlocks);
  auto all = llvm::to_vector(llvm::seq<unsigned>(op.getInputs().size()));
  auto applied =
      recur(dim + 1, parts, slices(written, toBlocks), prefixes,
            [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
              return outputsOf(
                  states, combineBlocks(inner, states,
                                        laterOf(slices, repeated), all));
            });
  write(applied, toBlocks);
  auto after = runRest(times, front + inBlocks, rest, toRest,
                       slices(applied.getStateResults(), toLast, {dim}));

  Span result = inOrder(dim, rooms * room, hasInit ? zero : room - one, times);
  Values outputs;
  for (Value tensor : written)
    outputs.push_back(slice(joinBlocks(tensor), result));
  replace(outputs, after.getStateResults());
}

LogicalResult seqc::rewriteInBlocks(seq::ScanOp op, int64_t blocks) {
  Blocks form(op, blocks);
  if (!op.getAssociative() || !form.canLift())
    return failure();
  form.runBlocks();
  return success();
}

namespace {
struct SeqBlockScan : seqc::impl::SeqBlockScanBase<SeqBlockScan> {
  using SeqBlockScanBase::SeqBlockScanBase;

  void runOnOperation() override {
    if (blocks < 1) {
      getOperation()->emitError("seq-block-scan: ")
          << blocks << " blocks, expected at least 1";
      return signalPassFailure();
    }
    SmallVector<seq::ScanOp> scans;
    getOperation()->walk([&](seq::ScanOp op) { scans.push_back(op); });
    for (seq::ScanOp op : scans) {
      Blocks form(op, blocks);
      bool isParallel = blocks > 1 && op.getAssociative();
      if (isParallel && !form.canLift()) {
        op.emitRemark("stays sequential: its combiner cannot be run on several "
                      "blocks at once");
        isParallel = false;
      }
      if (isParallel)
        form.runBlocks();
      else
        form.runSequential();
    }
  }
};
} // namespace
