//===- Gla.cpp - gated linear attention ----------------------------------===//
//
// Yang et al., arXiv:2312.06635, as flash-linear-attention's GLAForCausalLM or
// GLAModel.
//
//===----------------------------------------------------------------------===//

#include "../FlaDecoder.h"
#include "../LinearAttention.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// log(sigmoid(W₂ W₁ x + b)) / 16, the log decay of each channel of keys:
/// section 4.4.
static Value logGate(const FlaDecoder &decoder, Value x, int64_t rank) {
  ImplicitLocOpBuilder &b = decoder.b;
  Tensors layer = decoder.tensors();
  Value low = layer.linear("gk_proj.0", x, rank, /*bias=*/false);
  Value logits = layer.linear("gk_proj.1", low, decoder.keyHeads * decoder.K);
  Value log = structured(
      b, "btn->btn", logits,
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        Value size = softplus(b, arith::NegFOp::create(b, v[0]));
        return arith::MulFOp::create(b, size, constant(b, -1.0 / 16));
      });
  return splitHeads(b, log, decoder.keyHeads);
}

/// S_t = diag(α_t) S_{t-1} + k_t v_tᵀ and o_t = S_tᵀ q_t / √K, equation (4),
/// with the output as in section 4.4.
static Value attend(const FlaDecoder &decoder, Value x, int64_t rank) {
  auto [K, V, keyHeads] = std::tuple(decoder.K, decoder.V, decoder.keyHeads);
  Value query = decoder.project("q", x, decoder.heads, K),
        key = decoder.project("k", x, keyHeads, K),
        value = decoder.project("v", x, keyHeads, V);
  Value y = linearAttention(decoder.b, query, key, value,
                            logGate(decoder, x, rank), /*beta=*/Value());
  return decoder.output(decoder.normName(), y, x);
}

static llvm::Expected<ModelFacts> buildGla(Config &config, Model &model) {
  FlaDecoder decoder(config, model,
                     {/*expandKeys=*/0.5, /*expandValues=*/1, /*ratio=*/4,
                      /*heads=*/4, /*shortConvolution=*/false});
  decoder.readShared();
  int64_t rank = config.size("gate_low_rank_dim", 16);
  if (config.size("gate_logit_normalizer", 16) != 16)
    config.fail("gate_logit_normalizer", "16");
  if (config.has("clamp_min"))
    config.fail("clamp_min", "null");
  if (!config.flag("use_gk", true))
    config.fail("use_gk", "true");
  if (config.flag("use_gv", false))
    config.fail("use_gv", "false");
  config.checkProduct("gate_low_rank_dim * hidden_size", {rank, decoder.C});
  return decoder.build(
      [&](Value x, const Rotary *) { return attend(decoder, x, rank); });
}

void seqc::registerGla(Families &families) {
  families.push_back(
      {"gla",
       "flash-linear-attention GLAForCausalLM, GLAModel; Yang et al., "
       "arXiv:2312.06635",
       "num_heads, num_kv_heads, expand_k, expand_v, hidden_ratio, "
       "use_short_conv, conv_size, use_output_gate, tie_word_embeddings",
       buildGla});
}
