"""Random decoders with the linear attention of fla-core, whose definitions (naive.py) are called
here between the layers of flash-linear-attention's models: saved as those write them, and run in
f32 and f64."""

import contextlib
import json

import numpy as np
import torch
import torch.nn.functional as F
from fla.ops.delta_rule import naive as delta_rule
from fla.ops.gla import naive as gla
from fla.ops.retention import naive as retention
from safetensors.torch import save_file

import hybrids


def heads(x, count):
    return x.unflatten(-1, (count, -1))


class Norm(torch.nn.Module):
    def __init__(self, channels, epsilon):
        super().__init__()
        self.weight = torch.nn.Parameter(1 + 0.2 * torch.randn(channels))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


class Attention(torch.nn.Module):
    """What the kinds below have in common."""

    def __init__(self, config, gated, norm):
        super().__init__()
        self.config, self.gated, self.norm = config, gated, norm
        channels, self.heads = config["hidden_size"], config["num_heads"]
        self.key_heads = config.get("num_kv_heads", self.heads)
        self.keys, self.values = (int(channels * config[key]) for key in ("expand_k", "expand_v"))
        shared = self.heads // self.key_heads
        sizes = {"q": self.keys, "k": self.keys // shared, "v": self.values // shared}
        for part, size in sizes.items():
            self.add_module(f"{part}_proj", torch.nn.Linear(channels, size, bias=False))
            if config["use_short_conv"]:
                taps = config["conv_size"]
                self.add_module(f"{part}_conv1d", torch.nn.Conv1d(
                    size, size, taps, groups=size, padding=taps - 1, bias=config.get("conv_bias", False)))
        if gated:
            self.g_proj = torch.nn.Linear(channels, self.values, bias=False)
        self.add_module(norm, Norm(self.values // self.heads, config["norm_eps"]))
        self.o_proj = torch.nn.Linear(self.values, channels, bias=False)

    def project(self, part, x):
        y = self.get_submodule(f"{part}_proj")(x)
        if self.config["use_short_conv"]:
            y = F.silu(self.get_submodule(f"{part}_conv1d")(y.mT)[..., :x.shape[1]].mT)
        return heads(y, self.heads if part == "q" else self.key_heads)

    def share(self, x):
        return x.repeat_interleave(self.heads // self.key_heads, 2)

    def forward(self, x):
        y = self.get_submodule(self.norm)(self.attend(x))
        if self.gated:
            y = y * F.silu(heads(self.g_proj(x), self.heads))
        return self.o_proj(y.flatten(-2))


class Gla(Attention):
    """arXiv:2312.06635, section 4."""

    def __init__(self, config):
        gated = config.get("use_output_gate", True)
        super().__init__(config, gated, "g_norm_swish_gate" if gated else "g_norm")
        self.gk_proj = torch.nn.Sequential(
            torch.nn.Linear(config["hidden_size"], 16, bias=False),
            torch.nn.Linear(16, self.keys * self.key_heads // self.heads))

    def attend(self, x):
        decay = F.logsigmoid(heads(self.gk_proj(x), self.key_heads)) / 16
        key, value, decay = map(self.share, (self.project("k", x), self.project("v", x), decay))
        return gla.naive_recurrent_gla(self.project("q", x), key, value, decay)[0]


class RetNet(Attention):
    """arXiv:2307.08621, section 2."""

    def __init__(self, config):
        gated = config.get("use_output_gate", True)
        super().__init__(config, gated, "g_norm_swish_gate" if gated else "g_norm")

    def turn(self, x):
        size = x.shape[-1]
        frequencies = 1 / 10000 ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = torch.outer(torch.arange(x.shape[1], dtype=x.dtype), frequencies.to(x.dtype))[:, None]
        first, second = x.chunk(2, -1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

    def attend(self, x):
        query, key = self.turn(self.project("q", x)), self.share(self.turn(self.project("k", x)))
        value = self.share(self.project("v", x))
        return retention.naive_retention(*(part.transpose(1, 2) for part in (query, key, value))).transpose(1, 2)


class DeltaNet(Attention):
    """arXiv:2406.06484, section 3.3."""

    def __init__(self, config):
        super().__init__(config, config.get("use_gate", False), "o_norm")
        self.b_proj = torch.nn.Linear(config["hidden_size"], self.heads, bias=False)

    def project(self, part, x):
        y = super().project(part, x)
        return y if self.config["use_short_conv"] else F.silu(y)

    def normal(self, x):
        if self.config.get("qk_norm") == "sum":
            return x / x.sum(-1, keepdim=True)
        return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)

    def attend(self, x):
        query, key = (self.normal(self.project(part, x)) for part in "qk")
        beta = self.b_proj(x).sigmoid() * (2 if self.config.get("allow_neg_eigval") else 1)
        parts = (part.transpose(1, 2) for part in (query, key, self.project("v", x), beta))
        return delta_rule.delta_rule_recurrence(*parts)[0].transpose(1, 2)


KINDS = {"gla": Gla, "retnet": RetNet, "delta_net": DeltaNet}


class Perceptron(torch.nn.Module):
    def __init__(self, channels, inner):
        super().__init__()
        self.gate_proj, self.up_proj = (torch.nn.Linear(channels, inner, bias=False) for _ in range(2))
        self.down_proj = torch.nn.Linear(inner, channels, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        channels, epsilon = config["hidden_size"], config["norm_eps"]
        self.attn_norm, self.mlp_norm = Norm(channels, epsilon), Norm(channels, epsilon)
        self.attn = KINDS[config["model_type"]](config)
        inner = int(channels * config["hidden_ratio"] * 2 / 3)
        self.mlp = Perceptron(channels, config.get("intermediate_size", -(-inner // 256) * 256))

    def forward(self, x):
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Decoder(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = torch.nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = torch.nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = Norm(config["hidden_size"], config["norm_eps"])

    def forward(self, ids):
        x = self.embeddings(ids)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Language(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = Decoder(config)
        self.lm_head = torch.nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        if config.get("tie_word_embeddings"):
            self.lm_head.weight = self.model.embeddings.weight

    def forward(self, ids):
        return self.lm_head(self.model(ids))


class Model:
    def __init__(self, kind, head=True, **config):
        torch.manual_seed(0)
        defaults = {"norm_eps": 1e-6, "use_short_conv": kind == "delta_net", "conv_size": 4}
        self.config = {"model_type": kind} | defaults | config
        self.model = (Language if head else Decoder)(self.config).eval()
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if parameter.dim() == 2:  # large enough that each part adds to what passes by it
                    parameter.normal_(0, 0.5 if "emb" in name else 1.5 * min(parameter.shape) ** -0.5)
        self.output = "logits" if head else "last_hidden_state"
        self.vocabulary = config["vocab_size"] if head else 0

    def inputs(self, batch, times):
        return {"input_ids": np.random.default_rng(1).integers(0, self.config["vocab_size"], (batch, times))}

    def save(self, folder):
        tensors = self.model.state_dict()
        if self.config.get("tie_word_embeddings"):
            del tensors["lm_head.weight"]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config))

    def outputs(self, inputs):
        ids = torch.as_tensor(inputs["input_ids"])
        with torch.no_grad():
            single = self.model(ids)
            with contextlib.ExitStack() as stack:
                for module in (delta_rule, gla, retention):
                    stack.enter_context(hybrids.everything_in_double(module))
                double = self.model.double()(ids)
            self.model.float()
        return double, single
