//===- Linalg.cpp - linalg through regions and indexing maps
//---------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace seqc::reference;

namespace {
/// An operand that goes into the region: a number or a tensor with its map.
struct Access {
  Datum datum;
  AffineMap map;
  unsigned operand;
};
} // namespace

/// Sizes of the iteration space: those of the operands whose map names a loop
/// plainly; all of them must agree.
static FailureOr<SmallVector<int64_t>> loopSizes(linalg::LinalgOp op,
                                                 ArrayRef<Access> accesses) {
  constexpr int64_t unknown = -1;
  SmallVector<int64_t> sizes(op.getNumLoops(), unknown);
  for (const Access &access : accesses) {
    const auto *tensor = std::get_if<Tensor>(&access.datum);
    if (!tensor)
      continue;
    for (auto [expression, size] :
         llvm::zip_equal(access.map.getResults(), tensor->getShape())) {
      auto dim = dyn_cast<AffineDimExpr>(expression);
      if (!dim)
        continue;
      int64_t &loop = sizes[dim.getPosition()];
      if (loop != unknown && loop != size)
        return op.emitOpError("operand ")
               << access.operand << " gives loop " << dim.getPosition()
               << " the size " << size << ", an operand before it " << loop;
      loop = size;
    }
  }
  for (auto [loop, size] : llvm::enumerate(sizes))
    if (size == unknown)
      return op.emitOpError("no operand tells the size of loop ") << loop;
  return sizes;
}

/// Where `access` reads or writes at a point of the iteration space.
static FailureOr<int64_t> offsetAt(linalg::LinalgOp op, const Access &access,
                                   ArrayRef<int64_t> point) {
  SmallVector<int64_t, 6> indices;
  for (AffineExpr expression : access.map.getResults()) {
    std::optional<int64_t> index = evaluateAffine(expression, point, {});
    if (!index)
      return op.emitOpError("operand ")
             << access.operand << " has no index at " << toString(point);
    indices.push_back(*index);
  }
  const Tensor &tensor = std::get<Tensor>(access.datum);
  if (std::optional<int64_t> offset = tensor.getOffset(indices))
    return *offset;
  return op.emitOpError("index ")
         << toString(indices) << " of operand " << access.operand
         << " is out of bounds of its shape " << toString(tensor.getShape());
}

LogicalResult seqc::reference::runLinalg(Interpreter &interpreter,
                                         Operation *operation) {
  auto op = cast<linalg::LinalgOp>(operation);
  if (!op.hasPureTensorSemantics())
    return op.emitOpError("has buffers, which cannot be evaluated");
  auto makeAccess = [&](OpOperand &operand, Datum datum) -> Access {
    return {std::move(datum), op.getMatchingIndexingMap(&operand),
            operand.getOperandNumber()};
  };
  SmallVector<Access> accesses;
  for (OpOperand *input : op.getDpsInputOperands())
    accesses.push_back(makeAccess(*input, interpreter.get(input->get())));
  size_t firstOutput = accesses.size();
  for (OpOperand &output : op.getDpsInitsMutable())
    accesses.push_back(makeAccess(output, interpreter.take(output)));
  FailureOr<SmallVector<int64_t>> sizes = loopSizes(op, accesses);
  if (failed(sizes))
    return failure();

  // Some named operations have region arguments for a part of the operands.
  SmallVector<unsigned> bound;
  for (OpOperand *operand : op.getOpOperandsMatchingBBargs())
    bound.push_back(operand->getOperandNumber());
  Block *body = op.getBlock();
  SmallVector<Datum> arguments(bound.size());
  auto runPoint = [&](ArrayRef<int64_t> point) -> LogicalResult {
    for (auto [argument, number] : llvm::zip(arguments, bound)) {
      const Access &access = accesses[number];
      const auto *tensor = std::get_if<Tensor>(&access.datum);
      if (!tensor) {
        argument = access.datum;
        continue;
      }
      FailureOr<int64_t> offset = offsetAt(op, access, point);
      if (failed(offset))
        return failure();
      argument = tensor->getElements()[*offset];
    }
    interpreter.iteration = point;
    if (failed(interpreter.runBody(*body, arguments)))
      return failure();
    for (auto [access, yielded] :
         llvm::zip_equal(MutableArrayRef(accesses).drop_front(firstOutput),
                         body->getTerminator()->getOperands())) {
      FailureOr<int64_t> offset = offsetAt(op, access, point);
      if (failed(offset))
        return failure();
      std::get<Tensor>(access.datum).getMutableElements()[*offset] =
          interpreter.getElement(yielded);
    }
    return success();
  };
  ArrayRef<int64_t> outer = interpreter.iteration;
  LogicalResult result = forEachIndex(*sizes, runPoint);
  interpreter.iteration = outer;
  if (failed(result))
    return failure();
  for (auto [value, access] : llvm::zip_equal(
           op->getResults(), MutableArrayRef(accesses).drop_front(firstOutput)))
    interpreter.set(value, std::move(access.datum));
  return success();
}

static LogicalResult runIndex(Interpreter &interpreter, linalg::IndexOp op) {
  interpreter.set(op.getResult(),
                  Element::ofInteger(interpreter.iteration[op.getDim()]));
  return success();
}

//===----------------------------------------------------------------------===//
// linalg.pack and linalg.unpack
//===----------------------------------------------------------------------===//

/// How the indices of a packed tensor, [outer dims…, tile dims…], and of the
/// plain one belong together.
namespace {
struct Packing {
  SmallVector<int64_t> tiledDims, tiles, outerPermutation;

  /// The index into the plain tensor of an index into the packed one.
  SmallVector<int64_t> getPlain(ArrayRef<int64_t> packed) const {
    size_t rank = outerPermutation.size();
    SmallVector<int64_t> plain(rank);
    for (auto [position, dim] : llvm::enumerate(outerPermutation))
      plain[dim] = packed[position];
    for (auto [position, dim] : llvm::enumerate(tiledDims))
      plain[dim] = plain[dim] * tiles[position] + packed[rank + position];
    return plain;
  }

  /// The shape of the packed tensor that holds a plain one.
  SmallVector<int64_t> getPackedShape(ArrayRef<int64_t> plain) const {
    SmallVector<int64_t> outer(plain), shape;
    for (auto [dim, tile] : llvm::zip_equal(tiledDims, tiles))
      outer[dim] = llvm::divideCeilSigned(outer[dim], tile);
    for (int64_t dim : outerPermutation)
      shape.push_back(outer[dim]);
    shape.append(tiles);
    return shape;
  }
};
} // namespace

/// The packing of `op`, once `packed` is known to be a packing of `plain`.
template <typename Op>
static FailureOr<Packing> getPacking(Interpreter &interpreter, Op op,
                                     const Tensor &plain,
                                     const Tensor &packed) {
  Packing packing;
  packing.tiledDims.assign(op.getInnerDimsPos().begin(),
                           op.getInnerDimsPos().end());
  packing.tiles = interpreter.getIntegers(op.getMixedTiles());
  packing.outerPermutation.assign(op.getOuterDimsPerm().begin(),
                                  op.getOuterDimsPerm().end());
  if (packing.outerPermutation.empty())
    packing.outerPermutation =
        llvm::to_vector(llvm::seq<int64_t>(0, plain.getRank()));
  for (int64_t tile : packing.tiles)
    if (tile <= 0)
      return op.emitOpError("has a tile of size ") << tile;
  SmallVector<int64_t> expected = packing.getPackedShape(plain.getShape());
  if (packed.getShape() != ArrayRef(expected))
    return op.emitOpError("the packed tensor has the shape ")
           << toString(packed.getShape()) << ", expected "
           << toString(expected);
  return packing;
}

static LogicalResult runPack(Interpreter &interpreter, linalg::PackOp op) {
  if (!op.hasPureTensorSemantics())
    return op.emitOpError("has buffers, which cannot be evaluated");
  Tensor source = interpreter.getTensor(op.getSource());
  Tensor packed = interpreter.takeTensor(op.getDestMutable());
  FailureOr<Packing> packing = getPacking(interpreter, op, source, packed);
  if (failed(packing))
    return failure();
  std::optional<Element> padding;
  if (Value value = op.getPaddingValue())
    padding = interpreter.getElement(value);
  MutableArrayRef<Element> elements = packed.getMutableElements();
  int64_t next = 0;
  SmallVector<int64_t> shape(packed.getShape());
  LogicalResult result = forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    Element &element = elements[next++];
    std::optional<int64_t> offset = source.getOffset(packing->getPlain(index));
    if (!offset && !padding)
      return LogicalResult(op.emitOpError(
          "the tiles do not divide the shape and there is no padding value"));
    element = offset ? source.getElements()[*offset] : *padding;
    return success();
  });
  if (failed(result))
    return failure();
  interpreter.set(op->getResult(0), std::move(packed));
  return success();
}

static LogicalResult runUnpack(Interpreter &interpreter, linalg::UnPackOp op) {
  if (!op.hasPureTensorSemantics())
    return op.emitOpError("has buffers, which cannot be evaluated");
  Tensor packed = interpreter.getTensor(op.getSource());
  Tensor plain = interpreter.takeTensor(op.getDestMutable());
  FailureOr<Packing> packing = getPacking(interpreter, op, plain, packed);
  if (failed(packing))
    return failure();
  MutableArrayRef<Element> elements = plain.getMutableElements();
  int64_t next = 0;
  (void)forEachIndex(packed.getShape(), [&](ArrayRef<int64_t> index) {
    Element element = packed.getElements()[next++];
    if (std::optional<int64_t> offset =
            plain.getOffset(packing->getPlain(index)))
      elements[*offset] = element;
    return success();
  });
  interpreter.set(op->getResult(0), std::move(plain));
  return success();
}

void seqc::reference::registerLinalg(Registry &registry) {
  registry.add<linalg::IndexOp>(runIndex);
  registry.add<linalg::PackOp>(runPack);
  registry.add<linalg::UnPackOp>(runUnpack);
}
