"""Random recurrent encoders and decoders, in torch.nn, with the keys of docs/Models.md."""

import json

import torch
from safetensors.torch import save_file


class Seq2Seq(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        layers = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[config["cell"]]
        embedding, hidden = config["embedding_size"], config["hidden_size"]
        self.embeddings = torch.nn.ModuleDict()
        self.sides = torch.nn.ModuleDict()
        for side, vocabulary in [("encoder", config["vocab_size"]), ("decoder", config["decoder_vocab_size"])]:
            self.embeddings[side] = torch.nn.Embedding(vocabulary, embedding)
            self.sides[side] = layers(embedding, hidden, config.get("num_layers", 1), bias=config.get("bias", True),
                                      batch_first=True)
        if config["attention"] == "general":
            self.attention = torch.nn.Linear(hidden, hidden, bias=False)
        if config["attention"] != "none":
            self.combine = torch.nn.Linear(2 * hidden, hidden, bias=False)
        self.head = torch.nn.Linear(hidden, config["decoder_vocab_size"])

    def encode(self, ids):
        return self.sides["encoder"](self.embeddings["encoder"](ids))

    def decode(self, ids, states, encoded):
        hidden, states = self.sides["decoder"](self.embeddings["decoder"](ids), states)
        if self.config["attention"] != "none":
            keys = self.attention(encoded) if self.config["attention"] == "general" else encoded
            weights = torch.softmax(hidden @ keys.transpose(1, 2), dim=2)
            hidden = torch.tanh(self.combine(torch.cat([weights @ encoded, hidden], dim=2)))
        return self.head(hidden), states

    def forward(self, ids, decoder_ids):
        encoded, states = self.encode(ids)
        return self.decode(decoder_ids, states, encoded)[0]

    def generate(self, ids):
        """What is likeliest, token by token, for a batch of one."""
        encoded, states = self.encode(ids)
        token, tokens = self.config["decoder_start_token_id"], []
        while len(tokens) < self.config["max_length"]:
            logits, states = self.decode(torch.tensor([[token]]), states, encoded)
            if token != self.config["eos_token_id"]:
                token = int(logits[0, -1].argmax())
            tokens.append(token)
        return tokens

    def save(self, folder):
        tensors = {}
        for side in ("encoder", "decoder"):
            tensors[f"{side}.embedding.weight"] = self.embeddings[side].weight
            tensors.update({f"{side}.{name}": value for name, value in self.sides[side].state_dict().items()})
        for name in ("attention", "combine", "head"):
            for key, value in getattr(self, name, torch.nn.Identity()).state_dict().items():
                tensors[f"{name}.{key}"] = value
        save_file({name: value.detach().contiguous() for name, value in tensors.items()},
                  folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps({"model_type": "seq2seq", **self.config}))


def random_model(**config):
    torch.manual_seed(0)
    model = Seq2Seq(config).eval()
    with torch.no_grad():  # else it soon repeats one token
        for parameter in model.parameters():
            parameter *= 3 if parameter.dim() > 1 else 1
    return model
