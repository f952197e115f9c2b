"""Random stacks of S4D layers by the formulas of the paper (arXiv:2206.11893), with complex
numbers: saved as the model directory that docs/Models.md describes, and run in f32 and f64."""

import json

import numpy as np
import torch
from safetensors.torch import save_file


class StateSpace(torch.nn.Module):
    """s_t = Ā s_{t-1} + B̄ u_t and y_t = 2 Re(C s_t) + D u_t, step by step."""

    def __init__(self, channels, states, discretization):
        super().__init__()
        self.discretization = discretization
        shape = (channels, states // 2)
        self.kernel = torch.nn.ParameterDict({
            "log_dt": torch.empty(channels).uniform_(-4, -1),
            "log_A_real": 0.5 * torch.randn(shape) - 0.7,
            "A_imag": 3 * torch.arange(states // 2).expand(shape) + 0.3 * torch.randn(shape),
            "C": torch.randn(*shape, 2)})
        self.D = torch.nn.Parameter(torch.randn(channels))
        self.output_linear = torch.nn.Sequential(torch.nn.Conv1d(channels, 2 * channels, 1), torch.nn.GLU(dim=-2))

    def coefficients(self):
        step = torch.exp(self.kernel["log_dt"])[:, None]
        a = torch.complex(-torch.exp(self.kernel["log_A_real"]), self.kernel["A_imag"])
        if self.discretization == "bilinear":
            return (1 + step * a / 2) / (1 - step * a / 2), step / (1 - step * a / 2)
        return torch.exp(step * a), (torch.exp(step * a) - 1) / a

    def forward(self, u):
        a, b = self.coefficients()
        c = torch.view_as_complex(self.kernel["C"])
        state, outputs = torch.zeros(len(u), *a.shape, dtype=a.dtype), []
        for now in u.unbind(1):
            state = a * state + b * now[..., None]
            outputs.append(2 * (c * state).sum(-1).real + self.D * now)
        y = torch.nn.functional.gelu(torch.stack(outputs, 2))
        return self.output_linear(y).transpose(1, 2)


class Stack(torch.nn.Module):
    """The model in example.py of state-spaces/s4."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        channels = config["hidden_size"]
        self.encoder = (torch.nn.Embedding(config["vocab_size"], channels) if "vocab_size" in config
                        else torch.nn.Linear(config["input_size"], channels))
        layers = range(config["num_layers"])
        self.s4_layers = torch.nn.ModuleList(
            StateSpace(channels, config["state_size"], config.get("discretization", "zoh")) for _ in layers)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(channels) for _ in layers)
        if "output_size" in config:
            self.decoder = torch.nn.Linear(channels, config["output_size"])

    def forward(self, x):
        x = self.encoder(x)
        for layer, norm in zip(self.s4_layers, self.norms):
            x = x + layer(norm(x)) if self.config.get("prenorm") else norm(x + layer(x))
        if self.config.get("pooling") == "mean":
            x = x.mean(1)
        return self.decoder(x) if "output_size" in self.config else x


class Model:
    def __init__(self, **config):
        torch.manual_seed(0)
        self.stack = Stack(config).eval()
        with torch.no_grad():
            for norm in self.stack.norms:
                norm.weight += 0.2 * torch.randn_like(norm.weight)
                norm.bias += 0.2 * torch.randn_like(norm.bias)
        self.config = config | {"model_type": "s4d"}
        self.output = ("logits" if "output_size" in config
                       else "pooler_output" if config.get("pooling") == "mean" else "last_hidden_state")
        tokens = config.get("vocab_size", 0)
        self.vocabulary = tokens if tokens == config.get("output_size") else 0

    def inputs(self, batch, times):
        rng = np.random.default_rng(times)
        if "vocab_size" in self.config:
            return {"input_ids": rng.integers(0, self.config["vocab_size"], (batch, times))}
        return {"inputs_embeds": rng.standard_normal((batch, times, self.config["input_size"]), np.float32)}

    def save(self, folder):
        save_file(self.stack.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config))

    def outputs(self, inputs):
        x, = map(torch.as_tensor, inputs.values())
        with torch.no_grad():
            single = self.stack(x)
            double = self.stack.double()(x.double() if x.is_floating_point() else x)
            self.stack.float()
        return double, single
