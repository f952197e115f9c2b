//===- AttentionBlocks.cpp - attention with queries in lanes --------------===//
//
// A unit of work is one head and one block of queries, whose numbers lie
// transposed on the stack: query channels by queries, scores of a tile of keys
// by queries, average channels by queries. Everything that belongs to one query
// is in one lane. Keys and values are read as scalars from where they are.
//
// Lanes beyond the last query repeat it: they compute the same numbers, which
// are written to the same place, so that no store is masked.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace seqc;

namespace {
/// Keys in a tile.
constexpr int64_t kTile = 64;
/// Steps in the body of an inner loop.
constexpr int64_t kUnroll = 4;

/// One unit of work.
class BlockEmitter : public AttentionEmitter {
public:
  BlockEmitter(const AttentionEmitter &shared, int64_t queries)
      : AttentionEmitter(shared), block(queries),
        // Accumulators take half of the registers, or a little more.
        width(std::min(queries, (registers >= 32 ? 4 : 2) * lanes)),
        rows(registers / 2 / vectors()) {}

  void emit(Builder &b, Value unit, Value blocks);

private:
  int64_t vectors() const { return width / lanes; }
  /// Runs `body` on pieces of the block that fit the registers.
  void forPieces(Builder &b, function_ref<void(Builder &, Value)> body);
  SmallVector<Value> loadRow(Builder &b, Value memory, Value row, Value column);
  void storeRow(Builder &b, ValueRange row, Value memory, Value number,
                Value column);
  Value queryAt(Builder &b, Value column, int64_t row);

  void readQueries(Builder &b);
  void writeAverages(Builder &b);
  void emitTile(Builder &b, Value cut);
  void scores(Builder &b, Value column);
  void addBias(Builder &b);
  void hide(Builder &b, Value column);
  void hideBlocks(Builder &b, Value column);
  void hideKeys(Builder &b, Value column);
  void weights(Builder &b, Value column);
  void averages(Builder &b, Value column);
  SmallVector<Value> positions(Builder &b, Value column);

  int64_t block, width, rows; // rows and vectors() have accumulators together
  Value batch, head, keyHead, valueHead;
  Value firstQuery, first, last; // first query; positions of first and last
  Value query, score, average;   // [D, block], [kTile, block], [E, block]
  Value maximum, total, decay;   // [block]
  Value begin, end, live;        // keys of the tile and their number
};

void BlockEmitter::forPieces(Builder &b,
                             function_ref<void(Builder &, Value)> body) {
  if (width == block)
    return body(b, index(b, 0));
  loop(b, index(b, 0), index(b, block), width,
       [&](Builder &b, Value column) { body(b, column); });
}

SmallVector<Value> BlockEmitter::loadRow(Builder &b, Value memory, Value row,
                                         Value column) {
  SmallVector<Value> values;
  for (int64_t v = 0; v < vectors(); ++v) {
    Value at = add(b, column, v * lanes);
    values.push_back(
        load(b, memory, row ? ValueRange{row, at} : ValueRange{at}));
  }
  return values;
}

void BlockEmitter::storeRow(Builder &b, ValueRange values, Value memory,
                            Value row, Value column) {
  for (auto [v, value] : llvm::enumerate(values)) {
    Value at = add(b, column, v * lanes);
    store(b, value, memory, row ? ValueRange{row, at} : ValueRange{at});
  }
}

Value BlockEmitter::queryAt(Builder &b, Value column, int64_t row) {
  return least(b, add(b, add(b, firstQuery, column), row), add(b, T, -1));
}

/// Runs `body` on pieces of `size` rows that are transposed together: the first
/// row and how many there are.
static void
forSquares(ImplicitLocOpBuilder &b, int64_t size, int64_t lanes,
           function_ref<void(ImplicitLocOpBuilder &, Value, int64_t)> body) {
  int64_t whole = size / lanes * lanes;
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value end = arith::ConstantIndexOp::create(b, whole);
  if (whole) {
    Value step = arith::ConstantIndexOp::create(b, lanes);
    auto loop = scf::ForOp::create(b, zero, end, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(b, loop.getInductionVar(), lanes);
  }
  if (whole < size)
    body(b, end, size - whole);
}

/// Queries times the scale, [block, D] to [D, block].
void BlockEmitter::readQueries(Builder &b) {
  loop(b, index(b, 0), index(b, block), lanes, [&](Builder &b, Value column) {
    forSquares(b, D, lanes, [&](Builder &b, Value channel, int64_t count) {
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes; ++r)
        rows.push_back(
            mulF(b,
                 loadPart(b, op.getQuery(),
                          {batch, queryAt(b, column, r), head, channel}, count),
                 splat(b, queryFactor())));
      transpose(b, rows);
      for (int64_t r = 0; r < count; ++r)
        store(b, rows[r], query, {add(b, channel, r), column});
    });
  });
}

/// Averages over their total weights, [E, block] to [block, E].
void BlockEmitter::writeAverages(Builder &b) {
  loop(b, index(b, 0), index(b, block), lanes, [&](Builder &b, Value column) {
    Value inverse = reciprocal(b, load(b, total, column));
    forSquares(b, E, lanes, [&](Builder &b, Value channel, int64_t count) {
      SmallVector<Value> rows(lanes, splat(b, 0.0));
      for (int64_t r = 0; r < count; ++r)
        rows[r] =
            mulF(b, load(b, average, {add(b, channel, r), column}), inverse);
      transpose(b, rows);
      for (int64_t r = 0; r < lanes; ++r)
        storePart(b, rows[r], op.getOutput(),
                  {batch, queryAt(b, column, r), head, channel}, count);
    });
  });
}

void BlockEmitter::emit(Builder &b, Value unit, Value blocks) {
  // Later blocks see more keys where the mask is causal: the heaviest units
  // come first.
  Value number =
      sub(b, add(b, blocks, -1), arith::RemUIOp::create(b, unit, blocks));
  Value heads = arith::DivUIOp::create(b, unit, blocks);
  head = arith::RemUIOp::create(b, heads, index(b, H));
  batch = arith::DivUIOp::create(b, heads, index(b, H));
  keyHead = arith::DivUIOp::create(b, head, index(b, keyGroup));
  valueHead = arith::DivUIOp::create(b, head, index(b, valueGroup));
  firstQuery = mul(b, number, block);
  first = add(b, firstQuery, offset);
  last = add(b, least(b, add(b, firstQuery, block), T), add(b, offset, -1));

  query = scratch(b, {D, block});
  score = scratch(b, {kTile, block});
  average = scratch(b, {E, block});
  maximum = scratch(b, {block});
  total = scratch(b, {block});
  decay = scratch(b, {block});
  readQueries(b);
  loop(b, index(b, 0), index(b, block), lanes, [&](Builder &b, Value column) {
    store(b, splat(b, -INFINITY), maximum, column);
    store(b, splat(b, 0.0), total, column);
    loop(b, index(b, 0), index(b, E), 1, [&](Builder &b, Value channel) {
      store(b, splat(b, 0.0), average, {channel, column});
    });
  });

  VisibleKeys keys = visibleKeys(b, first, last, kTile);
  loop(b, index(b, 0), keys.tiles, 1, [&](Builder &b, Value tile) {
    std::tie(begin, end) = keysOf(b, keys, tile, kTile);
    live = sub(b, end, begin);
    if (mask.getPattern()) {
      auto [any, all] = showsAnyAll(b, first, last, begin, end);
      Value cut = arith::XOrIOp::create(
          b, all, arith::ConstantOp::create(b, b.getBoolAttr(true)));
      when(b, any, [&](Builder &b) { emitTile(b, cut); });
    } else {
      emitTile(b, isCut(b, keys, tile, first, last, begin, end));
    }
  });
  writeAverages(b);
}

/// `cut` says whether the mask hides some pair of the tile.
void BlockEmitter::emitTile(Builder &b, Value cut) {
  forPieces(b, [&](Builder &b, Value column) { scores(b, column); });
  if (op.getBias())
    addBias(b);
  if (!mask.isFull())
    when(b, cut, [&](Builder &b) {
      forPieces(b, [&](Builder &b, Value column) { hide(b, column); });
    });
  if (op.getKeyMask())
    forPieces(b, [&](Builder &b, Value column) { hideKeys(b, column); });
  forPieces(b, [&](Builder &b, Value column) { weights(b, column); });
  forPieces(b, [&](Builder &b, Value column) { averages(b, column); });
}

/// score[key, query] = Σ_d key[key, d] · query[d, query]
void BlockEmitter::scores(Builder &b, Value column) {
  loop(b, index(b, 0), live, rows, [&](Builder &b, Value number) {
    // Rows beyond the last key repeat it and are not read.
    SmallVector<Value> keys;
    for (int64_t r = 0; r < rows; ++r)
      keys.push_back(
          least(b, add(b, add(b, begin, number), r), add(b, end, -1)));
    SmallVector<Value> sums(rows * vectors(), splat(b, 0.0));
    auto step = [&](Builder &b, Value channel, SmallVector<Value> &sums) {
      SmallVector<Value> queries = loadRow(b, query, channel, column);
      for (int64_t r = 0; r < rows; ++r) {
        Value key = spread(b, op.getKey(), {batch, keys[r], keyHead, channel});
        for (int64_t v = 0; v < vectors(); ++v) {
          Value &sum = sums[r * vectors() + v];
          sum = fma(b, key, queries[v], sum);
        }
      }
    };
    int64_t whole = D / kUnroll * kUnroll;
    sums = loop(b, index(b, 0), index(b, whole), kUnroll, sums,
                [&](Builder &b, Value channel, ValueRange carried) {
                  SmallVector<Value> sums(carried);
                  for (int64_t u = 0; u < kUnroll; ++u)
                    step(b, add(b, channel, u), sums);
                  return sums;
                });
    for (int64_t channel = whole; channel < D; ++channel)
      step(b, index(b, channel), sums);
    for (int64_t r = 0; r < rows; ++r)
      storeRow(b, ArrayRef(sums).slice(r * vectors(), vectors()), score,
               add(b, number, r), column);
  });
}

/// The bias has keys side by side: squares of it are transposed.
void BlockEmitter::addBias(Builder &b) {
  loop(b, index(b, 0), index(b, block), lanes, [&](Builder &b, Value column) {
    loop(b, index(b, 0), live, lanes, [&](Builder &b, Value number) {
      Value rest = least(b, sub(b, live, number), index(b, lanes));
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes; ++r)
        rows.push_back(loadPart(b, op.getBias(),
                                biasAt(b, batch, head, queryAt(b, column, r),
                                       add(b, begin, number)),
                                rest));
      transpose(b, rows);
      // Rows beyond the last key are in the tile and are not read.
      for (int64_t r = 0; r < lanes; ++r) {
        Value at = add(b, number, r);
        Value sum = addF(b, load(b, score, {at, column}), rows[r]);
        store(b, sum, score, {at, column});
      }
    });
  });
}

SmallVector<Value> BlockEmitter::positions(Builder &b, Value column) {
  auto type = VectorType::get({lanes}, b.getI32Type());
  SmallVector<int32_t> numbers(lanes);
  SmallVector<Value> result;
  auto narrow = [&](Value value) -> Value {
    return arith::IndexCastOp::create(b, b.getI32Type(), value);
  };
  for (int64_t v = 0; v < vectors(); ++v) {
    for (int64_t lane = 0; lane < lanes; ++lane)
      numbers[lane] = v * lanes + lane;
    Value lane = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, ArrayRef(numbers)));
    Value position = add(b, broadcast(b, narrow(add(b, first, column))), lane);
    result.push_back(least(b, position, broadcast(b, narrow(last))));
  }
  return result;
}

void BlockEmitter::hide(Builder &b, Value column) {
  if (mask.getPattern())
    return hideBlocks(b, column);
  SmallVector<Value> at = positions(b, column);
  loop(b, index(b, 0), live, 1, [&](Builder &b, Value number) {
    Value key =
        arith::IndexCastOp::create(b, b.getI32Type(), add(b, begin, number));
    SmallVector<Value> row = loadRow(b, score, number, column);
    for (auto [value, position] : llvm::zip(row, at))
      value = arith::SelectOp::create(b, sees(b, position, key), value,
                                      splat(b, -INFINITY));
    storeRow(b, row, score, number, column);
  });
}

/// For each row of the pattern, keys that it does not show are hidden from the
/// queries of that row.
void BlockEmitter::hideBlocks(Builder &b, Value column) {
  SmallVector<Value> at = positions(b, column);
  loop(b, rowOf(b, first), add(b, rowOf(b, last), 1), 1,
       [&](Builder &b, Value row) {
         Value low = mul(b, row, mask.getBlock());
         Value high = add(b, low, mask.getBlock());
         // Row -1 holds all queries before the first key.
         low = arith::SelectOp::create(b, less(b, row, index(b, 0)),
                                       index(b, INT32_MIN), low);
         auto limit = [&](Value value) {
           return broadcast(
               b, arith::IndexCastOp::create(b, b.getI32Type(), value));
         };
         Value lowest = limit(low), highest = limit(high);
         SmallVector<Value> inRow;
         for (Value position : at)
           inRow.push_back(arith::AndIOp::create(
               b,
               arith::CmpIOp::create(b, arith::CmpIPredicate::sle, lowest,
                                     position),
               arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position,
                                     highest)));
         loop(b, index(b, 0), live, 1, [&](Builder &b, Value number) {
           Value shown = shows(b, row, add(b, begin, number));
           Value hidden = arith::SelectOp::create(
               b, shown, arith::ConstantOp::create(b, b.getF32FloatAttr(0.0)),
               arith::ConstantOp::create(b, b.getF32FloatAttr(-INFINITY)));
           Value lane = broadcast(b, hidden);
           SmallVector<Value> values = loadRow(b, score, number, column);
           for (auto [value, here] : llvm::zip(values, inRow)) {
             Value sum = addF(b, value, lane);
             value = arith::SelectOp::create(b, here, sum, value);
           }
           storeRow(b, values, score, number, column);
         });
       });
}

void BlockEmitter::hideKeys(Builder &b, Value column) {
  loop(b, index(b, 0), live, 1, [&](Builder &b, Value number) {
    Value seen = memref::LoadOp::create(
        b, op.getKeyMask(), ValueRange{batch, add(b, begin, number)});
    Value hidden = arith::XOrIOp::create(
        b, seen, arith::ConstantOp::create(b, b.getBoolAttr(true)));
    when(b, hidden, [&](Builder &b) {
      storeRow(b, SmallVector<Value>(vectors(), splat(b, -INFINITY)), score,
               number, column);
    });
  });
}

/// Scores become weights; what was there before shrinks to the new maximum.
void BlockEmitter::weights(Builder &b, Value column) {
  SmallVector<Value> old = loadRow(b, maximum, Value(), column);
  SmallVector<Value> highest =
      loop(b, index(b, 0), live, 1, old,
           [&](Builder &b, Value number, ValueRange carried) {
             SmallVector<Value> row = loadRow(b, score, number, column);
             for (auto [value, before] : llvm::zip(row, carried))
               value = maxF(b, before, value);
             return row;
           });
  SmallVector<Value> shift, shrink;
  for (auto [value, before] : llvm::zip(highest, old)) {
    shift.push_back(finite(b, value));
    shrink.push_back(exponential(b, subF(b, before, shift.back())));
  }
  storeRow(b, highest, maximum, Value(), column);
  storeRow(b, shrink, decay, Value(), column);
  SmallVector<Value> zeros(vectors(), splat(b, 0.0));
  SmallVector<Value> sums =
      loop(b, index(b, 0), live, 1, zeros,
           [&](Builder &b, Value number, ValueRange carried) {
             SmallVector<Value> row = loadRow(b, score, number, column);
             SmallVector<Value> sums;
             for (int64_t v = 0; v < vectors(); ++v) {
               row[v] = exponential(b, subF(b, row[v], shift[v]));
               sums.push_back(addF(b, carried[v], row[v]));
             }
             storeRow(b, row, score, number, column);
             return sums;
           });
  SmallVector<Value> totals = loadRow(b, total, Value(), column);
  for (auto [value, factor, sum] : llvm::zip(totals, shrink, sums))
    value = fma(b, value, factor, sum);
  storeRow(b, totals, total, Value(), column);
}

/// average[e, query] = decay · average + Σ_key value[key, e] · weight[key,
/// query]
void BlockEmitter::averages(Builder &b, Value column) {
  auto emit = [&](Builder &b, Value channel, int64_t count) {
    SmallVector<Value> shrink = loadRow(b, decay, Value(), column);
    SmallVector<Value> sums;
    for (int64_t r = 0; r < count; ++r)
      for (auto [value, factor] :
           llvm::zip(loadRow(b, average, add(b, channel, r), column), shrink))
        sums.push_back(mulF(b, value, factor));
    auto step = [&](Builder &b, Value number, SmallVector<Value> &sums) {
      SmallVector<Value> weights = loadRow(b, score, number, column);
      for (int64_t r = 0; r < count; ++r) {
        Value value = spread(
            b, op.getValue(),
            {batch, add(b, begin, number), valueHead, add(b, channel, r)});
        for (int64_t v = 0; v < vectors(); ++v) {
          Value &sum = sums[r * vectors() + v];
          sum = fma(b, value, weights[v], sum);
        }
      }
    };
    Value whole =
        sub(b, live, arith::RemUIOp::create(b, live, index(b, kUnroll)));
    for (auto [from, to, unroll] :
         {std::tuple(index(b, 0), whole, kUnroll), std::tuple(whole, live, 1l)})
      sums = loop(b, from, to, unroll, sums,
                  [&](Builder &b, Value number, ValueRange carried) {
                    SmallVector<Value> sums(carried);
                    for (int64_t u = 0; u < unroll; ++u)
                      step(b, add(b, number, u), sums);
                    return sums;
                  });
    for (int64_t r = 0; r < count; ++r)
      storeRow(b, ArrayRef(sums).slice(r * vectors(), vectors()), average,
               add(b, channel, r), column);
  };
  int64_t whole = E / rows * rows;
  if (whole)
    loop(b, index(b, 0), index(b, whole), rows,
         [&](Builder &b, Value channel) { emit(b, channel, rows); });
  if (whole < E)
    emit(b, index(b, whole), E - whole);
}
} // namespace

void AttentionEmitter::emitBlocks(Builder &b, int64_t queries) {
  Value blocks = ceilDiv(b, T, queries);
  forUnits(b, mul(b, blocks, B * H), /*grain=*/1, [&](Builder &b, Value unit) {
    BlockEmitter(*this, queries).emit(b, unit, blocks);
  });
}
