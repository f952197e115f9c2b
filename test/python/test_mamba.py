"""Compiled Mambas against transformers: sizes that fill no vector, files in f32, bf16 and
f16, one file and shards; all logits, the last ones, and generated tokens."""

import numpy as np
import pytest
import torch

import agreement

mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)

TIMES = [1, 2, 97]
CASES = {
    "narrow": (torch.float32, {}, dict(
        vocab_size=83, hidden_size=40, num_hidden_layers=2, state_size=8, conv_kernel=2)),
    "sharded_bfloat16": (torch.bfloat16, {"max_shard_size": "50KB"}, dict(
        vocab_size=257, hidden_size=80, num_hidden_layers=3, state_size=16, conv_kernel=4)),
    "biases_float16": (torch.float16, {}, dict(
        vocab_size=50, hidden_size=40, num_hidden_layers=1, state_size=16, conv_kernel=3, use_bias=True,
        use_conv_bias=False, tie_word_embeddings=False, time_step_rank=7)),
    "wide": (torch.float32, {}, dict(
        vocab_size=64, hidden_size=48, num_hidden_layers=2, state_size=5, conv_kernel=4, expand=3,
        layer_norm_epsilon=1e-2, residual_in_fp32=False, tie_word_embeddings=False)),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, build):
    dtype, options, config = CASES[request.param]
    model = mamba.random_mamba(dtype=dtype, **config)
    return model, build(request.param, lambda folder: mamba.save(model, folder, dtype, **options))


def random_ids(model, *shape):
    return np.random.default_rng(1).integers(0, model.config.vocab_size, shape)


@pytest.mark.parametrize("times", TIMES)
def test_all_logits(case, times):
    model, program = case
    ids = random_ids(model, 1, times)
    ours = program.run({"input_ids": ids}, ["logits"])["logits"]
    agreement.agrees(ours, *mamba.logits(model, ids))


@pytest.mark.parametrize("times", TIMES)
def test_last_logits(case, times):
    model, program = case
    ids = random_ids(model, 1, times)
    ours = program.run({"input_ids": ids}, ["logits"], function="last")["logits"]
    double, single = (logits[:, -1:] for logits in mamba.logits(model, ids))
    agreement.agrees(ours.reshape(double.shape), double, single)


def test_greedy_tokens(case):
    model, program = case
    prompt = random_ids(model, 5).tolist()
    expected = mamba.greedy(model, prompt, 64)
    assert len(set(expected)) > 5
    assert program.generate(prompt, 64) == expected


def test_threads_do_not_change_the_tokens(case):
    model, program = case
    prompt = random_ids(model, 33).tolist()
    assert program.generate(prompt, 32, "--threads", 1) == program.generate(prompt, 32, "--threads", 3)


def test_batch(build):
    dtype, options, config = CASES["narrow"]
    model = mamba.random_mamba(dtype=dtype, **config)
    program = build("narrow", lambda folder: mamba.save(model, folder, dtype, **options), "--batch=3")
    ids = random_ids(model, 3, 20)
    agreement.agrees(program.run({"input_ids": ids}, ["logits"])["logits"], *mamba.logits(model, ids))


def test_older_spellings(build):
    """The files of transformers 4.39 name the embedding `embedding` in some checkpoints, and
    config.json has intermediate_size and torch_dtype."""
    import json

    from safetensors.torch import load_file, save_file
    dtype, _, config = CASES["narrow"]
    model = mamba.random_mamba(dtype=dtype, **config)

    def write(folder):
        mamba.save(model, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["backbone.embedding.weight"] = tensors.pop("backbone.embeddings.weight")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        settings = json.loads((folder / "config.json").read_text())
        settings["torch_dtype"] = settings.pop("dtype")
        settings["intermediate_size"] = 80
        (folder / "config.json").write_text(json.dumps(settings))

    ids = random_ids(model, 1, 9)
    agreement.agrees(build("old", write).run({"input_ids": ids}, ["logits"])["logits"], *mamba.logits(model, ids))
