//===- ScanToLoops.cpp - an associative scan as a loop over slices ------------------===//

#include "TimeSlice.h"

#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace seqc {
#define GEN_PASS_DEF_SCANTOLOOPS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
class Conversion {
public:
  explicit Conversion(seq::ScanOp op)
      : op(op), rewriter(op), loc(op.getLoc()), dim(op.getDim()) {}
  void run();

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  }
  SmallVector<Value> combine(OpBuilder &builder, ValueRange earlier,
                             ValueRange later);

  seq::ScanOp op;
  IRRewriter rewriter;
  Location loc;
  int64_t dim;
};

SmallVector<Value> Conversion::combine(OpBuilder &builder, ValueRange earlier,
                                       ValueRange later) {
  Block &body = op.getCombiner().front();
  IRMapping map;
  map.map(body.getArguments().take_front(earlier.size()), earlier);
  map.map(body.getArguments().take_back(later.size()), later);
  for (Operation &inner : body.without_terminator())
    builder.clone(inner, map);
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(value));
  return results;
}

void Conversion::run() {
  unsigned count = op.getInputs().size();
  Value zero = constant(0), one = constant(1);
  Value length =
      rewriter.createOrFold<tensor::DimOp>(loc, op.getInputs()[0], dim);
  // The outputs, then what is combined so far.
  SmallVector<Value> carried;
  for (Value input : op.getInputs())
    carried.push_back(tensor::EmptyOp::create(
        rewriter, loc, tensor::getMixedSizes(rewriter, loc, input),
        getElementTypeOrSelf(input.getType())));
  bool hasInit = !op.getInitials().empty();
  if (hasInit)
    llvm::append_range(carried, op.getInitials());
  else
    for (Value input : op.getInputs()) {
      auto slice = op.getSliceType(cast<RankedTensorType>(input.getType()));
      SmallVector<OpFoldResult> sizes =
          tensor::getMixedSizes(rewriter, loc, input);
      sizes.erase(sizes.begin() + dim);
      carried.push_back(tensor::EmptyOp::create(rewriter, loc, sizes,
                                                slice.getElementType()));
    }

  auto loop = scf::ForOp::create(rewriter, loc, zero, length, one, carried);
  loop->setAttr(kernel::kSequential, rewriter.getUnitAttr());
  rewriter.setInsertionPointToStart(loop.getBody());
  Value step = loop.getInductionVar(), time = step;
  if (op.getReverse())
    time = arith::SubIOp::create(
        rewriter, loc, arith::SubIOp::create(rewriter, loc, length, one), step);
  SmallVector<Value> slices;
  for (Value input : op.getInputs()) {
    TimeSlice at(rewriter, loc, input, dim, time);
    slices.push_back(tensor::ExtractSliceOp::create(
        rewriter, loc, op.getSliceType(cast<RankedTensorType>(input.getType())),
        input, at.offsets, at.sizes, at.strides));
  }
  ValueRange before = loop.getRegionIterArgs().take_back(count);
  SmallVector<Value> after;
  if (hasInit) {
    after = combine(rewriter, before, slices);
  } else {
    // Before the first time there is nothing to combine with.
    Value first = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        step, zero);
    auto choice = scf::IfOp::create(
        rewriter, loc, first,
        [&](OpBuilder &b, Location) { scf::YieldOp::create(b, loc, slices); },
        [&](OpBuilder &b, Location) {
          scf::YieldOp::create(b, loc, combine(b, before, slices));
        });
    llvm::append_range(after, choice.getResults());
  }
  SmallVector<Value> next;
  for (unsigned i = 0; i < count; ++i) {
    Value sequence = loop.getRegionIterArg(i);
    TimeSlice at(rewriter, loc, sequence, dim, time);
    next.push_back(tensor::InsertSliceOp::create(
        rewriter, loc, op.getExclusive() ? before[i] : after[i], sequence,
        at.offsets, at.sizes, at.strides));
  }
  llvm::append_range(next, after);
  scf::YieldOp::create(rewriter, loc, next);
  rewriter.replaceOp(op, loop.getResults().take_front(op.getNumResults()));
}

struct ScanToLoops : seqc::impl::ScanToLoopsBase<ScanToLoops> {
  void runOnOperation() override {
    SmallVector<seq::ScanOp> scans;
    getOperation().walk([&](seq::ScanOp op) { scans.push_back(op); });
    for (seq::ScanOp op : scans)
      Conversion(op).run();
  }
};
} // namespace
