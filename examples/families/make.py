#!/usr/bin/env python3
"""Writes the model directories beside it: a tiny model of each group of families, with random weights that no one trained.

    pip install torch safetensors transformers linear-attention-transformer && python3 make.py [MODEL_TYPE ...]

A group's model is one line of MODELS, and nothing else lists them."""

import contextlib
import io
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY = 256  # tokens are bytes


def stack(kind, **config):
    """A language model of recurrent layers, with the keys and names of docs/Models.md."""
    layers = getattr(torch.nn, kind)(config["input_size"], config["hidden_size"], config["num_layers"])
    rest = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(VOCABULARY, config["input_size"]),
                                "head": torch.nn.Linear(config["hidden_size"], VOCABULARY)})
    config = {"model_type": kind.lower(), "vocab_size": VOCABULARY, "output_size": VOCABULARY, **config}
    return config, {**layers.state_dict(), **rest.state_dict()}


def hugging_face(name, **config):
    """A model of transformers, by the name of its class."""
    import transformers
    kind = getattr(transformers, name)
    tokens = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)
    model = kind(kind.config_class(vocab_size=VOCABULARY, **tokens, **config))
    return model, None


def linear_transformer(**config):
    """A model of linear-attention-transformer, which prints as it is made."""
    from linear_attention_transformer import LinearAttentionTransformerLM
    with contextlib.redirect_stdout(io.StringIO()):
        model = LinearAttentionTransformerLM(num_tokens=VOCABULARY, **config)
    tensors = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    return {"model_type": "linear_transformer", "num_tokens": VOCABULARY, **config}, tensors


MODELS = {
    "gru": lambda: stack("GRU", input_size=16, hidden_size=24, num_layers=2),  # recurrent
    "bert": lambda: hugging_face(  # encoder
        "BertModel", hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64),
    "llama": lambda: hugging_face(  # decoder
        "LlamaForCausalLM", hidden_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=48),
    "linear_transformer": lambda: linear_transformer(  # efficient attention
        dim=16, heads=2, dim_head=8, depth=1, max_seq_len=64, causal=True, use_axial_pos_emb=False),
    "qwen3_next": lambda: hugging_face(  # gated and delta-rule linear attention
        "Qwen3NextForCausalLM", hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        head_dim=8, intermediate_size=32, num_experts=0, linear_num_key_heads=1, linear_num_value_heads=2,
        linear_key_head_dim=8, linear_value_head_dim=8, full_attention_interval=2),
    "rwkv": lambda: hugging_face("RwkvForCausalLM", hidden_size=16, num_hidden_layers=2),  # RWKV
    "mamba": lambda: hugging_face(  # state space
        "MambaForCausalLM", hidden_size=16, num_hidden_layers=2, state_size=8),
    "jamba": lambda: hugging_face(  # hybrid
        "JambaForCausalLM", hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=24, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1,
        num_experts=2, num_experts_per_tok=1, mamba_d_state=8, mamba_dt_rank=4),
}


def main():
    for name in sys.argv[1:] or MODELS:
        torch.manual_seed(0)
        made, tensors = MODELS[name]()
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        if tensors is None:
            made.save_pretrained(folder)
            (folder / "generation_config.json").unlink(missing_ok=True)
        else:
            (folder / "config.json").write_text(json.dumps(made, indent=2) + "\n")
            tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
