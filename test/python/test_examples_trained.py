"""The trained classifier and forecaster of examples/, compiled, have the scores that PyTorch has with their weights and
that their READMEs state."""

import importlib.util
import pathlib
import re

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import agreement
import seqtools

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def score_of(name):
    spec = importlib.util.spec_from_file_location(f"{name}_score", EXAMPLES / name / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_torch(name, inputs):
    """Logits of the GRU and its head, in f64 and in f32."""
    tensors = load_file(EXAMPLES / name / "model" / "model.safetensors")
    head = {key.removeprefix("head."): tensors.pop(key) for key in ("head.weight", "head.bias")}
    gru = torch.nn.GRU(inputs.shape[-1], head["weight"].shape[1], batch_first=True)
    linear = torch.nn.Linear(head["weight"].shape[1], head["weight"].shape[0])
    gru.load_state_dict(tensors)
    linear.load_state_dict(head)
    with torch.no_grad():
        single = linear(gru(torch.from_numpy(inputs))[0])
        double = linear.double()(gru.double()(torch.from_numpy(inputs).double())[0])
    return double.numpy(), single.numpy()


def run_compiled(name, inputs, folder, *options):
    program = seqtools.compile(EXAMPLES / name / "model", folder / name, *options)
    return program.run({"inputs_embeds": inputs}, ["logits"])["logits"]


def stated(name, row):
    """The number of a row of the README's table."""
    text = (EXAMPLES / name / "README.md").read_text()
    return float(re.search(rf"\| {row}[^|]*\| ([\d.]+) \|", text)[1])


def test_digits(tmp_path):
    images, score = np.load(EXAMPLES / "digits" / "test.npy"), score_of("digits").score
    logits = run_compiled("digits", images, tmp_path, f"--batch={len(images)}")
    double, single = run_torch("digits", images)
    agreement.agrees(logits, double, single)
    right, count = score(logits)
    assert (right, count) == score(single) and count == 360
    assert right == stated("digits", "compiled") == stated("digits", "PyTorch")


def test_co2(tmp_path):
    changes, errors = np.load(EXAMPLES / "co2" / "changes.npy"), score_of("co2").errors
    forecast = run_compiled("co2", changes, tmp_path)
    double, single = run_torch("co2", changes)
    agreement.agrees(forecast, double, single)
    ours, grown, repeated = errors(forecast)
    assert ours == pytest.approx(errors(single)[0], abs=5e-4)
    assert ours == pytest.approx(stated("co2", "compiled"), abs=1e-3)
    assert ours < grown < repeated
