"""A Mamba of the size of mamba-130m with random weights: 24 layers, 768 wide."""

import resource
import subprocess
import time

import numpy as np
import pytest

import agreement
import seqtools

mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)

SIZES = dict(vocab_size=50280, hidden_size=768, num_hidden_layers=24, state_size=16, conv_kernel=4,
             rescale_prenorm_residual=True)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The model, its folder, its program, and what compiling took: seconds, bytes."""
    folder = tmp_path_factory.mktemp("mamba")
    model = mamba.random_mamba(**SIZES)
    mamba.save(model, folder / "model")
    command = [seqtools.tool("seq-compile"), folder / "model", "-o", folder / "program"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stderr
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return model, seqtools.Program(folder / "program"), seconds, memory


def test_compiles_in_bounds(case):
    """Under 20 s and 1 GB, and less than the weights: they never enter the IR."""
    _, _, seconds, memory = case
    assert seconds < 20
    assert memory < 1e9


@pytest.mark.parametrize("times", [1, 130])
def test_logits(case, times):
    model, program, _, _ = case
    ids = np.random.default_rng(2).integers(0, SIZES["vocab_size"], (1, times))
    ours = program.run({"input_ids": ids}, ["logits"])["logits"]
    agreement.agrees(ours, *mamba.logits(model, ids))


def test_greedy_tokens(case):
    model, program, _, _ = case
    prompt = [3, 1415, 9265, 35897, 932]
    expected = mamba.greedy(model, prompt, 64)
    assert len(set(expected)) > 10
    assert program.generate(prompt, 64) == expected
