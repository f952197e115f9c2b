"""The long run of test_random_forms.py: 500 random recurrences, and sequences of 100,000 times."""

import pytest

import formcheck
import random_bodies
from test_random_forms import FORMS, check_bodies

SEED = 2
BLOCKS, SIZE = 10, 50
TIMES = 100_000
# Moving values out of the loop changes no sum: what reorders sums is looked at.
LONG = [form for form in FORMS if not form.quadratic and (form.admits or form.name in ("step", "pieces"))]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_bodies(tmp_path, block):
    check_bodies(tmp_path, SEED, range(block * SIZE, (block + 1) * SIZE))


def test_compiled(tmp_path):
    bodies = [random_bodies.make(SEED, index) for index in range(60)]
    report = formcheck.check_compiled(tmp_path, bodies, tolerance=2e-5)
    print(report)
    assert not report.failures, report.failures[0]


def one_of_each():
    found = {}
    for index in range(200):
        body = random_bodies.make(SEED, index, small=True, times=TIMES)
        if not body.static and not body.reverse:
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
