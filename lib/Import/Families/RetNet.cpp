//===- RetNet.cpp - retentive networks -----------------------------------===//
//
// Sun et al., arXiv:2307.08621, as flash-linear-attention's RetNetForCausalLM
// or RetNetModel.
//
//===----------------------------------------------------------------------===//

#include "../FlaDecoder.h"
#include "../LinearAttention.h"
#include "../Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// log γ_h = log(1 - 2^(-5 - h)) of the heads h, at all times of x: equation
/// (8).
static Value logDecay(ImplicitLocOpBuilder &b, Value x, int64_t heads) {
  SmallVector<float> logs;
  for (int64_t head = 0; head < heads; ++head)
    logs.push_back(std::log1p(-std::ldexp(1.0, -5 - head)));
  auto type = RankedTensorType::get({heads}, b.getF32Type());
  Value table = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<float>(logs)));
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes[2] = b.getIndexAttr(heads);
  Value init = tensor::EmptyOp::create(b, sizes, b.getF32Type());
  return linalg::BroadcastOp::create(b, table, init, ArrayRef<int64_t>{0, 1})
      ->getResult(0);
}

/// S_t = γ S_{t-1} + k_t v_tᵀ and o_t = S_tᵀ q_t / √K, equation (6), for
/// queries and keys that are turned, with the output of equation (8).
static Value retain(const FlaDecoder &decoder, Value x, const Rotary &angles) {
  ImplicitLocOpBuilder &b = decoder.b;
  auto [K, V, keyHeads] = std::tuple(decoder.K, decoder.V, decoder.keyHeads);
  Value query = rotate(b, decoder.project("q", x, decoder.heads, K), angles),
        key = rotate(b, decoder.project("k", x, keyHeads, K), angles),
        value = decoder.project("v", x, keyHeads, V);
  Value y = linearAttention(b, query, key, value, logDecay(b, x, decoder.heads),
                            /*beta=*/Value());
  return decoder.output(decoder.normName(), y, x);
}

static llvm::Expected<ModelFacts> buildRetNet(Config &config, Model &model) {
  FlaDecoder decoder(config, model,
                     {/*expandKeys=*/1, /*expandValues=*/2, /*ratio=*/2,
                      /*heads=*/8, /*shortConvolution=*/false});
  decoder.readShared();
  // Every head needs a γ below 1 in f32, and the module holds a frequency for
  // each pair of channels.
  constexpr int64_t kMostHeads = 18, kLargestHead = 65536;
  if (decoder.heads > kMostHeads)
    config.fail("num_heads", "at most " + Twine(kMostHeads));
  if (decoder.K % 2 != 0 || decoder.K > kLargestHead)
    config.fail("expand_k",
                "heads of an even size up to " + Twine(kLargestHead));
  else
    decoder.frequencies = rotaryFrequencies(decoder.K, /*theta=*/10000);
  return decoder.build([&](Value x, const Rotary *angles) {
    return retain(decoder, x, *angles);
  });
}

void seqc::registerRetNet(Families &families) {
  families.push_back(
      {"retnet",
       "flash-linear-attention RetNetForCausalLM, RetNetModel; Sun et al., "
       "arXiv:2307.08621",
       "num_heads, num_kv_heads, expand_k, expand_v, hidden_ratio, "
       "use_short_conv, conv_size, use_output_gate, tie_word_embeddings",
       buildRetNet});
}
