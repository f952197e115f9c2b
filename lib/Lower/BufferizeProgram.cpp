//===- BufferizeProgram.cpp - one-shot bufferization of a program -------------------===//

#include "seqc/Lower/Passes.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

namespace seqc {
#define GEN_PASS_DEF_BUFFERIZEPROGRAM
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct BufferizeProgram : seqc::impl::BufferizeProgramBase<BufferizeProgram> {
  void runOnOperation() override {
    // What a caller of the program hands over is read only, but for states.
    auto writable = bufferization::BufferizationDialect::kWritableAttrName;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic())
        for (unsigned i = 0; i < function.getNumArguments(); ++i)
          if (!function.getArgAttr(i, "seq.state") &&
              !function.getArgAttr(i, writable))
            function.setArgAttr(i, writable,
                                BoolAttr::get(&getContext(), false));

    separateFills();
    separateDestinations();
    bufferization::OneShotBufferizationOptions options;
    setOptions(options);
    if (failed(carryInPlace(options)))
      return signalPassFailure();
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotModuleBufferize(getOperation(), options,
                                                        state)))
      return signalPassFailure();
    dropUnitDims();
  }

  /// A view that drops a dimension of size 1 says by its strides alone which
  /// one that is. Where these are unknown, MLIR may take another one than its
  /// sizes allow; there the dimension is dropped by an operation of its own.
  void dropUnitDims() {
    SmallVector<memref::SubViewOp> views;
    getOperation().walk([&](memref::SubViewOp view) {
      if (view.getType().getRank() == view.getSourceType().getRank())
        return;
      llvm::SmallBitVector dropped = view.getDroppedDims();
      SmallVector<int64_t> kept;
      for (auto [dim, size] : llvm::enumerate(view.getStaticSizes()))
        if (!dropped.test(dim))
          kept.push_back(size);
      if (ArrayRef(kept) != view.getType().getShape())
        views.push_back(view);
    });
    for (memref::SubViewOp view : views) {
      OpBuilder builder(view);
      Value whole = memref::SubViewOp::create(
          builder, view.getLoc(), view.getSource(), view.getMixedOffsets(),
          view.getMixedSizes(), view.getMixedStrides());
      // A dropped dimension goes to the one behind it, the last ones to the
      // one in front.
      ArrayRef<int64_t> shape = view.getType().getShape();
      SmallVector<ReassociationIndices> groups(1);
      unsigned next = 0;
      for (auto [dim, size] : llvm::enumerate(view.getStaticSizes())) {
        groups.back().push_back(dim);
        if (next == shape.size() || size != shape[next])
          continue;
        if (++next < shape.size())
          groups.emplace_back();
      }
      Value part = memref::CollapseShapeOp::create(builder, view.getLoc(),
                                                   whole, groups);
      if (part.getType() != view.getType())
        part = memref::CastOp::create(builder, view.getLoc(), view.getType(),
                                      part);
      view.replaceAllUsesWith(part);
      view.erase();
    }
  }

  /// Each use of an empty tensor gets one of its own: a loop that carries the
  /// same one twice would write both to one buffer. Branches of which only one
  /// runs share it, so that they give their results in one buffer.
  void separateDestinations() {
    SmallVector<tensor::EmptyOp> shared;
    getOperation().walk([&](tensor::EmptyOp empty) {
      if (!empty->use_empty() && !empty->hasOneUse() &&
          !empty->getParentOfType<kernel::RecurrenceOp>())
        shared.push_back(empty);
    });
    for (tensor::EmptyOp empty : shared) {
      SmallVector<Operation *> owners{*empty->getUsers().begin()};
      for (OpOperand &use :
           llvm::make_early_inc_range(llvm::drop_begin(empty->getUses()))) {
        if (llvm::all_of(owners, [&](Operation *owner) {
              return insideMutuallyExclusiveRegions(owner, use.getOwner());
            })) {
          owners.push_back(use.getOwner());
          continue;
        }
        OpBuilder builder(empty);
        use.set(builder.clone(*empty)->getResult(0));
      }
    }
  }

  static void
  setOptions(bufferization::OneShotBufferizationOptions &options) {
    options.bufferizeFunctionBoundaries = true;
    options.setFunctionBoundaryTypeConversion(
        bufferization::LayoutMapOption::IdentityLayoutMap);
    options.unknownTypeConverterFn =
        [](TensorType type, Attribute memorySpace,
           const bufferization::BufferizationOptions &) {
          return bufferization::getMemRefTypeWithStaticIdentityLayout(
              type, memorySpace);
        };
    options.opFilter.denyOperation([](Operation *op) {
      return static_cast<bool>(op->getParentOfType<kernel::RecurrenceOp>());
    });
  }

  /// What a loop carries stays in one buffer: a value computed elsewhere is
  /// copied into it at the end of an iteration. (A buffer that is new in each
  /// iteration would have no place in a planned arena.)
  LogicalResult
  carryInPlace(const bufferization::OneShotBufferizationOptions &options) {
    bufferization::OneShotBufferizationOptions trial = options;
    trial.allowReturnAllocsFromLoops = true;
    bufferization::OneShotAnalysisState analysis(getOperation(), trial);
    if (failed(bufferization::analyzeModuleOp(getOperation(), analysis)))
      return failure();
    SmallVector<std::pair<OpOperand *, Value>> copies;
    getOperation().walk([&](scf::ForOp loop) {
      if (loop->getParentOfType<kernel::RecurrenceOp>())
        return;
      auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
      for (auto [carried, yielded] :
           llvm::zip(loop.getRegionIterArgs(), yield->getOpOperands()))
        if (isa<TensorType>(carried.getType()) &&
            !analysis.areEquivalentBufferizedValues(carried, yielded.get()))
          copies.push_back({&yielded, carried});
    });
    for (auto [yielded, carried] : copies) {
      OpBuilder builder(yielded->getOwner());
      yielded->set(linalg::CopyOp::create(builder, yielded->getOwner()->getLoc(),
                                          yielded->get(), carried)
                       ->getResult(0));
    }
    return success();
  }

  /// Each operation that writes onto a fill gets one of its own, where it is:
  /// what several operations begin with would be copied for each.
  void separateFills() {
    SmallVector<OpOperand *> written;
    getOperation().walk([&](linalg::FillOp fill) {
      if (fill->getNumResults() == 0 || fill->hasOneUse() ||
          fill->getParentOfType<kernel::RecurrenceOp>())
        return;
      for (OpOperand &use : fill->getUses())
        if (auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
            op && op.isDpsInit(&use))
          written.push_back(&use);
    });
    for (OpOperand *use : written) {
      OpBuilder builder(use->getOwner());
      use->set(builder.clone(*use->get().getDefiningOp())->getResult(0));
    }
  }
};
} // namespace
