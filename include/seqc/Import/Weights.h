//===- Weights.h - the weights of a model directory ----------------------===//

#ifndef SEQC_IMPORT_WEIGHTS_H
#define SEQC_IMPORT_WEIGHTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seqc {

/// Floats first.
enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

/// "f32", "bf16", …: the builtin type's name where there is one.
llvm::StringRef nameOf(DType dtype);
unsigned bytesOf(DType dtype);

/// The tensors of `model.safetensors`, or of the shards that
/// `model.safetensors.index.json` names. Files are mapped and never copied;
/// they must not be changed while this object lives. Everything in a file's
/// header is checked when it is opened: each tensor lies in the file, has the
/// bytes of its shape and shares none with another.
class SourceWeights {
public:
  struct Tensor {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    /// Row-major, little-endian. The address need not be a multiple of the
    /// element's size: headers have any length.
    const uint8_t *data;
    uint64_t bytes;

    int64_t getNumElements() const { return bytes / bytesOf(dtype); }
    bool isFloat() const { return dtype <= DType::BF16; }
    /// An element of a float type, exactly; nothing for other types.
    std::optional<double> getReal(int64_t index) const;
    /// An element of an integer type or a bool; nothing for floats.
    std::optional<int64_t> getInteger(int64_t index) const;
  };

  /// Opens the weights in a directory, or one .safetensors file.
  static llvm::Expected<std::unique_ptr<SourceWeights>>
  open(llvm::StringRef directoryOrFile);
  ~SourceWeights();

  /// The path that was opened: the file, or the index.
  llvm::StringRef getPath() const { return path; }
  /// Null if there is no tensor of that name.
  const Tensor *find(llvm::StringRef name) const;
  /// Sorted by name.
  llvm::ArrayRef<Tensor> getTensors() const { return tensors; }

  /// Tells the system that the tensor's pages are not needed for now; they are
  /// read again when they are. Keeps the process small while it packs.
  void release(const Tensor &tensor) const;

  /// A hash of names, types, shapes and of samples of every tensor: equal for
  /// the same tensors however they are spread over files. It finds weights that
  /// were trained further or replaced; it is no proof against forgery.
  uint64_t hash() const;

private:
  struct File;
  SourceWeights();
  llvm::Error addFile(llvm::StringRef file, std::vector<Tensor> &found);
  llvm::Error addShards(llvm::StringRef indexFile);
  void setTensors(std::vector<Tensor> found);

  std::string path;
  std::vector<std::unique_ptr<File>> files;
  std::vector<Tensor> tensors;
  llvm::StringMap<size_t> numberOf;
};

} // namespace seqc

#endif // SEQC_IMPORT_WEIGHTS_H
