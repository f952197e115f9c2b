"""The standard transformers against transformers, on random models of odd sizes: compiled, in
f64, in pieces; and the heads of classifiers."""

import subprocess

import numpy as np
import pytest
import torch

import agreement
import seqlib
import seqtools

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

# Frequencies of rotary embeddings are f32, which each rounds in its own way.
EXACT = 1e-6

ROTARY = dict(vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              intermediate_size=101)
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
MIXED = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]

# Family: class of transformers, config.
DECODERS = {
    "llama-linear": ("LlamaForCausalLM", ROTARY | dict(head_dim=20, rope_parameters=LINEAR)),
    "llama-llama3": ("LlamaForCausalLM", ROTARY | dict(head_dim=20, rope_parameters=LLAMA3)),
    "mistral-head20": ("MistralForCausalLM", ROTARY | dict(head_dim=20, sliding_window=13)),
    "mistral-head80": ("MistralForCausalLM", ROTARY | dict(
        head_dim=80, num_key_value_heads=1, sliding_window=64, tie_word_embeddings=True)),
    "mistral-one": ("MistralForCausalLM", ROTARY | dict(head_dim=20, sliding_window=1, num_hidden_layers=1)),
    "mistral-full": ("MistralForCausalLM", ROTARY | dict(num_key_value_heads=4, head_dim=20, sliding_window=None)),
    "gpt_neox-head20": ("GPTNeoXForCausalLM", dict(
        vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=3, intermediate_size=101)),
    "gpt_neox-head80": ("GPTNeoXForCausalLM", dict(
        vocab_size=83, hidden_size=160, num_hidden_layers=1, num_attention_heads=2, intermediate_size=101,
        hidden_act="gelu_new", attention_bias=False, use_parallel_residual=False, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 1.0})),
    "qwen3-head20": ("Qwen3ForCausalLM", ROTARY | dict(head_dim=20)),
    "qwen3-head80": ("Qwen3ForCausalLM", ROTARY | dict(head_dim=80, attention_bias=True, tie_word_embeddings=True)),
    "qwen3-windows": ("Qwen3ForCausalLM", ROTARY | dict(
        head_dim=20, num_hidden_layers=4, use_sliding_window=True, sliding_window=9, layer_types=MIXED)),
}


def write(model):
    return lambda folder: transformer.save(model, folder)


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request, build):
    cls, config = DECODERS[request.param]
    model = transformer.random_model(cls, **config)
    return request.param, model, build(request.param, write(model))


def ids(*shape, vocabulary=83, seed=1):
    return np.random.default_rng(seed).integers(0, vocabulary, shape)


def agree(ours, model, inputs, names):
    for name, (double, single) in transformer.outputs(model, inputs, names).items():
        agreement.agrees(ours[name], double, single)


def evaluated(folder, inputs, outputs, function="forward", batch=1):
    """What the imported module gives in f64; directories of transformers import without a warning."""
    module = folder / "module.mlir"
    done = subprocess.run([seqtools.tool("seq-compile"), folder, "--emit=seq", f"--batch={batch}", "-o", module],
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return seqtools.evaluate_file(module, function, inputs, outputs, "--weights", folder, "--double")


# --- Decoders ---------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 97])
def test_agrees(decoder, times):
    _, model, program = decoder
    inputs = {"input_ids": ids(1, times)}
    agree(program.run(inputs, ["logits"]), model, inputs, ["logits"])


def test_evaluates_to_the_same(decoder, tmp_path):
    _, model, _ = decoder
    transformer.save(model, tmp_path)
    inputs = {"input_ids": ids(2, 31)}
    ours = evaluated(tmp_path, inputs, ["logits"], batch=2)
    (double, _), = transformer.outputs(model, inputs, ["logits"]).values()
    assert agreement.distance(ours["logits"], double) <= EXACT


@pytest.mark.parametrize("sizes", [(1, 40), (40, 1), (17, 0, 24), (1,) * 41], ids=["first", "last", "pieces", "steps"])
def test_pieces(decoder, build, sizes):
    """Prefill and step are prefill alone."""
    name, model, _ = decoder
    path = build(name, write(model), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
    tokens = ids(1, sum(sizes))
    whole = library.run("forward", {"input_ids": tokens})["logits"]
    state, start = library.state(sum(sizes)), 0
    for size in sizes:
        piece = tokens[:, start:start + size]
        logits = library.run("forward", {"input_ids": piece}, state)["logits"]
        agreement.agrees(logits, *[whole[:, start:start + size]] * 2)
        start += size


def test_greedy_tokens(decoder):
    _, model, program = decoder
    prompt = ids(5).tolist()
    # The cache of transformers is wrong for a window of one token.
    assert program.generate(prompt, 40) == transformer.greedy(model, prompt, 40, use_cache=False)


def test_windows_are_rings(build):
    """Keys that no token sees any more are not kept."""
    sizes = {}
    for name in ("mistral-head20", "mistral-full"):
        cls, config = DECODERS[name]
        program = build(name, write(transformer.random_model(cls, **config)))
        info = program.info()
        sizes[name] = info["state_bytes"]["2048"] - info["state_bytes"]["128"]
    assert sizes["mistral-head20"] == 0 and sizes["mistral-full"] > 0


# --- Decoders that classify what they have read -------------------------------------

GPT2 = dict(vocab_size=83, n_embd=60, n_layer=2, n_head=3, n_positions=128)
NEOX = DECODERS["gpt_neox-head20"][1]
READERS = {
    "gpt2": ("GPT2ForSequenceClassification", GPT2),
    "gpt_neox": ("GPTNeoXForSequenceClassification", NEOX),
    "llama": ("LlamaForSequenceClassification", ROTARY | dict(head_dim=20)),
    "mistral": ("MistralForSequenceClassification", ROTARY | dict(head_dim=20, sliding_window=13)),
    "qwen3": ("Qwen3ForSequenceClassification", ROTARY | dict(head_dim=20)),
}


@pytest.mark.parametrize("name", READERS)
def test_classifier(build, name):
    cls, config = READERS[name]
    model = transformer.random_model(cls, num_labels=5, **config)
    program = build(f"{name}-classifier", write(model))
    for times in (1, 97):
        inputs = {"input_ids": ids(1, times)}
        agree(program.run(inputs, ["logits"]), model, inputs, ["logits"])


@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_classifier_of_padded_texts(build, name):
    """The last token that is no padding counts, on whichever side the padding is."""
    cls, config = READERS[name]
    model = transformer.random_model(cls, pad_token_id=82, **config)
    program = build(f"{name}-padded", write(model), "--batch=3")
    tokens = ids(3, 33, vocabulary=82)
    tokens[0, 20:] = tokens[1, :13] = tokens[2, 1:] = 82
    inputs = {"input_ids": tokens}
    agree(program.run(inputs, ["logits"]), model, inputs, ["logits"])


def test_classifier_in_pieces(build):
    """The verdict of so far, after each piece; a piece of padding changes nothing."""
    cls, config = READERS["llama"]
    model = transformer.random_model(cls, pad_token_id=82, **config)
    path = build("llama-padded", write(model), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=1)
    tokens = ids(1, 30, vocabulary=82)
    tokens[0, 25:] = 82
    state = library.state(30)
    for start, stop in [(0, 20), (20, 21), (21, 27), (27, 30)]:
        logits = library.run("forward", {"input_ids": tokens[:, start:stop]}, state)["logits"]
        whole = library.run("forward", {"input_ids": tokens[:, :stop]})["logits"]
        agreement.agrees(logits, whole, whole)
