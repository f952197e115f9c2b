//===- SeqBlockScan.cpp - associative scans by blocks of time ---------------===//
//
// Reduce, scan, apply [Blelloch 1990], with the blocks as a dimension:
//
//   [front] | block 0 | … | block N-1 | rest          (in the order of the
//   scan)
//
//   sum[b]    = the combination of block b               all blocks at once
//   prefix[b] = e ∘ sum[0] ∘ … ∘ sum[b-1]                one after the other
//   block b   = scan of it, from prefix[b]               all blocks at once
//   rest      = scan of it, from the end of block N-1
//
// Nothing is padded and nothing is copied: a block has L = ⌊T/N⌋ times and the
// rest fewer than N, and the outputs are written to a tensor with room for
// whole blocks at both ends, of which the result is a slice. Where there is no
// initial tuple the front is the first time, which then serves as one.
//
// One block is the sequential form: [front] and rest.
//
//===----------------------------------------------------------------------===//

#include "BlockScan.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_SEQBLOCKSCAN
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

/// The combination of every block but the last. Members that do not meet are
/// recurrences of their own, each over the dimensions that it has.
BlockScan::Values BlockScan::reduceBlocks(ValueRange parts, TimeCount length) {
  Values repeated = repeatInvariants(numBlocks - 1), sums;
  for (Value input : op.getInputs())
    sums.push_back(emptyLike(input, {{dim, constant(numBlocks - 1)}}));
  TimeCount start = length.min(constant(1)), zero = constant(0);
  TimeSpan summed =
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

void BlockScan::begin() {
  builder.setInsertionPoint(op);
  for (Value input : op.getInputs())
    if (!times || !isa<Attribute>(times))
      times = tensor::getMixedSize(builder, loc, input, dim);
  findInvariants();
  for (OpResult result : op.getSequenceResults())
    if (!result.use_empty())
      read.push_back(result.getResultNumber());
}

BlockScan::Values BlockScan::slices(ValueRange tensors,
                                    ArrayRef<TimeSpan> ranges,
                                    ArrayRef<int64_t> dropped) {
  return llvm::map_to_vector(
      tensors, [&](Value v) { return slice(v, ranges, dropped); });
}

void BlockScan::write(seq::RecurrenceOp part, ArrayRef<TimeSpan> ranges) {
  for (auto [tensor, output] : llvm::zip(written, part.getOutputResults()))
    tensor = insert(output, tensor, ranges);
}

BlockScan::Values BlockScan::outputsOf(ValueRange states, ValueRange next) {
  Values yielded = readOnes(op.getExclusive() ? states : next);
  llvm::append_range(yielded, next);
  return yielded;
}

/// The initial tuple, or else the first time, which is written. (There is no
/// tuple to hand over where there are no times.)
BlockScan::Values BlockScan::runFront(TimeCount times, TimeCount front,
                                      ArrayRef<TimeSpan> to) {
  if (!op.getInitials().empty())
    return Values(op.getInitials());
  Values unwritten;
  for (Value input : op.getInputs())
    unwritten.push_back(emptyLike(input, {}));
  SmallVector<int64_t> dropped;
  if (to.size() == 2)
    dropped.push_back(dim);
  auto only =
      recur(dim, slices(varying, inOrder(dim, times, constant(0), front)),
            slices(written, to, dropped), unwritten,
            [&](OpBuilder &, ValueRange slices, ValueRange) {
              Values tuple = laterOf(slices, invariant),
                     yielded = readOnes(tuple);
              llvm::append_range(yielded, tuple);
              return yielded;
            });
  write(only, to);
  return Values(only.getStateResults());
}

/// Times from `begin` on, one after the other.
seq::RecurrenceOp BlockScan::runRest(TimeCount times, TimeCount begin,
                                     TimeCount rest, ArrayRef<TimeSpan> to,
                                     ValueRange states) {
  SmallVector<int64_t> dropped;
  if (to.size() == 2)
    dropped.push_back(dim);
  auto after =
      recur(dim, slices(varying, inOrder(dim, times, begin, rest)),
            slices(written, to, dropped), states,
            [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
              return outputsOf(
                  states, combine(inner, states, laterOf(slices, invariant)));
            });
  write(after, to);
  return after;
}

void BlockScan::replace(ValueRange outputs, ValueRange totals) {
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

void BlockScan::runSequential() {
  isSequential = true;
  begin();
  TimeCount times = countTimes();
  TimeCount front =
      op.getInitials().empty() ? times.min(constant(1)) : constant(0);
  for (unsigned i : read)
    written.push_back(emptyLike(op.getInputs()[i], {{dim, times}}));
  Values initial =
      runFront(times, front, inOrder(dim, times, constant(0), front));
  TimeCount rest = times - front;
  auto after =
      runRest(times, front, rest, inOrder(dim, times, front, rest), initial);
  replace(written, after.getStateResults());
}

void BlockScan::runBlocks() {
  begin();
  bool hasInit = !op.getInitials().empty();
  TimeCount times = countTimes();
  TimeCount zero = constant(0), one = constant(1), blocks = constant(numBlocks);
  TimeCount front = hasInit ? zero : times.min(one), behind = times - front;
  TimeCount least = constant(numBlocks * numBlocks);
  TimeCount length = behind.atLeast(least, behind / blocks, zero);
  TimeCount inBlocks = length * blocks, rest = behind - inBlocks;

  // Where outputs are written: blocks of so many times, the front at the end of
  // the first one. Few times are all rest, in the block behind the front.
  int64_t before = hasInit ? 0 : 1;
  TimeCount room = behind.atLeast(least, behind / blocks, behind.max(one));
  TimeCount rooms = constant(numBlocks + 1 + before);
  SmallVector<TimeSpan> toFront{inOrder(dim, rooms, zero, one),
                                inOrder(dim + 1, room, room - one, front)};
  SmallVector<TimeSpan> toBlocks{inOrder(dim, rooms, constant(before), blocks),
                                 inOrder(dim + 1, room, zero, length)};
  TimeCount last =
      behind.atLeast(least, constant(before + numBlocks), constant(before));
  SmallVector<TimeSpan> toRest{inOrder(dim, rooms, last, one),
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
  TimeCount others = behind.atLeast(least, constant(numBlocks - 1), zero);
  TimeSpan toFirst = inOrder(dim, blocks, zero, one);
  TimeSpan toOthers = inOrder(dim, blocks, one, others);
  TimeSpan toLast = inOrder(dim, blocks, constant(numBlocks - 1), one);
  Values prefixes;
  for (auto [input, value] : llvm::zip(op.getInputs(), initial))
    prefixes.push_back(
        insert(value, emptyLike(input, {{dim, blocks}}), toFirst));
  auto scanned =
      recur(dim, slices(sums, TimeSpan{dim, zero, others}),
            slices(prefixes, toOthers), initial,
            [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
              Values next = combine(inner, states, slices), yielded(next);
              llvm::append_range(yielded, next);
              return yielded;
            });
  for (auto [prefix, others, total] : llvm::zip(
           prefixes, scanned.getOutputResults(), scanned.getStateResults()))
    prefix = insert(total, insert(others, prefix, toOthers), toLast);

  // Apply.
  Values repeated = repeatInvariants(numBlocks);
  auto all = llvm::to_vector(llvm::seq<unsigned>(op.getInputs().size()));
  auto applied = recur(
      dim + 1, parts, slices(written, toBlocks), prefixes,
      [&](OpBuilder &inner, ValueRange slices, ValueRange states) {
        return outputsOf(states, combineBlocks(inner, states,
                                               laterOf(slices, repeated), all));
      });
  write(applied, toBlocks);
  auto after = runRest(times, front + inBlocks, rest, toRest,
                       slices(applied.getStateResults(), toLast, {dim}));

  TimeSpan result =
      inOrder(dim, rooms * room, hasInit ? zero : room - one, times);
  Values outputs;
  for (Value tensor : written)
    outputs.push_back(slice(joinBlocks(tensor), result));
  replace(outputs, after.getStateResults());
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
      BlockScan form(op, blocks);
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
