//===- ProgramToLLVM.cpp - the last lowering of a program -------------------------------===//

#include "seqc/Target/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace seqc {
#define GEN_PASS_DEF_PROGRAMTOLLVM
#include "seqc/Target/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
/// Fields of seq_frame.
enum FrameField { kArgs = 0, kDims = 1, kWeights = 2 };

LLVM::LLVMPointerType pointerType(MLIRContext *context) {
  return LLVM::LLVMPointerType::get(context);
}

/// What the frame of the function around `op` is: its first argument.
Value frameOf(Operation *op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return function.getArgument(0);
}

template <typename Op>
struct ProgramPattern : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  using Adaptor = typename Op::Adaptor;

  Value constant(OpBuilder &b, Location loc, int64_t value) const {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }
  Value at(OpBuilder &b, Location loc, Value array, Type type,
           int64_t number) const {
    return LLVM::GEPOp::create(b, loc, pointerType(b.getContext()), type, array,
                               ArrayRef<LLVM::GEPArg>{int32_t(number)});
  }
  Value loadAt(OpBuilder &b, Location loc, Value array, Type type,
               int64_t number) const {
    return LLVM::LoadOp::create(b, loc, type, at(b, loc, array, type, number));
  }
  /// A field of the frame, which does not change in a run.
  Value field(OpBuilder &b, Operation *op, FrameField number) const {
    return loadAt(b, op->getLoc(), frameOf(op), pointerType(b.getContext()),
                  number);
  }
  LLVM::LLVMFuncOp runtime(OpBuilder &b, Operation *op, StringRef name,
                           ArrayRef<Type> arguments, Type result) const {
    auto module = op->getParentOfType<ModuleOp>();
    FailureOr<LLVM::LLVMFuncOp> function =
        LLVM::lookupOrCreateFn(b, module, name, arguments, result);
    return *function;
  }
  /// A dense memref at `pointer`; `dynamic` are its dynamic sizes.
  Value descriptor(OpBuilder &b, Location loc, MemRefType type, Value pointer,
                   ValueRange dynamic) const {
    SmallVector<Value> sizes, strides;
    for (int64_t dim = 0, next = 0; dim < type.getRank(); ++dim)
      sizes.push_back(type.isDynamicDim(dim)
                          ? dynamic[next++]
                          : constant(b, loc, type.getDimSize(dim)));
    strides.resize(sizes.size());
    Value stride = constant(b, loc, 1);
    for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
      strides[dim] = stride;
      if (dim)
        stride = LLVM::MulOp::create(b, loc, stride, sizes[dim]);
    }
    auto memref = MemRefDescriptor::poison(
        b, loc, this->getTypeConverter()->convertType(type));
    memref.setAllocatedPtr(b, loc, pointer);
    memref.setAlignedPtr(b, loc, pointer);
    memref.setConstantOffset(b, loc, 0);
    for (auto [dim, size] : llvm::enumerate(sizes)) {
      memref.setSize(b, loc, dim, size);
      memref.setStride(b, loc, dim, strides[dim]);
    }
    return memref;
  }
};

struct ArgumentPattern : ProgramPattern<kernel::ArgumentOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(kernel::ArgumentOp op, OpAdaptor,
                  ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(op.getType());
    Value pointer = loadAt(b, loc, field(b, op, kArgs),
                           pointerType(getContext()), op.getNumber());
    Value dims = field(b, op, kDims);
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < type.getNumDynamicDims(); ++i)
      sizes.push_back(
          loadAt(b, loc, dims, b.getI64Type(), op.getFirstSize() + i));
    b.replaceOp(op, descriptor(b, loc, type, pointer, sizes));
    return success();
  }
};

struct PayloadPattern : ProgramPattern<kernel::PayloadOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(kernel::PayloadOp op, OpAdaptor,
                  ConversionPatternRewriter &b) const override {
    auto type = cast<MemRefType>(op.getType());
    // Views of the payload have static types: nobody asks for its size.
    SmallVector<Value> sizes(type.getNumDynamicDims(),
                             constant(b, op.getLoc(), INT64_MAX));
    b.replaceOp(op, descriptor(b, op.getLoc(), type, field(b, op, kWeights),
                               sizes));
    return success();
  }
};

struct ResultPattern : ProgramPattern<kernel::ResultOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(kernel::ResultOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(op.getType());
    Type i64 = b.getI64Type(), pointer = pointerType(getContext());
    Value sizes;
    {
      OpBuilder::InsertionGuard guard(b);
      auto function = op->getParentOfType<FunctionOpInterface>();
      b.setInsertionPointToStart(&function.getFunctionBody().front());
      sizes = LLVM::AllocaOp::create(
          b, loc, pointer, i64,
          constant(b, loc, std::max<int64_t>(1, type.getRank())), 8);
    }
    for (int64_t dim = 0, next = 0; dim < type.getRank(); ++dim) {
      Value size = type.isDynamicDim(dim)
                       ? adaptor.getDynamicSizes()[next++]
                       : constant(b, loc, type.getDimSize(dim));
      LLVM::StoreOp::create(b, loc, size, at(b, loc, sizes, i64, dim));
    }
    auto callee =
        runtime(b, op, "seq_rt_result", {pointer, i64, pointer}, pointer);
    Value memory =
        LLVM::CallOp::create(
            b, loc, callee,
            ValueRange{frameOf(op), constant(b, loc, op.getNumber()), sizes})
            .getResult();
    b.replaceOp(op,
                descriptor(b, loc, type, memory, adaptor.getDynamicSizes()));
    return success();
  }
};

struct ArenaPattern : ProgramPattern<kernel::ArenaOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(kernel::ArenaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Type pointer = pointerType(getContext());
    auto callee =
        runtime(b, op, "seq_rt_arena", {pointer, b.getI64Type()}, pointer);
    Value memory = LLVM::CallOp::create(
                       b, op.getLoc(), callee,
                       ValueRange{frameOf(op), adaptor.getBytes()})
                       .getResult();
    b.replaceOp(op, descriptor(b, op.getLoc(), cast<MemRefType>(op.getType()),
                               memory, adaptor.getBytes()));
    return success();
  }
};

struct BarrierPattern : ProgramPattern<kernel::BarrierOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(kernel::BarrierOp op, OpAdaptor,
                  ConversionPatternRewriter &b) const override {
    auto callee =
        runtime(b, op, "seq_rt_barrier", pointerType(getContext()),
                LLVM::LLVMVoidType::get(getContext()));
    b.replaceOpWithNewOp<LLVM::CallOp>(op, callee, frameOf(op));
    return success();
  }
};

struct AssertPattern : ProgramPattern<cf::AssertOp> {
  using ProgramPattern::ProgramPattern;
  LogicalResult
  matchAndRewrite(cf::AssertOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type pointer = pointerType(getContext());
    bool refuses = op->hasAttr(kernel::kRefusal);
    auto callee = runtime(b, op, refuses ? "seq_rt_refuse" : "seq_rt_fail",
                          {pointer, pointer},
                          LLVM::LLVMVoidType::get(getContext()));
    Value frame = frameOf(op);
    Block *block = b.getInsertionBlock();
    Block *rest = b.splitBlock(block, b.getInsertionPoint());
    Block *fail = b.createBlock(rest->getParent());
    std::string text = op.getMsg().str();
    text.push_back('\0');
    auto module = op->getParentOfType<ModuleOp>();
    std::string name = "seq.message";
    for (int number = 0; module.lookupSymbol(name);)
      name = "seq.message" + std::to_string(++number);
    Value message = LLVM::createGlobalString(loc, b, name, text,
                                             LLVM::Linkage::Private);
    LLVM::CallOp::create(b, loc, callee, ValueRange{frame, message});
    LLVM::UnreachableOp::create(b, loc);
    b.setInsertionPointToEnd(block);
    LLVM::CondBrOp::create(b, loc, adaptor.getArg(), rest, fail);
    b.eraseOp(op);
    return success();
  }
};

/// Packs the frame and the captures of `op` and makes `body.entry`, a function
/// of the packed context and two numbers that calls `body`.
template <typename Op>
struct DispatchPattern : ProgramPattern<Op> {
  using ProgramPattern<Op>::ProgramPattern;

  struct Packed {
    Value context;
    LLVM::LLVMFuncOp entry;
  };

  Packed pack(Op op, typename Op::Adaptor adaptor,
              ConversionPatternRewriter &b) const {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Type pointer = pointerType(context), i64 = b.getI64Type();
    SmallVector<Value> fields{frameOf(op)};
    llvm::append_range(fields, adaptor.getCaptures());
    SmallVector<Type> types;
    for (Value field : fields)
      types.push_back(field.getType());
    auto structure = LLVM::LLVMStructType::getLiteral(context, types);
    auto place = [&](Value base, int32_t number) -> Value {
      return LLVM::GEPOp::create(b, loc, pointer, structure, base,
                                 ArrayRef<LLVM::GEPArg>{0, number});
    };

    Packed packed;
    auto function = op->template getParentOfType<FunctionOpInterface>();
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&function.getFunctionBody().front());
      packed.context = LLVM::AllocaOp::create(
          b, loc, pointer, structure, this->constant(b, loc, 1), 64);
    }
    for (auto [number, field] : llvm::enumerate(fields))
      LLVM::StoreOp::create(b, loc, field, place(packed.context, number));

    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(function);
    packed.entry = LLVM::LLVMFuncOp::create(
        b, loc, (op.getBody() + ".entry").str(),
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                    {pointer, i64, i64}),
        LLVM::Linkage::Internal);
    Block *block = packed.entry.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    SmallVector<Value> loaded;
    for (auto [number, type] : llvm::enumerate(types))
      loaded.push_back(LLVM::LoadOp::create(
          b, loc, type, place(block->getArgument(0), number)));
    SmallVector<Value> arguments{loaded.front()};
    llvm::append_range(
        arguments, this->getTypeConverter()->promoteOperands(
                       loc, op.getCaptures(), ArrayRef(loaded).drop_front(), b));
    arguments.append({block->getArgument(1), block->getArgument(2)});
    LLVM::CallOp::create(b, loc, TypeRange(), op.getBody(), arguments);
    LLVM::ReturnOp::create(b, loc, ValueRange());
    return packed;
  }
};

struct ParallelPattern : DispatchPattern<kernel::ParallelOp> {
  using DispatchPattern::DispatchPattern;
  LogicalResult
  matchAndRewrite(kernel::ParallelOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type pointer = pointerType(getContext()), i64 = b.getI64Type();
    Packed packed = pack(op, adaptor, b);
    auto callee = runtime(b, op, "seq_rt_parallel",
                          {pointer, pointer, pointer, i64, i64},
                          LLVM::LLVMVoidType::get(getContext()));
    Value body = LLVM::AddressOfOp::create(b, loc, packed.entry);
    Value grain = constant(b, loc, op.getGrain());
    b.replaceOpWithNewOp<LLVM::CallOp>(
        op, callee,
        ValueRange{frameOf(op), body, packed.context, adaptor.getUnits(),
                   grain});
    return success();
  }
};

struct RunTeamPattern : DispatchPattern<kernel::RunTeamOp> {
  using DispatchPattern::DispatchPattern;
  LogicalResult
  matchAndRewrite(kernel::RunTeamOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &b) const override {
    Type pointer = pointerType(getContext());
    Packed packed = pack(op, adaptor, b);
    auto callee = runtime(b, op, "seq_rt_team", {pointer, pointer, pointer},
                          LLVM::LLVMVoidType::get(getContext()));
    Value body = LLVM::AddressOfOp::create(b, op.getLoc(), packed.entry);
    b.replaceOpWithNewOp<LLVM::CallOp>(
        op, callee, ValueRange{frameOf(op), body, packed.context});
    return success();
  }
};

/// The frame as first argument of every function that does more than compute
/// sizes, and as first operand of every call of one.
void passFrame(ModuleOp module) {
  Type pointer = pointerType(module.getContext());
  DenseSet<StringRef> withFrame;
  for (auto function : module.getOps<func::FuncOp>()) {
    // What earlier stages said of arguments means nothing to LLVM.
    function->removeAttr(function.getArgAttrsAttrName());
    function->removeAttr(function.getResAttrsAttrName());
    if (!function.getName().ends_with(".arena_bytes") &&
        succeeded(function.insertArgument(0, pointer, {}, function.getLoc())))
      withFrame.insert(function.getName());
  }
  module.walk([&](func::CallOp call) {
    if (withFrame.contains(call.getCallee()))
      call->insertOperands(
          0, call->getParentOfType<func::FuncOp>().getArgument(0));
  });
}

/// @f.arena_bytes of sizes, as the descriptor wants it: of an array of sizes.
void addArenaWrapper(LLVM::LLVMFuncOp sizes) {
  MLIRContext *context = sizes.getContext();
  OpBuilder b(sizes);
  Location loc = sizes.getLoc();
  Type i64 = b.getI64Type(), pointer = pointerType(context);
  std::string name = sizes.getName().str();
  std::string inner = name + ".of_sizes";
  (void)SymbolTable::replaceAllSymbolUses(sizes, b.getStringAttr(inner),
                                          sizes->getParentOp());
  sizes.setName(inner);
  auto wrapper = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(i64, {pointer}));
  Block *block = wrapper.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < sizes.getNumArguments(); ++i) {
    Value place =
        LLVM::GEPOp::create(b, loc, pointer, i64, block->getArgument(0),
                            ArrayRef<LLVM::GEPArg>{int32_t(i)});
    arguments.push_back(LLVM::LoadOp::create(b, loc, i64, place));
  }
  Value bytes =
      LLVM::CallOp::create(b, loc, TypeRange{i64}, inner, arguments).getResult();
  LLVM::ReturnOp::create(b, loc, bytes);
}

struct ProgramToLLVM : seqc::impl::ProgramToLLVMBase<ProgramToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    SmallVector<std::string> entries;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr("seq.entry"))
        entries.push_back(function.getName().str());
    passFrame(module);
    // Views of the payload have taken their places.
    for (auto entry : llvm::to_vector(module.getOps<kernel::EntryOp>()))
      entry.erase();

    {
      // To vector operations that LLVM has.
      RewritePatternSet patterns(context);
      vector::populateVectorMaskOpLoweringPatterns(patterns);
      // Lanes are counted in 32 bits: no row is that long.
      vector::populateVectorMaskMaterializationPatterns(
          patterns, /*force32BitVectorIndices=*/true);
      vector::populateVectorBroadcastLoweringPatterns(patterns);
      vector::populateVectorStepLoweringPatterns(patterns);
      vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
      if (failed(applyPatternsGreedily(module, std::move(patterns))))
        return signalPassFailure();
    }
    LowerToLLVMOptions options(context);
    LLVMTypeConverter converter(context, options);
    RewritePatternSet patterns(context);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    // What LLVM has no name for, functions of f64 only.
    populateMathToLibmConversionPatterns(patterns, PatternBenefit(0));
    populateVectorToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    SymbolTableCollection symbols;
    populateFuncToLLVMConversionPatterns(converter, patterns, &symbols);
    patterns.add<ArgumentPattern, PayloadPattern, ResultPattern, ArenaPattern,
                 BarrierPattern, ParallelPattern, RunTeamPattern>(converter);
    patterns.add<AssertPattern>(converter, PatternBenefit(10));
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();

    for (StringRef entry : entries)
      if (auto sizes = module.lookupSymbol<LLVM::LLVMFuncOp>(
              (entry + ".arena_bytes").str()))
        addArenaWrapper(sizes);
    // The descriptor is the only way in.
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal())
        function.setLinkage(LLVM::Linkage::Internal);
  }
};
} // namespace
