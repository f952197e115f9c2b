//===- LinearAttention.h - what is around seq.linear_attention ------------===//

#ifndef SEQC_LIB_IMPORT_LINEARATTENTION_H
#define SEQC_LIB_IMPORT_LINEARATTENTION_H

#include "Transformer.h"

namespace seqc {

/// norm(x) ⊙ weight ⊙ silu(gate), with the RMS norm and the weight
/// `name`.weight [D] of each head of x [B, T, H, D]; without the gate where it
/// is null.
mlir::Value gatedHeadNorm(Tensors tensors, const llvm::Twine &name,
                          mlir::Value x, mlir::Value gate, double epsilon);

/// The output of seq.linear_attention for a first state of zeros and queries
/// divided by the root of their size. The rule follows from which of `decay` and
/// `beta` are not null: with both it is the gated delta rule.
mlir::Value linearAttention(mlir::ImplicitLocOpBuilder &b, mlir::Value query,
                            mlir::Value key, mlir::Value value,
                            mlir::Value decay, mlir::Value beta);

} // namespace seqc

#endif // SEQC_LIB_IMPORT_LINEARATTENTION_H
