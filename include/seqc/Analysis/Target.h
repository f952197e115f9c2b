//===- Target.h - what is known of the machine ---------------------------===//

#ifndef SEQC_ANALYSIS_TARGET_H
#define SEQC_ANALYSIS_TARGET_H

#include "seqc/Analysis/Machine.h"

#include <cstdint>

namespace seqc {
/// What code generation needs to know: tile sizes follow from it. Defaults are
/// AVX-512.
struct Target {
  int64_t lanes = 16;     ///< f32 values in one vector register
  int64_t registers = 32; ///< vector registers
  int64_t cacheLine = 64; ///< bytes
  bool avx512 = false;    ///< vscalefps and masks in registers
  /// What the choice of forms rests on.
  Machine machine = getBuiltInMachine("avx512");
};
} // namespace seqc

#endif // SEQC_ANALYSIS_TARGET_H
