//===- ChunkScores.cpp - scores within a chunk, and their triangular solve ---------===//

#include "ChunkDecay.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::chunk;

static DimNames concat(std::initializer_list<ArrayRef<DimName>> parts) {
  DimNames dims;
  for (ArrayRef<DimName> part : parts)
    llvm::append_range(dims, part);
  return dims;
}

static unsigned placeOf(ArrayRef<DimName> dims, DimName dim) {
  return llvm::find(dims, dim) - dims.begin();
}

/// The dimensions of scores but times: those of all factors, without `summed`.
static DimNames scoreDims(const ChunkDecay &decay, NamedTensor q, NamedTensor k,
                          ArrayRef<DimName> summed) {
  DimNames dims = withDims(q.dims, k.dims);
  if (!decay.isOne())
    dims = withDims(dims, decay.getDims());
  llvm::sort(dims);
  return withoutDims(withoutDims(dims, summed), {Chunk, Row, Column});
}

/// With columns last, so that a product's lanes are columns.
static NamedTensor columnsLast(NamedTensors &tensors, NamedTensor k,
                               DimName column) {
  if (!k || !k.has(column))
    return k;
  DimNames dims = withoutDims(k.dims, {column});
  dims.push_back(column);
  return tensors.arranged(k, dims);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Decays that are the same for all that is summed: (q k) · decay.
static NamedTensor scoresOfRows(NamedTensors &tensors, ChunkDecay &decay,
                                NamedTensor q, NamedTensor k,
                                ArrayRef<DimName> summed, ReadAt at) {
  DimNames dims = concat({{Chunk}, scoreDims(decay, q, k, summed), {Row, Column}});
  k = columnsLast(tensors, k.renamed(Row, Column), Column);
  SmallVector<NamedTensor> operands{
      tensors.contract({q, k}, dims, {}, summed)};
  if (!decay.isOne())
    operands.push_back(decay.between(at, Row, Column).raw);
  return tensors.pointwise(
      operands, dims, [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value score = v.size() > 1 ? decay.apply(b, v[0], v[1]) : v[0];
        Value seen = isEarlier(b, placeOf(dims, Column), placeOf(dims, Row),
                               decay.isReverse(), at);
        return arith::SelectOp::create(
            b, seen, score, scalarConstant(b, score.getType(), 0.0));
      });
}

/// Scores [Within, Chunk, RowBlock, …, ColumnWithin] of rows with columns of their
/// own block: the step itself, on a state of one column for each row.
static NamedTensor scoresInBlocks(NamedTensors &tensors, ChunkDecay &decay,
                                  NamedTensor q, NamedTensor k,
                                  ArrayRef<DimName> dims,
                                  ArrayRef<DimName> summed, ReadAt at) {
  auto along = [&](NamedTensor x) {
    return tensors.arranged(x, withDims({Within}, x.dims));
  };
  ChunkDecay &inBlocks = decay.inBlocks();
  NamedTensor decays = inBlocks.values(Within);
  NamedTensor place = unitMatrix(tensors, Within, ColumnWithin);
  SmallVector<NamedTensor> sequences{decays, place};
  // What is the same at all times is captured.
  bool kVaries = k && k.has(Within), qVaries = q && q.has(Within);
  if (kVaries)
    sequences.push_back(along(k));
  if (qVaries)
    sequences.push_back(along(q));
  DimNames slice = concat({{Chunk, RowBlock}, dims, {ColumnWithin}});
  DimNames held = withDims(withoutDims(decays.dims, {Within}),
                           withoutDims(k ? k.dims : DimNames(), {Within}));
  held.push_back(ColumnWithin);
  return tensors.recurrence(
      Within, decay.isReverse(), sequences, {slice},
      tensors.filled(held, 0.0),
      [&](ArrayRef<NamedTensor> slices,
          ArrayRef<NamedTensor> states) -> SmallVector<NamedTensor> {
        SmallVector<NamedTensor> operands{states[0], slices[0], slices[1]};
        if (k)
          operands.push_back(kVaries ? slices[2] : k);
        NamedTensor query = qVaries ? slices.back() : q;
        auto read = [&](NamedTensor state) {
          return tensors.contract({query, state}, slice, {}, summed);
        };
        NamedTensor before;
        if (at == ReadAt::Before)
          before = read(states[0]);
        NamedTensor next = tensors.pointwise(
            operands, held,
            [&](ImplicitLocOpBuilder &b, ValueRange v) {
              Value added = v.size() > 3
                                ? arith::MulFOp::create(b, v[3], v[2])
                                : v[2];
              return arith::AddFOp::create(
                  b, arith::MulFOp::create(b, v[0], v[1]), added);
            },
            states[0]);
        return {before ? before : read(next), next};
      })[0];
}

/// Scores [Chunk, …, RowBlock, Within, ColumnBlock, ColumnWithin] of rows with
/// columns of earlier blocks; 0 for the others. Each row is decayed from the
/// start of its block, each column to the end of its own, and whole blocks lie
/// in between.
static NamedTensor scoresBetweenBlocks(NamedTensors &tensors, ChunkDecay &decay,
                                       NamedTensor q, NamedTensor k,
                                       ArrayRef<DimName> dims,
                                       ArrayRef<DimName> summed, ReadAt at) {
  ChunkDecay &inBlocks = decay.inBlocks();
  NamedTensor rows = inBlocks.apply(q, inBlocks.fromStart(at, Within));
  NamedTensor columns =
      columnsLast(tensors,
                  inBlocks.apply(k, inBlocks.toEnd(Within))
                      .renamed(RowBlock, ColumnBlock)
                      .renamed(Within, ColumnWithin),
                  ColumnWithin);
  NamedTensor between =
      decay.ofBlocks().between(ReadAt::Before, RowBlock, ColumnBlock).raw;
  DimNames products = concat({{Chunk, RowBlock}, {ColumnBlock}});
  products = withDims(
      products, withoutDims(withDims(columns.dims, between.dims),
                            {ColumnWithin}));
  products.push_back(ColumnWithin);
  NamedTensor reached = tensors.pointwise(
      {columns, between}, products,
      [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value isEarlierBlock = isEarlier(b, placeOf(products, ColumnBlock),
                                         placeOf(products, RowBlock),
                                         decay.isReverse(), ReadAt::Before);
        return arith::SelectOp::create(
            b, isEarlierBlock, decay.apply(b, v[0], v[1]),
            scalarConstant(b, v[0].getType(), 0.0));
      });
  return tensors.contract(
      {rows, reached},
      concat({{Chunk}, dims, {RowBlock, Within, ColumnBlock, ColumnWithin}}), {},
      summed);
}

NamedTensor seqc::scores(NamedTensors &tensors, ChunkDecay &decay,
                         NamedTensor q, NamedTensor k,
                         ArrayRef<DimName> summed, ReadAt at) {
  if (decay.isOne() || !decay.dependsOn(summed))
    return scoresOfRows(tensors, decay, q, k, summed, at);

  DimNames dims = scoreDims(decay, q, k, summed);
  auto split = [&](NamedTensor x) {
    return x && x.has(Row) ? tensors.split(x, Row, RowBlock, Within) : x;
  };
  q = split(q);
  k = split(k);
  NamedTensor own = scoresInBlocks(tensors, decay, q, k, dims, summed, at);
  DimNames all =
      concat({{Chunk}, dims, {RowBlock, Within, ColumnBlock, ColumnWithin}});
  SmallVector<NamedTensor> operands{own};
  if (tensors.getStaticSize(RowBlock) != 1)
    operands.push_back(
        scoresBetweenBlocks(tensors, decay, q, k, dims, summed, at));
  NamedTensor blocks = tensors.pointwise(
      operands, all, [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        if (v.size() == 1)
          return v[0];
        Value row = linalg::IndexOp::create(b, placeOf(all, RowBlock));
        Value column = linalg::IndexOp::create(b, placeOf(all, ColumnBlock));
        Value same = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, row,
                                           column);
        return arith::SelectOp::create(b, same, v[0], v[1]);
      });
  return tensors.join(tensors.join(blocks, ColumnBlock, ColumnWithin, Column),
                      RowBlock, Within, Row);
}

//===----------------------------------------------------------------------===//
// Triangular solve
//===----------------------------------------------------------------------===//

/// Forward substitution, row after row. The solution's rows are a state.
static NamedTensor solveRows(NamedTensors &tensors, NamedTensor matrix,
                             NamedTensor right, DimName row, DimName column,
                             bool reverse) {
  auto along = [&](NamedTensor x) {
    return tensors.arranged(x, withDims({row}, x.dims));
  };
  NamedTensor place = unitMatrix(tensors, row, column);
  NamedTensor rows = along(right);
  DimNames slice =
      withDims(withoutDims(matrix.dims, {row, column}),
               ArrayRef<DimName>(rows.dims).drop_front());
  DimNames solved = concat({{column}, slice});
  return tensors
      .recurrence(row, reverse, {along(matrix), place, rows}, {},
                  tensors.filled(solved, 0.0),
                  [&](ArrayRef<NamedTensor> slices,
                      ArrayRef<NamedTensor> states) -> SmallVector<NamedTensor> {
                    NamedTensor known =
                        tensors.contract({slices[0], states[0]}, slice);
                    NamedTensor next = tensors.pointwise(
                        {states[0], slices[1], slices[2], known}, solved,
                        [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                          Value row = arith::AddFOp::create(b, v[2], v[3]);
                          return arith::AddFOp::create(
                              b, v[0], arith::MulFOp::create(b, v[1], row));
                        },
                        states[0]);
                    return {next};
                  })
      .front()
      .renamed(column, row);
}

/// With the rows before it solved, a block of rows needs the inverse of its own
/// kBlock × kBlock matrix alone.
static NamedTensor solveBlocks(NamedTensors &tensors, NamedTensor matrix,
                               NamedTensor right, bool reverse) {
  NamedTensor blocks =
      tensors.split(tensors.split(matrix, Column, ColumnBlock, ColumnWithin),
                    Row, RowBlock, Within);
  DimNames others = withoutDims(matrix.dims, {Row, Column});
  // The block of the column is that of the row: the diagonal.
  NamedTensor diagonal = tensors.arranged(
      blocks.renamed(ColumnBlock, RowBlock),
      concat({others, {RowBlock, Within, ColumnWithin}}));
  tensors.setSize(Inverse, tensors.getSize(Within));
  NamedTensor inverse =
      solveRows(tensors, diagonal, unitMatrix(tensors, Within, Inverse), Within,
                ColumnWithin, reverse);
  NamedTensor rows = tensors.split(right, Row, RowBlock, Within);
  DimNames solvedDims = withDims(withDims(others, {Row}),
                                 withoutDims(right.dims, {Row}));

  int64_t count = tensors.getStaticSize(RowBlock);
  OpBuilder attributes(matrix.value.getContext());
  NamedTensor solved = tensors.filled(solvedDims, 0.0);
  for (int64_t step = 0; step < count; ++step) {
    int64_t block = reverse ? count - 1 - step : step;
    auto ofBlock = [&](NamedTensor x) {
      tensors.setSize(Solved, attributes.getIndexAttr(1));
      return tensors.dropUnit(tensors.slice(x, RowBlock, Solved, block), Solved);
    };
    NamedTensor residue = ofBlock(rows);
    if (step > 0) {
      // Rows that are solved already, against those of this block.
      int64_t first = reverse ? (block + 1) * kBlock : 0;
      NamedTensor row =
          tensors.join(ofBlock(blocks), ColumnBlock, ColumnWithin, Column);
      tensors.setSize(Solved, attributes.getIndexAttr(step * kBlock));
      NamedTensor known = tensors.contract(
          {tensors.slice(row, Column, Solved, first),
           tensors.slice(solved, Row, Solved, first)},
          withDims(withDims(others, {Within}),
                   withoutDims(residue.dims, {Within})));
      residue = tensors.pointwise(
          {residue, known}, known.dims,
          [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
            return arith::AddFOp::create(b, v[0], v[1]);
          });
    }
    DimNames blockDims(solvedDims);
    llvm::replace(blockDims, DimName(Row), DimName(Within));
    NamedTensor part = tensors.contract(
        {ofBlock(inverse), residue.renamed(Within, Inverse)}, blockDims);
    solved = tensors.inserted(part, Within, solved, Row, block * kBlock);
  }
  return solved;
}

NamedTensor seqc::solve(NamedTensors &tensors, NamedTensor matrix,
                        NamedTensor right, bool reverse) {
  int64_t rows = tensors.getStaticSize(Row);
  if (ShapedType::isDynamic(rows) || rows <= kBlock || rows % kBlock != 0)
    return solveRows(tensors, matrix, right, Row, Column, reverse);
  return solveBlocks(tensors, matrix, right, reverse);
}
