//===- Jamba.cpp - Jamba: Mamba, attention and experts -------------------===//
//
// Lieber et al., arXiv:2403.19887, as transformers' JambaForCausalLM or
// JambaModel. Attention has no positions; Δ, B and C of Mamba have RMS norms.
//
//===----------------------------------------------------------------------===//

#include "../DecoderParts.h"
#include "../HybridDecoder.h"
#include "../Moe.h"
#include "../StateSpace.h"

using namespace mlir;
using namespace seqc;

/// Whether a layer is the one of its period.
static auto readPeriod(Config &config, const std::string &name, int64_t period,
                       int64_t offset) {
  period = config.size(name + "_period", period);
  std::string key = name + "_offset";
  // The first one is 0.
  offset = config.has(key) ? config.sizeOrNone(key) : offset;
  if (offset >= period)
    config.fail(key, "less than " + name + "_period = " + Twine(period));
  return [=](int64_t layer) { return layer % period == offset; };
}

static llvm::Expected<ModelFacts> buildJamba(Config &config, Model &model) {
  HybridDecoder decoder(config, model, /*epsilonByDefault=*/1e-6);
  MambaMixer mixer = MambaMixer::read(config, decoder.C, model.batch);
  GroupedAttention attention =
      GroupedAttention::read(config, decoder.C, /*keyHeads=*/8);
  MixtureOfExperts mixture;
  mixture.read(config, "num_experts", 16, 2);
  mixture.inner = decoder.inner;
  mixture.act = decoder.act;
  mixture.normalised = false;
  mixture.router = "router";
  mixture.checkProducts(config, "intermediate_size", decoder.C);
  auto attends = readPeriod(config, "attn_layer", 8, 4);
  auto chooses = readPeriod(config, "expert_layer", 2, 1);
  std::vector<std::string> kinds;
  for (int64_t layer = 0; layer < decoder.depth; ++layer) {
    bool routed = mixture.experts > 1 && chooses(layer);
    kinds.push_back(std::string(attends(layer) ? "attention" : "mamba") +
                    (routed ? "_experts" : ""));
  }
  // Of training, or of the way to compute.
  config.ignore({"output_router_logits", "router_aux_loss_coef",
                 "use_mamba_kernels", "use_mambapy", "use_associative_scan",
                 "layers_block_type", "layers_num_experts"});

  auto norm = [&](StringRef part, Value x) {
    return decoder.tensorsOf("mamba").rmsNorm(part + "_layernorm", x,
                                              decoder.epsilon);
  };
  return decoder.build(
      kinds,
      [&](StringRef kind, Value x, const layers::Rotary *) {
        return kind.starts_with("attention")
                   ? attention.attend(decoder.tensorsOf("self_attn"), x,
                                      /*angles=*/nullptr)
                   : mixer.mix(model, decoder.tensorsOf("mamba").prefix, x,
                               norm);
      },
      [&](StringRef kind, Value x) {
        Tensors tensors = decoder.tensorsOf("feed_forward");
        return kind.ends_with("experts")
                   ? mixture.mix(tensors, x)
                   : gatedPerceptron(tensors, x, decoder.inner, decoder.act,
                                     /*bias=*/false);
      });
}

void seqc::registerJamba(Families &families) {
  families.push_back(
      {"jamba",
       "transformers JambaForCausalLM, JambaModel; Lieber et al., "
       "arXiv:2403.19887",
       "attn_layer_period, attn_layer_offset, expert_layer_period, "
       "expert_layer_offset, num_experts, num_experts_per_tok, "
       "num_key_value_heads, mamba_d_state, mamba_d_conv, mamba_expand, "
       "mamba_dt_rank, mamba_conv_bias, mamba_proj_bias, tie_word_embeddings",
       buildJamba});
}
