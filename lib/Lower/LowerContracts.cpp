//===- LowerContracts.cpp - products over packed weights to vector loops ----------===//
//
// A unit of work is one panel of columns and one block of rows. Inside it run
// register tiles: `rows` rows by up to a panel of columns, accumulators carried
// by a loop over k. A tile's accumulators go to a small buffer on the stack;
// the epilogue runs from there, row by row, so that its code exists once and
// rows beyond the end cost no branches. Rows beyond the end are clamped on load.
//
//===----------------------------------------------------------------------===//

#include "seqc/Lower/Passes.h"
#include "seqc/Lower/VectorRegion.h"

#include "kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERCONTRACTS
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
using Builder = ImplicitLocOpBuilder;

/// k steps in the body of a tile's loop.
constexpr int64_t kUnroll = 4;
/// Terms that are added up one after the other, at most: rounding errors grow
/// with the number of terms, and a sum of sums has fewer.
constexpr int64_t kDepth = 256;
/// Steps of k by which prefetches of the weight run ahead.
constexpr int64_t kPrefetch = 16;
/// Multiply-adds that are worth handing to another thread.
constexpr int64_t kGrainWork = 1 << 15;
/// Units that keep a large team busy; with fewer panels, rows are split too.
constexpr int64_t kWantedUnits = 32;
/// Rows in a block when rows are split: a multiple of both tile heights.
constexpr int64_t kRowBlock = 96;

Value index(Builder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}
Value plus(Builder &b, Value value, int64_t offset) {
  return offset ? arith::AddIOp::create(b, value, index(b, offset)) : value;
}
Value roundUp(Builder &b, Value value, int64_t multiple) {
  Value m = index(b, multiple);
  return arith::MulIOp::create(b, arith::CeilDivUIOp::create(b, value, m), m);
}

/// Rows of a shaped value: all dimensions but the last, counted row by row.
class Rows {
public:
  Rows(Builder &b, Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    for (int64_t i = 0; i + 1 < type.getRank(); ++i) {
      if (type.getDimSize(i) == 1)
        sizes.push_back(Value());
      else
        sizes.push_back(memref::DimOp::create(b, memref, i));
    }
  }
  Value count(Builder &b) const {
    Value product;
    for (Value size : sizes)
      if (size)
        product =
            product ? arith::MulIOp::create(b, product, size).getResult() : size;
    return product ? product : index(b, 1);
  }
  /// Indices of element `column` of row `row`.
  SmallVector<Value> at(Builder &b, Value row, Value column) const {
    SmallVector<Value> indices(sizes.size());
    int64_t left = llvm::count_if(sizes, [](Value size) { return bool(size); });
    for (int64_t i = sizes.size() - 1; i >= 0; --i) {
      if (!sizes[i]) {
        indices[i] = index(b, 0);
        continue;
      }
      if (--left == 0) {
        indices[i] = row;
        continue;
      }
      indices[i] = arith::RemUIOp::create(b, row, sizes[i]);
      row = arith::DivUIOp::create(b, row, sizes[i]);
    }
    indices.push_back(column);
    return indices;
  }

private:
  SmallVector<Value> sizes; // null for dimensions of size 1
};

/// Emits one kernel.contract.
class Emitter {
public:
  Emitter(kernel::ContractOp op, int64_t lanes, int64_t registers)
      : op(op), element(cast<MemRefType>(op.getWeight().getType()).getElementType()),
        N(op.getColumns()), K(op.getDepth()), P(op.getPanel()),
        panels(llvm::divideCeil(N, P)), registers(registers) {
    this->lanes = std::max<int64_t>(1, lanes * 32 / element.getIntOrFloatBitWidth());
    while (P % this->lanes)
      this->lanes /= 2;
    vector = VectorType::get({this->lanes}, element);
    // A tile of 6 rows fills the registers but for one row of the weight and
    // one broadcast: 6 x 4 vectors of 32 registers, 6 x 2 of 16.
    tileColumns = std::min(P, (registers >= 32 ? 4 : 2) * this->lanes);
    // One row has no reuse; its accumulators only have to hide the latency of
    // the multiply-add.
    rowColumns = std::min(P, registers / 2 * this->lanes);
  }

  LogicalResult emit();

private:
  void emitUnit(Builder &b, Value unit);
  void emitRow(Builder &b);
  void emitRows(Builder &b, int64_t rows, int64_t columns);
  void emitEpilogue(Builder &b, Value row, Value column,
                    ArrayRef<Value> products);
  Value load(Builder &b, Value memref, ValueRange indices, Value mask);
  Value weightAt(Builder &b, Value k, Value column, int64_t offset) {
    return vector::LoadOp::create(
        b, vector, op.getWeight(),
        ValueRange{panel, k, plus(b, column, offset)});
  }
  void prefetch(Builder &b, Value k, Value column, int64_t width);
  Value inputAt(Builder &b, Value row, Value k) {
    return vector::BroadcastOp::create(
        b, vector,
        memref::LoadOp::create(b, op.getInput(), inputRows->at(b, row, k)));
  }
  void forColumns(Builder &b, int64_t width,
                  function_ref<void(Builder &, Value, int64_t)> body);

  kernel::ContractOp op;
  Type element;
  int64_t N, K, P, panels, registers, lanes, tileColumns, rowColumns;
  VectorType vector;
  std::optional<Rows> inputRows, outputRows;
  Value rowCount, rowsPerBlock, blocks; // M, rows in a block, blocks
  Value panel, firstRow, lastRow;       // of the current unit, [firstRow, lastRow)
};

/// vector.store needs neighbouring elements to be neighbours in memory.
bool hasUnitStride(Value value) {
  auto type = cast<MemRefType>(value.getType());
  return type.getRank() == 0 || type.isLastDimUnitStride();
}

LogicalResult Emitter::emit() {
  auto writable = [&](Value value, StringRef what) -> LogicalResult {
    if (hasUnitStride(value))
      return success();
    return op.emitOpError(what)
           << " must be contiguous in its last dimension, is "
           << value.getType();
  };
  if (failed(writable(op.getWeight(), "weight")) ||
      failed(writable(op.getOutput(), "out")))
    return failure();
  for (Value extra : op.getExtras())
    if (failed(writable(extra, "extra")))
      return failure();

  Builder b(op.getLoc(), op);
  inputRows.emplace(b, op.getInput());
  outputRows.emplace(b, op.getOutput());
  rowCount = outputRows->count(b);

  // Splitting rows costs a pass over the panel for each block, so blocks stay
  // large and there are no more than the team needs.
  int64_t splits = panels ? llvm::divideCeil(kWantedUnits, panels) : 1;
  Value spread = arith::CeilDivUIOp::create(b, rowCount, index(b, splits));
  rowsPerBlock = arith::MaxUIOp::create(b, roundUp(b, spread, kRowBlock / 4),
                                        index(b, kRowBlock));
  blocks = arith::CeilDivUIOp::create(b, rowCount, rowsPerBlock);

  Value units = arith::MulIOp::create(b, index(b, panels), blocks);
  auto loop = scf::ForallOp::create(b, SmallVector<OpFoldResult>{units},
                                    ValueRange(), std::nullopt);
  int64_t work = std::max<int64_t>(1, K * P);
  loop->setAttr(kernel::kGrain, b.getI64IntegerAttr(std::max<int64_t>(
                                    1, kGrainWork / work)));
  b.setInsertionPointToStart(loop.getBody());
  emitUnit(b, loop.getInductionVar(0));
  op.erase();
  return success();
}

void Emitter::emitUnit(Builder &b, Value unit) {
  // Blocks of one panel follow each other: the panel stays in the cache.
  panel = arith::DivUIOp::create(b, unit, blocks);
  Value block = arith::RemUIOp::create(b, unit, blocks);
  firstRow = arith::MulIOp::create(b, block, rowsPerBlock);
  lastRow = arith::MinUIOp::create(
      b, arith::AddIOp::create(b, firstRow, rowsPerBlock), rowCount);

  Value isRow = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rowCount,
                                      index(b, 1));
  auto several = [&](Builder &b) {
    // Tiles of 8 rows waste less than tiles of 6 for 8, 16, 32 rows and a few
    // others; for many rows the wider tile loads less.
    Value rows = arith::SubIOp::create(b, lastRow, firstRow);
    Value few = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, rows,
                                      index(b, 64));
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                       roundUp(b, rows, 8), roundUp(b, rows, 6));
    scf::IfOp::create(
        b, arith::AndIOp::create(b, few, fits),
        [&](OpBuilder &ob, Location loc) {
          Builder b(loc, ob);
          emitRows(b, 8, std::max<int64_t>(1, tileColumns / lanes / 2) * lanes);
          scf::YieldOp::create(b);
        },
        [&](OpBuilder &ob, Location loc) {
          Builder b(loc, ob);
          emitRows(b, 6, tileColumns);
          scf::YieldOp::create(b);
        });
  };
  scf::IfOp::create(
      b, isRow,
      [&](OpBuilder &ob, Location loc) {
        Builder b(loc, ob);
        emitRow(b);
        scf::YieldOp::create(b);
      },
      [&](OpBuilder &ob, Location loc) {
        Builder b(loc, ob);
        several(b);
        scf::YieldOp::create(b);
      });
}

/// Runs `body` on pieces of the panel of at most `width` columns.
void Emitter::forColumns(Builder &b, int64_t width,
                         function_ref<void(Builder &, Value, int64_t)> body) {
  int64_t whole = P / width * width;
  if (whole == width) {
    body(b, index(b, 0), width);
  } else {
    auto loop = scf::ForOp::create(b, index(b, 0), index(b, whole),
                                   index(b, width));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(b, loop.getInductionVar(), width);
  }
  if (whole < P)
    body(b, index(b, whole), P - whole);
}

void Emitter::prefetch(Builder &b, Value k, Value column, int64_t width) {
  int64_t line = 64 * 8 / element.getIntOrFloatBitWidth();
  for (int64_t c = 0; c < width; c += line)
    memref::PrefetchOp::create(
        b, op.getWeight(),
        ValueRange{panel, plus(b, k, kPrefetch), plus(b, column, c)},
        /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
}

/// One row: the weight is read once, so several steps of k have accumulators of
/// their own and the loop runs at the speed of memory.
void Emitter::emitRow(Builder &b) {
  forColumns(b, rowColumns, [&](Builder &b, Value column, int64_t width) {
    int64_t vectors = width / lanes;
    int64_t chains = 1;
    while (chains < kUnroll && chains * 2 * vectors <= registers / 2)
      chains *= 2;
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
    SmallVector<Value> sums(chains * vectors, zero);
    auto step = [&](Builder &b, Value k, int64_t chain, auto &sums) {
      Value a = inputAt(b, firstRow, k);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = sums[chain * vectors + v];
        sum = vector::FMAOp::create(
            b, a, weightAt(b, k, column, v * lanes), sum);
      }
    };
    int64_t whole = K / kUnroll * kUnroll;
    auto loop = scf::ForOp::create(
        b, index(b, 0), index(b, whole), index(b, kUnroll), sums,
        [&](OpBuilder &ob, Location loc, Value k, ValueRange carried) {
          Builder b(loc, ob);
          SmallVector<Value> sums(carried);
          for (int64_t u = 0; u < kUnroll; ++u) {
            Value ku = plus(b, k, u);
            prefetch(b, ku, column, width);
            step(b, ku, u % chains, sums);
          }
          scf::YieldOp::create(b, sums);
        });
    sums.assign(loop.getResults().begin(), loop.getResults().end());
    for (int64_t k = whole; k < K; ++k)
      step(b, index(b, k), k % chains, sums);
    for (int64_t live = chains; live > 1; live /= 2)
      for (int64_t i = 0; i < live / 2 * vectors; ++i)
        sums[i] = arith::AddFOp::create(b, sums[i], sums[i + live / 2 * vectors]);
    for (int64_t v = 0; v < vectors; ++v)
      emitEpilogue(b, firstRow, plus(b, column, v * lanes), sums[v]);
  });
}

void Emitter::emitRows(Builder &b, int64_t rows, int64_t columns) {
  columns = std::min(columns, P);
  Value tile = memref::AllocaOp::create(b, MemRefType::get({rows, columns}, element),
                                        b.getI64IntegerAttr(64));
  Value last = plus(b, lastRow, -1);
  auto tileAt = [&](Builder &b, Value column, int64_t width, Value m) {
    int64_t vectors = width / lanes;
    SmallVector<Value> clamped;
    for (int64_t r = 0; r < rows; ++r)
      clamped.push_back(
          arith::MinUIOp::create(b, plus(b, m, r), last).getResult());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
    auto step = [&](Builder &b, Value k, auto &sums) {
      SmallVector<Value> w;
      for (int64_t v = 0; v < vectors; ++v)
        w.push_back(weightAt(b, k, column, v * lanes));
      for (int64_t r = 0; r < rows; ++r) {
        Value a = inputAt(b, clamped[r], k);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = sums[r * vectors + v];
          sum = vector::FMAOp::create(b, a, w[v], sum);
        }
      }
    };
    // The sums of `depth` steps from `first` on, added to the tile if there is
    // something in it.
    auto sumUp = [&](Builder &b, Value first, int64_t depth, bool more) {
      int64_t whole = depth / kUnroll * kUnroll;
      auto loop = scf::ForOp::create(
          b, first, plus(b, first, whole), index(b, kUnroll),
          SmallVector<Value>(rows * vectors, zero),
          [&](OpBuilder &ob, Location loc, Value k, ValueRange carried) {
            Builder b(loc, ob);
            SmallVector<Value> sums(carried);
            for (int64_t u = 0; u < kUnroll; ++u) {
              Value ku = plus(b, k, u);
              prefetch(b, ku, column, width);
              step(b, ku, sums);
            }
            scf::YieldOp::create(b, sums);
          });
      SmallVector<Value> sums(loop.getResults());
      for (int64_t k = whole; k < depth; ++k)
        step(b, plus(b, first, k), sums);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          SmallVector<Value> place{index(b, r), index(b, v * lanes)};
          Value &sum = sums[r * vectors + v];
          if (more)
            sum = arith::AddFOp::create(
                b, sum, vector::LoadOp::create(b, vector, tile, place));
          vector::StoreOp::create(b, sum, tile, place);
        }
    };
    int64_t depth = K;
    if (K > kDepth)
      depth = llvm::alignTo(llvm::divideCeil(K, llvm::divideCeil(K, kDepth)),
                            kUnroll);
    sumUp(b, index(b, 0), depth, false);
    int64_t blocks = depth ? K / depth : 0;
    if (blocks > 1) {
      auto each = scf::ForOp::create(b, index(b, depth),
                                     index(b, blocks * depth), index(b, depth));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(each.getBody());
      sumUp(b, each.getInductionVar(), depth, true);
    }
    if (blocks && blocks * depth < K)
      sumUp(b, index(b, blocks * depth), K - blocks * depth, true);

    Value live = arith::MinUIOp::create(
        b, arith::SubIOp::create(b, lastRow, m), index(b, rows));
    auto each = scf::ForOp::create(b, index(b, 0), live, index(b, 1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    Value r = each.getInductionVar();
    Value row = arith::AddIOp::create(b, m, r);
    for (int64_t v = 0; v < vectors; ++v) {
      Value product = vector::LoadOp::create(b, vector, tile,
                                             ValueRange{r, index(b, v * lanes)});
      emitEpilogue(b, row, plus(b, column, v * lanes), product);
    }
  };
  forColumns(b, columns, [&](Builder &b, Value column, int64_t width) {
    auto loop = scf::ForOp::create(b, firstRow, lastRow, index(b, rows));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    tileAt(b, column, width, loop.getInductionVar());
  });
}

Value Emitter::load(Builder &b, Value memref, ValueRange indices, Value mask) {
  Type scalar = cast<MemRefType>(memref.getType()).getElementType();
  auto type = VectorType::get({lanes}, scalar);
  if (!mask)
    return vector::LoadOp::create(b, type, memref, indices);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, memref, indices, mask, zero);
}

/// The region on one vector of row `row`, from column `column` of the panel on.
void Emitter::emitEpilogue(Builder &b, Value row, Value column,
                           ArrayRef<Value> products) {
  Value n = arith::AddIOp::create(
      b, arith::MulIOp::create(b, panel, index(b, P)), column);
  Value mask;
  if (N % P) {
    Value left = arith::SubIOp::create(b, index(b, N), n);
    left = arith::MaxSIOp::create(b, left, index(b, 0));
    mask = vector::CreateMaskOp::create(
        b, VectorType::get({lanes}, b.getI1Type()), ValueRange{left});
  }
  SmallVector<Value> indices = outputRows->at(b, row, n);
  Block &block = op.getEpilogue().front();
  SmallVector<Value> arguments{products.front()};
  for (auto [extra, argument] :
       llvm::zip(op.getExtras(), block.getArguments().drop_front())) {
    auto type = cast<MemRefType>(extra.getType());
    auto shape = type.getShape();
    if (argument.use_empty())
      arguments.push_back(argument); // replaced nowhere
    else if (shape.empty())
      arguments.push_back(memref::LoadOp::create(b, extra, ValueRange()));
    else if (shape.size() == 1)
      arguments.push_back(
          load(b, extra, n, shape[0] == panels * P ? Value() : mask));
    else
      arguments.push_back(load(b, extra, indices, mask));
  }
  BlockArgument out = block.getArguments().back();
  arguments.push_back(out.use_empty() ? Value(out)
                                      : load(b, op.getOutput(), indices, mask));
  SmallVector<Value> yielded = cloneBlockOnLanes(b, block, arguments, lanes);
  Value result = toLanes(b, yielded.front(), lanes);
  if (mask)
    vector::MaskedStoreOp::create(b, op.getOutput(), indices, mask, result);
  else
    vector::StoreOp::create(b, result, op.getOutput(), indices);
}

struct LowerContracts : seqc::impl::LowerContractsBase<LowerContracts> {
  using LowerContractsBase::LowerContractsBase;

  void runOnOperation() override {
    SmallVector<kernel::ContractOp> contracts;
    WalkResult checked = getOperation()->walk([&](kernel::ContractOp op) {
      if (op.getNumResults()) {
        op.emitOpError("must be bufferized before it is lowered");
        return WalkResult::interrupt();
      }
      contracts.push_back(op);
      return WalkResult::advance();
    });
    if (checked.wasInterrupted())
      return signalPassFailure();
    for (kernel::ContractOp op : contracts)
      if (failed(Emitter(op, lanes, registers).emit()))
        return signalPassFailure();
  }
};
} // namespace
