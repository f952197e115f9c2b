"""When a result agrees with a public implementation (shared by all families)."""

import os

import numpy as np
import torch

# (test, error, bound) of what was compared so far.
RECORDS = []


def array(value):
    return value.detach().numpy() if torch.is_tensor(value) else np.asarray(value)


def distance(a, b):
    """max |a - b| / max |b|"""
    a, b = array(a), array(b)
    assert a.shape == b.shape, f"{a.shape} instead of {b.shape}"
    assert np.isfinite(a).all()
    return np.abs(a - b).max(initial=0) / max(np.abs(b).max(initial=0), np.finfo(np.float64).tiny)


def agrees(ours, double, single):
    """`double` and `single` are what the public implementation gives in f64 and in f32:
    ours may be off by 1e-5, or by twice as much as that implementation itself in f32."""
    error, bound = distance(ours, double), max(1e-5, 2 * distance(single, double))
    RECORDS.append((os.environ.get("PYTEST_CURRENT_TEST", ""), float(error), float(bound)))
    assert error <= bound, f"off by {error:.2e}, expected at most {bound:.2e}"
