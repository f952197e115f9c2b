//===- TensorOps.cpp - tensor: elements, shapes, creation
//------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc::reference;

/// The shape of a result of which `dynamic` are the unknown sizes.
static SmallVector<int64_t>
fillShape(Interpreter &interpreter, RankedTensorType type, ValueRange dynamic) {
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size)) {
      size = interpreter.getInteger(dynamic.front());
      dynamic = dynamic.drop_front();
    }
  return shape;
}

static InFlightDiagnostic outOfBounds(Operation *op, ArrayRef<int64_t> indices,
                                      const Tensor &tensor) {
  return op->emitOpError("index ")
         << toString(indices) << " is out of bounds of the shape "
         << toString(tensor.getShape());
}

//===----------------------------------------------------------------------===//
// Creation
//===----------------------------------------------------------------------===//

static LogicalResult runEmpty(Interpreter &interpreter, tensor::EmptyOp op) {
  SmallVector<int64_t> shape =
      fillShape(interpreter, op.getType(), op.getDynamicSizes());
  if (failed(checkShape(op, shape)))
    return failure();
  interpreter.set(op.getResult(),
                  Tensor::uninitialized(shape, op.getType().getElementType()));
  return success();
}

static LogicalResult runSplat(Interpreter &interpreter, tensor::SplatOp op) {
  SmallVector<int64_t> shape =
      fillShape(interpreter, op.getType(), op.getDynamicSizes());
  if (failed(checkShape(op, shape)))
    return failure();
  interpreter.set(op.getResult(),
                  Tensor::filled(shape, op.getType().getElementType(),
                                 interpreter.getElement(op.getInput())));
  return success();
}

static LogicalResult runFromElements(Interpreter &interpreter,
                                     tensor::FromElementsOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Tensor result = Tensor::uninitialized(type.getShape(), type.getElementType());
  for (auto [element, value] :
       llvm::zip_equal(result.getMutableElements(), op.getElements()))
    element = interpreter.getElement(value);
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

/// Runs `region` at an index; it yields one element.
static FailureOr<Element> runAt(Interpreter &interpreter, Region &region,
                                ArrayRef<int64_t> index) {
  SmallVector<Datum> arguments, results;
  for (int64_t position : index)
    arguments.push_back(Element::ofInteger(position));
  if (failed(interpreter.run(region, arguments, results)))
    return failure();
  return std::get<Element>(results.front());
}

static LogicalResult runGenerate(Interpreter &interpreter,
                                 tensor::GenerateOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> shape =
      fillShape(interpreter, type, op.getDynamicExtents());
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result = Tensor::uninitialized(shape, type.getElementType());
  MutableArrayRef<Element> elements = result.getMutableElements();
  int64_t next = 0;
  if (failed(forEachIndex(shape, [&](ArrayRef<int64_t> index) {
        FailureOr<Element> element = runAt(interpreter, op.getBody(), index);
        if (succeeded(element))
          elements[next++] = *element;
        return LogicalResult(element);
      })))
    return failure();
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult runPad(Interpreter &interpreter, tensor::PadOp op) {
  Tensor source = interpreter.getTensor(op.getSource());
  SmallVector<int64_t> low = interpreter.getIntegers(op.getMixedLowPad());
  SmallVector<int64_t> high = interpreter.getIntegers(op.getMixedHighPad());
  SmallVector<int64_t> shape;
  for (auto [size, before, after] :
       llvm::zip_equal(source.getShape(), low, high)) {
    if (before < 0 || after < 0 || before > Tensor::maxElements ||
        after > Tensor::maxElements)
      return op.emitOpError("low padding ")
             << toString(low) << " and high padding " << toString(high)
             << " must be from 0 to " << Tensor::maxElements;
    shape.push_back(size + before + after);
  }
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result = Tensor::uninitialized(shape, source.getElementType());
  MutableArrayRef<Element> elements = result.getMutableElements();
  int64_t next = 0;
  if (failed(forEachIndex(shape, [&](ArrayRef<int64_t> index) {
        SmallVector<int64_t> inner;
        for (auto [position, before] : llvm::zip_equal(index, low))
          inner.push_back(position - before);
        Element &element = elements[next++];
        if (std::optional<int64_t> offset = source.getOffset(inner)) {
          element = source.getElements()[*offset];
          return success();
        }
        FailureOr<Element> padding = runAt(interpreter, op.getRegion(), index);
        if (succeeded(padding))
          element = *padding;
        return LogicalResult(padding);
      })))
    return failure();
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static LogicalResult runExtract(Interpreter &interpreter,
                                tensor::ExtractOp op) {
  SmallVector<int64_t> indices = interpreter.getIntegers(op.getIndices());
  const Tensor &tensor = interpreter.getTensor(op.getTensor());
  std::optional<int64_t> offset = tensor.getOffset(indices);
  if (!offset)
    return outOfBounds(op, indices, tensor);
  interpreter.set(op.getResult(), Datum(tensor.getElements()[*offset]));
  return success();
}

static LogicalResult runInsert(Interpreter &interpreter, tensor::InsertOp op) {
  SmallVector<int64_t> indices = interpreter.getIntegers(op.getIndices());
  Element element = interpreter.getElement(op.getScalar());
  Tensor tensor = interpreter.takeTensor(op.getDestMutable());
  std::optional<int64_t> offset = tensor.getOffset(indices);
  if (!offset)
    return outOfBounds(op, indices, tensor);
  tensor.getMutableElements()[*offset] = element;
  interpreter.set(op.getResult(), std::move(tensor));
  return success();
}

/// tensor.gather: for each index of the indices' shape without its last
/// dimension, the slice of size 1 in the gathered dimensions.
static LogicalResult runGather(Interpreter &interpreter, tensor::GatherOp op) {
  Tensor source = interpreter.getTensor(op.getSource());
  Tensor indices = interpreter.getTensor(op.getIndices());
  ArrayRef<int64_t> gathered = op.getGatherDims();
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> batch(indices.getShape().drop_back());
  SmallVector<int64_t> slice(source.getShape());
  for (int64_t dim : gathered)
    slice[dim] = 1;
  SmallVector<int64_t> shape(batch);
  bool reduced = type.getRank() != int64_t(batch.size() + slice.size());
  for (auto [dim, size] : llvm::enumerate(slice))
    if (!reduced || !llvm::is_contained(gathered, int64_t(dim)))
      shape.push_back(size);
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result = Tensor::uninitialized(shape, source.getElementType());
  MutableArrayRef<Element> elements = result.getMutableElements();
  int64_t nextIndex = 0, next = 0;
  if (failed(forEachIndex(batch, [&](ArrayRef<int64_t>) {
        SmallVector<int64_t> start(slice.size(), 0);
        for (int64_t dim : gathered)
          start[dim] = indices.getElements()[nextIndex++].integer;
        return forEachIndex(slice, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> position(start);
          for (auto [sum, offset] : llvm::zip_equal(position, index))
            sum += offset;
          std::optional<int64_t> offset = source.getOffset(position);
          if (!offset)
            return LogicalResult(outOfBounds(op, position, source));
          elements[next++] = source.getElements()[*offset];
          return success();
        });
      })))
    return failure();
  interpreter.set(op.getResult(), std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static LogicalResult runDim(Interpreter &interpreter, tensor::DimOp op) {
  int64_t dim = interpreter.getInteger(op.getIndex());
  const Tensor &tensor = interpreter.getTensor(op.getSource());
  if (dim < 0 || dim >= tensor.getRank())
    return op.emitOpError("there is no dimension ")
           << dim << " in the shape " << toString(tensor.getShape());
  interpreter.set(op.getResult(), Element::ofInteger(tensor.getDimSize(dim)));
  return success();
}

static LogicalResult runRank(Interpreter &interpreter, tensor::RankOp op) {
  int64_t rank = interpreter.getTensor(op.getTensor()).getRank();
  interpreter.set(op.getResult(), Element::ofInteger(rank));
  return success();
}

/// Sizes that do not fit the result's type are found by the interpreter.
static LogicalResult runCast(Interpreter &interpreter, tensor::CastOp op) {
  interpreter.set(op.getResult(), interpreter.take(op.getSourceMutable()));
  return success();
}

/// Gives `source` another shape of as many elements.
static LogicalResult reshape(Interpreter &interpreter, Operation *op,
                             Tensor source, ArrayRef<int64_t> shape) {
  if (Tensor::countElements(shape) != source.getNumElements())
    return op->emitOpError("a tensor of shape ")
           << toString(source.getShape()) << " cannot get the shape "
           << toString(shape);
  interpreter.set(op->getResult(0), source.reshaped(shape));
  return success();
}

static LogicalResult runExpandShape(Interpreter &interpreter,
                                    tensor::ExpandShapeOp op) {
  SmallVector<int64_t> shape =
      interpreter.getIntegers(op.getMixedOutputShape());
  Tensor source = interpreter.takeTensor(op.getSrcMutable());
  for (auto [size, group] :
       llvm::zip_equal(source.getShape(), op.getReassociationIndices())) {
    SmallVector<int64_t> sizes;
    for (int64_t dim : group)
      sizes.push_back(shape[dim]);
    if (Tensor::countElements(sizes) != size)
      return op.emitOpError("a dimension of size ")
             << size << " cannot get the shape " << toString(sizes);
  }
  return reshape(interpreter, op, std::move(source), shape);
}

static LogicalResult runCollapseShape(Interpreter &interpreter,
                                      tensor::CollapseShapeOp op) {
  Tensor source = interpreter.takeTensor(op.getSrcMutable());
  SmallVector<int64_t> shape;
  for (ArrayRef<int64_t> group : op.getReassociationIndices()) {
    int64_t size = 1;
    for (int64_t dim : group)
      size *= source.getDimSize(dim);
    shape.push_back(size);
  }
  return reshape(interpreter, op, std::move(source), shape);
}

static LogicalResult runReshape(Interpreter &interpreter,
                                tensor::ReshapeOp op) {
  SmallVector<int64_t> shape;
  for (Element size : interpreter.getTensor(op.getShape()).getElements())
    shape.push_back(size.integer);
  return reshape(interpreter, op, interpreter.takeTensor(op.getSourceMutable()),
                 shape);
}

void seqc::reference::registerTensor(Registry &registry) {
  registry.add<tensor::EmptyOp>(runEmpty);
  registry.add<tensor::SplatOp>(runSplat);
  registry.add<tensor::FromElementsOp>(runFromElements);
  registry.add<tensor::GenerateOp>(runGenerate);
  registry.add<tensor::PadOp>(runPad);
  registry.add<tensor::ExtractOp>(runExtract);
  registry.add<tensor::InsertOp>(runInsert);
  registry.add<tensor::GatherOp>(runGather);
  registry.add<tensor::DimOp>(runDim);
  registry.add<tensor::RankOp>(runRank);
  registry.add<tensor::CastOp>(runCast);
  registry.add<tensor::ExpandShapeOp>(runExpandShape);
  registry.add<tensor::CollapseShapeOp>(runCollapseShape);
  registry.add<tensor::ReshapeOp>(runReshape);
}
