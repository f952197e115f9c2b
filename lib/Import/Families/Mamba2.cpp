//===- Mamba2.cpp - Mamba-2 ----------------------------------------------===//
//
// Dao and Gu, arXiv:2405.21060, as transformers' Mamba2ForCausalLM or
// Mamba2Model.
//
//===----------------------------------------------------------------------===//

#include "../MambaDecoder.h"
#include "../StateSpace.h"

using namespace mlir;
using namespace seqc;

static llvm::Expected<ModelFacts> buildMamba2(Config &config, Model &model) {
  MambaDecoder decoder(config, model, /*tiedByDefault=*/false);
  Mamba2Mixer mixer;
  mixer.D = decoder.D;
  mixer.H = config.size("num_heads", 128);
  mixer.P = config.size("head_dim", 64);
  mixer.N = config.size("state_size", 128);
  mixer.G = config.size("n_groups", 8);
  mixer.W = config.size("conv_kernel", 4);
  mixer.limit = config.interval("time_step_limit");
  mixer.epsilon = decoder.epsilon;
  mixer.bias = config.flag("use_bias", false);
  mixer.convBias = config.flag("use_conv_bias", true);
  mixer.check(config, {"num_heads", "head_dim", "n_groups", "expand"},
              model.batch);
  // Of the way to compute, or without effect in transformers as well.
  config.ignore({"chunk_size", "norm_before_gate", "time_step_rank"});
  return decoder.build(
      [&](Value x) { return mixer.mix(model, decoder.mixerPrefix, x); });
}

void seqc::registerMamba2(Families &families) {
  families.push_back({"mamba2",
                      "transformers Mamba2ForCausalLM, Mamba2Model; Dao and "
                      "Gu, arXiv:2405.21060",
                      "state_size, num_heads, head_dim, n_groups, expand, "
                      "conv_kernel, time_step_limit, use_bias, use_conv_bias, "
                      "tie_word_embeddings",
                      buildMamba2});
}
