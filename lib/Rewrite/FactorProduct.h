//===- FactorProduct.h - the product of a term's factors ------------------===//

#ifndef SEQC_LIB_REWRITE_FACTORPRODUCT_H
#define SEQC_LIB_REWRITE_FACTORPRODUCT_H

#include "seqc/Analysis/StepAnalysis.h"

#include "mlir/IR/Builders.h"

namespace seqc {

/// scale · Π factors of the float type `element`, given one scalar for each
/// factor: floats of any type, i1 for masks. Masks come last, so that what they
/// hide may be anything.
mlir::Value multiplyFactors(mlir::OpBuilder &b, mlir::Location loc,
                            llvm::ArrayRef<Factor::Kind> kinds,
                            mlir::ValueRange scalars, double scale,
                            mlir::Type element);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_FACTORPRODUCT_H
