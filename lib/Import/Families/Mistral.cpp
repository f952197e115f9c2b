//===- Mistral.cpp - Mistral ---------------------------------------------===//
//
// Jiang et al., arXiv:2310.06825, as transformers' MistralForCausalLM,
// MistralForSequenceClassification, or MistralModel: Llama, whose tokens see
// the last sliding_window tokens only, themselves included.
//
//===----------------------------------------------------------------------===//

#include "../RotaryDecoder.h"

using namespace seqc;

static llvm::Expected<ModelFacts> buildMistral(Config &config, Model &model) {
  RotaryKind kind{{"MistralModel", "MistralForCausalLM",
                   "MistralForSequenceClassification"}};
  kind.keyHeads = 8;
  RotaryDecoder decoder(config, model, kind);
  if (!config.isNull("sliding_window"))
    decoder.window = config.size("sliding_window", 4096);
  return decoder.build();
}

void seqc::registerMistral(Families &families) {
  families.push_back({"mistral",
                      "transformers MistralForCausalLM, MistralModel, "
                      "MistralForSequenceClassification; Jiang et al., "
                      "arXiv:2310.06825",
                      "sliding_window, hidden_act, num_key_value_heads, "
                      "head_dim, rope_parameters, tie_word_embeddings",
                      buildMistral});
}
