//===- DeltaNet.cpp - DeltaNet -------------------------------------------===//
//
// Schlag et al., arXiv:2102.11174, and Yang et al., arXiv:2406.06484, as
// flash-linear-attention's DeltaNetForCausalLM or DeltaNetModel.
//
//===----------------------------------------------------------------------===//

#include "../FlaDecoder.h"
#include "../LinearAttention.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct DeltaNet {
  FlaDecoder decoder;
  std::string norm; // of queries and keys
  double most;      // what β is below

  Value attend(Value x) const;
  Value features(StringRef part, Value x) const;
  Value strength(Value x) const;
};
} // namespace

/// norm(silu(conv(W x))), section 3.3 of 2406.06484.
Value DeltaNet::features(StringRef part, Value x) const {
  ImplicitLocOpBuilder &b = decoder.b;
  Value y = decoder.project(part, x, decoder.heads, decoder.K);
  if (!decoder.taps)
    y = activation(b, "silu", y);
  if (norm == "l2")
    return l2Norm(b, y, /*epsilon=*/1e-6);
  Value sums = structured(b, "bthd->bth", y, addElements);
  return structured(b, "bthd,bth->bthd", {y, sums},
                    [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::DivFOp::create(b, v[0], v[1]);
                    });
}

/// β = sigmoid(W x), or twice as much.
Value DeltaNet::strength(Value x) const {
  Value logits =
      decoder.tensors().linear("b_proj", x, decoder.heads, /*bias=*/false);
  return structured(decoder.b, "bth->bth", logits,
                    [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                      return arith::MulFOp::create(b, sigmoid(b, v[0]),
                                                   constant(b, most));
                    });
}

/// S_t = S_{t-1} + β_t k_t (v_t - S_{t-1}ᵀ k_t)ᵀ and o_t = S_tᵀ q_t / √K,
/// equation (24) of 2102.11174.
Value DeltaNet::attend(Value x) const {
  Value query = features("q", x), key = features("k", x);
  Value value = decoder.project("v", x, decoder.heads, decoder.V);
  if (!decoder.taps)
    value = activation(decoder.b, "silu", value);
  Value y = linearAttention(decoder.b, query, key, value, /*decay=*/Value(),
                            strength(x));
  return decoder.output("o_norm", y, x);
}

static llvm::Expected<ModelFacts> buildDeltaNet(Config &config, Model &model) {
  DeltaNet net{FlaDecoder(config, model,
                          {/*expandKeys=*/1, /*expandValues=*/1, /*ratio=*/4,
                           /*heads=*/16, /*shortConvolution=*/true})};
  net.decoder.isGated = config.flag("use_gate", false);
  net.norm = config.choice("qk_norm", {"l2", "sum"});
  net.most = config.flag("allow_neg_eigval", false) ? 2 : 1;
  config.choice("qk_activation", {"silu"});
  if (!config.flag("use_beta", true))
    config.fail("use_beta", "true");
  // Without effect in the package as well.
  config.ignore({"use_output_norm"});
  return net.decoder.build(
      [&](Value x, const Rotary *) { return net.attend(x); });
}

void seqc::registerDeltaNet(Families &families) {
  families.push_back(
      {"delta_net",
       "flash-linear-attention DeltaNetForCausalLM, DeltaNetModel; Schlag et "
       "al., arXiv:2102.11174, Yang et al., arXiv:2406.06484",
       "num_heads, expand_k, expand_v, hidden_ratio, qk_norm, "
       "allow_neg_eigval, use_gate, use_short_conv, conv_size, "
       "tie_word_embeddings",
       buildDeltaNet});
}
