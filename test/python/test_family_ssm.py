"""Compiled state-space models and hybrids against transformers and the papers' formulas:
sizes that fill no vector, pieces of a sequence, files in f32 and bf16."""

import numpy as np
import pytest
import torch

import agreement
import seqlib
import seqtools

hybrids = pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)

TIMES = [1, 2, 97]
PIECES = [(28, 1), (1, 28), (2, 0, 7, 20), (1,) * 29]

# family-variant: (class, config)
CASES = {
    "bamba-head20": ("BambaForCausalLM", dict(
        vocab_size=83, hidden_size=60, num_hidden_layers=5, intermediate_size=67, num_attention_heads=3,
        num_key_value_heads=1, attn_layer_indices=[1, 3], mamba_n_heads=6, mamba_n_groups=2, mamba_d_state=16,
        mamba_chunk_size=32)),
    "bamba-head80": ("BambaForCausalLM", dict(
        vocab_size=50, hidden_size=80, num_hidden_layers=3, intermediate_size=40, num_attention_heads=1,
        num_key_value_heads=None, attn_layer_indices=[0], mamba_n_heads=2, mamba_d_head=80, mamba_d_state=20,
        mamba_d_conv=3, mamba_conv_bias=False, mamba_proj_bias=True, mamba_chunk_size=16, attention_bias=True,
        mlp_bias=True, tie_word_embeddings=True)),
    "falcon_mamba": ("FalconMambaForCausalLM", dict(
        vocab_size=83, hidden_size=40, num_hidden_layers=2, state_size=7, use_bias=True)),
    "falcon_mamba-without_head": ("FalconMambaModel", dict(
        vocab_size=50, hidden_size=33, num_hidden_layers=1, state_size=16, conv_kernel=3, use_conv_bias=False,
        time_step_rank=5, mixer_rms_eps=1e-3)),
    "mamba2-head20": ("Mamba2ForCausalLM", dict(
        vocab_size=83, hidden_size=60, num_hidden_layers=3, num_heads=6, head_dim=20, state_size=20, n_groups=2,
        chunk_size=32)),
    "mamba2-head80": ("Mamba2ForCausalLM", dict(
        vocab_size=50, hidden_size=40, num_hidden_layers=1, num_heads=1, head_dim=80, state_size=33, n_groups=1,
        chunk_size=16, conv_kernel=3, use_bias=True, use_conv_bias=False, time_step_limit=(0.2, 1.5),
        tie_word_embeddings=True)),
    "mamba2-without_head": ("Mamba2Model", dict(
        vocab_size=83, hidden_size=40, num_hidden_layers=2, num_heads=4, head_dim=20, state_size=16, n_groups=4,
        chunk_size=16)),
    "recurrent_gemma-head20": ("RecurrentGemmaForCausalLM", dict(
        vocab_size=83, hidden_size=40, num_hidden_layers=7, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=67, attention_window_size=11)),
    "recurrent_gemma-head80": ("RecurrentGemmaForCausalLM", dict(
        vocab_size=50, hidden_size=80, num_hidden_layers=3, num_attention_heads=1, lru_width=33, intermediate_size=66,
        attention_window_size=200, attention_bias=True, block_types=["attention", "recurrent"],
        tie_word_embeddings=False, logits_soft_cap=3.0, conv1d_width=3, hidden_activation="relu")),
    "recurrent_gemma-without_head": ("RecurrentGemmaModel", dict(
        vocab_size=83, hidden_size=40, num_hidden_layers=2, num_attention_heads=2, intermediate_size=67)),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    cls, config = CASES[request.param]
    return request.param, hybrids.random_model(cls, **config)


def random_ids(model, *shape):
    return np.random.default_rng(1).integers(0, model.config.vocab_size, shape)


def output(model):
    return "logits" if model.get_output_embeddings() else "last_hidden_state"


@pytest.fixture
def program(case, build):
    name, model = case
    return build(name, lambda folder: hybrids.save(model, folder))


def test_agrees(case, program):
    name, model = case
    for times in TIMES:
        ids = random_ids(model, 1, times)
        ours = program.run({"input_ids": ids}, [output(model)], function="forward")[output(model)]
        agreement.agrees(ours, *hybrids.outputs(model, ids, output(model)))
    if output(model) == "logits":
        ours = program.run({"input_ids": ids}, ["logits"], function="last")["logits"]
        double, single = (logits[:, -1] for logits in hybrids.outputs(model, ids))
        agreement.agrees(ours.reshape(double.shape), double, single)


def test_pieces(case, build):
    """Prefill and steps, whatever their sizes, agree as one call does."""
    name, model = case
    path = build(name, lambda folder: hybrids.save(model, folder), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
    ids = random_ids(model, 1, 29)
    expected = hybrids.outputs(model, ids, output(model))
    for sizes in PIECES:
        state, start, parts = library.state(29), 0, []
        for size in sizes:
            piece = {"input_ids": ids[:, start:start + size]}
            parts.append(library.run("forward", piece, state)[output(model)])
            start += size
        agreement.agrees(np.concatenate(parts, axis=1), *expected)


def test_evaluates(case, tmp_path):
    """Before anything is rewritten, in f64."""
    name, model = case
    hybrids.save(model, tmp_path / "model")
    ids = random_ids(model, 1, 7)
    seqtools.run(seqtools.tool("seq-compile"), tmp_path / "model", "--emit=seq", "-o", tmp_path / "module.mlir")
    ours = seqtools.evaluate_file(tmp_path / "module.mlir", "forward", {"input_ids": ids}, [output(model)],
                                  f"--weights={tmp_path}/model")[output(model)]
    double, _ = hybrids.outputs(model, ids, output(model))
    assert agreement.distance(ours, double) < 1e-6


FIRST = {name.split("-")[0]: name for name in reversed(CASES)}


@pytest.mark.parametrize("family", FIRST)
def test_batch(build, family):
    cls, config = CASES[FIRST[family]]
    model = hybrids.random_model(cls, **config)
    program = build(FIRST[family], lambda folder: hybrids.save(model, folder), "--batch=3")
    ids = random_ids(model, 3, 20)
    ours = program.run({"input_ids": ids}, [output(model)], function="forward")[output(model)]
    agreement.agrees(ours, *hybrids.outputs(model, ids, output(model)))


@pytest.mark.parametrize("family", FIRST)
def test_greedy_tokens(build, family):
    cls, config = CASES[FIRST[family]]
    model = hybrids.random_model(cls, **config)
    program = build(FIRST[family], lambda folder: hybrids.save(model, folder))
    prompt = random_ids(model, 5).tolist()
    expected = hybrids.greedy(model, prompt, 24)
    assert len(set(expected)) > 3
    assert program.generate(prompt, 24) == expected
