//===- Attention.cpp - attention with heads ----------------------------===//

#include "Layers.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

Value layers::splitHeads(ImplicitLocOpBuilder &b, Value x, int64_t heads) {
  RankedTensorType type = typeOf(x);
  int64_t size = type.getDimSize(2) / heads;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes[2] = b.getIndexAttr(heads);
  sizes.push_back(b.getIndexAttr(size));
  return tensor::ExpandShapeOp::create(
      b, type.clone({type.getDimSize(0), type.getDimSize(1), heads, size}), x,
      ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}}, sizes);
}

Value layers::joinHeads(ImplicitLocOpBuilder &b, Value x) {
  return tensor::CollapseShapeOp::create(
      b, x, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
}

Value layers::attention(ImplicitLocOpBuilder &b, Value query, Value key,
                        Value value, seq::MaskAttr mask, double scale,
                        Value keyMask) {
  Value output = seq::AttentionOp::create(
      b, query.getType(), query, key, value, keyMask, /*bias=*/Value(), mask,
      seq::Normaliser::softmax, llvm::APFloat(scale));
  return joinHeads(b, output);
}

Value layers::isNonzero(ImplicitLocOpBuilder &b, Value x) {
  auto compare = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(v[0].getType()));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, v[0], zero);
  };
  return structured(b, "bt->bt", x, compare, b.getI1Type());
}
