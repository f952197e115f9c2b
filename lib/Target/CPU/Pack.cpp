//===- Pack.cpp - writes the weights of a program ----------------------------------------===//

#include "seqc/Target/Pack.h"

#include "PackCode.h"

#include "kernel/Kernel.h"
#include "seq/runtime/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"

#include <cstring>

using namespace seqc;
using mlir::kernel::EntryOp;

static constexpr llvm::StringLiteral kPack = "pack";

mlir::OwningOpRef<mlir::ModuleOp> seqc::takePack(mlir::ModuleOp program) {
  auto pack = program.lookupSymbol<mlir::func::FuncOp>(kPack);
  if (!pack || program.getOps<EntryOp>().empty())
    return {};
  auto module = mlir::ModuleOp::create(program.getLoc());
  module->setAttrs(program->getAttrDictionary());
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module.getBody());
  for (EntryOp entry : program.getOps<EntryOp>())
    builder.clone(*entry);
  pack->remove();
  builder.insert(pack);
  return module;
}

//===----------------------------------------------------------------------===//
// Tensors of the source
//===----------------------------------------------------------------------===//

/// The names of an element type in a source.
static llvm::SmallVector<llvm::StringRef> dtypesOf(mlir::Type type) {
  if (type.isF32())
    return {"F32"};
  if (type.isF64())
    return {"F64"};
  if (type.isF16())
    return {"F16"};
  if (type.isBF16())
    return {"BF16"};
  if (type.isInteger(64))
    return {"I64", "U64"};
  if (type.isInteger(32))
    return {"I32", "U32"};
  if (type.isInteger(8))
    return {"I8", "U8"};
  return {"BOOL"};
}

static std::string describe(llvm::StringRef dtype,
                            llvm::ArrayRef<int64_t> shape) {
  std::string text = dtype.str() + " [";
  for (auto [number, size] : llvm::enumerate(shape))
    text += (number ? ", " : "") + std::to_string(size);
  return text + "]";
}

namespace {
/// Hands tensors to the code, checked and aligned, and keeps the first error.
class Host : public PackHost {
public:
  Host(const PackCode &code, const WeightSource &weights, mlir::ModuleOp pack)
      : code(code), weights(weights) {
    for (EntryOp entry : pack.getOps<EntryOp>())
      entries.push_back(entry);
  }
  ~Host() override { releaseAll(); }

  const void *source(int64_t number, int64_t index) override {
    const PackCode::Source &wanted = code.getSources()[number];
    std::string name = wanted.name;
    if (size_t place = name.find("{}"); place != std::string::npos)
      name.replace(place, 2, std::to_string(index));
    std::optional<WeightSource::Tensor> tensor;
    // After an error the rest is not worth reading.
    if (error.empty()) {
      tensor = weights.find(name);
      if (tensor)
        held.push_back(name);
      error = check(name, wanted.type, tensor);
    }
    size_t bytes = wanted.type.getNumElements() *
                   EntryOp::getElementBytes(wanted.type.getElementType());
    if (!error.empty())
      return copy(nullptr, bytes);
    size_t alignment = EntryOp::getElementBytes(wanted.type.getElementType());
    bool aligned = reinterpret_cast<uintptr_t>(tensor->data) % alignment == 0;
    return aligned ? tensor->data : copy(tensor->data, bytes);
  }

  void stored(int64_t number, int64_t index) override {
    releaseAll();
    EntryOp entry = entries[number];
    if (onStored)
      onStored(entry.getOffset() + index * entry.getStride(),
               entry.getBytes());
  }

  llvm::Error takeError() {
    if (error.empty())
      return llvm::Error::success();
    return llvm::createStringError(error);
  }

  /// Bytes of the payload that are final.
  std::function<void(uint64_t offset, uint64_t bytes)> onStored;

private:
  static std::string check(llvm::StringRef name, mlir::RankedTensorType type,
                           const std::optional<WeightSource::Tensor> &tensor) {
    if (!tensor)
      return ("the model has no tensor " + name).str();
    auto dtypes = dtypesOf(type.getElementType());
    if (!llvm::is_contained(dtypes, tensor->dtype) ||
        llvm::ArrayRef(tensor->shape) != type.getShape())
      return ("tensor " + name + " is " +
              describe(tensor->dtype, tensor->shape) + ", expected " +
              describe(dtypes[0], type.getShape()))
          .str();
    uint64_t bytes = type.getNumElements() *
                     EntryOp::getElementBytes(type.getElementType());
    if (tensor->bytes != bytes)
      return ("tensor " + name + " has " + llvm::Twine(tensor->bytes) +
              " bytes, expected " + llvm::Twine(bytes))
          .str();
    return "";
  }

  const void *copy(const uint8_t *data, size_t bytes) {
    auto &memory = copies.emplace_back(bytes / sizeof(uint64_t) + 1);
    if (data)
      std::memcpy(memory.data(), data, bytes);
    return memory.data();
  }

  void releaseAll() {
    if (weights.release)
      for (const std::string &name : held)
        weights.release(name);
    held.clear();
    copies.clear();
  }

  const PackCode &code;
  const WeightSource &weights;
  std::vector<EntryOp> entries;
  std::vector<std::string> held;
  std::vector<std::vector<uint64_t>> copies;
  std::string error;
};

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

struct FileEntry {
  std::string name;
  uint64_t offset, bytes;
  mlir::RankedTensorType type;
};
} // namespace

static int32_t dtypeOf(mlir::Type type) {
  if (type.isF64())
    return SEQ_F64;
  if (type.isF16())
    return SEQ_F16;
  if (type.isBF16())
    return SEQ_BF16;
  if (type.isInteger(8))
    return SEQ_I8;
  if (type.isInteger(32))
    return SEQ_I32;
  if (type.isInteger(64))
    return SEQ_I64;
  return type.isInteger(1) ? SEQ_BOOL : SEQ_F32;
}

/// In the order of their places; the empty ones first of those at one place.
static std::vector<FileEntry> listFileEntries(mlir::ModuleOp pack) {
  std::vector<FileEntry> list;
  for (EntryOp entry : pack.getOps<EntryOp>())
    for (int64_t i = 0, count = entry.getCount(); i < count; ++i)
      list.push_back({entry.getFileName(i),
                      entry.getOffset() + i * entry.getStride(),
                      uint64_t(entry.getBytes()), entry.getTensorType()});
  llvm::sort(list, [](const FileEntry &a, const FileEntry &b) {
    return std::tie(a.offset, a.bytes, a.name) <
           std::tie(b.offset, b.bytes, b.name);
  });
  return list;
}

static uint64_t numberOf(mlir::ModuleOp module, llvm::StringRef name) {
  auto attribute = module->getAttrOfType<mlir::IntegerAttr>(name);
  return attribute ? attribute.getValue().getZExtValue() : 0;
}

llvm::Error seqc::writeWeightFile(mlir::ModuleOp pack,
                                  const WeightSource &source,
                                  uint64_t sourceHash, llvm::StringRef path) {
  llvm::Expected<PackCode> code = PackCode::compile(pack);
  if (!code)
    return code.takeError();
  std::vector<FileEntry> list = listFileEntries(pack);
  std::vector<seq_weights_entry> entries;
  for (const FileEntry &item : list) {
    seq_weights_entry entry = {};
    entry.name = item.name.c_str();
    entry.dtype = dtypeOf(item.type.getElementType());
    entry.rank = item.type.getRank();
    if (entry.rank > SEQ_MAX_RANK)
      return llvm::createStringError("weight " + item.name + " has rank " +
                                     llvm::Twine(entry.rank) +
                                     ", expected at most " +
                                     llvm::Twine(SEQ_MAX_RANK));
    llvm::copy(item.type.getShape(), entry.shape);
    entries.push_back(entry);
  }
  seq_error failure = {};
  seq_weights_writer *writer = seq_weights_writer_open(
      path.str().c_str(), sourceHash, numberOf(pack, "kernel.layout_id"),
      entries.data(), entries.size(), &failure);
  if (!writer)
    return llvm::createStringError(llvm::StringRef(failure.message));
  for (auto [item, entry] : llvm::zip(list, entries))
    if (item.offset != entry.offset) {
      seq_weights_writer_abort(writer);
      return llvm::createStringError("weight " + item.name + " is at byte " +
                                     llvm::Twine(item.offset) +
                                     " of the program's payload, at " +
                                     llvm::Twine(entry.offset) +
                                     " of the file's");
    }

  Host host(*code, source, pack);
  host.onStored = [&](uint64_t offset, uint64_t bytes) {
    seq_weights_writer_flush(writer, offset, bytes);
  };
  code->run(host, seq_weights_writer_payload(writer));
  if (llvm::Error error = host.takeError()) {
    seq_weights_writer_abort(writer);
    return error;
  }
  if (!seq_weights_writer_finish(writer, &failure))
    return llvm::createStringError(llvm::StringRef(failure.message));
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>>
seqc::packWeights(mlir::ModuleOp pack, const WeightSource &source) {
  llvm::Expected<PackCode> code = PackCode::compile(pack);
  if (!code)
    return code.takeError();
  std::vector<uint8_t> payload(numberOf(pack, "kernel.payload_bytes"));
  Host host(*code, source, pack);
  code->run(host, payload.data());
  if (llvm::Error error = host.takeError())
    return error;
  return payload;
}
