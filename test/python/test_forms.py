"""Random recurrences: every form that can be derived of one gives what it gives, in f64."""

import pytest

import formcheck
import random_steps
from formcheck import Form

FORMS = [
    Form("hoist", ["--seq-hoist"]),
    Form("hoist elementwise", ["--seq-hoist=elementwise=true"]),
    Form("step", ["--seq-derive-step"], call="steps"),
    Form("pieces", ["--seq-expose-states"], call="pieces"),
    Form("hoisted step", ["--seq-hoist=elementwise=true", "--canonicalize", "--seq-derive-step"], call="steps"),
    Form("hoisted pieces", ["--seq-hoist", "--seq-expose-states"], call="pieces"),
]
BODIES = 50


def check_bodies(folder, seed, indices, forms=FORMS):
    report = formcheck.check(folder, [random_steps.make(seed, index) for index in indices], forms)
    print(report)
    if report.failures:
        pytest.fail(f"{len(report.failures)} failures; the first one, reduced:\n"
                    f"{formcheck.reduced(folder, report.failures[0], forms)}", pytrace=False)
    return report


def test_random_bodies(tmp_path):
    print("seed 1")
    check_bodies(tmp_path, 1, range(BODIES))
