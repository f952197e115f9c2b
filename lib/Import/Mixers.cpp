//===- Mixers.cpp - mixers and perceptrons by name ------------------------===//

#include "Mixers.h"

#include "DecoderParts.h"
#include "GriffinMixer.h"
#include "Moe.h"
#include "S4dMixer.h"
#include "StateSpace.h"
#include "Structured.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::layers;

//===----------------------------------------------------------------------===//
// Mixers
//===----------------------------------------------------------------------===//

/// The epsilon of all RMS norms.
static double readEpsilon(Config &config) {
  return config.fraction("rms_norm_eps", 1e-6);
}

static Mixer readAttention(Config &config, int64_t C, bool windowed) {
  GroupedAttention attention = GroupedAttention::read(config, C);
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  if (windowed) {
    attention.window = config.size("window");
    if (*attention.window > seq::MaskAttr::kMostSize)
      config.fail("window", "at most 2^30 tokens");
  }
  Mixer mixer;
  if (config.flag("rope", true))
    mixer.frequencies = readRotary(config, attention.D);
  bool turned = !mixer.frequencies.empty();
  mixer.mix = [=](Tensors tensors, Value x, const Times &times) {
    return attention.attend(tensors, x, turned ? &times.angles : nullptr);
  };
  return mixer;
}

static Mixer readFullAttention(Config &config, Model &, int64_t C) {
  return readAttention(config, C, /*windowed=*/false);
}
static Mixer readWindowAttention(Config &config, Model &, int64_t C) {
  return readAttention(config, C, /*windowed=*/true);
}

static Mixer readMamba(Config &config, Model &model, int64_t C) {
  MambaMixer mamba = MambaMixer::read(config, C, model.batch);
  Mixer mixer;
  mixer.mix = [=](Tensors tensors, Value x, const Times &) {
    return mamba.mix(tensors.model, tensors.prefix, x);
  };
  return mixer;
}

static Mixer readMamba2(Config &config, Model &model, int64_t C) {
  Mamba2Mixer mamba =
      Mamba2Mixer::read(config, C, readEpsilon(config), model.batch);
  Mixer mixer;
  mixer.mix = [=](Tensors tensors, Value x, const Times &) {
    return mamba.mix(tensors.model, tensors.prefix, x);
  };
  return mixer;
}

static Mixer readS4d(Config &config, Model &model, int64_t C) {
  S4dMixer s4d = S4dMixer::read(config, C, model.batch);
  Mixer mixer;
  mixer.mix = [=](Tensors tensors, Value x, const Times &) {
    return s4d.mix(tensors, x);
  };
  return mixer;
}

static Mixer readGriffin(Config &config, Model &, int64_t C) {
  std::string act =
      config.choice("hidden_activation", activationNames("gelu_pytorch_tanh"));
  GriffinMixer griffin =
      GriffinMixer::read(config, C, config.size("num_attention_heads"), act);
  Mixer mixer;
  mixer.counts = true;
  mixer.mix = [=](Tensors tensors, Value x, const Times &times) {
    return griffin.mix(tensors, x, times.positions);
  };
  return mixer;
}

/// torch.nn.RNN, LSTM or GRU of one layer with E channels, and a projection.
static Mixer readRecurrent(Config &config, Model &model, int64_t C,
                           int64_t gates) {
  int64_t E = config.size("recurrent_size", C);
  config.checkProduct("gates * recurrent_size * hidden_size",
                      {4, E, std::max(C, E)});
  config.checkProduct("batch * recurrent_size", {model.batch, E});
  Mixer mixer;
  mixer.mix = [=](Tensors tensors, Value x, const Times &) -> Value {
    Model &model = tensors.model;
    ImplicitLocOpBuilder &b = model.b;
    int64_t rows = gates * E;
    Value w = tensors.weight("weight_ih_l0", {rows, C}),
          r = tensors.weight("weight_hh_l0", {rows, E}),
          bw = tensors.weight("bias_ih_l0", {rows}),
          br = tensors.weight("bias_hh_l0", {rows});
    RankedTensorType type = model.sequence(E);
    Value h = zeros(b, {model.batch, E}), y;
    if (gates == 4)
      y = seq::LstmOp::create(b, type, h.getType(), h.getType(), x, w, r, bw,
                              br, /*projection=*/Value(), h, h,
                              /*reverse=*/false)
              .getOutput();
    else if (gates == 3)
      y = seq::GruOp::create(b, type, h.getType(), x, w, r, bw, br, h,
                             /*reset_before=*/false, /*reverse=*/false)
              .getOutput();
    else
      y = seq::RnnOp::create(b, type, h.getType(), x, w, r, bw, br, h,
                             seq::RnnActivation::tanh, /*reverse=*/false)
              .getOutput();
    return tensors.linear("out_proj", y, C, /*bias=*/false);
  };
  return mixer;
}

static Mixer readRnn(Config &config, Model &model, int64_t C) {
  return readRecurrent(config, model, C, 1);
}
static Mixer readGru(Config &config, Model &model, int64_t C) {
  return readRecurrent(config, model, C, 3);
}
static Mixer readLstm(Config &config, Model &model, int64_t C) {
  return readRecurrent(config, model, C, 4);
}

static constexpr struct {
  StringLiteral name;
  Mixer (*read)(Config &config, Model &model, int64_t C);
} kMixers[] = {{"attention", readFullAttention},
               {"window_attention", readWindowAttention},
               {"mamba", readMamba},
               {"mamba2", readMamba2},
               {"s4d", readS4d},
               {"griffin", readGriffin},
               {"rnn", readRnn},
               {"gru", readGru},
               {"lstm", readLstm}};

/// The entry of `table` that the key names, which must be there.
template <typename Table>
static const auto &choose(Config &config, StringRef key, const Table &table) {
  SmallVector<StringRef> names;
  for (const auto &entry : table)
    names.push_back(entry.name);
  std::string name = config.has(key) ? config.choice(key, names) : "";
  for (const auto &entry : table)
    if (name == entry.name)
      return entry;
  config.fail(key, "one of " + llvm::join(names, ", "));
  return table[0];
}

Mixer Mixer::read(Config &config, Model &model, int64_t C) {
  const auto &entry = choose(config, "mixer", kMixers);
  Mixer mixer = entry.read(config, model, C);
  mixer.name = entry.name;
  return mixer;
}

//===----------------------------------------------------------------------===//
// Perceptrons
//===----------------------------------------------------------------------===//

static int64_t readInner(Config &config, int64_t C) {
  int64_t inner = config.size("intermediate_size");
  config.checkProduct("intermediate_size * hidden_size", {2, inner, C});
  return inner;
}

static NamedPerceptron readNone(Config &, int64_t) { return nullptr; }

static NamedPerceptron readGated(Config &config, int64_t C, StringRef act) {
  int64_t inner = readInner(config, C);
  bool bias = config.flag("mlp_bias", false);
  return [=](Tensors tensors, Value x) {
    return gatedPerceptron(tensors, x, inner, act, bias);
  };
}
static NamedPerceptron readSwiglu(Config &config, int64_t C) {
  return readGated(config, C, "silu");
}
static NamedPerceptron readGeglu(Config &config, int64_t C) {
  return readGated(config, C, "gelu_pytorch_tanh");
}

/// W_down gelu(W_up x)
static NamedPerceptron readGelu(Config &config, int64_t C) {
  int64_t inner = readInner(config, C);
  bool bias = config.flag("mlp_bias", false);
  return [=](Tensors tensors, Value x) {
    Value up = tensors.linear("up_proj", x, inner, bias);
    Value hidden = activation(tensors.model.b, "gelu", up);
    return tensors.linear("down_proj", hidden, C, bias);
  };
}

static NamedPerceptron readExperts(Config &config, int64_t C) {
  MixtureOfExperts mixture;
  mixture.read(config, "num_experts", 16, 2);
  mixture.inner = readInner(config, C);
  mixture.act = "silu";
  mixture.normalised = config.flag("norm_topk_prob", false);
  mixture.router = "router";
  mixture.checkProducts(config, "intermediate_size", C);
  return [=](Tensors tensors, Value x) { return mixture.mix(tensors, x); };
}

static constexpr struct {
  StringLiteral name;
  NamedPerceptron (*read)(Config &config, int64_t C);
} kPerceptrons[] = {{"none", readNone},
                    {"swiglu", readSwiglu},
                    {"geglu", readGeglu},
                    {"gelu", readGelu},
                    {"experts", readExperts}};

NamedPerceptron seqc::readPerceptron(Config &config, int64_t C) {
  return choose(config, "mlp", kPerceptrons).read(config, C);
}
