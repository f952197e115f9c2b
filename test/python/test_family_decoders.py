"""Decoders of the transformers kind against transformers, on random models of odd sizes:
compiled, in f64, and in pieces."""

import numpy as np
import pytest

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
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]

# Family: class of transformers, config.
DECODERS = {
    "gpt2-head20": ("GPT2LMHeadModel", dict(vocab_size=83, n_embd=60, n_layer=2, n_head=3, n_positions=128)),
    "gpt2-head80": ("GPT2LMHeadModel", dict(
        vocab_size=83, n_embd=160, n_layer=1, n_head=2, n_positions=128, n_inner=70, activation_function="relu",
        tie_word_embeddings=False)),
    "llama-head20": ("LlamaForCausalLM", ROTARY | dict(head_dim=20)),
    "llama-head80": ("LlamaForCausalLM", ROTARY | dict(
        head_dim=80, num_key_value_heads=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
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
        head_dim=20, num_hidden_layers=3, use_sliding_window=True, sliding_window=9, layer_types=MIXED)),
}


def write(model):
    return lambda folder: transformer.save(model, folder)


def ids(*shape, vocabulary=83):
    return np.random.default_rng(1).integers(0, vocabulary, shape)


class Decoder:
    def __init__(self, name, build):
        cls, config = DECODERS[name]
        self.model = transformer.random_model(cls, **config)
        path = build(name, write(self.model), library=True)
        self.library = seqlib.Library(path, weights=f"{path}.weights", threads=2)

    def logits(self, tokens, *state):
        return self.library.run("forward", {"input_ids": tokens}, *state)["logits"]


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request, build):
    return Decoder(request.param, build)


@pytest.mark.parametrize("times", [1, 2, 97])
def test_agrees(decoder, times):
    tokens = ids(1, times)
    transformer.agree({"logits": decoder.logits(tokens)}, decoder.model, {"input_ids": tokens}, ["logits"])


@pytest.mark.parametrize("name", [name for name in DECODERS if "head80" not in name])
def test_evaluates_to_the_same(name, tmp_path):
    cls, config = DECODERS[name]
    model = transformer.random_model(cls, **config)
    transformer.save(model, tmp_path)
    inputs = {"input_ids": ids(2, 31)}
    ours = seqtools.evaluate_model(tmp_path, inputs, ["logits"], batch=2)
    (double, _), = transformer.outputs(model, inputs, ["logits"]).values()
    assert agreement.distance(ours["logits"], double) <= EXACT


@pytest.mark.parametrize("sizes", [(70, 1), (17, 0, 54), (1,) * 71], ids=["step", "pieces", "steps"])
def test_pieces(decoder, sizes):
    """Prefill and step are prefill alone."""
    tokens = ids(1, sum(sizes))
    whole = decoder.logits(tokens)
    state, start = decoder.library.state(sum(sizes)), 0
    for size in sizes:
        logits = decoder.logits(tokens[:, start:start + size], state)
        agreement.agrees(logits, *[whole[:, start:start + size]] * 2)
        start += size


@pytest.mark.parametrize("name", ["mistral-one"])
def test_greedy_tokens(build, name):
    cls, config = DECODERS[name]
    model = transformer.random_model(cls, **config)
    program = build(name, write(model))
    prompt = ids(5).tolist()
    # The cache of transformers is wrong for a window of one token.
    assert program.generate(prompt, 40) == transformer.greedy(model, prompt, 40, use_cache=False)


def test_windows_are_rings(build):
    """Keys that no token sees any more are not kept."""
    grows = {}
    for name in ("mistral-head20", "mistral-full"):
        library = Decoder(name, build).library
        grows[name] = len(library.state(100000)) > len(library.state(100))
    assert grows == {"mistral-head20": False, "mistral-full": True}
