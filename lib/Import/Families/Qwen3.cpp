//===- Qwen3.cpp - Qwen3 -------------------------------------------------===//
//
// Yang et al., arXiv:2505.09388, as transformers' Qwen3ForCausalLM,
// Qwen3ForSequenceClassification, or Qwen3Model: Llama with norms of each
// head's queries and keys, and with windows in some layers, if one likes.
//
//===----------------------------------------------------------------------===//

#include "../RotaryDecoder.h"

using namespace seqc;

/// Layers are written down one by one where they differ.
static constexpr int64_t kMostLayers = 65536;

/// The window, and which layers have it: by layer_types, or else those from
/// max_window_layers.
static void readWindows(Config &config, RotaryDecoder &decoder) {
  if (config.flag("use_sliding_window", false) &&
      !config.isNull("sliding_window"))
    decoder.window = config.size("sliding_window", 4096);
  else
    config.ignore({"sliding_window"});
  int64_t from = config.has("max_window_layers")
                     ? config.sizeOrNone("max_window_layers")
                     : 28;
  constexpr llvm::StringLiteral kFull = "full_attention",
                                kSliding = "sliding_attention";
  std::vector<std::string> kinds =
      config.choices("layer_types", {kFull, kSliding});
  int64_t depth = decoder.depth;
  if (!kinds.empty()) {
    if (int64_t(kinds.size()) != depth)
      config.fail("layer_types",
                  "one for each of the " + llvm::Twine(depth) + " layers");
    if (!decoder.window && llvm::is_contained(kinds, kSliding))
      config.fail("sliding_window",
                  "a size and use_sliding_window, for layers of the type "
                  "\"sliding_attention\"");
  } else if (decoder.window && from >= depth) {
    decoder.window.reset();
  } else if (decoder.window && from > 0) {
    if (depth > kMostLayers) {
      config.fail("num_hidden_layers",
                  "at most " + llvm::Twine(kMostLayers) + " layers");
      return;
    }
    kinds.assign(from, kFull.str());
    kinds.resize(depth, kSliding.str());
  }
  if (llvm::all_equal(kinds)) {
    if (!kinds.empty() && kinds.front() == kFull)
      decoder.window.reset();
    kinds.clear();
  }
  decoder.kinds = std::move(kinds);
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
