"""Forms of recurrences, chosen by hand or by cost, compiled: all agree with the evaluator."""

import json
import math
import re
import sys

import numpy as np
import pytest

import seqtools

sys.path.insert(0, str(__import__("pathlib").Path(__file__).parents[2] / "bench"))
import forms as bench  # noqa: E402
import seqlib  # noqa: E402

LAYERS = {
    "gated": (bench.linear_attention("gated", 2, 20, 5, "2x20"), bench.linear_shapes(2, 20, 5, (2, 20)), {}),
    "delta": (bench.linear_attention("delta", 2, 5, 20, beta=True), bench.linear_shapes(2, 5, 20, beta=True), {}),
    "min-gru": (bench.MIN_GRU.format(D=7), {"z": (7,), "x": (7,)}, {}),
}
# What each layer has besides the sequential form.
ADMITTED = {name: ["chunked", "scan", "quadratic"] for name in LAYERS}

# A machine of many cores that waits long for each step: long sequences are scanned.
MACHINE = {
    "name": "odd", "cores": 16, "lanes": 16, "fma_gflops": {"f32": 1e4, "f64": 1e4}, "exp_gops": 1e4,
    "latency_ns": 100, "barrier_us": 0.001, "dispatch_us": 0.001,
    "memory": [{"name": "L1", "kib": 32, "read_gbs": 20, "copy_gbs": 10},
               {"name": "memory", "shared": True, "read_gbs": 10, "copy_gbs": 5}]}


def source_of(name, folder):
    path = folder / f"{name}.mlir"
    path.write_text(LAYERS[name][0])
    return path


def agrees(actual, expected):
    assert actual.shape == expected.shape
    scale = np.abs(expected).max(initial=0)
    assert np.abs(actual - expected).max(initial=0) <= 1e-5 * max(scale, 1e-3)


def expected_of(source, arrays):
    return seqtools.evaluate_file(source, "layer", arrays, ["y"])["y"]


def explain(source, *options):
    return json.loads(seqtools.run(seqtools.tool("seq-compile"), source, "--explain=json", *options))


def recurrence_of(explanation):
    return next(layer for layer in explanation["layers"] if layer["kind"] == "recurrence")


@pytest.mark.parametrize("name, form", [(name, form) for name in LAYERS for form in ADMITTED[name]])
def test_each_form_agrees(tmp_path, name, form):
    source = source_of(name, tmp_path)
    library = seqlib.Library(seqtools.compile_library(source, tmp_path / "a.so", f"--form={form}"), threads=2)
    for T in (0, 1, 37, 130):
        arrays = bench.inputs_of(LAYERS[name], T)
        agrees(library.run(None, arrays)["y"], expected_of(source, arrays))


def test_the_program_decides(tmp_path):
    """By the number of times, which is another one in each call; the states go from one form to the other."""
    source = source_of("min-gru", tmp_path)
    machine = tmp_path / "machine.json"
    machine.write_text(json.dumps(MACHINE))
    choice = recurrence_of(explain(source, f"--target-file={machine}"))["choice"]
    assert len(choice) > 1, choice
    edge = choice[1]["n"]
    assert 2 < edge < 500, choice
    library = seqlib.Library(seqtools.compile_library(source, tmp_path / "a.so", f"--target-file={machine}"), threads=2)
    for T in (0, 1, edge - 1, edge, edge + 1):
        arrays = bench.inputs_of(LAYERS["min-gru"], T)
        agrees(library.run(None, arrays)["y"], expected_of(source, arrays))
    arrays = bench.inputs_of(LAYERS["min-gru"], 2 * edge + 3)
    state, parts = library.state(2 * edge), []
    for first, last in ((0, 2), (2, edge + 3), (edge + 3, 2 * edge + 3)):
        parts.append(library.run(None, {key: array[:, first:last] for key, array in arrays.items()}, state)["y"])
    agrees(np.concatenate(parts, axis=1), expected_of(source, arrays))


NONLINEAR = """
func.func @layer(%x: tensor<1x?x8xf32>, %w: tensor<4x8xf32>, %r: tensor<4x4xf32>) -> tensor<1x?x4xf32> {
  %h0 = arith.constant dense<0.0> : tensor<1x4xf32>
  %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>) weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
      init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
  return %y : tensor<1x?x4xf32>
}"""


def test_what_is_not_admitted_is_refused(tmp_path):
    source = tmp_path / "rnn.mlir"
    source.write_text(NONLINEAR)
    for form in ("chunked", "scan", "quadratic"):
        line = seqtools.fails(seqtools.tool("seq-compile"), source, "-o", tmp_path / "a", f"--form={form}")
        assert "rnn.mlir:4" in line and form in line and "nonlinear" in line, line
    line = seqtools.fails(seqtools.tool("seq-compile"), source, "-o", tmp_path / "a", "--form=fast")
    assert "'fast'" in line and "sequential" in line
    line = seqtools.fails(seqtools.tool("seq-compile"), source, "-o", tmp_path / "a", f"--target-file={source}")
    assert "rnn.mlir: is no JSON" in line
    assert {entry["form"]: entry["admissible"] for entry in recurrence_of(explain(source))["forms"]} == {
        "sequential": True, "chunked": False, "scan": False, "quadratic": False}


def formula(text, n):
    """The value of a printed formula."""
    text = re.sub(r"(?<=[\dn²)])·", "*", text).replace("²", "**2").replace("^", "**")
    return eval(text, {"n": n, "max": max, "log2": lambda v: math.log2(max(v, 2))})


@pytest.mark.parametrize("name", LAYERS)
def test_explanations_hold_together(tmp_path, name):
    entry = recurrence_of(explain(source_of(name, tmp_path)))
    admissible = {form["form"]: form["cost"] for form in entry["forms"] if form["admissible"]}
    assert list(admissible) == ["sequential", *ADMITTED[name]]
    for cost in admissible.values():
        for n, seconds in cost["seconds_at"].items():
            assert formula(cost["time_us"], int(n)) == pytest.approx(seconds * 1e6, rel=0.02)
            assert formula(cost["bytes"], int(n)) == pytest.approx(cost["bytes_at"][n], rel=0.02)
    for crossing in entry["crossovers"]:
        before, after = (formula(admissible[crossing[side]]["time_us"], crossing["n"]) for side in ("from", "to"))
        assert after <= before * 1.02
    text = seqtools.run(seqtools.tool("seq-compile"), source_of(name, tmp_path), "--explain")
    assert "choice: " in text and "sequential" in text


@pytest.mark.parametrize("name, form", [(name, form) for name in LAYERS for form in ADMITTED[name]])
def test_explanation_of_a_form_that_is_asked_for(tmp_path, name, form):
    assert recurrence_of(explain(source_of(name, tmp_path), f"--form={form}"))["choice"] == [{"n": 0, "form": form}]


def test_explanation_of_a_form_that_is_not_admitted(tmp_path):
    source = tmp_path / "rnn.mlir"
    source.write_text(NONLINEAR)
    line = seqtools.fails(seqtools.tool("seq-compile"), source, "--explain", "--form=scan")
    assert "no scan form" in line


def test_this_machine_is_measured(tmp_path):
    file = tmp_path / "machine.json"
    seqtools.run(seqtools.tool("seq-measure"), "-o", file)
    machine = json.loads(file.read_text())
    assert machine["cores"] >= 1 and machine["memory"][-1]["name"] == "memory"
    assert machine["fma_gflops"]["f32"] > machine["fma_gflops"]["f64"] * 0.5
    assert explain(source_of("min-gru", tmp_path), f"--target-file={file}")["machine"]["name"] == "measured"
    assert "there is no folder" in seqtools.fails(seqtools.tool("seq-measure"), "-o", tmp_path / "no" / "machine.json")
