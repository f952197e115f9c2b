//===- Contract.cpp - kernel.contract -------------------------------------------===//

#include "Effects.h"
#include "kernel/Kernel.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::kernel;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<ShapedType>(value.getType()).getShape();
}

int64_t ContractOp::getColumns() { return shapeOf(getOutput()).back(); }
int64_t ContractOp::getDepth() { return shapeOf(getWeight())[1]; }
int64_t ContractOp::getPanel() { return shapeOf(getWeight())[2]; }

MutableOperandRange ContractOp::getDpsInitsMutable() {
  return getOutputMutable();
}

void ContractOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addDestinationStyleEffects(*this, effects);
}

LogicalResult ContractOp::verify() {
  for (Value operand : getOperands())
    if (!cast<ShapedType>(operand.getType()).hasRank())
      return emitOpError("operands must be ranked");

  // (C1)
  auto weight = cast<ShapedType>(getWeight().getType());
  auto input = cast<ShapedType>(getInput().getType());
  auto output = cast<ShapedType>(getOutput().getType());
  if (weight.getRank() != 3 || !weight.hasStaticShape() ||
      weight.getDimSize(2) == 0)
    return emitOpError("weight must be [panels, K, P] with a static shape, is ")
           << weight;
  if (output.getRank() == 0 || output.isDynamicDim(output.getRank() - 1))
    return emitOpError("out must have a static last dimension, is ") << output;
  int64_t panels = weight.getDimSize(0), padded = panels * getPanel();
  if (int64_t(llvm::divideCeil(getColumns(), getPanel())) != panels)
    return emitOpError() << panels << " panels of " << getPanel()
                         << " columns do not fit out's " << getColumns()
                         << " columns";

  // (C2)
  if (input.getRank() != output.getRank() ||
      failed(verifyCompatibleShape(input.getShape().drop_back(),
                                   output.getShape().drop_back())))
    return emitOpError("input and out must have the same leading dimensions, "
                       "are ")
           << input << " and " << output;
  if (input.getShape().back() != getDepth())
    return emitOpError("input's last dimension must be K = ")
           << getDepth() << ", is " << input;

  // (C3)
  Type element = weight.getElementType();
  if (!isa<FloatType>(element) || input.getElementType() != element ||
      output.getElementType() != element)
    return emitOpError("input, weight and out must have one floating-point "
                       "element type");

  // (C4)
  for (auto [number, extra] : llvm::enumerate(getExtras())) {
    auto type = cast<ShapedType>(extra.getType());
    bool fits = type.getRank() == 0 ||
                (type.getRank() == 1 && (type.getDimSize(0) == getColumns() ||
                                         type.getDimSize(0) == padded)) ||
                succeeded(verifyCompatibleShape(type, output));
    if (!fits)
      return emitOpError("extra ")
             << number << " must be one value, [" << getColumns() << "], ["
             << padded << "] or of out's shape, is " << type;
  }

  // (C6)
  bool tensors = llvm::all_of(getOperandTypes(), llvm::IsaPred<TensorType>);
  bool memrefs = llvm::all_of(getOperandTypes(), llvm::IsaPred<MemRefType>);
  if (!tensors && !memrefs)
    return emitOpError("operands must be all tensors or all memrefs");
  if (tensors && (getNumResults() != 1 ||
                  getResult(0).getType() != getOutput().getType()))
    return emitOpError("on tensors there must be one result of out's type");
  if (memrefs && getNumResults() != 0)
    return emitOpError("on memrefs there must be no result");
  return success();
}

LogicalResult ContractOp::verifyRegions() {
  // (C5)
  Block &block = getEpilogue().front();
  SmallVector<Type> expected{getElementTypeOrSelf(getWeight())};
  for (Value extra : getExtras())
    expected.push_back(getElementTypeOrSelf(extra));
  expected.push_back(getElementTypeOrSelf(getOutput()));
  if (!llvm::equal(block.getArgumentTypes(), expected))
    return emitOpError("region arguments must be the elements of the product, "
                       "of each extra and of out");
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getNumOperands() != 1 ||
      yield.getOperand(0).getType() != expected.back())
    return emitOpError("region must yield one element of out");
  return success();
}
