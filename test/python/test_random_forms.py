"""Random recurrences: every form that can be derived of one gives what it gives, in f64."""

import pytest

import formcheck
import random_bodies
from formcheck import Form

HOIST = ["--seq-hoist=elementwise=true", "--canonicalize"]
FORMS = [
    Form("hoist", ["--seq-hoist"]),
    Form("hoist elementwise", ["--seq-hoist=elementwise=true"]),
    Form("step", ["--seq-derive-step"], call="steps"),
    Form("pieces", ["--seq-expose-states"], call="pieces"),
    Form("hoisted step", [*HOIST, "--seq-derive-step"], call="steps"),
    Form("hoisted pieces", ["--seq-hoist", "--seq-expose-states"], call="pieces"),
    # Forms of the algebra of a step; each leaves bodies alone that do not have it.
    Form("terms", ["--test-step-terms"], admits=True),
    Form("scan", ["--seq-parallel-scan=matrix=64"], admits=True),
    Form("hoisted scan", [*HOIST, "--seq-parallel-scan=matrix=64"], admits=True),
    Form("scan by blocks", ["--seq-parallel-scan=matrix=64", "--seq-block-scan=blocks=3"], admits=True),
    Form("scan in pieces", ["--seq-expose-states", "--seq-parallel-scan=matrix=64"], call="pieces", admits=True),
    Form("convolution", ["--seq-convolve"], admits=True, quadratic=True),
    Form("chunk", ["--seq-chunk=chunk=16"], admits=True),
    Form("hoisted chunk", [*HOIST, "--seq-chunk=chunk=32"], admits=True),
    Form("chunk in pieces", ["--seq-expose-states", "--seq-chunk=chunk=16"], call="pieces", admits=True),
    Form("scan of chunks", ["--seq-chunk=chunk=16", "--seq-parallel-scan=matrix=64"], admits=True),
    Form("quadratic", ["--seq-quadratic"], admits=True, quadratic=True),
]
SEED, BODIES = 1, 50


def check_bodies(folder, seed, indices, forms=FORMS):
    bodies = [random_bodies.make(seed, index) for index in indices]
    report = formcheck.check(folder, bodies, forms)
    print(report)
    untaken = report.untaken(bodies, [form for form in forms if form.name == "scan"])
    if untaken:
        pytest.fail(f"{len(untaken)} affine bodies are not taken; the first one:\n{untaken[0].source}", pytrace=False)
    if report.failures:
        pytest.fail(f"{len(report.failures)} failures; the first one, reduced:\n"
                    f"{formcheck.reduced(folder, report.failures[0], forms)}", pytrace=False)
    return report


def test_random_bodies(tmp_path):
    print(f"seed {SEED}")
    report = check_bodies(tmp_path, SEED, range(BODIES))
    assert all(report.checked[form.name] for form in FORMS)


def test_compiled(tmp_path):
    """Programs in f32 against the evaluator."""
    bodies = [random_bodies.make(SEED, index) for index in range(12)]
    report = formcheck.check_compiled(tmp_path, bodies, tolerance=2e-5)
    print(report)
    assert not report.failures, report.failures[0]
