"""Long sequences: one random recurrence of each class."""

import pytest

import formcheck
import random_bodies
from test_random_forms import FORMS

SEED = 2
TIMES = 100_000
# The evaluator composes matrices slowly: minutes for more.
MATRIX_TIMES = 2_000
MATRIX_SHAPES = {"delta", "full", "shift", "window"}
# Moving values out of the loop changes no sum: what reorders sums is looked at.
LONG = [form for form in FORMS if not form.quadratic and (form.admits or form.name in ("step", "pieces"))]


def one_of_each():
    found = {}
    for index in range(200):
        body = random_bodies.make(SEED, index, small=True, times=TIMES)
        if not body.static and not body.reverse:
            if body.shape in MATRIX_SHAPES:
                body = random_bodies.make(SEED, index, small=True, times=MATRIX_TIMES)
            found.setdefault(body.shape, body)
    return found


@pytest.mark.parametrize("shape", one_of_each())
def test_drift(tmp_path, shape):
    """Errors do not grow with time: of a form in f64, and of the program in f32."""
    body = one_of_each()[shape]
    report = formcheck.check(tmp_path, [body], LONG)
    report = formcheck.check_compiled(tmp_path, [body], tolerance=1e-4, report=report)
    print(report)
    assert not report.failures, report.failures[0]
