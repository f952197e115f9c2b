//===- RelatedRanges.h - bounds of values that share operands -------------===//

#ifndef SEQC_LIB_ANALYSIS_RELATEDRANGES_H
#define SEQC_LIB_ANALYSIS_RELATEDRANGES_H

#include "seqc/Analysis/Ranges.h"

namespace seqc {

/// What intervals of operands cannot say, since they forget that two operands
/// are one. With x, y ≥ 0 and a in [0, 1]:
///
///   x / (x + y)            in [0, 1]      a sigmoid of logits, minLSTM's gates
///   a + (1 - a) y          in hull(1, y)  HGRN2's lower bound of a decay
///   a x + (1 - a) y        in hull(x, y)
///   x + a (y - x)          in hull(x, y)
///   (-z) z                 ≤ 0
///   (x z) z                ≥ 0
///
/// Equal operands are one value, or computed alike from one value at one index.
std::optional<Interval> getRelatedRange(mlir::Operation *op,
                                        RangeAnalysis &ranges);

} // namespace seqc

#endif // SEQC_LIB_ANALYSIS_RELATEDRANGES_H
