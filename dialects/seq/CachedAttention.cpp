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
  std::optional<int64_t> reach = getMask().getReach();
  int64_t places = getKeyCache().getType().getDimSize(kTimeDim);
  if (reach && !ShapedType::isDynamic(places) && places > *reach)
    return emitOpError("C6: a cache of ")
           << places << " places, expected at most the " << *reach
           << " that the mask shows";
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

//===----------------------------------------------------------------------===//
// By seq.attention
//===----------------------------------------------------------------------===//

namespace {
/// Builds the operations of one CachedAttentionOp.
class CacheBuilder {
public:
  CacheBuilder(CachedAttentionOp op, OpBuilder &builder)
      : op(op), b(op.getLoc(), builder), zero(index(0)), one(index(1)) {
    position = tensor::ExtractOp::create(b, op.getPosition(), zero);
    held = arith::IndexCastOp::create(b, b.getIndexType(), position);
    times = sizeOf(op.getKey());
    places = sizeOf(op.getKeyCache());
  }

  Value attend(SmallVectorImpl<AttentionOp> &attentions,
               SmallVectorImpl<Value> &states);

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value least(Value x, Value y) { return arith::MinUIOp::create(b, x, y); }
  Value sizeOf(Value sequence) {
    return getValueOrCreateConstantIndexOp(
        b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), sequence, kTimeDim));
  }

  /// Times [from, from + count) of a sequence.
  Value cut(Value sequence, Value from, Value count);
  /// The sequence with `part` at the times from `from` on.
  Value put(Value part, Value sequence, Value from);
  /// The ring with the times [first, first + count) of `source` at its places
  /// from `from` on.
  Value copyIntoRing(Value source, Value first, Value ring, Value from,
                     Value count);
  /// The target with what is at the ring's places from `first` on as its first
  /// times.
  Value copyFromRing(Value ring, Value first, Value target, Value count);

  Value attention(Value query, Value key, Value value, MaskAttr mask);
  void expectRoom(Value isRing);
  Value attendInOrder(SmallVectorImpl<Value> &states);
  Value attendInRing(int64_t reach, SmallVectorImpl<Value> &states);

  CachedAttentionOp op;
  ImplicitLocOpBuilder b;
  Value zero, one, position, held, times, places;
  SmallVector<AttentionOp> made;
};
} // namespace

/// The offset and size of a part of a sequence, whole but for its times.
static void placeOf(ImplicitLocOpBuilder &b, Value sequence, Value from,
                    Value count, SmallVector<OpFoldResult> &offsets,
                    SmallVector<OpFoldResult> &sizes,
                    SmallVector<OpFoldResult> &strides) {
  sizes = tensor::getMixedSizes(b, b.getLoc(), sequence);
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  strides.assign(sizes.size(), b.getIndexAttr(1));
  offsets[kTimeDim] = from;
  sizes[kTimeDim] = count;
}

/// The type of a sequence of any number of times.
static RankedTensorType anyTimes(RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  shape[kTimeDim] = ShapedType::kDynamic;
  return type.clone(shape);
}

Value CacheBuilder::cut(Value sequence, Value from, Value count) {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  placeOf(b, sequence, from, count, offsets, sizes, strides);
  return tensor::ExtractSliceOp::create(
      b, anyTimes(cast<RankedTensorType>(sequence.getType())), sequence,
      offsets, sizes, strides);
}

Value CacheBuilder::put(Value part, Value sequence, Value from) {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  placeOf(b, sequence, from, sizeOf(part), offsets, sizes, strides);
  return tensor::InsertSliceOp::create(b, part, sequence, offsets, sizes,
                                       strides);
}

/// Places [from, from + count) of a ring are two runs: up to its end, and from
/// its beginning.
Value CacheBuilder::copyIntoRing(Value source, Value first, Value ring,
                                 Value from, Value count) {
  Value behind = least(count, sub(places, from));
  ring = put(cut(source, first, behind), ring, from);
  return put(cut(source, add(first, behind), sub(count, behind)), ring, zero);
}

Value CacheBuilder::copyFromRing(Value ring, Value first, Value target,
                                 Value count) {
  Value behind = least(count, sub(places, first));
  target = put(cut(ring, first, behind), target, zero);
  return put(cut(ring, zero, sub(count, behind)), target, behind);
}

Value CacheBuilder::attention(Value query, Value key, Value value,
                              MaskAttr mask) {
  RankedTensorType type = op.getOutput().getType();
  if (query != op.getQuery())
    type = anyTimes(type);
  made.push_back(AttentionOp::create(b, type, query, key, value,
                                     /*key_mask=*/Value(), /*bias=*/Value(),
                                     mask, Normaliser::softmax, op.getScale()));
  return made.back().getOutput();
}

/// Fails the run unless the new times have room behind a position that is one.
/// What a state holds may come from a file, so both are looked at before
/// anything is addressed with them.
void CacheBuilder::expectRoom(Value isRing) {
  Value isPosition =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, held, zero);
  cf::AssertOp::create(b, isPosition, "the position of the cache is negative");
  Value isHeld =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, held, places);
  Value hasRoom = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, times,
                                        sub(places, held));
  Value fits = arith::AndIOp::create(b, isHeld, hasRoom);
  if (isRing)
    fits = arith::OrIOp::create(b, fits, isRing);
  cf::AssertOp::create(b, fits,
                       "the cache of keys and values is full: the state was "
                       "made for fewer tokens");
}

Value CacheBuilder::attendInOrder(SmallVectorImpl<Value> &states) {
  expectRoom(/*isRing=*/Value());
  Value count = add(held, times);
  states.push_back(put(op.getKey(), op.getKeyCache(), held));
  states.push_back(put(op.getValue(), op.getValueCache(), held));
  return attention(op.getQuery(), cut(states[0], zero, count),
                   cut(states[1], zero, count), op.getMask());
}

/// The last query sees what the ring holds in the end, in whatever order. The
/// queries before it see keys that the ring may no longer hold then: they get
/// the old ones in the order of time and the new ones behind them. Of a single
/// query nothing is copied.
Value CacheBuilder::attendInRing(int64_t reach,
                                 SmallVectorImpl<Value> &states) {
  Value window = index(reach);
  Value isSmall =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, places, window);
  cf::AssertOp::create(b, isSmall,
                       "the ring of keys and values has more places than the "
                       "window has keys");
  Value isRing =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, places, window);
  expectRoom(isRing);
  Value divisor = arith::MaxUIOp::create(b, places, one);
  auto placeInRing = [&](Value time) -> Value {
    return arith::RemUIOp::create(b, time, divisor);
  };

  Value last = least(times, one), others = sub(times, last);
  Value hasOthers =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, times, one);
  Value old = arith::SelectOp::create(b, hasOthers,
                                      least(held, index(reach - 1)), zero);
  Value oldest = placeInRing(sub(held, old));
  // So many are seen by others than the last query.
  Value count = add(old, others);
  // A capacity of its own: it must not depend on what the state holds.
  Value room = add(index(reach - 1), others);

  Value kept = least(times, places), skipped = sub(times, kept);
  Value next = placeInRing(add(held, skipped));
  Value filled = least(add(least(held, places), kept), places);
  SmallVector<Value> inOrder, inRing;
  for (auto [added, cache] : {std::pair(op.getKey(), op.getKeyCache()),
                              std::pair(op.getValue(), op.getValueCache())}) {
    RankedTensorType type = anyTimes(added.getType());
    Value target = tensor::EmptyOp::create(b, type, room);
    target = copyFromRing(cache, oldest, target, old);
    target = put(cut(added, zero, others), target, old);
    inOrder.push_back(cut(target, zero, count));
    states.push_back(copyIntoRing(added, skipped, cache, next, kept));
    inRing.push_back(cut(states.back(), zero, filled));
  }
  Value output = tensor::EmptyOp::create(b, anyTimes(op.getOutput().getType()),
                                         sizeOf(op.getQuery()));
  Value first = attention(cut(op.getQuery(), zero, others), inOrder[0],
                          inOrder[1], op.getMask());
  output = put(first, output, zero);
  Value second = attention(cut(op.getQuery(), others, last), inRing[0],
                           inRing[1], MaskAttr::getFull(b.getContext()));
  output = put(second, output, others);
  if (output.getType() != op.getOutput().getType())
    output = tensor::CastOp::create(b, op.getOutput().getType(), output);
  return output;
}

Value CacheBuilder::attend(SmallVectorImpl<AttentionOp> &attentions,
                           SmallVectorImpl<Value> &states) {
  std::optional<int64_t> reach = op.getMask().getReach();
  Value output = reach ? attendInRing(*reach, states) : attendInOrder(states);
  Value end = arith::AddIOp::create(
      b, position, arith::IndexCastOp::create(b, b.getI64Type(), times));
  states.push_back(
      tensor::FromElementsOp::create(b, op.getFinalPosition().getType(), end));
  attentions.append(made);
  return output;
}

Value CachedAttentionOp::attend(OpBuilder &builder,
                                SmallVectorImpl<AttentionOp> &attentions,
                                SmallVectorImpl<Value> &states) {
  return CacheBuilder(*this, builder).attend(attentions, states);
}

FailureOr<SmallVector<Value>>
CachedAttentionOp::generalize(OpBuilder &builder) {
  SmallVector<AttentionOp> attentions;
  SmallVector<Value> states;
  Value output = attend(builder, attentions, states);
  for (AttentionOp attention : attentions) {
    OpBuilder at(attention);
    FailureOr<SmallVector<Value>> values = attention.generalize(at);
    if (failed(values))
      return failure();
    if (output == attention.getOutput())
      output = values->front();
    attention.getOutput().replaceAllUsesWith(values->front());
    attention.erase();
  }
  SmallVector<Value> values{output};
  values.append(states);
  return values;
}
