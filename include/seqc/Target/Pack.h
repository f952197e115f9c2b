//===- Pack.h - writes the weights of a program ----------------------------------------===//

#ifndef SEQC_TARGET_PACK_H
#define SEQC_TARGET_PACK_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace seqc {

/// The model's own weights, by name.
struct WeightSource {
  struct Tensor {
    std::string dtype; ///< as safetensors call it: "F32", "BF16", "I64", …
    std::vector<int64_t> shape;
    const uint8_t *data = nullptr; ///< row-major, little-endian, any alignment
    uint64_t bytes = 0;
  };
  /// Nothing if there is no such tensor. The data stays valid until it is
  /// released, and may be asked for again after that.
  std::function<std::optional<Tensor>(llvm::StringRef name)> find;
  /// Says that the data is not needed for now; may be empty.
  std::function<void(llvm::StringRef name)> release;
};

/// Moves @pack, with a copy of the entries, to a module of its own. Null where
/// kernel-pack-weights found no weights.
mlir::OwningOpRef<mlir::ModuleOp> takePack(mlir::ModuleOp program);

/// Runs @pack and writes the weight file into the existing file `path`, which
/// the caller removes on failure. One tensor is in memory at a time.
llvm::Error writeWeightFile(mlir::ModuleOp pack, const WeightSource &source,
                            uint64_t sourceHash, llvm::StringRef path);

/// Runs @pack and returns the payload of the weight file.
llvm::Expected<std::vector<uint8_t>> packWeights(mlir::ModuleOp pack,
                                                 const WeightSource &source);

} // namespace seqc

#endif // SEQC_TARGET_PACK_H
