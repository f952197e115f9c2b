//===- safetensors_fuzz.cpp - any bytes as a .safetensors file -------------===//
//
// All tensors of a file that can be read lie in it.
//
//===----------------------------------------------------------------------===//

#include "Safetensors.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  llvm::ArrayRef<uint8_t> contents(data, bytes);
  auto tensors = seqc::parseSafetensors(contents, "fuzz");
  if (!tensors) {
    llvm::consumeError(tensors.takeError());
    return 0;
  }
  static volatile uint64_t sink;
  for (const seqc::SourceWeights::Tensor &tensor : *tensors) {
    if (tensor.data < contents.begin() ||
        tensor.bytes > uint64_t(contents.end() - tensor.data))
      std::abort();
    for (int64_t i = 0; i < tensor.getNumElements(); ++i)
      sink = sink + tensor.getReal(i).has_value() +
             tensor.getInteger(i).has_value();
  }
  return 0;
}
