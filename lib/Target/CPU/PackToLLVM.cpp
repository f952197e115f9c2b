//===- PackToLLVM.cpp - lowering of @pack ------------------------------------------------===//
// Plain loops: the work is that of reading and writing each value once.
//===----------------------------------------------------------------------===//

#include "PackToLLVM.h"

#include "kernel/Kernel.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

//===----------------------------------------------------------------------===//
// On tensors and buffers
//===----------------------------------------------------------------------===//

/// Fewer tensors in between, and these written in place.
static LogicalResult simplifyTensors(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  linalg::populateDecomposePadPatterns(patterns);
  tensor::populateDecomposeTensorConcatPatterns(patterns);
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return failure();
  PassManager manager(module.getContext());
  manager.addPass(createConvertElementwiseToLinalgPass());
  manager.addPass(createLinalgGeneralizeNamedOpsPass());
  manager.addPass(createLinalgElementwiseOpFusionPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  return manager.run(module);
}

static LogicalResult bufferize(ModuleOp module) {
  bufferization::OneShotBufferizationOptions options;
  bufferization::BufferizationState state;
  return runOneShotModuleBufferize(module, options, state);
}

/// An entry is written where it lies in the payload, not copied to there.
static void storeInPlace(ModuleOp module) {
  module.walk([](kernel::StoreEntryOp store) {
    auto entry = SymbolTable::lookupNearestSymbolFrom<kernel::EntryOp>(
        store, store.getEntryAttr());
    auto alloc = store.getValue().getDefiningOp<memref::AllocOp>();
    if (alloc && (alloc->getBlock() != store->getBlock() ||
                  !alloc.getType().getLayout().isIdentity()))
      alloc = {};
    ImplicitLocOpBuilder b(store.getLoc(), store);
    if (alloc)
      b.setInsertionPoint(alloc);
    Value payload = kernel::PayloadOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, b.getI8Type()));
    Value offset = arith::ConstantIndexOp::create(b, entry.getOffset());
    if (Value index = store.getIndex()) {
      Value stride = arith::ConstantIndexOp::create(b, entry.getStride());
      offset = arith::AddIOp::create(
          b, offset, arith::MulIOp::create(b, index, stride));
    }
    RankedTensorType type = entry.getTensorType();
    Value place = memref::ViewOp::create(
        b, MemRefType::get(type.getShape(), type.getElementType()), payload,
        offset, ValueRange());
    if (alloc) {
      alloc.replaceAllUsesWith(place);
      alloc.erase();
      return;
    }
    linalg::makeMemRefCopyOp(b, store.getLoc(), store.getValue(), place);
    store.getValueMutable().assign(place);
  });
}

/// Copies of any strides are loops.
static void lowerCopies(ModuleOp module) {
  module.walk([](memref::CopyOp copy) {
    OpBuilder b(copy);
    linalg::makeMemRefCopyOp(b, copy.getLoc(), copy.getSource(),
                             copy.getTarget());
    copy.erase();
  });
}

static LogicalResult lowerToBranches(ModuleOp module) {
  PassManager manager(module.getContext());
  // Memory is free as soon as nothing reads it any more.
  bufferization::buildBufferDeallocationPipeline(manager);
  manager.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
  manager.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  manager.addPass(arith::createArithExpandOpsPass(expand));
  return manager.run(module);
}

//===----------------------------------------------------------------------===//
// To the LLVM dialect
//===----------------------------------------------------------------------===//

namespace {
/// Arguments of @pack.
enum PackArgument { kHost = 0, kPayload = 1 };

template <typename Op> struct PackPattern : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;

  Value argument(Operation *op, PackArgument number) const {
    return op->getParentOfType<FunctionOpInterface>().getArgument(number);
  }
  LLVM::CallOp callHost(OpBuilder &b, Operation *op, StringRef name,
                        Type result, Value index) const {
    Location loc = op->getLoc();
    Type pointer = LLVM::LLVMPointerType::get(b.getContext()),
         i64 = b.getI64Type();
    LLVM::LLVMFuncOp callee =
        *LLVM::lookupOrCreateFn(b, op->getParentOfType<ModuleOp>(), name,
                                {pointer, i64, i64}, result);
    Value number = LLVM::ConstantOp::create(
        b, loc, i64, op->getAttrOfType<IntegerAttr>(seqc::kPackNumber));
    if (!index)
      index = LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(0));
    return LLVM::CallOp::create(
        b, loc, callee, ValueRange{argument(op, kHost), number, index});
  }
};

struct SourcePattern : PackPattern<kernel::SourceOp> {
  using PackPattern::PackPattern;
  LogicalResult
  matchAndRewrite(kernel::SourceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Value memory = callHost(b, op, seqc::kPackSource,
                            LLVM::LLVMPointerType::get(getContext()),
                            adaptor.getIndex())
                       .getResult();
    b.replaceOp(op, Value(MemRefDescriptor::fromStaticShape(
                        b, op.getLoc(), *getTypeConverter(),
                        cast<MemRefType>(op.getType()), memory)));
    return success();
  }
};

struct StoredPattern : PackPattern<kernel::StoreEntryOp> {
  using PackPattern::PackPattern;
  LogicalResult
  matchAndRewrite(kernel::StoreEntryOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    callHost(b, op, seqc::kPackStored, LLVM::LLVMVoidType::get(getContext()),
             adaptor.getIndex());
    b.eraseOp(op);
    return success();
  }
};

struct PackPayloadPattern : PackPattern<kernel::PayloadOp> {
  using PackPattern::PackPattern;
  LogicalResult
  matchAndRewrite(kernel::PayloadOp op, OpAdaptor,
                  ConversionPatternRewriter &b) const override {
    // Views of the payload have static types: nobody asks for its size.
    auto bytes = MemRefType::get({INT64_MAX}, b.getI8Type());
    b.replaceOp(op, Value(MemRefDescriptor::fromStaticShape(
                        b, op.getLoc(), *getTypeConverter(), bytes,
                        argument(op, kPayload))));
    return success();
  }
};

struct EntryPattern : PackPattern<kernel::EntryOp> {
  using PackPattern::PackPattern;
  LogicalResult
  matchAndRewrite(kernel::EntryOp op, OpAdaptor,
                  ConversionPatternRewriter &b) const override {
    b.eraseOp(op);
    return success();
  }
};
} // namespace

static LogicalResult convertToLLVM(ModuleOp module) {
  MLIRContext *context = module.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  for (auto function : module.getOps<func::FuncOp>())
    if (failed(function.insertArguments({0, 0}, {pointer, pointer}, {{}, {}},
                                        {function.getLoc(), function.getLoc()})))
      return failure();
  LowerToLLVMOptions options(context);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateMathToLibmConversionPatterns(patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  SymbolTableCollection symbols;
  populateFuncToLLVMConversionPatterns(converter, patterns, &symbols);
  patterns.add<SourcePattern, StoredPattern, PackPayloadPattern, EntryPattern>(
      converter);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

LogicalResult seqc::lowerPackToLLVM(ModuleOp module) {
  if (failed(simplifyTensors(module)) || failed(bufferize(module)))
    return failure();
  storeInPlace(module);
  lowerCopies(module);
  if (failed(lowerToBranches(module)) || failed(convertToLLVM(module)))
    return failure();
  return success();
}
