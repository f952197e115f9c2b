//===- Bamba.cpp - Bamba: Mamba-2 and attention --------------------------===//
//
// IBM, Princeton and UIUC, 2024, as transformers' BambaForCausalLM or
// BambaModel: the layers attn_layer_indices have attention with rotary
// embeddings, all others Mamba-2.
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../HybridDecoder.h"
#include "../StateSpace.h"

using namespace mlir;
using namespace seqc;

static llvm::Expected<ModelFacts> buildBamba(Config &config, Model &model) {
  HybridDecoder decoder(config, model, /*epsilonByDefault=*/1e-5);
  Mamba2Mixer mixer =
      Mamba2Mixer::read(config, decoder.C, decoder.epsilon, model.batch);
  GroupedAttention attention =
      GroupedAttention::read(config, decoder.C, /*keyHeads=*/8);
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  decoder.frequencies = readRotary(config, attention.D, /*theta=*/10000,
                                   /*share=*/0.5);
  bool perceptronBias = config.flag("mlp_bias", false);
  std::vector<int64_t> attending = config.integers("attn_layer_indices");
  std::vector<std::string> kinds;
  for (int64_t layer = 0; layer < decoder.depth; ++layer)
    kinds.push_back(llvm::is_contained(attending, layer) ? "attention"
                                                         : "mamba");
  // Of training, or of the way to compute.
  config.ignore({"mamba_chunk_size", "z_loss_coefficient"});
  return decoder.build(
      kinds,
      [&](StringRef kind, Value x, const layers::Rotary *angles) {
        return kind == "attention"
                   ? attention.attend(decoder.tensorsOf("self_attn"), x, angles)
                   : mixer.mix(model, decoder.tensorsOf("mamba").prefix, x);
      },
      [&](StringRef, Value x) {
        return gatedPerceptron(decoder.tensorsOf("feed_forward"), x,
                               decoder.inner, decoder.act, perceptronBias);
      });
}

void seqc::registerBamba(Families &families) {
  families.push_back(
      {"bamba", "transformers BambaForCausalLM, BambaModel",
       "attn_layer_indices, num_key_value_heads, rope_parameters, "
       "mamba_n_heads, mamba_d_head, mamba_n_groups, mamba_d_state, "
       "mamba_d_conv, mamba_expand, mamba_conv_bias, mamba_proj_bias, "
       "time_step_limit, attention_bias, mlp_bias, tie_word_embeddings",
       buildBamba});
}
