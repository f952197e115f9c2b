"""The long run of test_random_forms.py: 500 random recurrences."""

import pytest

import formcheck
import random_bodies
from test_random_forms import check_bodies

SEED = 2
BLOCKS, SIZE = 10, 50


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_bodies(tmp_path, block):
    check_bodies(tmp_path, SEED, range(block * SIZE, (block + 1) * SIZE))


def test_compiled(tmp_path):
    bodies = [random_bodies.make(SEED, index) for index in range(60)]
    report = formcheck.check_compiled(tmp_path, bodies, tolerance=2e-5)
    print(report)
    assert not report.failures, report.failures[0]
