//===- Recurrence.cpp - kernel.recurrence -----------------------------------------===//

#include "Effects.h"
#include "kernel/Kernel.h"

using namespace mlir;
using namespace mlir::kernel;

MutableOperandRange RecurrenceOp::getDpsInitsMutable() {
  unsigned first = getInputs().size() + getCaptures().size();
  return MutableOperandRange(getOperation(), first,
                             getOutputs().size() + getStates().size());
}

void RecurrenceOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addDestinationStyleEffects(*this, effects);
}

ArrayRef<int64_t> RecurrenceOp::getRolesOf(unsigned argument) {
  return cast<DenseI64ArrayAttr>(getRoles()[argument]).asArrayRef();
}

Block::BlockArgListType RecurrenceOp::getInputSlices() {
  return getBody().getArguments().take_front(getInputs().size());
}

Block::BlockArgListType RecurrenceOp::getCaptureArguments() {
  return getBody().getArguments().slice(getInputs().size(),
                                        getCaptures().size());
}

Block::BlockArgListType RecurrenceOp::getOutputSlices() {
  return getBody().getArguments().slice(
      getInputs().size() + getCaptures().size(), getOutputs().size());
}

Block::BlockArgListType RecurrenceOp::getStateArguments() {
  return getBody().getArguments().take_back(getStates().size());
}

OperandRange RecurrenceOp::getYieldedOutputs() {
  return getBody().front().getTerminator()->getOperands().take_front(
      getOutputs().size());
}

OperandRange RecurrenceOp::getYieldedStates() {
  return getBody().front().getTerminator()->getOperands().take_back(
      getStates().size());
}

Value RecurrenceOp::getTimeSource() {
  return getInputs().empty() ? getOutputs().front() : getInputs().front();
}

LogicalResult RecurrenceOp::verify() {
  Block &block = getBody().front();
  size_t expected = getInputs().size() + getCaptures().size() +
                    getOutputs().size() + getStates().size();
  if (block.getNumArguments() != expected)
    return emitOpError("the region has ")
           << block.getNumArguments() << " arguments, expected " << expected;
  if (getBlocked().size() != getCaptures().size())
    return emitOpError("blocked has ") << getBlocked().size()
                                       << " numbers for "
                                       << getCaptures().size() << " captures";
  if (!getCoupled() && getRoles().size() != expected)
    return emitOpError("roles of ") << getRoles().size()
                                    << " region arguments, expected "
                                    << expected;
  for (auto [argument, roles] : llvm::zip(block.getArguments(), getRoles())) {
    auto array = dyn_cast<DenseI64ArrayAttr>(roles);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!array || (type && type.getRank() != array.size()))
      return emitOpError("roles ") << roles << " of a region argument of type "
                                   << argument.getType();
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield ||
      yield.getNumOperands() != getOutputs().size() + getStates().size())
    return emitOpError("the region must end with kernel.yield of the outputs "
                       "and the states");
  if (getWidth() < 1)
    return emitOpError("width must be positive");
  return success();
}
