//===- Qwen3.cpp - Qwen3 -------------------------------------------------===//
//
// Yang et al., arXiv:2505.09388, as transformers' Qwen3ForCausalLM,
// Qwen3ForSequenceClassification, or Qwen3Model: Llama with norms of each
// head's queries and keys, and with windows in some layers, if one likes.
//
//===----------------------------------------------------------------------===//

#include "../RotaryDecoder.h"

using namespace seqc;

/// For each layer the keys that it sees, by layer_types, or else in the layers
/// from max_window_layers.
static void readWindows(Config &config, RotaryDecoder &decoder) {
  std::optional<int64_t> window;
  if (config.flag("use_sliding_window", false) &&
      !config.isNull("sliding_window"))
    window = config.size("sliding_window", 4096);
  else
    config.ignore({"sliding_window"});
  std::vector<std::string> types =
      config.choices("layer_types", {"full_attention", "sliding_attention"});
  int64_t from = config.has("max_window_layers")
                     ? config.sizeOrNone("max_window_layers")
                     : 28;
  if (types.empty()) {
    from = std::min(from, decoder.depth);
    decoder.addLayers(from, std::nullopt);
    decoder.addLayers(decoder.depth - from, window);
    return;
  }
  if (int64_t(types.size()) != decoder.depth)
    config.fail("layer_types", "one for each of the " +
                                   llvm::Twine(decoder.depth) + " layers");
  for (const std::string &type : types) {
    bool slides = type == "sliding_attention";
    if (slides && !window)
      config.fail("sliding_window",
                  "a size and use_sliding_window, for layers of the type "
                  "\"sliding_attention\"");
    decoder.addLayers(1, slides ? window : std::nullopt);
  }
}

static llvm::Expected<ModelFacts> buildQwen3(Config &config, Model &model) {
  RotaryKind kind{
      {"Qwen3Model", "Qwen3ForCausalLM", "Qwen3ForSequenceClassification"}};
  kind.keyHeads = 32;
  kind.headSize = 128;
  kind.attentionBias = kind.headNorms = true;
  RotaryDecoder decoder(config, model, kind);
  readWindows(config, decoder);
  return decoder.build();
}

void seqc::registerQwen3(Families &families) {
  families.push_back({"qwen3",
                      "transformers Qwen3ForCausalLM, Qwen3Model, "
                      "Qwen3ForSequenceClassification; Yang et al., "
                      "arXiv:2505.09388",
                      "hidden_act, num_key_value_heads, head_dim, "
                      "layer_types, sliding_window, rope_parameters, "
                      "attention_bias, tie_word_embeddings",
                      buildQwen3});
}
