//===- CachedAttention.cpp - seq.cached_attention -------------------------===//

#include "LayerUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::seq;
using namespace mlir::seq::layer;

bool AttentionOp::canStream() {
  return getNormaliser() == Normaliser::softmax && getMask().isCausal() &&
         !getKeyMask() && !getBias() && getQuery().getType().isDynamicDim(1) &&
         getKey().getType().isDynamicDim(1) &&
         getValue().getType().isDynamicDim(1) &&
         getOutput().getType().isDynamicDim(1);
}

LogicalResult CachedAttentionOp::verify() {
  if (failed(verifyShapes(
          *this, {{"query", getQuery(), "B T Hq D"},
                  {"key", getKey(), "B T Hk D"},
                  {"value", getValue(), "B T Hv Dv"},
                  {"key_cache", getKeyCache(), "B S Hk D"},
                  {"value_cache", getValueCache(), "B S Hv Dv"},
                  {"output", getOutput(), "B T Hq Dv"},
                  {"final_key_cache", getFinalKeyCache(), "B S Hk D"},
                  {"final_value_cache", getFinalValueCache(), "B S Hv Dv"}})))
    return failure();
  int64_t heads = getQuery().getType().getDimSize(2);
  for (auto [name, value] :
       {std::pair("key", getKey()), std::pair("value", getValue())}) {
    int64_t count = value.getType().getDimSize(2);
    if (count == 0 || heads == 0 || heads % count)
      return emitOpError("C4: the ") << count << " heads of " << name
                                     << " do not divide the query's " << heads;
  }
  if (!getMask().isCausal() || getMask().getPattern())
    return emitOpError("C5: the mask must show no key after the query, is ")
           << getMask();
  return success();
}

SmallVector<Value> CachedAttentionOp::getSequences() {
  return {getQuery(), getKey(), getValue(), getOutput()};
}

SmallVector<CarriedState> CachedAttentionOp::getCarriedStates() {
  return {
      {"keys", &getKeyCacheMutable(), cast<OpResult>(getFinalKeyCache())},
      {"values", &getValueCacheMutable(), cast<OpResult>(getFinalValueCache())},
      {"position", &getPositionMutable(), cast<OpResult>(getFinalPosition())}};
}

AttentionOp CachedAttentionOp::attend(OpBuilder &builder,
                                      SmallVectorImpl<Value> &states) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Value first = arith::ConstantIndexOp::create(b, 0);
  Value held = arith::IndexCastOp::create(
      b, b.getIndexType(), tensor::ExtractOp::create(b, getPosition(), first));
  Value times = getValueOrCreateConstantIndexOp(
      b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), getKey(), 1));
  Value count = arith::AddIOp::create(b, held, times);
  Value capacity = getValueOrCreateConstantIndexOp(
      b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), getKeyCache(), 1));
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, count, capacity);
  cf::AssertOp::create(b, fits,
                       "the cache of keys and values is full: the state was "
                       "made for fewer tokens");

  SmallVector<OpFoldResult> strides(4, one);
  SmallVector<Value> seen;
  for (auto [cache, added] : {std::pair(getKeyCache(), getKey()),
                              std::pair(getValueCache(), getValue())}) {
    SmallVector<OpFoldResult> offsets{zero, held, zero, zero};
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), added);
    states.push_back(tensor::InsertSliceOp::create(b, added, cache, offsets,
                                                   sizes, strides));
    offsets[1] = zero;
    sizes[1] = count;
    seen.push_back(tensor::ExtractSliceOp::create(b, states.back(), offsets,
                                                  sizes, strides));
  }
  Value position = arith::IndexCastOp::create(b, b.getI64Type(), count);
  states.push_back(tensor::FromElementsOp::create(
      b, getFinalPosition().getType(), position));
  return AttentionOp::create(b, getOutput().getType(), getQuery(), seen[0],
                             seen[1], /*key_mask=*/Value(), /*bias=*/Value(),
                             getMask(), Normaliser::softmax, getScale());
}

FailureOr<SmallVector<Value>>
CachedAttentionOp::generalize(OpBuilder &builder) {
  SmallVector<Value> states;
  AttentionOp attention = attend(builder, states);
  FailureOr<SmallVector<Value>> values = attention.generalize(builder);
  attention.erase();
  if (failed(values))
    return failure();
  values->append(states);
  return values;
}
