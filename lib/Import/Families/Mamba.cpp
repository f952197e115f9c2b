//===- Mamba.cpp - Mamba and Falcon-Mamba --------------------------------===//
//
// Gu and Dao, arXiv:2312.00752, as transformers' MambaForCausalLM or
// MambaModel; Zuo et al., arXiv:2410.05355, as FalconMambaForCausalLM or
// FalconMambaModel, whose Δ, B and C have RMS norms without weights.
//
//===----------------------------------------------------------------------===//

#include "../Layers.h"
#include "../MambaDecoder.h"
#include "../StateSpace.h"

using namespace mlir;
using namespace seqc;

static MambaMixer readMixer(Config &config, int64_t D, int64_t batch) {
  MambaMixer mixer;
  mixer.D = D;
  mixer.N = config.size("state_size", 16);
  mixer.W = config.size("conv_kernel", 4);
  int64_t expand = config.size("expand", 2);
  config.checkProduct("expand * hidden_size", {expand, D});
  mixer.E = expand * D;
  if (config.size("intermediate_size", mixer.E) != mixer.E)
    config.fail("intermediate_size",
                "expand * hidden_size = " + Twine(mixer.E));
  mixer.R = MambaMixer::readRank(config, "time_step_rank", D);
  mixer.bias = config.flag("use_bias", false);
  mixer.convBias = config.flag("use_conv_bias", true);
  mixer.checkProducts(config, batch);
  return mixer;
}

static llvm::Expected<ModelFacts> buildMamba(Config &config, Model &model) {
  MambaDecoder decoder(config, model, /*tiedByDefault=*/true);
  MambaMixer mixer = readMixer(config, decoder.D, model.batch);
  return decoder.build(
      [&](Value x) { return mixer.mix(model, decoder.mixerPrefix, x); });
}

static llvm::Expected<ModelFacts> buildFalconMamba(Config &config,
                                                   Model &model) {
  MambaDecoder decoder(config, model, /*tiedByDefault=*/true);
  MambaMixer mixer = readMixer(config, decoder.D, model.batch);
  double epsilon = config.fraction("mixer_rms_eps", 1e-6);
  return decoder.build([&](Value x) {
    return mixer.mix(model, decoder.mixerPrefix, x,
                     [&](StringRef, Value selected) {
                       return layers::rmsNorm(model.b, selected,
                                              /*weight=*/Value(), epsilon);
                     });
  });
}

void seqc::registerMamba(Families &families) {
  families.push_back({"mamba",
                      "transformers MambaForCausalLM, MambaModel; Gu and Dao, "
                      "arXiv:2312.00752",
                      "state_size, conv_kernel, expand, time_step_rank, "
                      "use_bias, use_conv_bias, tie_word_embeddings",
                      buildMamba});
  families.push_back({"falcon_mamba",
                      "transformers FalconMambaForCausalLM, FalconMambaModel; "
                      "Zuo et al., arXiv:2410.05355",
                      "state_size, conv_kernel, expand, time_step_rank, "
                      "mixer_rms_eps, use_bias, use_conv_bias, "
                      "tie_word_embeddings",
                      buildFalconMamba});
}
