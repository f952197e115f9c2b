//===- AttentionEmitter.h - what both ways of attention share -----*- C++
//-*-===//

#ifndef SEQC_LOWER_ATTENTIONEMITTER_H
#define SEQC_LOWER_ATTENTIONEMITTER_H

#include "kernel/Kernel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seqc {

/// The keys that queries at the positions [first, last] may see, as a sequence
/// of tiles: first some before the window, which are exempt from it, then those
/// in the window.
struct VisibleKeys {
  mlir::Value tiles;       ///< number of tiles
  mlir::Value exemptTiles; ///< how many of them are exempt
  mlir::Value exemptEnd;   ///< one past the last exempt key
  mlir::Value begin, end;  ///< the keys of the window
};

/// Emits code for one kernel.attention on memrefs.
class AttentionEmitter {
public:
  using Builder = mlir::ImplicitLocOpBuilder;
  using Value = mlir::Value;
  template <typename T>
  using Vec = llvm::SmallVector<T>;

  AttentionEmitter(mlir::kernel::AttentionOp op, int64_t lanes,
                   int64_t registers);

  /// A message where the operands' memory does not suit.
  llvm::LogicalResult check();

  /// Parallel loops over blocks of at most `queries` queries, a multiple of
  /// the lanes.
  void emitBlocks(Builder &b, int64_t queries);
  /// Parallel loops over at most `mostQueries` single queries and parts of the
  /// keys.
  void emitRows(Builder &b, int64_t mostQueries);

  /// Reads the sizes, before anything else is emitted.
  void begin(Builder &b);
  /// The number of queries.
  Value getQueries() const { return T; }

protected:
  // Numbers.
  static Value index(Builder &b, int64_t value);
  static Value add(Builder &b, Value x, Value y);
  static Value add(Builder &b, Value x, int64_t y);
  static Value sub(Builder &b, Value x, Value y);
  static Value mul(Builder &b, Value x, int64_t y);
  static Value least(Builder &b, Value x, Value y);
  static Value most(Builder &b, Value x, Value y);
  static Value less(Builder &b, Value x, Value y);
  /// ⌈x / y⌉ for x ≥ 0
  static Value ceilDiv(Builder &b, Value x, int64_t y);

  // Loops.
  using Body =
      llvm::function_ref<Vec<Value>(Builder &, Value, mlir::ValueRange)>;
  static Vec<Value> loop(Builder &b, Value from, Value to, int64_t step,
                         mlir::ValueRange carried, Body body);
  static void loop(Builder &b, Value from, Value to, int64_t step,
                   llvm::function_ref<void(Builder &, Value)> body);
  static void when(Builder &b, Value condition,
                   llvm::function_ref<void(Builder &)> body);
  void forUnits(Builder &b, Value units, int64_t grain,
                llvm::function_ref<void(Builder &, Value)> body);

  // Vectors of `lanes` numbers; those without a memory work on scalars too.
  Value splat(Builder &b, double value);
  Value broadcast(Builder &b, Value scalar);
  Value load(Builder &b, Value memref, mlir::ValueRange indices);
  /// `width` lanes from memory, the others 0.
  Value loadPart(Builder &b, Value memref, mlir::ValueRange indices,
                 int64_t width);
  Value loadPart(Builder &b, Value memref, mlir::ValueRange indices,
                 Value width);
  void store(Builder &b, Value vector, Value memref, mlir::ValueRange indices);
  void storePart(Builder &b, Value vector, Value memref,
                 mlir::ValueRange indices, int64_t width);
  Value maskOf(Builder &b, Value width);
  /// A memory cell broadcast to all lanes.
  Value spread(Builder &b, Value memref, mlir::ValueRange indices);
  Value fma(Builder &b, Value x, Value y, Value z);
  Value mulF(Builder &b, Value x, Value y);
  Value addF(Builder &b, Value x, Value y);
  Value subF(Builder &b, Value x, Value y);
  Value maxF(Builder &b, Value x, Value y);
  /// Of all lanes.
  Value sum(Builder &b, Value x);
  Value largest(Builder &b, Value x);
  Value number(Builder &b, mlir::Type type, double value);
  /// `x`, or 0 where it is -∞: what scores of one row are compared with.
  Value finite(Builder &b, Value x);
  /// 1 / x, or 0 where x is 0.
  Value reciprocal(Builder &b, Value x);
  Value scratch(Builder &b, llvm::ArrayRef<int64_t> shape);
  /// Turns as many vectors as there are lanes: rows become columns.
  void transpose(Builder &b, llvm::MutableArrayRef<Value> rows);

  // Scores are kept in units in which exp is 2^x, unless there is a bias, which
  // could leave the range of f32 in them.
  double queryFactor();
  /// exp(x) of a difference of scores.
  Value exponential(Builder &b, Value x);

  /// Indices of the bias, 0 where it has one value for all.
  Vec<Value> biasAt(Builder &b, Value batch, Value head, Value query,
                    Value key);

  // Masks (AttentionMask.cpp).
  VisibleKeys visibleKeys(Builder &b, Value first, Value last, int64_t tile);
  /// The keys [begin, end) of a tile.
  std::pair<Value, Value> keysOf(Builder &b, const VisibleKeys &keys,
                                 Value tile, int64_t size);
  /// Whether some query at [first, last] does not see some key of [begin, end),
  /// or may not: `tile` is its number.
  Value isCut(Builder &b, const VisibleKeys &keys, Value tile, Value first,
              Value last, Value begin, Value end);
  /// Whether queries at `position`, a vector of i32, see `key`, an i32.
  Value sees(Builder &b, Value position, Value key);
  /// The mask's blocks, as constant memory.
  Value patternMemory(Builder &b);
  /// The row of the pattern, -1 before the first one.
  Value rowOf(Builder &b, Value position);
  /// Whether a row of the pattern shows `key`.
  Value shows(Builder &b, Value row, Value key);
  /// Whether the pattern shows some, or all, pairs of a query at [first, last]
  /// and a key of [begin, end).
  std::pair<Value, Value> showsAnyAll(Builder &b, Value first, Value last,
                                      Value begin, Value end);

  mlir::kernel::AttentionOp op;
  mlir::seq::MaskAttr mask;
  int64_t lanes, registers;
  int64_t B, H, D, E; ///< batch, query heads, channels of keys and of values
  int64_t keyGroup, valueGroup; ///< query heads that share a head
  mlir::VectorType vector;
  Value T, S, offset; ///< queries, keys, position of the first query
  Value pattern;      ///< the mask's blocks, as memory
};

} // namespace seqc

#endif // SEQC_LOWER_ATTENTIONEMITTER_H
