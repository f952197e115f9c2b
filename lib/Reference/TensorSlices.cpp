//===- TensorSlices.cpp - tensor: slices
//-----------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace seqc::reference;

namespace {
/// The elements [offset + index * stride] for each index within sizes.
struct Slice {
  SmallVector<int64_t> offsets, sizes, strides;
  /// `sizes` without the dimensions that a rank-reducing operation drops.
  SmallVector<int64_t> shape;

  int64_t getOffset(const Tensor &tensor, ArrayRef<int64_t> index) const {
    SmallVector<int64_t, 6> position;
    for (auto [offset, step, stride] : llvm::zip_equal(offsets, index, strides))
      position.push_back(offset + step * stride);
    return *tensor.getOffset(position);
  }
};
} // namespace

/// The slice that `op` takes of `tensor`, if it lies within it.
template <typename Op>
static FailureOr<Slice> getSlice(Interpreter &interpreter, Op op,
                                 const Tensor &tensor) {
  Slice slice = {interpreter.getIntegers(op.getMixedOffsets()),
                 interpreter.getIntegers(op.getMixedSizes()),
                 interpreter.getIntegers(op.getMixedStrides()),
                 {}};
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [dim, size] : llvm::enumerate(slice.sizes)) {
    int64_t offset = slice.offsets[dim], extent = tensor.getDimSize(dim);
    int64_t last = offset;
    bool inside =
        size >= 0 && offset >= 0 &&
        (size == 0 ? offset <= extent
                   : !llvm::MulOverflow(size - 1, slice.strides[dim], last) &&
                         !llvm::AddOverflow(offset, last, last) && last >= 0 &&
                         offset < extent && last < extent);
    if (!inside)
      return op.emitOpError("offset ")
             << offset << ", size " << size << " and stride "
             << slice.strides[dim] << " go beyond dimension " << dim
             << " of the shape " << toString(tensor.getShape());
    if (!dropped.test(dim))
      slice.shape.push_back(size);
  }
  return slice;
}

static LogicalResult runExtractSlice(Interpreter &interpreter,
                                     tensor::ExtractSliceOp op) {
  Tensor source = interpreter.getTensor(op.getSource());
  FailureOr<Slice> slice = getSlice(interpreter, op, source);
  if (failed(slice))
    return failure();
  Tensor result = Tensor::uninitialized(slice->shape, source.getElementType());
  MutableArrayRef<Element> elements = result.getMutableElements();
  int64_t next = 0;
  (void)forEachIndex(slice->sizes, [&](ArrayRef<int64_t> index) {
    elements[next++] = source.getElements()[slice->getOffset(source, index)];
    return success();
  });
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

/// Writes `source` to the slice of `destination` that `op` names.
template <typename Op>
static LogicalResult insertSlice(Interpreter &interpreter, Op op,
                                 const Tensor &source, Tensor &destination) {
  FailureOr<Slice> slice = getSlice(interpreter, op, destination);
  if (failed(slice))
    return failure();
  if (source.getShape() != ArrayRef(slice->shape))
    return op.emitOpError("a source of shape ")
           << toString(source.getShape()) << " for a slice of shape "
           << toString(slice->shape);
  MutableArrayRef<Element> elements = destination.getMutableElements();
  int64_t next = 0;
  (void)forEachIndex(slice->sizes, [&](ArrayRef<int64_t> index) {
    elements[slice->getOffset(destination, index)] =
        source.getElements()[next++];
    return success();
  });
  return success();
}

static LogicalResult runInsertSlice(Interpreter &interpreter,
                                    tensor::InsertSliceOp op) {
  Tensor source = interpreter.getTensor(op.getSource());
  Tensor destination = interpreter.takeTensor(op.getDestMutable());
  if (failed(insertSlice(interpreter, op, source, destination)))
    return failure();
  interpreter.set(op.getResult(), std::move(destination));
  return success();
}

/// Changes the shared output that it inserts into: it has no result.
static LogicalResult runParallelInsertSlice(Interpreter &interpreter,
                                            tensor::ParallelInsertSliceOp op) {
  Tensor source = interpreter.getTensor(op.getSource());
  Tensor destination = interpreter.getTensor(op.getDest());
  interpreter.set(op.getDest(), Datum()); // so that `destination` is not shared
  if (failed(insertSlice(interpreter, op, source, destination)))
    return failure();
  interpreter.set(op.getDest(), std::move(destination));
  return success();
}

static LogicalResult runConcat(Interpreter &interpreter, tensor::ConcatOp op) {
  int64_t dim = op.getDim();
  SmallVector<Tensor> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(interpreter.getTensor(input));
  SmallVector<int64_t> shape(inputs.front().getShape());
  for (const Tensor &input : ArrayRef(inputs).drop_front()) {
    SmallVector<int64_t> expected(shape);
    expected[dim] = input.getDimSize(dim);
    if (input.getShape() != ArrayRef(expected))
      return op.emitOpError("an input of shape ")
             << toString(input.getShape()) << " beside one of shape "
             << toString(inputs.front().getShape());
    shape[dim] += input.getDimSize(dim);
  }
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result = Tensor::uninitialized(shape, inputs.front().getElementType());
  int64_t position = 0;
  for (const Tensor &input : inputs)
    for (int64_t index = 0; index < input.getDimSize(dim); ++index)
      result.setSlice(dim, position++, input.getSlice(dim, index));
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

void seqc::reference::registerTensorSlices(Registry &registry) {
  registry.add<tensor::ExtractSliceOp>(runExtractSlice);
  registry.add<tensor::InsertSliceOp>(runInsertSlice);
  registry.add<tensor::ParallelInsertSliceOp>(runParallelInsertSlice);
  registry.add<tensor::ConcatOp>(runConcat);
}
