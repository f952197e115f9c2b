#include "seq/Seq.h"
using namespace mlir;
using namespace mlir::seq;
LogicalResult SelectiveScanOp::verify() { return success(); }
FailureOr<SmallVector<Value>> SelectiveScanOp::generalize(OpBuilder &) { return failure(); }
LogicalResult CausalConvOp::verify() { return success(); }
FailureOr<SmallVector<Value>> CausalConvOp::generalize(OpBuilder &) { return failure(); }
