//===- Transformer.cpp - what the transformers share ---------------------===//

#include "Transformer.h"
#include "Structured.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

/// The module holds one frequency for each pair of a head's channels.
static constexpr int64_t kLargestHead = 65536;

static int64_t channelsOf(Value x) { return typeOf(x).getShape().back(); }

Value Tensors::weight(const Twine &name, ArrayRef<int64_t> shape) {
  return model.weight((prefix + name).str(), shape);
}

Value Tensors::linear(const Twine &name, Value x, int64_t channels, bool bias) {
  Value matrix = weight(name + ".weight", {channels, channelsOf(x)});
  return layers::linear(model.b, x, matrix,
                        bias ? weight(name + ".bias", {channels}) : Value());
}

Value Tensors::layerNorm(const Twine &name, Value x, double epsilon) {
  Value factors = weight(name + "." + scale, {channelsOf(x)});
  Value terms = weight(name + "." + shift, {channelsOf(x)});
  return layers::layerNorm(model.b, x, factors, terms, epsilon);
}

Value Tensors::rmsNorm(const Twine &name, Value x, double epsilon) {
  return layers::rmsNorm(model.b, x, weight(name + ".weight", {channelsOf(x)}),
                         epsilon);
}

Value Tensors::rmsNormFromOne(const Twine &name, Value x, double epsilon) {
  Value scale = structured(
      model.b, "c->c", weight(name + ".weight", {channelsOf(x)}),
      [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
        return arith::AddFOp::create(b, constant(b, 1), v[0]);
      });
  return layers::rmsNorm(model.b, x, scale, epsilon);
}

Value Tensors::shortConvolution(const Twine &name, Value x, int64_t taps,
                                bool bias) {
  ImplicitLocOpBuilder &b = model.b;
  int64_t channels = channelsOf(x);
  Value matrix = tensor::CollapseShapeOp::create(
      b, weight(name + ".weight", {channels, 1, taps}),
      ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  Value offset = bias ? weight(name + ".bias", {channels}) : Value();
  Value window = zeros(b, {model.batch, taps - 1, channels});
  return seq::CausalConvOp::create(b, x.getType(), window.getType(), x, matrix,
                                   offset, window, seq::ConvActivation::silu)
      .getOutput();
}

Value seqc::transformerBlock(ImplicitLocOpBuilder &b, NormOrder order, Value x,
                             MapValue norm1, MapValue attend, MapValue norm2,
                             MapValue perceptron) {
  switch (order) {
  case NormOrder::before:
    x = add(b, attend(norm1(x)), x);
    return add(b, perceptron(norm2(x)), x);
  case NormOrder::after:
    x = norm1(add(b, attend(x), x));
    return norm2(add(b, perceptron(x), x));
  case NormOrder::parallel:
    Value attended = attend(norm1(x));
    return add(b, add(b, perceptron(norm2(x)), attended), x);
  }
  llvm_unreachable("no such order");
}

//===----------------------------------------------------------------------===//
// Keys of the config
//===----------------------------------------------------------------------===//

Head seqc::readHead(Config &config, const Architectures &architectures,
                    Head byDefault) {
  auto [none, language, classifier] = architectures;
  std::optional<StringRef> name =
      config.architecture({language, none, classifier});
  if (!name)
    config.fail("architectures", "one of " + Twine(language) + ", " + none +
                                     " and " + classifier);
  if (!name || name->empty())
    return byDefault;
  return *name == language ? Head::language
         : *name == none   ? Head::none
                           : Head::classifier;
}

bool seqc::hasClassifier(Config &config, const Architectures &architectures) {
  std::optional<StringRef> name =
      config.architecture({architectures.none, architectures.classifier});
  if (!name)
    config.warn("architectures",
                "the program is " + Twine(architectures.none) +
                    " without the head of another architecture");
  return name && *name == architectures.classifier;
}

/// What "llama3" makes of a frequency: slow ones become slower, by a factor of
/// which those in between get their share.
static float slowDown(float frequency, float factor, float low, float high,
                      float context) {
  float length = float(2 * M_PI) / frequency;
  if (length < context / high)
    return frequency;
  if (length > context / low)
    return frequency / factor;
  float share = (context / length - low) / (high - low);
  return (1 - share) * frequency / factor + share * frequency;
}

SmallVector<float> seqc::readRotary(Config &config, int64_t headSize,
                                    double theta, double share) {
  // The older name of the object counts where both are there.
  std::string outer =
      config.has("rope_scaling") ? "rope_scaling." : "rope_parameters.";
  auto key = [&](StringRef name) { return outer + name.str(); };
  SmallVector<StringRef> kinds{"default", "linear", "llama3"};
  std::string kind = config.choice(
      key(config.has(key("rope_type")) ? "rope_type" : "type"), kinds);
  theta = config.atLeastOne("rope_theta", theta);
  theta = config.atLeastOne(key("rope_theta"), theta);
  share = config.fraction("partial_rotary_factor", share);
  share = config.fraction(key("partial_rotary_factor"), share);

  int64_t turned = std::min(headSize, kLargestHead) * share;
  if (turned == 0)
    config.fail(key("partial_rotary_factor"),
                "a share of at least 1 of the head's " + Twine(headSize) +
                    " channels");
  // Frequencies are those of pairs.
  if (headSize > kLargestHead || turned + turned % 2 > headSize)
    config.fail(config.has("head_dim") ? "head_dim" : "num_attention_heads",
                "heads of an even size up to " + Twine(kLargestHead));
  SmallVector<float> frequencies = rotaryFrequencies(turned, theta);

  auto number = [&](StringRef name) {
    if (!config.has(key(name)))
      config.fail(key(name), "a number above 0");
    return float(config.positive(key(name), 1));
  };
  if (kind == "linear") {
    float factor = number("factor");
    for (float &frequency : frequencies)
      frequency /= factor;
  } else if (kind == "llama3") {
    float factor = number("factor"), low = number("low_freq_factor"),
          high = number("high_freq_factor");
    if (high <= low)
      config.fail(key("high_freq_factor"), "more than low_freq_factor");
    StringRef whole = "max_position_embeddings";
    std::string before = key("original_max_position_embeddings");
    float context = config.size(config.has(before) ? StringRef(before) : whole);
    for (float &frequency : frequencies)
      frequency = slowDown(frequency, factor, low, high, context);
  }
  return frequencies;
}
