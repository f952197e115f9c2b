//===- Structured.h - linalg.generic by Einstein's notation ---------------===//
//
// What layers are made of that no operation of ours says.
//
//===----------------------------------------------------------------------===//

#ifndef SEQC_LIB_IMPORT_STRUCTURED_H
#define SEQC_LIB_IMPORT_STRUCTURED_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <string>

namespace seqc::layers {

/// Computes one element of a result.
using Scalar = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                              mlir::ValueRange)>;

/// A linalg.generic whose maps `spec` gives in the notation of Einstein sums,
/// one letter a dimension, as in "btk,nk->btn"; letters that the result has not
/// are reduced. `scalar` sees the operands' elements, then the destination's,
/// which is 0 at first where there is a reduction and else must not be read.
/// Elements of the result are f32 unless `element` says otherwise.
mlir::Value structured(mlir::ImplicitLocOpBuilder &b, llvm::StringRef spec,
                       mlir::ValueRange operands, Scalar scalar,
                       mlir::Type element = {});

mlir::RankedTensorType typeOf(mlir::Value x);

/// One letter for each dimension of a tensor but the last: "b", "bt" or "bth".
std::string rowsOf(mlir::Value x);

/// A constant f32.
mlir::Value constant(mlir::ImplicitLocOpBuilder &b, double value);

/// Elements of "a,b->…": a + b.
mlir::Value addElements(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v);
/// 1 / (1 + exp(-x)) of one element.
mlir::Value sigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// log(1 + exp(x)) of one element.
mlir::Value softplus(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// Elements of "a,b->…" with a sum: a · b + sum.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange v);

} // namespace seqc::layers

#endif // SEQC_LIB_IMPORT_STRUCTURED_H
