//===- Weights.cpp - the weights of a model directory --------------------===//

#include "seqc/Import/Weights.h"

#include "Safetensors.h"
#include "Text.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/xxhash.h"

#include <sys/mman.h>

using namespace llvm;
using namespace seqc;

static constexpr const char *kFile = "model.safetensors";
static constexpr const char *kIndex = "model.safetensors.index.json";

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

StringRef seqc::nameOf(DType dtype) {
  static constexpr const char *names[] = {"f64", "f32", "f16", "bf16", "i64",
                                          "i32", "i16", "i8",  "u8",   "bool"};
  return names[unsigned(dtype)];
}

unsigned seqc::bytesOf(DType dtype) {
  static constexpr unsigned sizes[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1};
  return sizes[unsigned(dtype)];
}

/// The bits as the format's value, in double.
static double decode(const fltSemantics &format, unsigned width,
                     uint64_t bits) {
  APFloat value(format, APInt(width, bits));
  bool inexact;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
  return value.convertToDouble();
}

std::optional<double> SourceWeights::Tensor::getReal(int64_t index) const {
  const uint8_t *at = data + index * bytesOf(dtype);
  switch (dtype) {
  case DType::F64:
    return bit_cast<double>(support::endian::read64le(at));
  case DType::F32:
    return bit_cast<float>(support::endian::read32le(at));
  case DType::F16:
    return decode(APFloat::IEEEhalf(), 16, support::endian::read16le(at));
  case DType::BF16:
    return decode(APFloat::BFloat(), 16, support::endian::read16le(at));
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> SourceWeights::Tensor::getInteger(int64_t index) const {
  const uint8_t *at = data + index * bytesOf(dtype);
  switch (dtype) {
  case DType::I64:
    return support::endian::read64le(at);
  case DType::I32:
    return int32_t(support::endian::read32le(at));
  case DType::I16:
    return int16_t(support::endian::read16le(at));
  case DType::I8:
    return int8_t(*at);
  case DType::U8:
    return *at;
  case DType::Bool:
    return *at != 0;
  default:
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

struct SourceWeights::File {
  sys::fs::mapped_file_region region;
};

SourceWeights::SourceWeights() = default;
SourceWeights::~SourceWeights() = default;

Error SourceWeights::addFile(StringRef file, std::vector<Tensor> &found) {
  auto fail = [&](std::error_code code) {
    return makeError(file + ": " + code.message());
  };
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(file, status))
    return fail(code);
  if (!sys::fs::is_regular_file(status))
    return makeError(file + ": is no regular file");
  uint64_t size = status.getSize();
  if (size == 0)
    return makeError(file + ": is empty, expected a safetensors file");

  Expected<sys::fs::file_t> handle = sys::fs::openNativeFileForRead(file);
  if (!handle)
    return fail(errorToErrorCode(handle.takeError()));
  std::error_code code;
  auto mapped = std::make_unique<File>(File{sys::fs::mapped_file_region(
      *handle, sys::fs::mapped_file_region::readonly, size, 0, code)});
  sys::fs::closeFile(*handle);
  if (code)
    return fail(code);
  auto tensors = parseSafetensors(
      ArrayRef(reinterpret_cast<const uint8_t *>(mapped->region.const_data()),
               size),
      file);
  if (!tensors)
    return tensors.takeError();
  files.push_back(std::move(mapped));
  found = std::move(*tensors);
  return Error::success();
}

/// Shards lie beside the index: their names are names of files, not paths.
static bool isFileName(StringRef name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
}

Error SourceWeights::addShards(StringRef indexFile) {
  Expected<json::Object> index = readObject(indexFile);
  if (!index)
    return index.takeError();
  const json::Object *map = index->getObject("weight_map");
  if (!map)
    return makeError(indexFile + ": weight_map: expected an object that maps "
                                 "names of tensors to names of files");
  // Sorted, so that the same fault is always the one that is told.
  std::vector<std::pair<std::string, StringRef>> entries;
  for (const auto &[key, value] : *map) {
    std::optional<StringRef> shard = value.getAsString();
    if (!shard || !isFileName(*shard))
      return makeError(indexFile + ": weight_map: tensor " + quote(key) +
                       ": expected the name of a file in the same directory" +
                       (shard ? ", found " + quote(*shard) : ""));
    entries.emplace_back(StringRef(key).str(), *shard);
  }
  llvm::sort(entries);

  StringMap<StringMap<Tensor>> shards;
  std::vector<Tensor> found;
  for (const auto &[name, shard] : entries) {
    SmallString<256> file = sys::path::parent_path(indexFile);
    sys::path::append(file, shard);
    auto [known, isNew] = shards.try_emplace(shard);
    if (isNew) {
      if (!sys::fs::exists(file))
        return makeError(indexFile + ": the file " + quote(shard) +
                         " that holds tensor " + quote(name) + " is missing");
      std::vector<Tensor> inFile;
      if (Error error = addFile(file, inFile))
        return error;
      for (Tensor &tensor : inFile)
        known->second.try_emplace(tensor.name, tensor);
    }
    auto tensor = known->second.find(name);
    if (tensor == known->second.end())
      return makeError(file + ": tensor " + quote(name) +
                       " is missing, which " + sys::path::filename(indexFile) +
                       " says is there");
    found.push_back(tensor->second);
  }
  setTensors(std::move(found));
  return Error::success();
}

void SourceWeights::setTensors(std::vector<Tensor> found) {
  tensors = std::move(found);
  llvm::sort(tensors,
             [](const Tensor &a, const Tensor &b) { return a.name < b.name; });
  for (const auto &[number, tensor] : enumerate(tensors))
    numberOf[tensor.name] = number;
}

Expected<std::unique_ptr<SourceWeights>>
SourceWeights::open(StringRef directoryOrFile) {
  std::unique_ptr<SourceWeights> weights(new SourceWeights());
  SmallString<256> file(directoryOrFile), index(directoryOrFile);
  if (!sys::fs::exists(directoryOrFile))
    return makeError(directoryOrFile + ": no such file or directory");
  if (sys::fs::is_directory(directoryOrFile)) {
    sys::path::append(file, kFile);
    sys::path::append(index, kIndex);
    if (!sys::fs::exists(file) && sys::fs::exists(index)) {
      weights->path = std::string(index);
      if (Error error = weights->addShards(index))
        return error;
      return weights;
    }
    if (!sys::fs::exists(file))
      return makeError(directoryOrFile + ": expected " + kFile + " or " +
                       kIndex + ", found neither");
  }
  weights->path = std::string(file);
  std::vector<Tensor> found;
  if (Error error = weights->addFile(file, found))
    return error;
  weights->setTensors(std::move(found));
  return weights;
}

const SourceWeights::Tensor *SourceWeights::find(StringRef name) const {
  auto found = numberOf.find(name);
  return found == numberOf.end() ? nullptr : &tensors[found->second];
}

void SourceWeights::release(const Tensor &tensor) const {
  // Whole pages only: the others are a neighbour's as well.
  uintptr_t page = sys::Process::getPageSizeEstimate();
  uintptr_t begin = alignTo(reinterpret_cast<uintptr_t>(tensor.data), page);
  uintptr_t end =
      alignDown(reinterpret_cast<uintptr_t>(tensor.data) + tensor.bytes, page);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

uint64_t SourceWeights::hash() const {
  constexpr uint64_t kWhole = 65536, kSample = 4096;
  std::vector<uint64_t> digests;
  auto add = [&](ArrayRef<uint8_t> data) {
    digests.push_back(xxh3_64bits(data));
  };
  for (const Tensor &tensor : tensors) {
    std::string head = tensor.name + "\n" + nameOf(tensor.dtype).str() +
                       formatShape(tensor.shape);
    digests.push_back(xxh3_64bits(StringRef(head)));
    ArrayRef<uint8_t> data(tensor.data, tensor.bytes);
    if (tensor.bytes <= kWhole) {
      add(data);
      continue;
    }
    for (uint64_t sample = 0; sample < 4; ++sample)
      add(data.slice((tensor.bytes - kSample) / 3 * sample, kSample));
  }
  return xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(digests.data()),
                              digests.size() * sizeof(uint64_t)));
}
