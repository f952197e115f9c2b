//===- RecurrenceToLoops.cpp - a recurrence as a loop over slices -------------------===//

#include "TimeSlice.h"

#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace seqc {
#define GEN_PASS_DEF_RECURRENCETOLOOPS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
void toLoop(seq::RecurrenceOp op) {
  IRRewriter rewriter(op);
  Location loc = op.getLoc();
  int64_t dim = op.getDim();
  Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
  Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
  Value length = rewriter.createOrFold<tensor::DimOp>(loc, op.getTimeSource(), dim);
  SmallVector<Value> carried(op.getOutputs());
  llvm::append_range(carried, op.getStates());
  auto loop = scf::ForOp::create(rewriter, loc, zero, length, one, carried);
  loop->setAttr(kernel::kSequential, rewriter.getUnitAttr());
  if (loop.getBody()->mightHaveTerminator() && !loop.getBody()->empty())
    rewriter.eraseOp(loop.getBody()->getTerminator());
  rewriter.setInsertionPointToStart(loop.getBody());
  Value time = loop.getInductionVar();
  if (op.getReverse()) {
    Value last = arith::SubIOp::create(rewriter, loc, length, one);
    time = arith::SubIOp::create(rewriter, loc, last, time);
  }
  auto sliceAt = [&](Value sequence, BlockArgument slice) -> Value {
    TimeSlice at(rewriter, loc, sequence, dim, time);
    return tensor::ExtractSliceOp::create(
        rewriter, loc, cast<RankedTensorType>(slice.getType()), sequence,
        at.offsets, at.sizes, at.strides);
  };
  IRMapping map;
  for (auto [slice, sequence] : llvm::zip(op.getInputSlices(), op.getInputs()))
    map.map(slice, sliceAt(sequence, slice));
  size_t outputs = op.getOutputs().size();
  for (auto [number, slice] : llvm::enumerate(op.getOutputSlices()))
    if (!slice.use_empty())
      map.map(slice, sliceAt(loop.getRegionIterArg(number), slice));
  for (auto [number, state] : llvm::enumerate(op.getStateArguments()))
    map.map(state, loop.getRegionIterArg(outputs + number));
  for (Operation &inner : op.getBody().front().without_terminator())
    rewriter.clone(inner, map);
  SmallVector<Value> next;
  for (auto [number, value] : llvm::enumerate(op.getYieldedOutputs())) {
    Value sequence = loop.getRegionIterArg(number);
    TimeSlice at(rewriter, loc, sequence, dim, time);
    next.push_back(tensor::InsertSliceOp::create(
        rewriter, loc, map.lookupOrDefault(value), sequence, at.offsets,
        at.sizes, at.strides));
  }
  for (Value value : op.getYieldedStates())
    next.push_back(map.lookupOrDefault(value));
  scf::YieldOp::create(rewriter, loc, next);
  rewriter.replaceOp(op, loop.getResults());
}

struct RecurrenceToLoops
    : seqc::impl::RecurrenceToLoopsBase<RecurrenceToLoops> {
  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation().walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp op : recurrences)
      toLoop(op);
  }
};
} // namespace
