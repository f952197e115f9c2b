"""The models in examples/families compile without a warning and run."""

import subprocess

import numpy as np
import pytest

import seqtools
from conftest import ROOT

MODELS = sorted(path.parent for path in (ROOT / "examples/families").glob("*/config.json"))
IDS = list(b"In the beginning")


def test_all_are_small():
    assert len(MODELS) >= 8
    for model in MODELS:
        assert (model / "model.safetensors").stat().st_size < 100_000


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_runs(model, tmp_path):
    done = subprocess.run([seqtools.tool("seq-compile"), model, "-o", tmp_path / "program"],
                          capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    program = seqtools.Program(tmp_path / "program")
    forward = program.info()["functions"][0]
    names = [tensor["name"] for tensor in forward["inputs"]]
    given = {"input_ids": IDS, "attention_mask": [1] * len(IDS), "token_type_ids": [0] * len(IDS)}
    outputs = [tensor["name"] for tensor in forward["outputs"]]
    found = program.run({name: np.array([given[name]]) for name in names}, outputs)
    assert all(np.isfinite(array).all() for array in found.values())
    if "logits" not in outputs:
        return  # an encoder writes no text
    logits = found["logits"]
    assert logits.shape == (1, len(IDS), 256)
    assert program.generate(IDS, 5)[-5] == logits[0, -1].argmax()
