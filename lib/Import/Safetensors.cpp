//===- Safetensors.cpp - the header of a .safetensors file ---------------===//

#include "Safetensors.h"
#include "Text.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"

using namespace llvm;
using namespace seqc;

using Tensor = SourceWeights::Tensor;

namespace {
constexpr uint64_t kLengthBytes = 8;
/// The format's own limit.
constexpr uint64_t kLongestHeader = 100000000;

/// One tensor of the header, before its place in the data is known to be right.
struct Entry {
  Tensor tensor;
  uint64_t begin, end;
};
} // namespace

static std::optional<DType> parseDType(StringRef name) {
  return StringSwitch<std::optional<DType>>(name)
      .Case("F64", DType::F64)
      .Case("F32", DType::F32)
      .Case("F16", DType::F16)
      .Case("BF16", DType::BF16)
      .Case("I64", DType::I64)
      .Case("I32", DType::I32)
      .Case("I16", DType::I16)
      .Case("I8", DType::I8)
      .Case("U8", DType::U8)
      .Case("BOOL", DType::Bool)
      .Default(std::nullopt);
}

static Expected<Entry> parseEntry(StringRef name, const json::Value &value,
                                  StringRef file) {
  auto fail = [&](const Twine &message) {
    return makeError(file + ": tensor " + quote(name) + ": " + message);
  };
  const json::Object *object = value.getAsObject();
  if (!object)
    return fail("expected an object with dtype, shape and data_offsets");

  Entry entry;
  entry.tensor.name = name.str();
  std::optional<StringRef> dtype = object->getString("dtype");
  if (!dtype)
    return fail("expected a string as dtype");
  std::optional<DType> known = parseDType(*dtype);
  if (!known)
    return fail(
        "unknown dtype " + quote(*dtype) +
        ", expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL");
  entry.tensor.dtype = *known;

  const json::Array *shape = object->getArray("shape");
  if (!shape)
    return fail("expected an array as shape");
  int64_t bytes = bytesOf(*known);
  for (const json::Value &size : *shape) {
    std::optional<int64_t> number = asInteger(size);
    if (!number || *number < 0)
      return fail("a size of the shape is no integer from 0");
    entry.tensor.shape.push_back(*number);
    std::optional<int64_t> product = checkedMul(bytes, *number);
    if (!product)
      return fail("shape " + formatShape(entry.tensor.shape) +
                  " has more bytes than can be counted");
    bytes = *product;
  }

  const json::Array *offsets = object->getArray("data_offsets");
  std::optional<int64_t> begin, end;
  if (offsets && offsets->size() == 2) {
    begin = asInteger((*offsets)[0]);
    end = asInteger((*offsets)[1]);
  }
  if (!begin || !end || *begin < 0 || *end < *begin)
    return fail("expected data_offsets [begin, end] with 0 <= begin <= end");
  if (*end - *begin != bytes)
    return fail("shape " + formatShape(entry.tensor.shape) + " of " +
                nameOf(*known) + " has " + Twine(bytes) +
                " bytes, data_offsets have " + Twine(*end - *begin));
  entry.begin = *begin;
  entry.end = *end;
  entry.tensor.bytes = bytes;
  return entry;
}

/// The entries, sorted by offset, must cover `size` bytes of data.
static Error checkCover(ArrayRef<Entry> entries, uint64_t size,
                        StringRef file) {
  // What lies outside leaves a hole elsewhere, which is not to blame.
  for (const Entry &entry : entries)
    if (entry.end > size)
      return makeError(file + ": tensor " + quote(entry.tensor.name) +
                       " ends at byte " + Twine(entry.end) +
                       " of the data, which has " + Twine(size) +
                       ": the file is truncated or its header wrong");
  uint64_t at = 0;
  const Entry *previous = nullptr;
  for (const Entry &entry : entries) {
    std::string name = quote(entry.tensor.name);
    if (entry.begin < at)
      return makeError(file + ": tensor " + name + " overlaps " +
                       quote(previous->tensor.name));
    if (entry.begin > at)
      return makeError(file + ": bytes " + Twine(at) + " to " +
                       Twine(entry.begin) + " of the data belong to no tensor");
    at = entry.end;
    previous = &entry;
  }
  if (at != size)
    return makeError(file + ": the last " + Twine(size - at) +
                     " bytes of the data belong to no tensor");
  return Error::success();
}

Expected<std::vector<Tensor>> seqc::parseSafetensors(ArrayRef<uint8_t> contents,
                                                     StringRef file) {
  if (contents.size() < kLengthBytes)
    return makeError(file + ": expected a safetensors file, found one of " +
                     Twine(contents.size()) + " bytes");
  uint64_t length = support::endian::read64le(contents.data());
  uint64_t rest = contents.size() - kLengthBytes;
  if (length > rest)
    return makeError(file + ": the header is said to have " + Twine(length) +
                     " bytes, the file has " + Twine(rest) +
                     " after the length: truncated, or no safetensors file");
  if (length > kLongestHeader)
    return makeError(file + ": the header has " + Twine(length) +
                     " bytes, more than the " + Twine(kLongestHeader) +
                     " that the format allows");
  ArrayRef<uint8_t> data = contents.drop_front(kLengthBytes + length);
  StringRef text(reinterpret_cast<const char *>(contents.data()) + kLengthBytes,
                 length);
  Expected<json::Object> header = parseObject(text, file);
  if (!header)
    return header.takeError();

  std::vector<Entry> entries;
  for (const auto &[key, value] : *header) {
    StringRef name = key;
    if (name == "__metadata__")
      continue;
    Expected<Entry> entry = parseEntry(name, value, file);
    if (!entry)
      return entry.takeError();
    entry->tensor.data = data.data() + entry->begin;
    entries.push_back(std::move(*entry));
  }
  llvm::sort(entries, [](const Entry &a, const Entry &b) {
    return std::tie(a.begin, a.end, a.tensor.name) <
           std::tie(b.begin, b.end, b.tensor.name);
  });
  if (Error error = checkCover(entries, data.size(), file))
    return error;
  std::vector<Tensor> tensors;
  for (Entry &entry : entries)
    tensors.push_back(std::move(entry.tensor));
  return tensors;
}
