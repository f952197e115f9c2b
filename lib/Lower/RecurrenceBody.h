//===- RecurrenceBody.h - a recurrence's body as linalg.generic ----------------------===//

#ifndef SEQC_LOWER_RECURRENCEBODY_H
#define SEQC_LOWER_RECURRENCEBODY_H

#include "seq/Seq.h"

namespace seqc {
/// States the body by `linalg.generic`, slices and constants:
/// - elementwise operations and linalg's named ones become generics;
/// - a slice of a product becomes a product of slices;
/// - what is time-invariant leaves the body.
void normalizeBody(mlir::seq::RecurrenceOp op);
} // namespace seqc

#endif // SEQC_LOWER_RECURRENCEBODY_H
