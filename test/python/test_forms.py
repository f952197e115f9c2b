"""Random recurrences: every form that can be derived of one gives what it gives, in f64."""

import pytest

import formcheck
import random_bodies
from formcheck import Form

FORMS = [
    Form("hoist", ["--seq-hoist"]),
    Form("hoist elementwise", ["--seq-hoist=elementwise=true"]),
    Form("step", ["--seq-derive-step"], call="steps"),
    Form("pieces", ["--seq-expose-states"], call="pieces"),
    Form("hoisted step", ["--seq-hoist=elementwise=true", "--canonicalize", "--seq-derive-step"], call="steps"),
    Form("hoisted pieces", ["--seq-hoist", "--seq-expose-states"], call="pieces"),
]
SEED, BODIES = 1, 50


def check_bodies(folder, seed, indices, forms=FORMS):
    report = formcheck.check(folder, [random_bodies.make(seed, index) for index in indices], forms)
    print(report)
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
