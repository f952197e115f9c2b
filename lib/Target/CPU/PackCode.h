//===- PackCode.h - native code of @pack -------------------------------------------------===//

#ifndef SEQC_TARGET_CPU_PACKCODE_H
#define SEQC_TARGET_CPU_PACKCODE_H

#include "kernel/Kernel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace seqc {

/// What the code calls while it runs, one entry after the other.
struct PackHost {
  virtual ~PackHost() = default;
  /// The values of a tensor, until the next call of `stored`; never null.
  virtual const void *source(int64_t tensor, int64_t index) = 0;
  /// An entry lies in the payload.
  virtual void stored(int64_t entry, int64_t index) = 0;
};

/// @pack, compiled for this machine.
class PackCode {
public:
  /// A tensor that the code asks for; `{}` of its name is the index.
  struct Source {
    std::string name;
    mlir::RankedTensorType type;
  };

  static llvm::Expected<PackCode> compile(mlir::ModuleOp pack);

  /// In the numbering of the host's functions.
  llvm::ArrayRef<Source> getSources() const { return sources; }

  void run(PackHost &host, uint8_t *payload) const;

private:
  std::vector<Source> sources;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*function)(void *host, uint8_t *payload) = nullptr;
};

} // namespace seqc

#endif // SEQC_TARGET_CPU_PACKCODE_H
