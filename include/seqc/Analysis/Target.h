//===- Target.h - what code generation knows of the machine ----------------------===//

#ifndef SEQC_ANALYSIS_TARGET_H
#define SEQC_ANALYSIS_TARGET_H

#include <cstdint>

namespace seqc {
/// The numbers that tile sizes follow from. Defaults are AVX-512.
struct Target {
  int64_t lanes = 16;      ///< f32 values in one vector register
  int64_t registers = 32;  ///< vector registers
  int64_t cacheLine = 64;  ///< bytes
  bool avx512 = false;     ///< vscalefps and masks in registers
};
} // namespace seqc

#endif // SEQC_ANALYSIS_TARGET_H
