"""Writes the inputs that the fuzz targets begin with, a folder for each, with the standard
library alone.

    seeds.py DIRECTORY SOURCES…

The .mlir files in the folders SOURCES are inputs as well, each of their pieces one.
"""

import json
import math
import pathlib
import struct
import sys

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8}


# --- safetensors and config.json --------------------------------------------------


def header(tensors, dtype="F32"):
    """The header of a safetensors file with tensors of these shapes, and its bytes of data."""
    entries, end = {}, 0
    for name, shape in tensors.items():
        begin, end = end, end + math.prod(shape) * BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return json.dumps(entries).encode(), end


def mamba():
    prefix = "backbone.layers.0.mixer."
    config = dict(model_type="mamba", vocab_size=7, hidden_size=8, num_hidden_layers=1, state_size=2, conv_kernel=4)
    mixer = {"in_proj.weight": [32, 8], "conv1d.weight": [16, 1, 4], "conv1d.bias": [16], "x_proj.weight": [5, 16],
             "dt_proj.weight": [16, 1], "dt_proj.bias": [16], "A_log": [16, 2], "D": [16], "out_proj.weight": [8, 16]}
    tensors = {"backbone.embeddings.weight": [7, 8], "backbone.layers.0.norm.weight": [8],
               "backbone.norm_f.weight": [8]}
    return config, tensors | {prefix + name: shape for name, shape in mixer.items()}


def stack(kind, gates, layers=2, bidirectional=False, projection=0, vocabulary=0):
    config = dict(model_type=kind, hidden_size=4, num_layers=layers, bidirectional=bidirectional)
    tensors, width = {}, 3
    if projection:
        config["proj_size"] = projection
    if vocabulary:
        config |= dict(vocab_size=vocabulary, embedding_size=3, output_size=vocabulary)
        tensors["embedding.weight"] = [vocabulary, 3]
    else:
        config["input_size"] = 3
    for layer in range(layers):
        for suffix in ["", "_reverse"][:1 + bidirectional]:
            name = f"_l{layer}{suffix}"
            tensors |= {"weight_ih" + name: [4 * gates, width], "weight_hh" + name: [4 * gates, projection or 4],
                        "bias_ih" + name: [4 * gates], "bias_hh" + name: [4 * gates]}
            if projection:
                tensors["weight_hr" + name] = [projection, 4]
        width = (projection or 4) * (1 + bidirectional)
    if vocabulary:
        tensors |= {"head.weight": [vocabulary, width], "head.bias": [vocabulary]}
    return config, tensors


def linear(name, shape, bias):
    return {name + ".weight": shape} | ({name + ".bias": [bias]} if bias else {})


def bert(pooler=True, kind="bert"):
    config = dict(model_type=kind, vocab_size=7, hidden_size=4, num_attention_heads=2, num_hidden_layers=1,
                  intermediate_size=6, max_position_embeddings=5, type_vocab_size=2, hidden_act="gelu",
                  layer_norm_eps=1e-12)
    tensors = {"embeddings.word_embeddings.weight": [7, 4], "embeddings.position_embeddings.weight": [5, 4],
               "embeddings.token_type_embeddings.weight": [2, 4]}
    layer = "encoder.layer.0."
    for name in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]:
        tensors |= linear(layer + name, [4, 4], 4)
    tensors |= linear(layer + "intermediate.dense", [6, 4], 6) | linear(layer + "output.dense", [4, 6], 4)
    for name in ["embeddings.", layer + "attention.output.", layer + "output."]:
        tensors |= linear(name + "LayerNorm", [4], 4)
    return config, tensors | (linear("pooler.dense", [4, 4], 4) if pooler else {})


def gpt2(head=True):
    config = dict(model_type="gpt2", architectures=["GPT2LMHeadModel" if head else "GPT2Model"], vocab_size=7,
                  n_embd=4, n_head=2, n_layer=1, n_inner=6, n_positions=5, activation_function="gelu_new",
                  layer_norm_epsilon=1e-5, tie_word_embeddings=not head)
    tensors = {"wte.weight": [7, 4], "wpe.weight": [5, 4], "h.0.attn.bias": [1, 1, 5, 5]}
    for name, shape in {"attn.c_attn": [4, 12], "attn.c_proj": [4, 4], "mlp.c_fc": [4, 6], "mlp.c_proj": [6, 4],
                        "ln_1": [4], "ln_2": [4]}.items():
        tensors |= linear("h.0." + name, shape, shape[-1])
    tensors |= linear("ln_f", [4], 4)
    return config, tensors | ({"lm_head.weight": [7, 4]} if head else {})


def llama(biases=False, tied=False, layers=1, kind="llama", norms=False, head=True, **keys):
    config = dict(model_type=kind, vocab_size=7, hidden_size=6, num_attention_heads=2, num_key_value_heads=1,
                  num_hidden_layers=layers, intermediate_size=5, head_dim=4, hidden_act="silu", rms_norm_eps=1e-6,
                  attention_bias=biases, mlp_bias=biases, tie_word_embeddings=tied,
                  rope_parameters=dict(rope_type="default", rope_theta=10000.0)) | keys
    tensors = {"model.embed_tokens.weight": [7, 6], "model.norm.weight": [6]}
    for number in range(layers):
        layer = f"model.layers.{number}."
        for name, shape in {"self_attn.q_proj": [8, 6], "self_attn.k_proj": [4, 6], "self_attn.v_proj": [4, 6],
                            "self_attn.o_proj": [6, 8], "mlp.gate_proj": [5, 6], "mlp.up_proj": [5, 6],
                            "mlp.down_proj": [6, 5]}.items():
            tensors |= linear(layer + name, shape, biases and shape[0])
        tensors |= {layer + "input_layernorm.weight": [6], layer + "post_attention_layernorm.weight": [6]}
        if norms:
            tensors |= {layer + "self_attn.q_norm.weight": [4], layer + "self_attn.k_norm.weight": [4]}
    ending = {"lm_head.weight": [7, 6]} if head else {"score.weight": [2, 6]}
    return config, tensors | ({} if tied else ending)


def gpt_neox():
    config = dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], vocab_size=7, hidden_size=8,
                  num_attention_heads=2, num_hidden_layers=1, intermediate_size=6, hidden_act="gelu",
                  use_parallel_residual=True, rotary_pct=0.5, rotary_emb_base=10000, layer_norm_eps=1e-5)
    tensors = {"gpt_neox.embed_in.weight": [7, 8], "embed_out.weight": [7, 8]} | linear(
        "gpt_neox.final_layer_norm", [8], 8)
    for name, shape in {"attention.query_key_value": [24, 8], "attention.dense": [8, 8], "mlp.dense_h_to_4h": [6, 8],
                        "mlp.dense_4h_to_h": [8, 6], "input_layernorm": [8],
                        "post_attention_layernorm": [8]}.items():
        tensors |= linear("gpt_neox.layers.0." + name, shape, shape[0])
    return config, tensors


def distilbert():
    config = dict(model_type="distilbert", vocab_size=7, dim=4, n_heads=2, n_layers=1, hidden_dim=6,
                  max_position_embeddings=5, activation="gelu")
    tensors = {"embeddings.word_embeddings.weight": [7, 4], "embeddings.position_embeddings.weight": [5, 4]}
    tensors |= linear("embeddings.LayerNorm", [4], 4)
    for name, shape in {"attention.q_lin": [4, 4], "attention.k_lin": [4, 4], "attention.v_lin": [4, 4],
                        "attention.out_lin": [4, 4], "ffn.lin1": [6, 4], "ffn.lin2": [4, 6], "sa_layer_norm": [4],
                        "output_layer_norm": [4]}.items():
        tensors |= linear("transformer.layer.0." + name, shape, shape[0])
    return config, tensors


def vit():
    config = dict(model_type="vit", architectures=["ViTForImageClassification"], hidden_size=4, num_attention_heads=2,
                  num_hidden_layers=1, intermediate_size=6, image_size=[4, 6], patch_size=2, num_channels=1,
                  num_labels=3, qkv_bias=True, pooler_act="tanh", layer_norm_eps=1e-12)
    tensors = {"vit.embeddings.cls_token": [1, 1, 4], "vit.embeddings.position_embeddings": [1, 7, 4]}
    tensors |= linear("vit.embeddings.patch_embeddings.projection", [4, 1, 2, 2], 4) | linear("classifier", [3, 4], 3)
    layer = "encoder.layer.0."
    for name, shape in {"attention.attention.query": [4, 4], "attention.attention.key": [4, 4],
                        "attention.attention.value": [4, 4], "attention.output.dense": [4, 4],
                        "intermediate.dense": [6, 4], "output.dense": [4, 6], "layernorm_before": [4],
                        "layernorm_after": [4]}.items():
        tensors |= linear("vit." + layer + name, shape, shape[0])
    return config, tensors | linear("vit.layernorm", [4], 4)


MODELS = [mamba(), stack("rnn", 1), stack("lstm", 4, projection=2), stack("gru", 3, bidirectional=True),
          stack("gru", 3, vocabulary=5), bert(), bert(pooler=False), gpt2(), gpt2(head=False), llama(),
          llama(biases=True, tied=True, layers=2), bert(kind="roberta"), distilbert(), vit(), gpt_neox(),
          llama(kind="mistral", sliding_window=3, rope_parameters=dict(rope_type="linear", factor=2.0)),
          llama(kind="qwen3", norms=True, layers=2, use_sliding_window=True, sliding_window=3,
                layer_types=["full_attention", "sliding_attention"]),
          llama(head=False, architectures=["LlamaForSequenceClassification"], pad_token_id=0,
                rope_parameters=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=9))]


def safetensors_seeds():
    for dtype in BYTES:
        text, size = header({"a": [2, 3], "b": [], "c": [0, 5], "d.é": [1]}, dtype)
        yield struct.pack("<Q", len(text)) + text + bytes(range(size))


def import_seeds():
    for config, tensors in MODELS:
        for dtype in ["F32", "BF16"]:
            yield json.dumps(config).encode() + b"\0" + header(tensors, dtype)[0]


# --- files of the runtime ---------------------------------------------------------


def npy_seeds():
    for version in [1, 2, 3]:
        for dtype, size in [("<f4", 4), ("<f2", 2), ("<f8", 8), ("|i1", 1), ("|u1", 1), ("<i4", 4), ("<i8", 8),
                            ("|b1", 1)]:
            for shape in [(), (3,), (2, 0), (1, 2, 3)]:
                text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
                length = "<H" if version == 1 else "<I"
                pad = -(len(text) + 9 + struct.calcsize(length)) % 64
                text += b" " * pad + b"\n"
                yield (b"\x93NUMPY" + bytes([version, 0]) + struct.pack(length, len(text)) + text
                       + bytes([1, 0] * (math.prod(shape) * size))[:math.prod(shape) * size])


def weights_seeds():
    """As runtime/include/seq/runtime/Weights.h says."""
    for shapes in [{}, {"a": [3]}, {"a": [2, 3], "layer.0.b": [], "c": [0, 4]}]:
        names, records, at = b"", b"", 0
        for name, shape in shapes.items():
            size = math.prod(shape) * 4
            records += struct.pack("<QIiiI8qQQ24x", len(names), len(name), 0, len(shape), 0,
                                   *shape, *[0] * (8 - len(shape)), at, size)
            names += name.encode() + b"\0"
            at += (size + 63) // 64 * 64
        head = struct.pack("<8sIIQQQQQQ", b"SEQWGT\0\1", 2, len(shapes), 1, 2, 4096, at, len(names), 0)
        yield (head + records + names).ljust(4096, b"\0") + bytes(at)


def state_seeds():
    """As State.h says, for the states of Fixture.c. The fuzz target sets the digest."""
    for history, position in [(0, 0), (0, 3), (24, 3)]:
        head = struct.pack("<8sIIQqqqqQ", b"SEQSTA\0\2", 2, 3, 0x1234, 0, 192, position, history, 0)
        yield head + bytes(192 + history)


def mlir_seeds(folders):
    for folder in folders:
        for file in sorted(pathlib.Path(folder).glob("*.mlir")):
            yield from (piece.encode() for piece in file.read_text().split("// -----"))


def main(directory, *folders):
    kinds = {"safetensors": safetensors_seeds(), "import": import_seeds(), "npy": npy_seeds(),
             "weights": weights_seeds(), "state": state_seeds(), "mlir": mlir_seeds(folders)}
    for kind, seeds in kinds.items():
        folder = pathlib.Path(directory) / f"{kind}_fuzz.seeds"
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder / str(number)).write_bytes(seed)


main(*sys.argv[1:])
