//===- Tensor.h - values of the reference evaluator
//------------------------------===//
//
// An element is a double or an int64_t, whatever width its type declares:
//
//   f64, f32, f16, bf16, …  double. Nothing is rounded to the declared width.
//   iN, index               int64_t, wrapped to the width. iN is kept
//                           sign-extended, i1 as 0 or 1, unsigned types
//                           zero-extended.
//
// Uninitialised elements (`tensor.empty`) and poison are NaN; for integers,
// which have no NaN, the smallest value of the width (i1: true).
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_REFERENCE_TENSOR_H
#define SEQC_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <optional>
#include <vector>

namespace seqc::reference {

/// One number. Which member holds it is known from the type of the value or
/// the tensor that it belongs to.
union Element {
  double real;
  int64_t integer = 0;

  static Element ofReal(double value) {
    Element element;
    element.real = value;
    return element;
  }
  static Element ofInteger(int64_t value) {
    Element element;
    element.integer = value;
    return element;
  }
};

/// Floats, integers of at most 64 bits and index.
bool isSupportedElementType(mlir::Type type);

/// Width of an integer or index type.
unsigned integerWidth(mlir::Type type);

/// `value` as the integer type keeps it: the lowest bits, extended as the table
/// above says.
int64_t wrap(uint64_t value, mlir::Type type);

/// An integer read as signed (i1: 0 or -1), or as unsigned.
int64_t asSigned(int64_t value, mlir::Type type);
uint64_t asUnsigned(int64_t value, mlir::Type type);

/// What an uninitialised element shows.
Element uninitializedElement(mlir::Type type);

/// Dense elements in row-major order. Copies share the elements until one of
/// them is changed.
class Tensor {
public:
  /// The most elements a tensor may have: 2^30, 8 GiB.
  static constexpr int64_t maxElements = int64_t(1) << 30;

  Tensor() = default;

  /// Number of elements, or nothing if a size is negative or the number exceeds
  /// maxElements. The shapes of all constructors below must have passed it.
  static std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

  static Tensor filled(llvm::ArrayRef<int64_t> shape, mlir::Type elementType,
                       Element value);
  static Tensor uninitialized(llvm::ArrayRef<int64_t> shape,
                              mlir::Type elementType);
  static Tensor ofReals(llvm::ArrayRef<int64_t> shape, mlir::Type elementType,
                        llvm::ArrayRef<double> values);
  static Tensor ofIntegers(llvm::ArrayRef<int64_t> shape,
                           mlir::Type elementType,
                           llvm::ArrayRef<int64_t> values);

  mlir::Type getElementType() const { return elementType; }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(elementType); }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getDimSize(int64_t dim) const { return shape[dim]; }
  int64_t getNumElements() const { return storage ? storage->size() : 0; }

  llvm::ArrayRef<Element> getElements() const;
  /// Copies the elements first if another tensor shares them.
  llvm::MutableArrayRef<Element> getMutableElements();

  /// Where an element is in getElements(), or nothing if there is none.
  std::optional<int64_t> getOffset(llvm::ArrayRef<int64_t> indices) const;

  /// The same elements in another shape of as many.
  Tensor reshaped(llvm::ArrayRef<int64_t> newShape) const;
  /// The same elements, said to be of another type of the same kind.
  Tensor retyped(mlir::Type newElementType) const;

  /// The slice at `index` of dimension `dim`, which the slice has not, and the
  /// inverse. They must fit.
  Tensor getSlice(int64_t dim, int64_t index) const;
  void setSlice(int64_t dim, int64_t index, const Tensor &slice);

  /// "tensor<2x3xf32>", or "f32" for rank 0.
  void printType(llvm::raw_ostream &os) const;
  /// "[[1, 2], [3, nan]]": each float to six significant digits.
  void print(llvm::raw_ostream &os) const;

private:
  mlir::Type elementType;
  llvm::SmallVector<int64_t, 4> shape;
  std::shared_ptr<std::vector<Element>> storage;
};

/// Advances `index` to the next one within `sizes`, the last dimension fastest.
/// Returns false (and starts again at zeros) after the last one.
bool advance(llvm::MutableArrayRef<int64_t> index,
             llvm::ArrayRef<int64_t> sizes);

/// Calls `visit` for every index within `sizes`, in row-major order, until one
/// call fails.
mlir::LogicalResult forEachIndex(
    llvm::ArrayRef<int64_t> sizes,
    llvm::function_ref<mlir::LogicalResult(llvm::ArrayRef<int64_t>)> visit);

} // namespace seqc::reference

#endif // SEQC_REFERENCE_TENSOR_H
