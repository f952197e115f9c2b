//===- LayerShapes.cpp - constraints C1 to C3 of the named layers
//--------------===//

#include "LayerUtils.h"

using namespace mlir;
using namespace mlir::seq;

namespace {
/// One word of a shape: factor · letter - offset.
struct Size {
  explicit Size(StringRef word) : word(word) {
    if (word.consumeInteger(10, factor))
      factor = 1;
    std::tie(letter, word) = word.split('-');
    if (word.getAsInteger(10, offset))
      offset = 0;
  }
  bool isPlain() const { return factor == 1 && offset == 0; }
  int64_t apply(int64_t size) const { return factor * size - offset; }

  StringRef word, letter;
  int64_t factor = 1, offset = 0;
};

/// Where a letter got its value.
struct Binding {
  StringRef name;
  int64_t size;
};
} // namespace

/// Calls `fn` with the documented and the actual size of each dimension.
static LogicalResult
forEachSize(ArrayRef<layer::NamedShape> shapes,
            function_ref<LogicalResult(StringRef, Size, int64_t)> fn) {
  for (const layer::NamedShape &shape : shapes) {
    if (!shape.value)
      continue;
    SmallVector<StringRef> words;
    shape.sizes.split(words, ' ');
    auto type = cast<RankedTensorType>(shape.value.getType());
    for (auto [word, size] : llvm::zip(words, type.getShape()))
      if (failed(fn(shape.name, Size(word), size)))
        return failure();
  }
  return success();
}

LogicalResult layer::verifyShapes(Operation *layer,
                                  ArrayRef<NamedShape> shapes) {
  Type element = getElementTypeOrSelf(shapes.front().value.getType());
  for (const NamedShape &shape : shapes)
    if (shape.value && getElementTypeOrSelf(shape.value.getType()) != element)
      return layer->emitOpError("C1: ")
             << shape.name << " has elements of type "
             << getElementTypeOrSelf(shape.value.getType()) << ", expected "
             << element << " as in " << shapes.front().name;

  llvm::StringMap<Binding> bindings;
  auto bind = [&](StringRef name, Size size, int64_t actual) -> LogicalResult {
    if (ShapedType::isDynamic(actual)) {
      if (size.letter == "T" || size.letter == "S")
        return success();
      return layer->emitOpError("C2: the size ")
             << size.word << " of " << name << " must be known";
    }
    if (size.isPlain())
      bindings.try_emplace(size.letter, Binding{name, actual});
    return success();
  };
  auto check = [&](StringRef name, Size size, int64_t actual) -> LogicalResult {
    auto binding = bindings.find(size.letter);
    if (binding == bindings.end() || ShapedType::isDynamic(actual))
      return success();
    int64_t expected = size.apply(binding->second.size);
    if (actual == expected)
      return success();
    InFlightDiagnostic error = layer->emitOpError("C3: the size ")
                               << size.word << " of " << name << " is "
                               << actual << ", expected " << expected;
    if (binding->second.name != name)
      error << " (" << size.letter << " = " << binding->second.size << " in "
            << binding->second.name << ")";
    return error;
  };
  if (failed(forEachSize(shapes, bind)))
    return failure();
  return forEachSize(shapes, check);
}
