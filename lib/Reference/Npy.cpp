//===- Npy.cpp - tensors in .npy files
//-------------------------------------------===//

#include "seqc/Reference/Files.h"

#include "seq/runtime/Npy.h"

#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace seqc::reference;

static llvm::Error makeError(const seq_error &error) {
  return llvm::createStringError(Twine(error.message));
}

llvm::Expected<Tensor> seqc::reference::readNpy(StringRef path, Type type) {
  bool isFloat = isa<FloatType>(type);
  seq_dtype dtype = isFloat ? SEQ_F64 : type.isInteger(1) ? SEQ_BOOL : SEQ_I64;
  seq_tensor array;
  seq_error error;
  if (!seq_npy_read(path.str().c_str(), dtype, &array, &error))
    return makeError(error);
  llvm::scope_exit release([&] { free(array.data); });
  ArrayRef<int64_t> shape(array.shape, array.rank);
  std::optional<int64_t> count = Tensor::countElements(shape);
  if (!count)
    return llvm::createStringError("%s: more than %lld elements",
                                   path.str().c_str(),
                                   (long long)Tensor::maxElements);
  if (isFloat)
    return Tensor::ofReals(
        shape, type, {static_cast<const double *>(array.data), size_t(*count)});
  SmallVector<int64_t> integers;
  for (int64_t index = 0; index < *count; ++index) {
    int64_t value = dtype == SEQ_BOOL
                        ? static_cast<const uint8_t *>(array.data)[index]
                        : static_cast<const int64_t *>(array.data)[index];
    if (wrap(value, type) != value)
      return llvm::createStringError("%s: the value %lld at index %lld does "
                                     "not fit",
                                     path.str().c_str(), (long long)value,
                                     (long long)index);
    integers.push_back(value);
  }
  return Tensor::ofIntegers(shape, type, integers);
}

/// The format of the file for elements of `type`.
static seq_dtype getFormat(Type type, bool asDouble) {
  if (isa<FloatType>(type)) {
    if (asDouble || type.isF64())
      return SEQ_F64;
    return type.isF16() ? SEQ_F16 : type.isBF16() ? SEQ_BF16 : SEQ_F32;
  }
  unsigned width = integerWidth(type);
  if (type.isUnsignedInteger() && width <= 8)
    return width == 1 ? SEQ_BOOL : SEQ_U8;
  return width == 1                                   ? SEQ_BOOL
         : width <= 8                                 ? SEQ_I8
         : width <= 32 && !type.isUnsignedInteger(32) ? SEQ_I32
                                                      : SEQ_I64;
}

/// Appends the bytes of one number.
template <typename T>
static void append(std::vector<char> &bytes, T value) {
  const char *begin = reinterpret_cast<const char *>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

/// A double rounded once, to the nearest number of a 16-bit format.
static uint16_t round(double value, const llvm::fltSemantics &semantics) {
  llvm::APFloat rounded(value);
  bool inexact;
  rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &inexact);
  return rounded.bitcastToAPInt().getZExtValue();
}

static std::vector<char> getBytes(const Tensor &tensor, seq_dtype format) {
  std::vector<char> bytes;
  for (Element element : tensor.getElements()) {
    switch (format) {
    case SEQ_F64:
      append(bytes, element.real);
      break;
    case SEQ_F32:
      append(bytes, static_cast<float>(element.real));
      break;
    case SEQ_F16:
      append(bytes, round(element.real, llvm::APFloat::IEEEhalf()));
      break;
    case SEQ_BF16:
      append(bytes, round(element.real, llvm::APFloat::BFloat()));
      break;
    case SEQ_I64:
      append(bytes, element.integer);
      break;
    case SEQ_I32:
      append(bytes, static_cast<int32_t>(element.integer));
      break;
    case SEQ_I8:
    case SEQ_U8:
    case SEQ_BOOL:
      append(bytes, static_cast<int8_t>(element.integer));
      break;
    }
  }
  return bytes;
}

llvm::Error seqc::reference::writeNpy(ArrayRef<std::string> paths,
                                      ArrayRef<Tensor> tensors, bool asDouble) {
  std::vector<std::vector<char>> data;
  std::vector<seq_tensor> arrays;
  std::vector<const char *> names;
  for (auto [path, tensor] : llvm::zip_equal(paths, tensors)) {
    if (tensor.getRank() > SEQ_MAX_RANK)
      return llvm::createStringError(
          "%s: %lld dimensions, at most %d can be written", path.c_str(),
          (long long)tensor.getRank(), SEQ_MAX_RANK);
    seq_dtype format = getFormat(tensor.getElementType(), asDouble);
    data.push_back(getBytes(tensor, format));
    seq_tensor array = {
        format, int32_t(tensor.getRank()), {}, data.back().data()};
    llvm::copy(tensor.getShape(), array.shape);
    arrays.push_back(array);
    names.push_back(path.c_str());
  }
  seq_error error;
  if (!seq_npy_write_all(names.data(), arrays.data(), arrays.size(), &error))
    return makeError(error);
  return llvm::Error::success();
}
