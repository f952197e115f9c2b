"""Random stacks of torch.nn.RNN, LSTM or GRU, the models that docs/Models.md describes:
saved as a model directory, and run in f32 and f64."""

import json

import torch
from safetensors.torch import save_file

LAYERS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class Stack(torch.nn.Module):
    """A model by its config.json."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        size = config.get("embedding_size", config.get("input_size"))
        if "vocab_size" in config:
            self.embedding = torch.nn.Embedding(config["vocab_size"], size)
        options = {key: config[key] for key in ("num_layers", "bidirectional", "bias", "nonlinearity", "proj_size")
                   if key in config}
        self.layers = LAYERS[config["model_type"]](size, config["hidden_size"], batch_first=True, **options)
        if "output_size" in config:
            width = (config.get("proj_size") or config["hidden_size"]) * (1 + config.get("bidirectional", False))
            self.head = torch.nn.Linear(width, config["output_size"])

    def forward(self, x):
        """The outputs by name."""
        y, states = self.layers(self.embedding(x) if "vocab_size" in self.config else x)
        states = states if isinstance(states, tuple) else (states,)
        sequence = {"logits": self.head(y)} if "output_size" in self.config else {"last_hidden_state": y}
        return {**sequence, **dict(zip(["h_n", "c_n"], states))}

    @property
    def input_name(self):
        return "input_ids" if "vocab_size" in self.config else "inputs_embeds"

    def random_input(self, seed, batch, times):
        generator = torch.Generator().manual_seed(seed)
        if "vocab_size" in self.config:
            return torch.randint(self.config["vocab_size"], (batch, times), generator=generator)
        return torch.randn(batch, times, self.config["input_size"], generator=generator)


def random_stack(config, seed=0, dtype=torch.float32):
    """A model whose values are exact in `dtype`."""
    torch.manual_seed(seed)
    return Stack(config).eval().to(dtype).float()


def save(model, folder, dtype=torch.float32):
    tensors = {name.removeprefix("layers."): value.to(dtype).contiguous()
               for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.config))


def outputs(model, x):
    """name: (in f64, in f32)"""
    with torch.no_grad():
        single = model(x)
        double = model.double()(x.double() if x.is_floating_point() else x)
        model.float()
    return {name: (double[name], single[name]) for name in single}
