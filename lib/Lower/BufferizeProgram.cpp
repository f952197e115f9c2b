//===- BufferizeProgram.cpp - one-shot bufferization of a program -------------------===//

#include "seqc/Lower/Passes.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

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

    bufferization::OneShotBufferizationOptions options;
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
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotModuleBufferize(getOperation(), options,
                                                        state)))
      signalPassFailure();
  }
};
} // namespace
