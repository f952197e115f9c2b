//===- Safetensors.h - the header of a .safetensors file -----------------===//
//
// The file is the length of its header (u64, little-endian), the header (a JSON
// object) and the data. The header maps the name of each tensor to
//
//   {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}
//
// with offsets into the data, which the tensors cover without gap or overlap.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_SAFETENSORS_H
#define SEQC_LIB_IMPORT_SAFETENSORS_H

#include "seqc/Import/Weights.h"

namespace seqc {

/// The tensors of the file `file`, which is in memory as `contents`.
llvm::Expected<std::vector<SourceWeights::Tensor>>
parseSafetensors(llvm::ArrayRef<uint8_t> contents, llvm::StringRef file);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_SAFETENSORS_H
