//===- ChunkNames.h - names of dimensions in the chunkwise form ------------------===//

#ifndef SEQC_LIB_REWRITE_CHUNKNAMES_H
#define SEQC_LIB_REWRITE_CHUNKNAMES_H

#include "NamedTensors.h"

namespace seqc {

/// Dimension i of state s is called ofState(s, i). A sequence of T times is [Chunk, Row],
/// padded; scores are [Row, Column], each of which is [RowBlock, Within] where a
/// chunk is cut into blocks.
namespace chunk {
enum : DimName {
  Time = 1000,  ///< T
  Padded,       ///< T rounded up
  Chunk,        ///< number of the chunk
  Row,          ///< time in the chunk
  Column,       ///< an earlier time in the chunk
  RowBlock,     ///< number of the block of a row
  Within,       ///< row in its block
  ColumnBlock,  ///< number of the block of a column
  ColumnWithin, ///< column in its block
  Inverse,      ///< column of an inverse
  Solved,       ///< rows that are solved
  Extra = 2000  ///< from here on: dimensions that no state has
};
inline DimName ofState(unsigned state, unsigned dim) {
  return (1 << 16) + (state << 8) + dim;
}
/// The same dimension of the state before the chunk.
inline DimName primed(DimName dim) { return dim + (1 << 24); }
/// Rows in a block.
constexpr int64_t kBlock = 16;
} // namespace chunk

/// Whether a state is read at a time before or after its update at this time.
enum class ReadAt { Before, After };

/// `dims` with `more` at the end, each once.
inline DimNames withDims(DimNames dims, llvm::ArrayRef<DimName> more) {
  for (DimName dim : more)
    if (!llvm::is_contained(dims, dim))
      dims.push_back(dim);
  return dims;
}
/// `dims` without `others`.
inline DimNames withoutDims(DimNames dims, llvm::ArrayRef<DimName> others) {
  llvm::erase_if(dims,
                 [&](DimName dim) { return llvm::is_contained(others, dim); });
  return dims;
}

} // namespace seqc

#endif // SEQC_LIB_REWRITE_CHUNKNAMES_H
