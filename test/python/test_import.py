"""Imported model directories, evaluated in f64, against PyTorch and transformers.
Weights are random and written by safetensors as f32, f16 or bf16; the reference
has the values of the file."""

import json
import subprocess

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import seqtools

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
NAME = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}


def write(folder, config, tensors):
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")


def imported(folder, function, inputs, outputs, batch=1):
    """The arrays of `outputs` that `function` of the directory's module gives."""
    module = folder / "module.mlir"
    seqtools.run(seqtools.tool("seq-compile"), folder, "--emit=seq", f"--batch={batch}", "-o", module)
    command = [seqtools.tool("seq-eval"), module, "--function", function, "--weights", folder, "--double"]
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
        command += ["--input", f"{name}={folder}/{name}.npy"]
    for name in outputs:
        command += ["--output", f"{name}={folder}/{name}.out.npy"]
    seqtools.run(*command)
    return [np.load(folder / f"{name}.out.npy") for name in outputs]


def agree(actual, expected, tolerance):
    expected = expected.detach().numpy()
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert np.abs(actual - expected).max(initial=0) <= tolerance * np.abs(expected).max(initial=1e-30)


def as_in_file(module, dtype):
    """Random weights of `dtype`; the module computes with them in double."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            # Decay rates and the like have values of their own: they are kept.
            if parameter.ndim > 1 and not name.endswith("A_log"):
                parameter.normal_(0, 0.3, generator=generator)
            elif name.endswith("bias"):
                parameter.add_(torch.empty_like(parameter).normal_(0, 0.3, generator=generator))
    module.to(dtype)
    tensors = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.double().eval()
    return tensors


# --- Mamba ------------------------------------------------------------------------

# transformers computes norms, scans and logits in f32 even where the model is in
# double.
MAMBA = 1e-5


def mamba(cls="MambaForCausalLM", dtype=torch.float32, **keys):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = dict(vocab_size=53, hidden_size=40, num_hidden_layers=3, state_size=8)
    config = transformers.MambaConfig(**{**sizes, **keys})
    model = getattr(transformers, cls)(config)
    return model, config.to_dict(), as_in_file(model, dtype)


def ids(batch, times, vocabulary=53):
    return np.random.default_rng(2).integers(0, vocabulary, (batch, times))


@pytest.mark.parametrize("times", [1, 2, 13])
@pytest.mark.parametrize("dtype", DTYPES, ids=NAME.get)
def test_mamba(tmp_path, dtype, times):
    model, config, tensors = mamba(dtype=dtype)
    write(tmp_path, config, {k: v for k, v in tensors.items() if k != "lm_head.weight"})
    tokens = ids(1, times)
    expected = model(torch.from_numpy(tokens)).logits
    agree(imported(tmp_path, "forward", {"input_ids": tokens}, ["logits"])[0], expected, MAMBA)
    agree(imported(tmp_path, "last", {"input_ids": tokens}, ["logits"])[0], expected[:, -1], MAMBA)


@pytest.mark.parametrize("keys", [
    dict(use_bias=True, use_conv_bias=False, conv_kernel=2, state_size=16),
    dict(expand=3, time_step_rank=5, num_hidden_layers=1, layer_norm_epsilon=1e-3),
    dict(tie_word_embeddings=False, hidden_act="swish", conv_kernel=1),
], ids=["biases", "sizes", "untied"])
def test_mamba_config(tmp_path, keys):
    model, config, tensors = mamba(**keys)
    write(tmp_path, config, tensors if not config["tie_word_embeddings"]
          else {k: v for k, v in tensors.items() if k != "lm_head.weight"})
    tokens = ids(2, 9)
    expected = model(torch.from_numpy(tokens)).logits
    agree(imported(tmp_path, "forward", {"input_ids": tokens}, ["logits"], batch=2)[0], expected, MAMBA)


def test_mamba_without_head(tmp_path):
    model, config, tensors = mamba("MambaModel")
    write(tmp_path, config, tensors)
    tokens = ids(1, 7)
    expected = model(torch.from_numpy(tokens)).last_hidden_state
    agree(imported(tmp_path, "forward", {"input_ids": tokens}, ["last_hidden_state"])[0], expected, MAMBA)


def test_last_needs_a_token(tmp_path):
    _, config, tensors = mamba(num_hidden_layers=1)
    write(tmp_path, config, {k: v for k, v in tensors.items() if k != "lm_head.weight"})
    tokens = {"input_ids": ids(1, 0)}
    assert imported(tmp_path, "forward", tokens, ["logits"])[0].shape == (1, 0, 53)
    with pytest.raises(AssertionError, match="expected at least one token"):
        imported(tmp_path, "last", tokens, ["logits"])


def test_mamba_in_shards(tmp_path):
    model, _, _ = mamba()
    model.float().save_pretrained(tmp_path, max_shard_size="40KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    done = subprocess.run([seqtools.tool("seq-compile"), tmp_path, "--emit=seq"], capture_output=True, text=True)
    assert done.stderr == "", "what transformers writes is known"
    tokens = ids(1, 7)
    expected = model.double()(torch.from_numpy(tokens)).logits
    agree(imported(tmp_path, "forward", {"input_ids": tokens}, ["logits"])[0], expected, MAMBA)


# --- RNN, LSTM, GRU ---------------------------------------------------------------

EXACT = 1e-12


class Stack(torch.nn.Module):
    """Embedding, layers and head as docs/Models.md has them."""

    def __init__(self, kind, config, prefix):
        super().__init__()
        own = {"bidirectional", "bias", "nonlinearity", "proj_size"} & config.keys()
        width = config.get("proj_size", 0) or config["hidden_size"]
        width *= 2 if config.get("bidirectional") else 1
        inputs = config.get("input_size") or config["embedding_size"]
        layers = getattr(torch.nn, {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[kind])(
            inputs, config["hidden_size"], num_layers=config["num_layers"],
            batch_first=True, **{key: config[key] for key in own})
        self.layers, self.prefix = layers, prefix
        self.embedding = torch.nn.Embedding(config["vocab_size"], inputs) if config.get("vocab_size") else None
        outputs = config.get("output_size") or (config["vocab_size"] if config.get("tie_word_embeddings") else 0)
        self.head = torch.nn.Linear(width, outputs, bias=config.get("output_bias", True)) if outputs else None
        if config.get("tie_word_embeddings"):
            self.head.weight = self.embedding.weight

    def forward(self, x):
        y, final = self.layers(self.embedding(x) if self.embedding else x)
        finals = final if isinstance(final, tuple) else (final,)
        return [self.head(y) if self.head else y, *finals]

    def named_tensors(self, tensors):
        return {name.replace("layers.", self.prefix): tensor for name, tensor in tensors.items()}


def check_stack(tmp_path, kind, config, times=6, batch=1, dtype=torch.float32, prefix=""):
    torch.manual_seed(3)
    config = {"model_type": kind, **config}
    stack = Stack(kind, config, prefix)
    tensors = stack.named_tensors(as_in_file(stack, dtype))
    if config.get("tie_word_embeddings"):
        del tensors["head.weight"]
    write(tmp_path, config, tensors)
    if config.get("vocab_size"):
        inputs = {"input_ids": ids(batch, times, config["vocab_size"])}
    else:
        inputs = {"inputs_embeds": np.random.default_rng(4).standard_normal((batch, times, config["input_size"]))}
    expected = stack(torch.from_numpy(next(iter(inputs.values()))))
    names = ["logits" if stack.head else "last_hidden_state", "h_n"] + ["c_n"] * (kind == "lstm")
    for a, e in zip(imported(tmp_path, "forward", inputs, names, batch), expected, strict=True):
        agree(a, e, EXACT)
    return inputs, expected


KINDS = ["rnn", "lstm", "gru"]


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_stack(tmp_path, kind, layers, bidirectional):
    check_stack(tmp_path, kind, dict(input_size=5, hidden_size=7, num_layers=layers, bidirectional=bidirectional), batch=2)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_one_shape(tmp_path, kind):
    """All layers are one loop where the input is as wide as the output."""
    check_stack(tmp_path, kind, dict(input_size=6, hidden_size=6, num_layers=3, bias=False), prefix=f"{kind}.")
    module = (tmp_path / "module.mlir").read_text()
    assert "@first_layer" not in module and "seq.count = 3" in module


def test_relu(tmp_path):
    check_stack(tmp_path, "rnn", dict(input_size=5, hidden_size=7, num_layers=2, nonlinearity="relu"))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
def test_projection(tmp_path, bidirectional):
    check_stack(tmp_path, "lstm", dict(input_size=5, hidden_size=7, num_layers=3, proj_size=4, bidirectional=bidirectional))


@pytest.mark.parametrize("dtype", DTYPES, ids=NAME.get)
@pytest.mark.parametrize("times", [0, 1, 11])
def test_file_types(tmp_path, dtype, times):
    if times:
        check_stack(tmp_path, "gru", dict(input_size=5, hidden_size=7, num_layers=2), times=times, dtype=dtype)
    else:  # PyTorch refuses empty sequences.
        check_stack(tmp_path, "gru", dict(input_size=5, hidden_size=7, num_layers=2), dtype=dtype)
        y, h = imported(tmp_path, "forward", {"inputs_embeds": np.zeros((1, 0, 5))}, ["last_hidden_state", "h_n"])
        assert y.shape == (1, 0, 7) and (h == np.zeros((2, 1, 7))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_language_model(tmp_path, kind):
    config = dict(vocab_size=19, embedding_size=5, hidden_size=7, num_layers=2, output_size=19)
    inputs, expected = check_stack(tmp_path, kind, config)
    agree(imported(tmp_path, "last", inputs, ["logits"])[0], expected[0][:, -1], EXACT)
    assert "seq.vocabulary = 19" in (tmp_path / "module.mlir").read_text()


def test_tied_head(tmp_path):
    check_stack(tmp_path, "lstm", dict(vocab_size=19, input_size=7, hidden_size=7, num_layers=2,
                                       tie_word_embeddings=True, output_bias=False))


def test_tagger(tmp_path):
    """Both directions and a head of few classes: no language model."""
    check_stack(tmp_path, "gru", dict(vocab_size=19, embedding_size=5, hidden_size=7, num_layers=2,
                                      bidirectional=True, output_size=3))
    module = (tmp_path / "module.mlir").read_text()
    assert "@last" not in module and "seq.vocabulary" not in module
