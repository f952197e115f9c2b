#include "seq/Seq.h"
using namespace mlir;
using namespace mlir::seq;
LogicalResult RnnOp::verify() { return success(); }
FailureOr<SmallVector<Value>> RnnOp::generalize(OpBuilder &) { return failure(); }
LogicalResult LstmOp::verify() { return success(); }
FailureOr<SmallVector<Value>> LstmOp::generalize(OpBuilder &) { return failure(); }
LogicalResult GruOp::verify() { return success(); }
FailureOr<SmallVector<Value>> GruOp::generalize(OpBuilder &) { return failure(); }
