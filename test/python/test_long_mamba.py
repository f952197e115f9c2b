"""A Mamba of the size of mamba-130m with random weights: 24 layers, 768 wide."""

import json
import subprocess
import sys

import numpy as np
import pytest

import agreement
import seqtools

mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)

# With weights much larger than trained ones, rounding errors would grow from layer to layer.
SIZES = dict(vocab_size=50280, hidden_size=768, num_hidden_layers=24, state_size=16, conv_kernel=4,
             rescale_prenorm_residual=True, initializer_range=0.02)

# Runs a command; prints its seconds and the most bytes it held. In a process of its own, since a
# child's figure begins with its parent's memory.
MEASURE = """
import json, resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], check=True)
print(json.dumps([time.monotonic() - start, 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The model, its folder, its program, and what compiling took: seconds, bytes."""
    folder = tmp_path_factory.mktemp("mamba")
    model = mamba.random_mamba(**SIZES)
    mamba.save(model, folder / "model")
    command = [seqtools.tool("seq-compile"), folder / "model", "-o", folder / "program"]
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return model, seqtools.Program(folder / "program"), *json.loads(done.stdout)


def test_compiles_in_bounds(case):
    """Under 20 s and 1 GB: the weights never enter the IR."""
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
