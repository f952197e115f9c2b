#include "seq/Seq.h"
using namespace mlir;
using namespace mlir::seq;
LogicalResult LinearAttentionOp::verify() { return success(); }
FailureOr<SmallVector<Value>> LinearAttentionOp::generalize(OpBuilder &) { return failure(); }
