//===- Bufferize.cpp - one-shot bufferization of the dialect ----------------------===//

#include "kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::kernel;

namespace {
/// Replaces tensor operands by their buffers and moves the regions over.
/// `inits` are the destinations' positions among the operands.
LogicalResult bufferizeDestinationStyle(Operation *op, RewriterBase &rewriter,
                                        const BufferizationOptions &options,
                                        BufferizationState &state) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      operands.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    operands.push_back(*buffer);
  }
  OperationState newState(op->getLoc(), op->getName(), operands, TypeRange(),
                          op->getAttrs());
  newState.propertiesAttr = op->getPropertiesAsAttribute();
  for (unsigned i = 0; i < op->getNumRegions(); ++i)
    newState.addRegion();
  Operation *buffered = rewriter.create(newState);
  for (unsigned i = 0; i < op->getNumRegions(); ++i)
    rewriter.inlineRegionBefore(op->getRegion(i), buffered->getRegion(i),
                                buffered->getRegion(i).begin());
  SmallVector<Value> results;
  for (OpOperand &init :
       cast<DestinationStyleOpInterface>(buffered).getDpsInitsMutable())
    results.push_back(init.get());
  replaceOpWithBufferizedValues(rewriter, op, results);
  return success();
}

/// Regions are formulas on tensors, before and after.
bool hasTensorOperands(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<TensorType>) ||
         llvm::any_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
}

struct AttentionModel
    : DstBufferizableOpInterfaceExternalModel<AttentionModel, AttentionOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<AttentionOp>(op).isDpsInit(&operand);
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    return bufferizeDestinationStyle(op, rewriter, options, state);
  }
};

struct ContractModel
    : DstBufferizableOpInterfaceExternalModel<ContractModel, ContractOp> {
  bool hasTensorSemantics(Operation *op) const {
    return hasTensorOperands(op);
  }
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto contract = cast<ContractOp>(op);
    return !contract.isDpsInit(&operand) || !contract.getEpilogue()
                                                 .front()
                                                 .getArguments()
                                                 .back()
                                                 .use_empty();
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    return bufferizeDestinationStyle(op, rewriter, options, state);
  }
};

struct RecurrenceModel
    : DstBufferizableOpInterfaceExternalModel<RecurrenceModel, RecurrenceOp> {
  bool hasTensorSemantics(Operation *op) const {
    return hasTensorOperands(op);
  }
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto recurrence = cast<RecurrenceOp>(op);
    if (!recurrence.isDpsInit(&operand))
      return true;
    // States are read; an out only where the region reads its slice.
    unsigned number = operand.getOperandNumber();
    unsigned firstState = op->getNumOperands() - recurrence.getStates().size();
    return number >= firstState ||
           !recurrence.getBody().getArgument(number).use_empty();
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    return bufferizeDestinationStyle(op, rewriter, options, state);
  }
};

/// A view of the payload, which nobody may write.
struct WeightModel
    : BufferizableOpInterface::ExternalModel<WeightModel, WeightOp> {
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(
        MemRefType::get(type.getShape(), type.getElementType()));
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto weight = cast<WeightOp>(op);
    Location loc = op->getLoc();
    auto entry = SymbolTable::lookupNearestSymbolFrom<EntryOp>(
        op, weight.getEntryAttr());
    auto bytes = MemRefType::get({ShapedType::kDynamic}, rewriter.getI8Type());
    Value payload = PayloadOp::create(rewriter, loc, bytes);
    Value offset =
        arith::ConstantIndexOp::create(rewriter, loc, entry.getOffset());
    if (Value index = weight.getIndex()) {
      Value stride =
          arith::ConstantIndexOp::create(rewriter, loc, entry.getStride());
      Value distance = arith::MulIOp::create(rewriter, loc, index, stride);
      offset = arith::AddIOp::create(rewriter, loc, distance, offset);
    }
    auto type = weight.getResult().getType();
    Value view = memref::ViewOp::create(
        rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
        payload, offset, ValueRange());
    replaceOpWithBufferizedValues(rewriter, op, view);
    return success();
  }
};

struct StoreEntryModel
    : BufferizableOpInterface::ExternalModel<StoreEntryModel, StoreEntryOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto store = cast<StoreEntryOp>(op);
    FailureOr<Value> buffer =
        getBuffer(rewriter, store.getValue(), options, state);
    if (failed(buffer))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { store.getValueMutable().assign(*buffer); });
    return success();
  }
};
} // namespace

void mlir::kernel::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KernelDialect *) {
    AttentionOp::attachInterface<AttentionModel>(*context);
    ContractOp::attachInterface<ContractModel>(*context);
    RecurrenceOp::attachInterface<RecurrenceModel>(*context);
    WeightOp::attachInterface<WeightModel>(*context);
    StoreEntryOp::attachInterface<StoreEntryModel>(*context);
  });
}
