//===- AttentionRows.cpp - attention of few queries -----------------------===//
//
// One query reads the keys and values once, so that the speed is that of
// memory. A unit of work is a query and a part of the keys with all heads: what
// belongs to a key lies side by side, and is read so. Lanes are channels. Query
// heads that share keys and values read them together. Each part leaves its
// maximum, total weight and sum; a second loop merges the parts.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <numeric>

using namespace mlir;
using namespace seqc;

namespace {
/// Keys in a tile.
constexpr int64_t kTile = 64;
/// Parts of the keys for one query, and the fewest keys that are worth one.
constexpr int64_t kParts = 32;
constexpr int64_t kPartKeys = 256;
/// Query heads whose code is side by side.
constexpr int64_t kHeads = 8;
/// Products of a query and a key that are computed together.
constexpr int64_t kProducts = 16;
/// Most keys that are read together, each a stream of memory.
constexpr int64_t kStreams = 4;

class RowEmitter : public AttentionEmitter {
public:
  explicit RowEmitter(const AttentionEmitter &shared)
      : AttentionEmitter(shared), keyVectors(llvm::divideCeil(D, lanes)),
        valueVectors(llvm::divideCeil(E, lanes)),
        group(std::gcd(keyGroup, valueGroup)) {
    while (group > kHeads || H % group)
      --group;
    streams = std::min(kStreams, kProducts / group);
  }

  void emit(Builder &b, int64_t mostQueries);

private:
  void emitPart(Builder &b);
  using Keys = function_ref<void(Builder &, Value first, int64_t count)>;
  void forKeys(Builder &b, Keys body);
  void forHeads(Builder &b, function_ref<void(Builder &)> body);
  Value isSeen(Builder &b, Value number);
  void scores(Builder &b, Value first, int64_t count);
  void weights(Builder &b, Value head);
  void sums(Builder &b, Value first, int64_t count);
  void emitMerge(Builder &b);
  Value headOf(Builder &b, int64_t row) { return add(b, firstHead, row); }
  int64_t widthOf(int64_t vector, int64_t channels) {
    return std::min(lanes, channels - vector * lanes);
  }

  int64_t keyVectors, valueVectors, group, streams;
  /// For each query and part: [units, H], [units, H], [units, H, channels].
  Value maxima, totals, partSums;
  Value parts, unit, batch, time, position, part;
  Value query, score; // [H, channels], [H, kTile]
  Value firstHead, keyHead, valueHead;
  Value begin, end, live;
};

void RowEmitter::emit(Builder &b, int64_t mostQueries) {
  Value reach = S;
  if (mask.hasLeft() && mask.hasRight() && !mask.getGlobal())
    reach = least(b, S, index(b, mask.getLeft() + mask.getRight() + 1));
  parts = most(b, least(b, ceilDiv(b, reach, kPartKeys), index(b, kParts)),
               index(b, 1));
  Value units = arith::MulIOp::create(b, mul(b, T, B), parts);
  // Sizes that the arena can be planned with: how many keys there are may
  // depend on what a state holds.
  auto buffer = [&](ArrayRef<int64_t> shape) -> Value {
    SmallVector<int64_t> all{mostQueries * B * kParts};
    all.append(shape.begin(), shape.end());
    return memref::AllocOp::create(
        b, MemRefType::get(all, vector.getElementType()), ValueRange(),
        b.getI64IntegerAttr(64));
  };
  maxima = buffer({H});
  totals = buffer({H});
  partSums = buffer({H, valueVectors * lanes});

  forUnits(b, units, /*grain=*/1, [&](Builder &b, Value number) {
    RowEmitter unit(*this);
    unit.unit = number;
    unit.emitPart(b);
  });
  emitMerge(b);
}

void RowEmitter::emitPart(Builder &b) {
  part = arith::RemUIOp::create(b, unit, parts);
  Value row = arith::DivUIOp::create(b, unit, parts);
  time = arith::RemUIOp::create(b, row, T);
  batch = arith::DivUIOp::create(b, row, T);
  position = add(b, time, offset);
  query = scratch(b, {H, keyVectors * lanes});
  score = scratch(b, {H, kTile});

  loop(b, index(b, 0), index(b, H), 1, [&](Builder &b, Value head) {
    for (int64_t v = 0; v < keyVectors; ++v) {
      Value channel = index(b, v * lanes);
      Value value = loadPart(b, op.getQuery(), {batch, time, head, channel},
                             widthOf(v, D));
      store(b, mulF(b, value, splat(b, queryFactor())), query, {head, channel});
    }
    Type element = vector.getElementType();
    memref::StoreOp::create(b, number(b, element, -INFINITY), maxima,
                            ValueRange{unit, head});
    memref::StoreOp::create(b, number(b, element, 0.0), totals,
                            ValueRange{unit, head});
    for (int64_t v = 0; v < valueVectors; ++v)
      store(b, splat(b, 0.0), partSums, {unit, head, index(b, v * lanes)});
  });

  VisibleKeys keys = visibleKeys(b, position, position, kTile);
  auto share = [&](Value number) -> Value {
    return arith::DivUIOp::create(
        b, arith::MulIOp::create(b, keys.tiles, number), parts);
  };
  loop(b, share(part), share(add(b, part, 1)), 1, [&](Builder &b, Value tile) {
    std::tie(begin, end) = keysOf(b, keys, tile, kTile);
    live = sub(b, end, begin);
    forKeys(b, [&](Builder &b, Value first, int64_t count) {
      scores(b, first, count);
    });
    loop(b, index(b, 0), index(b, H), 1,
         [&](Builder &b, Value head) { weights(b, head); });
    forKeys(b, [&](Builder &b, Value first, int64_t count) {
      sums(b, first, count);
    });
  });
}

/// Runs `body` on all heads and all keys of the tile. Several keys at a time
/// are read in the order of memory; of the last ones, fewer, each head has its
/// own.
void RowEmitter::forKeys(Builder &b, Keys body) {
  Value whole =
      sub(b, live, arith::RemUIOp::create(b, live, index(b, streams)));
  loop(b, index(b, 0), whole, streams, [&](Builder &b, Value first) {
    forHeads(b, [&](Builder &b) { body(b, first, streams); });
  });
  if (streams > 1)
    forHeads(b, [&](Builder &b) {
      loop(b, whole, live, 1,
           [&](Builder &b, Value first) { body(b, first, 1); });
    });
}

/// Runs `body` on groups of heads that share keys and values.
void RowEmitter::forHeads(Builder &b, function_ref<void(Builder &)> body) {
  loop(b, index(b, 0), index(b, H), group, [&](Builder &b, Value head) {
    firstHead = head;
    keyHead = arith::DivUIOp::create(b, head, index(b, keyGroup));
    valueHead = arith::DivUIOp::create(b, head, index(b, valueGroup));
    body(b);
  });
}

/// Whether the query sees a key of the tile, or nothing where it sees all: the
/// window's tiles hold nothing else.
Value RowEmitter::isSeen(Builder &b, Value number) {
  Value key = add(b, begin, number), seen;
  if (mask.getPattern())
    seen = shows(b, rowOf(b, position), key);
  if (!op.getKeyMask())
    return seen;
  Value there =
      memref::LoadOp::create(b, op.getKeyMask(), ValueRange{batch, key});
  return seen ? arith::AndIOp::create(b, seen, there).getResult() : there;
}

/// Products of the present heads' queries with some keys; -∞ for keys that are
/// hidden.
void RowEmitter::scores(Builder &b, Value first, int64_t count) {
  SmallVector<Value> keys, seen;
  for (int64_t i = 0; i < count; ++i) {
    Value number = add(b, first, i);
    keys.push_back(add(b, begin, number));
    seen.push_back(isSeen(b, number));
  }
  SmallVector<Value> products(count * group);
  for (int64_t v = 0; v < keyVectors; ++v) {
    Value channel = index(b, v * lanes);
    SmallVector<Value> k;
    for (Value key : keys)
      k.push_back(loadPart(b, op.getKey(), {batch, key, keyHead, channel},
                           widthOf(v, D)));
    for (int64_t row = 0; row < group; ++row) {
      Value q = load(b, query, {headOf(b, row), channel});
      for (int64_t i = 0; i < count; ++i) {
        Value &product = products[row * count + i];
        product = v ? fma(b, q, k[i], product) : mulF(b, q, k[i]);
      }
    }
  }
  Value hidden = number(b, vector.getElementType(), -INFINITY);
  for (int64_t row = 0; row < group; ++row)
    for (int64_t i = 0; i < count; ++i) {
      Value total = sum(b, products[row * count + i]);
      if (seen[i])
        total = arith::SelectOp::create(b, seen[i], total, hidden);
      memref::StoreOp::create(b, total, score,
                              ValueRange{headOf(b, row), add(b, first, i)});
    }
}

/// Scores of one head become weights, and what the part has so far shrinks to
/// the new maximum.
void RowEmitter::weights(Builder &b, Value head) {
  SmallVector<Value> values;
  Value highest;
  for (int64_t column = 0; column < kTile; column += lanes) {
    Value rest = sub(b, live, index(b, column));
    rest = most(b, least(b, rest, index(b, lanes)), index(b, 0));
    Value value = load(b, score, {head, index(b, column)});
    if (op.getBias())
      value = addF(b, value,
                   loadPart(b, op.getBias(),
                            biasAt(b, batch, head, time, add(b, begin, column)),
                            rest));
    value =
        arith::SelectOp::create(b, maskOf(b, rest), value, splat(b, -INFINITY));
    values.push_back(value);
    highest = highest ? maxF(b, highest, value) : value;
  }
  Value old = memref::LoadOp::create(b, maxima, ValueRange{unit, head});
  Value maximum = maxF(b, old, largest(b, highest));
  Value shift = finite(b, maximum);
  Value shrink = exponential(b, subF(b, old, shift));
  memref::StoreOp::create(b, maximum, maxima, ValueRange{unit, head});
  Value all = broadcast(b, shift), total;
  for (auto [number, value] : llvm::enumerate(values)) {
    Value weight = exponential(b, subF(b, value, all));
    store(b, weight, score, {head, index(b, number * lanes)});
    total = total ? addF(b, total, weight) : weight;
  }
  Value before = memref::LoadOp::create(b, totals, ValueRange{unit, head});
  Value after = addF(b, mulF(b, before, shrink), sum(b, total));
  memref::StoreOp::create(b, after, totals, ValueRange{unit, head});
  for (int64_t v = 0; v < valueVectors; ++v) {
    SmallVector<Value> at{unit, head, index(b, v * lanes)};
    store(b, mulF(b, load(b, partSums, at), broadcast(b, shrink)), partSums,
          at);
  }
}

/// Adds some keys' values by their weights to the sums of the part.
void RowEmitter::sums(Builder &b, Value first, int64_t count) {
  SmallVector<Value> weights;
  for (int64_t row = 0; row < group; ++row)
    for (int64_t i = 0; i < count; ++i)
      weights.push_back(spread(b, score, {headOf(b, row), add(b, first, i)}));
  for (int64_t v = 0; v < valueVectors; ++v) {
    Value channel = index(b, v * lanes);
    SmallVector<Value> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(
          loadPart(b, op.getValue(),
                   {batch, add(b, begin, add(b, first, i)), valueHead, channel},
                   widthOf(v, E)));
    for (int64_t row = 0; row < group; ++row) {
      SmallVector<Value> at{unit, headOf(b, row), channel};
      Value sum = load(b, partSums, at);
      for (int64_t i = 0; i < count; ++i)
        sum = fma(b, values[i], weights[row * count + i], sum);
      store(b, sum, partSums, at);
    }
  }
}

/// Parts (m, l, s) and (m', l', s') are together
/// (M, l e^(m-M) + l' e^(m'-M), s e^(m-M) + s' e^(m'-M)) for M = max(m, m').
void RowEmitter::emitMerge(Builder &b) {
  forUnits(b, mul(b, T, B * H), kHeads, [&](Builder &b, Value number) {
    Value head = arith::RemUIOp::create(b, number, index(b, H));
    Value row = arith::DivUIOp::create(b, number, index(b, H));
    Value time = arith::RemUIOp::create(b, row, T);
    Value batch = arith::DivUIOp::create(b, row, T);
    Value from = arith::MulIOp::create(b, row, parts);
    Value to = add(b, from, parts);
    Type element = vector.getElementType();
    Value highest = loop(b, from, to, 1, this->number(b, element, -INFINITY),
                         [&](Builder &b, Value unit, ValueRange carried) {
                           Value here = memref::LoadOp::create(
                               b, maxima, ValueRange{unit, head});
                           return SmallVector<Value>{maxF(b, carried[0], here)};
                         })[0];
    Value shift = finite(b, highest);
    for (int64_t first = 0; first < valueVectors; first += registers / 2) {
      int64_t count = std::min(registers / 2, valueVectors - first);
      SmallVector<Value> start(count, splat(b, 0.0));
      start.push_back(this->number(b, element, 0.0));
      SmallVector<Value> sums = loop(
          b, from, to, 1, start,
          [&](Builder &b, Value unit, ValueRange carried) {
            Value here =
                memref::LoadOp::create(b, maxima, ValueRange{unit, head});
            Value weight = exponential(b, subF(b, here, shift));
            Value all = broadcast(b, weight);
            SmallVector<Value> sums;
            for (int64_t v = 0; v < count; ++v)
              sums.push_back(
                  fma(b,
                      load(b, partSums,
                           {unit, head, index(b, (first + v) * lanes)}),
                      all, carried[v]));
            Value total =
                memref::LoadOp::create(b, totals, ValueRange{unit, head});
            sums.push_back(addF(b, mulF(b, total, weight), carried[count]));
            return sums;
          });
      Value inverse = broadcast(b, reciprocal(b, sums.back()));
      for (int64_t v = 0; v < count; ++v)
        storePart(b, mulF(b, sums[v], inverse), op.getOutput(),
                  {batch, time, head, index(b, (first + v) * lanes)},
                  widthOf(first + v, E));
    }
  });
}
} // namespace

void AttentionEmitter::emitRows(Builder &b, int64_t mostQueries) {
  RowEmitter(*this).emit(b, mostQueries);
}
