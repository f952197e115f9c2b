//===- Tensor.cpp - values of the reference evaluator
//----------------------------===//

#include "seqc/Reference/Tensor.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace seqc::reference;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

bool seqc::reference::isSupportedElementType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  return isa<FloatType, IndexType>(type);
}

unsigned seqc::reference::integerWidth(Type type) {
  return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
}

int64_t seqc::reference::wrap(uint64_t value, Type type) {
  unsigned width = integerWidth(type);
  if (width == 1 || type.isUnsignedInteger())
    return value & llvm::maskTrailingOnes<uint64_t>(width);
  return llvm::SignExtend64(value, width);
}

int64_t seqc::reference::asSigned(int64_t value, Type type) {
  return llvm::SignExtend64(value, integerWidth(type));
}

uint64_t seqc::reference::asUnsigned(int64_t value, Type type) {
  return value & llvm::maskTrailingOnes<uint64_t>(integerWidth(type));
}

Element seqc::reference::uninitializedElement(Type type) {
  if (isa<FloatType>(type))
    return Element::ofReal(std::numeric_limits<double>::quiet_NaN());
  return Element::ofInteger(
      wrap(uint64_t(1) << (integerWidth(type) - 1), type));
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

std::optional<int64_t> Tensor::countElements(ArrayRef<int64_t> shape) {
  // An empty tensor may have huge sizes beside its 0, so that product is not
  // taken.
  bool empty = llvm::is_contained(shape, 0);
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0)
      return std::nullopt;
    if (!empty &&
        (llvm::MulOverflow(count, size, count) || count > maxElements))
      return std::nullopt;
  }
  return empty ? 0 : count;
}

Tensor Tensor::filled(ArrayRef<int64_t> shape, Type elementType,
                      Element value) {
  Tensor tensor;
  tensor.elementType = elementType;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.storage =
      std::make_shared<std::vector<Element>>(*countElements(shape), value);
  return tensor;
}

Tensor Tensor::uninitialized(ArrayRef<int64_t> shape, Type elementType) {
  return filled(shape, elementType, uninitializedElement(elementType));
}

Tensor Tensor::ofReals(ArrayRef<int64_t> shape, Type elementType,
                       ArrayRef<double> values) {
  Tensor tensor = filled(shape, elementType, Element());
  for (auto [element, value] : llvm::zip_equal(*tensor.storage, values))
    element.real = value;
  return tensor;
}

Tensor Tensor::ofIntegers(ArrayRef<int64_t> shape, Type elementType,
                          ArrayRef<int64_t> values) {
  Tensor tensor = filled(shape, elementType, Element());
  for (auto [element, value] : llvm::zip_equal(*tensor.storage, values))
    element.integer = wrap(value, elementType);
  return tensor;
}

ArrayRef<Element> Tensor::getElements() const {
  return storage ? ArrayRef<Element>(*storage) : ArrayRef<Element>();
}

MutableArrayRef<Element> Tensor::getMutableElements() {
  if (storage.use_count() > 1)
    storage = std::make_shared<std::vector<Element>>(*storage);
  return *storage;
}

std::optional<int64_t> Tensor::getOffset(ArrayRef<int64_t> indices) const {
  if (indices.size() != shape.size())
    return std::nullopt;
  int64_t offset = 0;
  for (auto [index, size] : llvm::zip(indices, shape)) {
    if (index < 0 || index >= size)
      return std::nullopt;
    offset = offset * size + index;
  }
  return offset;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> newShape) const {
  Tensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  return result;
}

Tensor Tensor::retyped(Type newElementType) const {
  Tensor result = *this;
  result.elementType = newElementType;
  return result;
}

/// Elements before and after dimension `dim` in row-major order: the slice at
/// `index` is `outer` runs of `inner` elements.
static std::pair<int64_t, int64_t> splitAt(ArrayRef<int64_t> shape,
                                           int64_t dim) {
  return {llvm::product_of(shape.take_front(dim)),
          llvm::product_of(shape.drop_front(dim + 1))};
}

Tensor Tensor::getSlice(int64_t dim, int64_t index) const {
  auto [outer, inner] = splitAt(shape, dim);
  SmallVector<int64_t> sliceShape(getShape());
  sliceShape.erase(sliceShape.begin() + dim);
  Tensor slice = filled(sliceShape, elementType, Element());
  const Element *from = storage->data() + index * inner;
  Element *to = slice.storage->data();
  for (int64_t run = 0; run < outer; ++run)
    std::copy_n(from + run * shape[dim] * inner, inner, to + run * inner);
  return slice;
}

void Tensor::setSlice(int64_t dim, int64_t index, const Tensor &slice) {
  auto [outer, inner] = splitAt(shape, dim);
  const Element *from = slice.storage->data();
  Element *to = getMutableElements().data() + index * inner;
  for (int64_t run = 0; run < outer; ++run)
    std::copy_n(from + run * inner, inner, to + run * shape[dim] * inner);
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

void Tensor::printType(llvm::raw_ostream &os) const {
  if (shape.empty()) {
    os << elementType;
    return;
  }
  os << "tensor<";
  for (int64_t size : shape)
    os << size << "x";
  os << elementType << ">";
}

static void printElement(Element element, Type type, llvm::raw_ostream &os) {
  if (!isa<FloatType>(type))
    os << element.integer;
  else if (std::isnan(element.real))
    os << "nan"; // of either sign
  else
    os << llvm::format("%.6g", element.real);
}

static void printNested(ArrayRef<int64_t> shape, const Element *&next,
                        Type type, llvm::raw_ostream &os) {
  if (shape.empty())
    return printElement(*next++, type, os);
  os << "[";
  for (int64_t index = 0; index < shape.front(); ++index) {
    if (index)
      os << ", ";
    printNested(shape.drop_front(), next, type, os);
  }
  os << "]";
}

void Tensor::print(llvm::raw_ostream &os) const {
  if (getNumElements() == 0) {
    os << "[]";
    return;
  }
  const Element *next = storage->data();
  printNested(shape, next, elementType, os);
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

bool seqc::reference::advance(MutableArrayRef<int64_t> index,
                              ArrayRef<int64_t> sizes) {
  for (size_t dim = sizes.size(); dim-- > 0;) {
    if (++index[dim] < sizes[dim])
      return true;
    index[dim] = 0;
  }
  return false;
}

LogicalResult seqc::reference::forEachIndex(
    ArrayRef<int64_t> sizes,
    llvm::function_ref<LogicalResult(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(sizes, 0))
    return success();
  SmallVector<int64_t> index(sizes.size(), 0);
  do {
    if (failed(visit(index)))
      return failure();
  } while (advance(index, sizes));
  return success();
}
