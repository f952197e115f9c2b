//===- SplatsToFills.cpp - constants of one value are filled, not stored --------------===//

#include "seqc/Lower/Passes.h"

#include "seq/Seq.h"

namespace seqc {
#define GEN_PASS_DEF_SPLATSTOFILLS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct SplatsToFills : seqc::impl::SplatsToFillsBase<SplatsToFills> {
  void runOnOperation() override {
    getOperation()->walk([](arith::ConstantOp op) {
      auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
      auto type = dyn_cast<RankedTensorType>(op.getType());
      if (!splat || !type || op->getParentOfType<kernel::RecurrenceOp>() ||
          op->getParentOfType<seq::RecurrenceOp>())
        return;
      OpBuilder builder(op);
      Location loc = op.getLoc();
      Value value = arith::ConstantOp::create(
          builder, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
      // Each use gets a buffer of its own: most of them write to it.
      for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
        builder.setInsertionPoint(use.getOwner());
        Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                              type.getElementType());
        use.set(linalg::FillOp::create(builder, loc, value, empty).getResult(0));
      }
      op.erase();
    });
  }
};
} // namespace
