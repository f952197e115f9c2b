//===- Attention.cpp - kernel.attention -----------------------------------===//

#include "Effects.h"
#include "kernel/Kernel.h"

#include "seq/Seq.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::kernel;

MutableOperandRange AttentionOp::getDpsInitsMutable() {
  return getOutputMutable();
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addDestinationStyleEffects(*this, effects);
}

LogicalResult AttentionOp::verify() {
  // (C3)
  bool tensors = llvm::all_of(getOperandTypes(), llvm::IsaPred<TensorType>);
  bool memrefs = llvm::all_of(getOperandTypes(), llvm::IsaPred<MemRefType>);
  if (!tensors && !memrefs)
    return emitOpError("C3: operands must be all tensors or all memrefs");
  if (tensors &&
      (getNumResults() != 1 || getResult(0).getType() != getOutput().getType()))
    return emitOpError("C3: on tensors there must be one result of out's type");
  if (memrefs && getNumResults() != 0)
    return emitOpError("C3: on memrefs there must be no result");

  // (C1) Sizes with one letter are equal.
  llvm::StringMap<int64_t> sizes;
  Type element = getElementTypeOrSelf(getQuery());
  auto check = [&](StringRef name, Value value, ArrayRef<StringRef> letters,
                   Type expected, bool broadcasts) -> LogicalResult {
    auto type = cast<ShapedType>(value.getType());
    if (!type.hasRank() || type.getRank() != int64_t(letters.size()))
      return emitOpError("C1: ") << name << " must have " << letters.size()
                                 << " dimensions, is " << type;
    if (type.getElementType() != expected)
      return emitOpError("C1: ") << name << " must have elements of type "
                                 << expected << ", is " << type;
    for (auto [letter, size] : llvm::zip(letters, type.getShape())) {
      if (ShapedType::isDynamic(size) || (broadcasts && size == 1))
        continue;
      int64_t known = sizes.try_emplace(letter, size).first->second;
      if (known != size)
        return emitOpError("C1: the size ")
               << letter << " of " << name << " is " << size << ", expected "
               << known;
    }
    return success();
  };
  if (!isa<FloatType>(element))
    return emitOpError("C1: query must have elements of a floating-point type");
  if (failed(
          check("query", getQuery(), {"B", "T", "Hq", "D"}, element, false)) ||
      failed(check("key", getKey(), {"B", "S", "Hk", "D"}, element, false)) ||
      failed(
          check("value", getValue(), {"B", "S", "Hv", "Dv"}, element, false)) ||
      failed(check("out", getOutput(), {"B", "T", "Hq", "Dv"}, element, false)))
    return failure();
  for (StringRef letter : {"B", "Hq", "Hk", "Hv", "D", "Dv"})
    if (!sizes.contains(letter))
      return emitOpError("C1: the size ") << letter << " must be known";
  for (StringRef letter : {"Hk", "Hv"})
    if (sizes[letter] == 0 || sizes["Hq"] % sizes[letter])
      return emitOpError("C1: ") << letter << " = " << sizes[letter]
                                 << " must divide Hq = " << sizes["Hq"];
  if (getKeyMask() && failed(check("key_mask", getKeyMask(), {"B", "S"},
                                   IntegerType::get(getContext(), 1), false)))
    return failure();
  if (Value bias = getBias()) {
    StringRef letters[] = {"B", "Hq", "T", "S"};
    int64_t rank = cast<ShapedType>(bias.getType()).getRank();
    if (rank < 2 || rank > 4)
      return emitOpError("C1: bias must have 2 to 4 dimensions, is ")
             << bias.getType();
    if (failed(check("bias", bias, ArrayRef(letters).take_back(rank), element,
                     true)))
      return failure();
    // (C2)
    int64_t keys = cast<ShapedType>(bias.getType()).getShape().back();
    if (keys == 1 && sizes.lookup("S") != 1)
      return emitOpError("C2: bias must have as many keys as key");
  }
  return success();
}

FailureOr<SmallVector<Value>>
AttentionOp::decomposeOperation(OpBuilder &builder) {
  if (getNumResults() == 0)
    return failure();
  auto layer = seq::AttentionOp::create(
      builder, getLoc(), getOutput().getType(), getQuery(), getKey(),
      getValue(), getKeyMask(), getBias(), getMask(), seq::Normaliser::softmax,
      getScale());
  FailureOr<SmallVector<Value>> values = layer.generalize(builder);
  layer.erase();
  return values;
}
