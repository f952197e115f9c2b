"""seq-derive-step on whole imported models: T steps give what the model gives on T times."""

import numpy as np
import pytest

import drivers
import formcheck
import recurrent
import seqtools
from stepbuilder import Argument

STACKS = {
    "rnn": dict(model_type="rnn", input_size=6, hidden_size=5, num_layers=2),
    "lstm": dict(model_type="lstm", input_size=5, hidden_size=7, num_layers=4),
    "lstm_projected": dict(model_type="lstm", input_size=5, hidden_size=8, num_layers=2, proj_size=3),
    "gru": dict(model_type="gru", vocab_size=13, embedding_size=7, hidden_size=6, num_layers=3, output_size=13),
}
MAMBA = dict(vocab_size=13, hidden_size=10, num_hidden_layers=3, state_size=4, conv_kernel=4)

TRANSFORMERS = {
    "gpt2": ("GPT2LMHeadModel", dict(vocab_size=13, n_embd=40, n_layer=2, n_head=2, n_positions=32)),
    "llama": ("LlamaForCausalLM", dict(vocab_size=13, hidden_size=40, num_hidden_layers=2, num_attention_heads=4,
                                       num_key_value_heads=2, head_dim=20, intermediate_size=21, max_position_embeddings=32)),
}


class Model:
    """An imported function of a model's one input, as formcheck sees bodies."""

    static, reverse, handed, state_arguments, along = False, False, False, [], 1

    def __init__(self, name, source, width, vocabulary):
        self.name, self.source, self.vocabulary = name, source, vocabulary
        results = drivers.signature(source, name)[1]
        self.outputs = sum("?" in drivers.sizes_of(kind) for kind, _ in results)
        self.arguments = [Argument("%x", (1, "T") if vocabulary else (1, "T", width), "f32", "normal")]

    def input(self, times):
        rng = np.random.default_rng(times)
        shape = self.arguments[0].shape(times)
        return rng.integers(0, self.vocabulary, shape) if self.vocabulary else rng.standard_normal(shape)


def imported(name, folder):
    if name == "mamba":
        mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)
        mamba.save(mamba.random_mamba(**MAMBA), folder)
        config = MAMBA
    elif name in TRANSFORMERS:
        transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)
        kind, config = TRANSFORMERS[name]
        transformer.save(transformer.random_model(kind, **config), folder)
    else:
        config = STACKS[name]
        recurrent.save(recurrent.random_stack(config), folder)
    source = seqtools.run(seqtools.tool("seq-compile"), folder, "--emit=seq", "-o", "-")
    functions = ["forward", "last"] if "vocab_size" in config else ["forward"]
    return [Model(function, source, config.get("input_size"), config.get("vocab_size")) for function in functions]


PASSES = {
    "general": ["--seq-generalize"],
    "exposed": ["--seq-expose-states"],  # keys and values in caches
    "exposed and hoisted": ["--seq-expose-states", "--canonicalize", "--seq-generalize", "--seq-hoist", "--canonicalize"],
}


@pytest.mark.parametrize("name, passes", [
    *((name, passes) for name in [*STACKS, "mamba"] for passes in ("general", "exposed and hoisted")),
    *((name, "exposed") for name in TRANSFORMERS)])
def test_steps(tmp_path, name, passes):
    for model in imported(name, tmp_path):
        steps = formcheck.inner(seqtools.opt(model.source, *PASSES[passes], "--seq-derive-step", "--mlir-print-local-scope"))
        whole, driver = formcheck.inner(model.source), drivers.drive_steps(model, steps)
        for times in (1, 2, 7):
            x = [model.input(times)]
            expected, = formcheck.evaluate(tmp_path, [(whole, model.name, x)], "--weights", tmp_path)
            actual, = formcheck.evaluate(tmp_path, [(steps + driver, f"{model.name}_driver", x)], "--weights", tmp_path)
            assert not isinstance(expected, str) and not isinstance(actual, str), (expected, actual)
            assert formcheck.difference(actual, expected) <= 1e-12
