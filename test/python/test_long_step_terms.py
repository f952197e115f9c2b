"""Random steps, as in test_step_terms.py, a few hundred of them."""

import numpy as np
import pytest

import random_steps
import seqtools
from test_step_terms import check


@pytest.mark.parametrize("seed", range(1000, 1300))
def test_terms_of_random_steps(seed, tmp_path):
    random = np.random.default_rng(seed)
    source, shapes = random_steps.random_step(random)
    versions = [seqtools.opt(source, "--test-step-terms"),
                seqtools.opt(source, "--test-step-terms=lifted")]
    times = int(random.integers(1, 6))
    inputs = [random.normal(size=[times if size is None else size for size in shape])
              for shape in shapes]
    check(tmp_path, "step", source, versions, inputs, 4, 1e-9)
