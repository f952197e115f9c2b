//===- Llama.cpp - Llama -------------------------------------------------===//
//
// Touvron et al., arXiv:2302.13971 and 2307.09288, as transformers'
// LlamaForCausalLM, LlamaForSequenceClassification, or LlamaModel.
//
//===----------------------------------------------------------------------===//

#include "../RotaryDecoder.h"

using namespace seqc;

static llvm::Expected<ModelFacts> buildLlama(Config &config, Model &model) {
  RotaryKind kind{
      {"LlamaModel", "LlamaForCausalLM", "LlamaForSequenceClassification"}};
  kind.attentionBias = kind.perceptronBias = true;
  return RotaryDecoder(config, model, kind).build();
}

void seqc::registerLlama(Families &families) {
  families.push_back({"llama",
                      "transformers LlamaForCausalLM, LlamaModel, "
                      "LlamaForSequenceClassification; Touvron et al., "
                      "arXiv:2302.13971",
                      "hidden_act, num_key_value_heads, head_dim, "
                      "rope_parameters, attention_bias, mlp_bias, "
                      "tie_word_embeddings",
                      buildLlama});
}
