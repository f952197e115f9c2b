//===- Measure.h - the rates of this machine -----------------------------===//

#ifndef SEQC_TARGET_MEASURE_H
#define SEQC_TARGET_MEASURE_H

#include "seqc/Analysis/Machine.h"

namespace seqc {

/// Measures this machine on as many threads as there are CPUs for the process,
/// with the widest vectors that programs for `native` use. Each number is the
/// median of short runs, of the best of four groups; all take some seconds.
/// Matrix units are left out: programs for CPUs do not use them.
llvm::Expected<Machine> measureMachine();

} // namespace seqc

#endif // SEQC_TARGET_MEASURE_H
