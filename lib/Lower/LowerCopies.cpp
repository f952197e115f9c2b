//===- LowerCopies.cpp - copies of memory as linalg operations ------------------------===//

#include "seqc/Lower/Passes.h"

namespace seqc {
#define GEN_PASS_DEF_LOWERCOPIES
#include "seqc/Lower/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct LowerCopies : seqc::impl::LowerCopiesBase<LowerCopies> {
  void runOnOperation() override {
    getOperation()->walk([](memref::CopyOp copy) {
      OpBuilder builder(copy);
      if (copy.getSource() != copy.getTarget())
        linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      copy.erase();
    });
  }
};
} // namespace
