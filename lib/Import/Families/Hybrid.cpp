//===- Hybrid.cpp - stacks of any mixers ---------------------------------===//
//
// x := x + mixer(norm(x)); x + perceptron(norm(x)), where each layer names its
// mixer and its perceptron. docs/Models.md has the keys of the config, which
// are ours, and the names of the tensors.
//
//===----------------------------------------------------------------------===//

#include "../Mixers.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

namespace {
struct Kind {
  Mixer mixer;
  NamedPerceptron perceptron;
  /// Where the cosines of its mixer are among the inputs of layers.
  unsigned angles = 0;
};

struct Hybrid {
  Hybrid(Config &config, Model &model);

  void readLayers(Config &config);
  Value body(Value ids);
  Value block(const Kind &kind, ValueRange inputs);
  Value norm(StringRef name, Value x) {
    return tensors.rmsNorm(name, x, epsilon);
  }
  Value head(Value x) {
    return linear(model.b, x,
                  tensors.weight(
                      tied ? "embed_tokens.weight" : "lm_head.weight", {V, C}));
  }

  Model &model;
  Tensors tensors;
  int64_t V; // vocabulary
  int64_t C; // channels
  double epsilon;
  bool tied;
  llvm::StringMap<Kind> kinds;
  std::vector<std::string> layers; // their kinds
};
} // namespace

Hybrid::Hybrid(Config &config, Model &model)
    : model(model), tensors{model, ""} {
  V = config.size("vocab_size");
  C = config.size("hidden_size");
  epsilon = config.fraction("rms_norm_eps", 1e-6);
  tied = config.flag("tie_word_embeddings", false);
  config.checkProduct("vocab_size * hidden_size", {V, C});
  // Angles have no greatest position.
  config.ignore({"max_position_embeddings"});
  readLayers(config);
}

void Hybrid::readLayers(Config &config) {
  // Layers of equal keys are of one kind.
  std::vector<std::string> pattern;
  llvm::StringMap<std::string> names;
  llvm::StringMap<int> counts;
  for (Config &layer : config.objects("layers")) {
    auto [entry, isNew] = names.try_emplace(layer.print());
    if (isNew) {
      Kind kind{Mixer::read(layer, model, C), readPerceptron(layer, C)};
      std::string &name = entry->second = kind.mixer.name;
      if (int count = counts[name]++)
        name += "_" + std::to_string(count + 1);
      kinds[name] = std::move(kind);
    }
    pattern.push_back(entry->second);
    if (isNew)
      config.absorb(std::move(layer));
  }
  int64_t depth =
      config.size("num_hidden_layers", std::max<int64_t>(pattern.size(), 1));
  for (int64_t layer = 0; !pattern.empty() && layer < model.limitCount(depth);
       ++layer)
    layers.push_back(pattern[layer % pattern.size()]);
}

Value Hybrid::body(Value ids) {
  ImplicitLocOpBuilder &b = model.b;
  SmallVector<Value> inputs{
      embedding(b, ids, tensors.weight("embed_tokens.weight", {V, C}))};
  if (llvm::any_of(layers, [&](const std::string &name) {
        const Mixer &mixer = kinds[name].mixer;
        return mixer.counts || !mixer.frequencies.empty();
      }))
    inputs.push_back(positions(b, ids));
  // Each set of angles once.
  std::vector<std::pair<ArrayRef<float>, unsigned>> known;
  for (const std::string &name : layers) {
    Kind &kind = kinds[name];
    ArrayRef<float> frequencies = kind.mixer.frequencies;
    if (frequencies.empty() || kind.angles)
      continue;
    auto found = llvm::find_if(
        known, [&](const auto &other) { return other.first == frequencies; });
    if (found == known.end()) {
      found = known.insert(known.end(), {frequencies, inputs.size()});
      Rotary angles = rotary(b, inputs[1], frequencies);
      inputs.append({angles.cos, angles.sin});
    }
    kind.angles = found->second;
  }
  return model.stack(layers, inputs, [&](StringRef name, ValueRange inputs) {
    return block(kinds[name], inputs);
  });
}

Value Hybrid::block(const Kind &kind, ValueRange inputs) {
  ImplicitLocOpBuilder &b = model.b;
  Times times;
  if (inputs.size() > 1)
    times.positions = inputs[1];
  if (kind.angles)
    times.angles = {inputs[kind.angles], inputs[kind.angles + 1]};
  Value x = inputs[0];
  Value y = kind.mixer.mix({model, "layers.{}.mixer."},
                           norm("layers.{}.mixer_norm", x), times);
  x = add(b, y, x);
  if (!kind.perceptron)
    return x;
  y = kind.perceptron({model, "layers.{}.mlp."}, norm("layers.{}.mlp_norm", x));
  return add(b, y, x);
}

static llvm::Expected<ModelFacts> buildHybrid(Config &config, Model &model) {
  Hybrid hybrid(config, model);
  if (llvm::Error error = config.takeError())
    return error;
  return addDecoder(
      model, hybrid.V, /*hasHead=*/true,
      [&](Value ids) { return hybrid.body(ids); },
      [&](Value x) { return hybrid.norm("norm", x); },
      [&](Value x) { return hybrid.head(x); });
}

void seqc::registerHybrid(Families &families) {
  families.push_back({"hybrid",
                      "the layers that it is made of, which are those of other "
                      "families",
                      "layers (mixer, mlp and their keys), rms_norm_eps, "
                      "tie_word_embeddings",
                      buildHybrid});
}
