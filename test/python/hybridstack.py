"""Random stacks of mixers, assembled from the modules of transformers and torch: saved as the
model directory that docs/Models.md describes, and run in f32 and f64."""

import contextlib
import copy
import json

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import JambaConfig, LlamaConfig, Mamba2Config, MambaConfig, RecurrentGemmaConfig
from transformers.models.jamba import modeling_jamba
from transformers.models.llama import modeling_llama
from transformers.models.mamba import modeling_mamba
from transformers.models.mamba2 import modeling_mamba2
from transformers.models.recurrent_gemma import modeling_recurrent_gemma

import hybrids
import s4d

MODULES = [modeling_jamba, modeling_llama, modeling_mamba, modeling_mamba2, modeling_recurrent_gemma]


class Attention(nn.Module):
    def __init__(self, keys, width):
        super().__init__()
        heads = keys["num_attention_heads"]
        config = LlamaConfig(
            hidden_size=width, num_attention_heads=heads, num_key_value_heads=keys.get("num_key_value_heads", heads),
            head_dim=keys.get("head_dim", width // heads), attention_bias=keys.get("attention_bias", False),
            rope_parameters={"rope_type": "default", "rope_theta": keys.get("rope_theta", 10000.0)},
            attn_implementation="eager")
        self.inner = modeling_llama.LlamaAttention(config, 0)
        self.angles = modeling_llama.LlamaRotaryEmbedding(config)
        self.rope, self.window = keys.get("rope", True), keys.get("window") if "window" in keys["mixer"] else None

    def forward(self, x):
        times = torch.arange(x.shape[1])
        distance = times[:, None] - times
        seen = (distance >= 0) & (distance < (self.window or len(times) + 1))
        mask = torch.zeros(seen.shape, dtype=x.dtype).masked_fill(~seen, -torch.inf)
        cos, sin = self.angles(x, times[None])
        if not self.rope:
            cos, sin = torch.ones_like(cos), torch.zeros_like(sin)
        return self.inner(x, (cos, sin), mask[None, None])[0]


class Recurrent(nn.Module):
    def __init__(self, kind, width, size):
        super().__init__()
        self.inner = kind(width, size, batch_first=True)
        self.out_proj = nn.Linear(size, width, bias=False)

    def forward(self, x):
        return self.out_proj(self.inner(x)[0])


class Griffin(nn.Module):
    def __init__(self, keys, width):
        super().__init__()
        self.inner = modeling_recurrent_gemma.RecurrentGemmaRecurrentBlock(RecurrentGemmaConfig(
            hidden_size=width, num_attention_heads=keys["num_attention_heads"], lru_width=keys.get("lru_width", width)),
            0)

    def forward(self, x):
        return self.inner(x, torch.arange(x.shape[1])[None], None, use_cache=False)[0]


def mixer(keys, width):
    name = keys["mixer"]
    if "attention" in name:
        return Attention(keys, width)
    if name == "mamba":
        return modeling_mamba.MambaMixer(MambaConfig(
            hidden_size=width, state_size=keys["mamba_d_state"], use_associative_scan=False), 0)
    if name == "mamba2":
        heads = keys["mamba_n_heads"]
        return modeling_mamba2.Mamba2Mixer(Mamba2Config(
            hidden_size=width, state_size=keys["mamba_d_state"], num_heads=heads, head_dim=2 * width // heads,
            n_groups=keys.get("mamba_n_groups", 1), layer_norm_epsilon=1e-6, chunk_size=16), 0)
    if name == "s4d":
        return s4d.StateSpace(width, keys["state_size"], keys.get("discretization", "zoh"))
    if name == "griffin":
        return Griffin(keys, width)
    kinds = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    return Recurrent(kinds[name], width, keys.get("recurrent_size", width))


class Gelu(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.up_proj, self.down_proj = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(nn.functional.gelu(self.up_proj(x)))


class NormalisedRouter(modeling_jamba.JambaTopKRouter):
    def forward(self, x):
        logits, shares, chosen = super().forward(x)
        return logits, shares / shares.sum(-1, keepdim=True), chosen


def perceptron(keys, width):
    name, inner = keys["mlp"], keys.get("intermediate_size")
    if name == "none":
        return None
    if name == "gelu":
        return Gelu(width, inner)
    if name == "experts":
        config = JambaConfig(hidden_size=width, intermediate_size=inner, num_experts=keys["num_experts"],
                             num_experts_per_tok=keys["num_experts_per_tok"])
        config._experts_implementation = "eager"
        block = modeling_jamba.JambaSparseMoeBlock(config)
        if keys.get("norm_topk_prob"):
            block.router.__class__ = NormalisedRouter
        return block
    act = {"swiglu": "silu", "geglu": "gelu_pytorch_tanh"}[name]
    return modeling_llama.LlamaMLP(LlamaConfig(
        hidden_size=width, num_attention_heads=1, intermediate_size=inner, hidden_act=act))


class Layer(nn.Module):
    def __init__(self, keys, width):
        super().__init__()
        self.mixer_norm, self.mixer = modeling_llama.LlamaRMSNorm(width, 1e-6), mixer(keys, width)
        self.mlp = perceptron(keys, width)
        if self.mlp:
            self.mlp_norm = modeling_llama.LlamaRMSNorm(width, 1e-6)

    def forward(self, x):
        x = x + self.mixer(self.mixer_norm(x))
        return x + self.mlp(self.mlp_norm(x)) if self.mlp else x


class Stack(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, listed = config["hidden_size"], config["layers"]
        outer = {key: value for key, value in config.items() if key != "layers"}
        self.embed_tokens = nn.Embedding(config["vocab_size"], width)
        self.layers = nn.ModuleList(Layer(outer | listed[i % len(listed)], width)
                                    for i in range(config.get("num_hidden_layers", len(listed))))
        self.norm = modeling_llama.LlamaRMSNorm(width, 1e-6)
        self.lm_head = nn.Linear(width, config["vocab_size"], bias=False)
        if config.get("tie_word_embeddings"):
            self.lm_head.weight = self.embed_tokens.weight

    def forward(self, ids):
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


class Model:
    output = "logits"

    def __init__(self, **config):
        torch.manual_seed(0)
        self.config = config | {"model_type": "hybrid"}
        self.vocabulary = config["vocab_size"]
        self.stack = Stack(config).eval()
        hybrids.randomise(self.stack, 0.5)

    def inputs(self, batch, times):
        return {"input_ids": np.random.default_rng(times).integers(0, self.vocabulary, (batch, times))}

    def save(self, folder):
        tensors = {}
        for name, tensor in self.stack.state_dict().items():
            name = name.replace("mixer.inner.", "mixer.")
            if name.endswith("experts.gate_up_proj"):
                for expert, both in enumerate(tensor):
                    gate, up = both.chunk(2)
                    tensors[name.replace("gate_up_proj", f"{expert}.gate_proj.weight")] = gate
                    tensors[name.replace("gate_up_proj", f"{expert}.up_proj.weight")] = up
            elif name.endswith("experts.down_proj"):
                for expert, down in enumerate(tensor):
                    tensors[name.replace("down_proj", f"{expert}.down_proj.weight")] = down
            elif name != "lm_head.weight" or not self.config.get("tie_word_embeddings"):
                tensors[name] = tensor
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(self.config))

    def outputs(self, inputs):
        ids = torch.as_tensor(inputs["input_ids"])
        with torch.no_grad(), contextlib.ExitStack() as stack:
            single = self.stack(ids)
            wide = copy.deepcopy(self.stack).double()
            for module in MODULES:
                stack.enter_context(hybrids.everything_in_double(module))
            return wide(ids), single
