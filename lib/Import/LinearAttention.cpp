//===- LinearAttention.cpp - what is around seq.linear_attention ----------===//

#include "LinearAttention.h"

#include "Structured.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

Value seqc::gatedHeadNorm(Tensors tensors, const Twine &name, Value x,
                          Value gate, double epsilon) {
  ImplicitLocOpBuilder &b = tensors.model.b;
  Value normal = tensors.rmsNorm(name, x, epsilon);
  return gate ? gated(b, "silu", gate, normal) : normal;
}

static seq::UpdateRule ruleOf(Value decay, Value beta) {
  if (beta)
    return decay ? seq::UpdateRule::gated_delta : seq::UpdateRule::delta;
  return decay ? seq::UpdateRule::gated : seq::UpdateRule::linear;
}

Value seqc::linearAttention(ImplicitLocOpBuilder &b, Value query, Value key,
                            Value value, Value decay, Value beta) {
  int64_t heads = 1;
  for (Value operand : {query, key, value, decay, beta})
    if (operand)
      heads = std::max(heads, typeOf(operand).getDimSize(2));
  RankedTensorType keys = typeOf(key), values = typeOf(value);
  int64_t batch = keys.getDimSize(0), size = keys.getDimSize(3);
  Value start = zeros(b, {batch, heads, size, values.getDimSize(3)});
  auto type = RankedTensorType::get(
      {batch, values.getDimSize(1), heads, values.getDimSize(3)},
      values.getElementType());
  return seq::LinearAttentionOp::create(
             b, type, start.getType(), query, key, value, decay, beta, start,
             ruleOf(decay, beta), llvm::APFloat(1 / std::sqrt(double(size))))
      .getOutput();
}
