//===- DeltaRule.cpp - linear attention by the delta rule -----------------===//

#include "DeltaRule.h"

#include "Layers.h"
#include "Structured.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

Value layers::deltaRule(ImplicitLocOpBuilder &b, Value query, Value key,
                        Value value, Value beta, Value decay) {
  RankedTensorType keys = typeOf(key), values = typeOf(value);
  int64_t K = keys.getDimSize(3);
  Value start = zeros(b, {values.getDimSize(0), values.getDimSize(2), K,
                          values.getDimSize(3)});
  return seq::LinearAttentionOp::create(
             b, values, start.getType(), query, key, value, decay, beta, start,
             decay ? seq::UpdateRule::gated_delta : seq::UpdateRule::delta,
             llvm::APFloat(1 / std::sqrt(double(K))))
      .getOutput();
}
