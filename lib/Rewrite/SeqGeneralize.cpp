//===- SeqGeneralize.cpp - named layers to recurrences --------------------------===//

#include "seqc/Rewrite/Passes.h"

#include "seq/Seq.h"

namespace seqc {
#define GEN_PASS_DEF_SEQGENERALIZE
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;

namespace {
struct SeqGeneralize : seqc::impl::SeqGeneralizeBase<SeqGeneralize> {
  void runOnOperation() override {
    SmallVector<seq::GeneralizableOpInterface> layers;
    getOperation()->walk(
        [&](seq::GeneralizableOpInterface layer) { layers.push_back(layer); });
    for (seq::GeneralizableOpInterface layer : layers) {
      OpBuilder builder(layer);
      FailureOr<SmallVector<Value>> values = layer.generalize(builder);
      if (failed(values)) {
        layer->emitOpError("cannot be stated in general operations");
        return signalPassFailure();
      }
      layer->replaceAllUsesWith(*values);
      layer->erase();
    }
  }
};
} // namespace
