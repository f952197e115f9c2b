"""The recurrences of examples/*.mlir, evaluated, against loops in NumPy. (That
compiled examples agree with the evaluator is test_examples_compiled.py.)"""

import pathlib

import numpy as np
import pytest

import seqtools

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
TIMES = [0, 1, 37]


def evaluate(name, inputs, outputs):
    """An example's results by name, in f64."""
    function = name.replace("-", "_")
    return seqtools.evaluate_file(EXAMPLES / f"{name}.mlir", function, inputs, outputs, "--double")


def agree(actual, expected):
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert np.abs(actual - expected).max(initial=0) <= 1e-12 * max(1, np.abs(expected).max(initial=0))


@pytest.mark.parametrize("times", TIMES)
def test_gated_sum(times):
    rng = np.random.default_rng(times)
    # Gates of any size: softplus of the naive form would overflow.
    x, g = rng.standard_normal((1, times, 64)), 300 * rng.standard_normal((1, times, 64))
    h0 = rng.standard_normal((1, 64))
    found = evaluate("gated-sum", {"x": x, "g": g, "h0": h0}, ["y", "h"])
    y, h = np.empty_like(x), h0
    for t in range(times):
        h = np.exp(-np.logaddexp(g[:, t], 0)) * h + x[:, t]
        y[:, t] = h
    agree(found["y"], y)
    agree(found["h"], h)


@pytest.mark.parametrize("times", TIMES)
def test_delta_memory(times):
    rng = np.random.default_rng(times)
    q, k = rng.standard_normal((2, 1, times, 20))
    v, g = rng.standard_normal((1, times, 40)), rng.standard_normal((1, times))
    found = evaluate("delta-memory", {"q": q, "k": k, "v": v, "g": g}, ["y"])
    y, memory = np.empty_like(v), np.zeros((20, 40))
    tiny = float(np.float32(1e-6))  # a constant of the example, of type f32
    for t in range(times):
        n = k[0, t] / np.sqrt(k[0, t] @ k[0, t] + tiny)
        rate = 1 / (1 + np.exp(-g[0, t]))
        memory += rate * np.outer(n, v[0, t] - n @ memory)
        y[0, t] = q[0, t] @ memory
    agree(found["y"], y)


def test_memory_answers():
    """What was written last, at the full rate, is what the same key reads."""
    rng = np.random.default_rng(5)
    k, v = rng.standard_normal((1, 6, 20)), rng.standard_normal((1, 6, 40))
    n = k / np.linalg.norm(k, axis=2, keepdims=True)
    y = evaluate("delta-memory", {"q": n, "k": k, "v": v, "g": np.full((1, 6), 40.0)}, ["y"])["y"]
    assert np.abs(y - v).max() < 1e-5
