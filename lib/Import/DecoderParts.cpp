//===- DecoderParts.cpp - attention and perceptrons of decoders -----------===//

#include "DecoderParts.h"

#include "Structured.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

GroupedAttention GroupedAttention::read(Config &config, int64_t C,
                                        std::optional<int64_t> keyHeads,
                                        std::optional<int64_t> headSize) {
  GroupedAttention attention;
  int64_t heads = config.size("num_attention_heads");
  attention.heads = heads;
  attention.keyHeads =
      config.isNull("num_key_value_heads")
          ? heads
          : config.size("num_key_value_heads", keyHeads.value_or(heads));
  if (heads % attention.keyHeads != 0)
    config.fail("num_key_value_heads",
                "a divisor of num_attention_heads = " + Twine(heads));
  if (!config.has("head_dim") && !headSize && C % heads != 0)
    config.fail("num_attention_heads",
                "a divisor of hidden_size = " + Twine(C));
  attention.D = config.size("head_dim",
                            headSize.value_or(std::max<int64_t>(C / heads, 1)));
  config.checkProduct("num_attention_heads * head_dim * hidden_size",
                      {3, heads, attention.D, C});
  return attention;
}

Value GroupedAttention::attend(Tensors tensors, Value x,
                               const Rotary *angles) const {
  ImplicitLocOpBuilder &b = tensors.model.b;
  auto part = [&](StringRef name, int64_t count) {
    return splitHeads(b, tensors.linear(name, x, count * D, bias), count);
  };
  auto turn = [&](StringRef normName, Value x) {
    if (headNorms)
      x = tensors.rmsNorm(normName, x, *headNorms);
    return angles ? rotate(b, x, *angles) : x;
  };
  Value query = part("q_proj", heads), key = part("k_proj", keyHeads),
        value = part("v_proj", keyHeads);
  MLIRContext *context = b.getContext();
  auto mask = window ? seq::MaskAttr::get(context, *window - 1, /*right=*/0)
                     : seq::MaskAttr::getCausal(context);
  Value y = attention(b, turn("q_norm", query), turn("k_norm", key), value,
                      mask, 1 / std::sqrt(double(D)));
  return tensors.linear("o_proj", y, typeOf(x).getDimSize(2), outputBias);
}

Value seqc::gatedPerceptron(Tensors tensors, Value x, int64_t inner,
                            StringRef act, bool bias) {
  ImplicitLocOpBuilder &b = tensors.model.b;
  Value gate = tensors.linear("gate_proj", x, inner, bias),
        up = tensors.linear("up_proj", x, inner, bias);
  return tensors.linear("down_proj", gated(b, act, gate, up),
                        typeOf(x).getDimSize(2), bias);
}
