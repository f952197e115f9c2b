"""seq.attention against torch's scaled_dot_product_attention in double, as the
layer itself and as what --seq-generalize makes of it."""

import numpy as np
import pytest

import seqtools
from attentions import MASKS, Case

RNG = np.random.default_rng


def check(folder, case, *passes):
    source = case.source()
    if passes:
        source = seqtools.opt(source, *passes)
        assert "seq.attention" not in source
    expected = case.expected()
    [actual] = seqtools.evaluate(folder, source, "layer", case.all_arrays, 1)
    assert actual.shape == expected.shape and np.isfinite(actual).all()
    assert np.abs(actual - expected).max(initial=0) <= 1e-12 * max(1.0, np.abs(expected).max(initial=0))


@pytest.mark.parametrize("normaliser", ["softmax", "kernel"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("times", [1, 97])
def test_masks(tmp_path, mask, times, normaliser):
    check(tmp_path, Case(RNG(1), mask, batch=1, times=times, heads=(2, 1, 1), normaliser=normaliser))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("times, keys", [(1, 40), (5, 97), (40, 7)])
def test_queries_beside_the_last_keys(tmp_path, mask, times, keys):
    check(tmp_path, Case(RNG(2), mask, times=times, keys=keys))


@pytest.mark.parametrize("sizes", [(20, 20), (80, 80), (1, 3), (64, 16)])
@pytest.mark.parametrize("heads", [(1, 1, 1), (6, 2, 2), (6, 1, 3), (4, 4, 1)])
def test_sizes_and_heads(tmp_path, sizes, heads):
    check(tmp_path, Case(RNG(3), "causal", times=11, sizes=sizes, heads=heads))


@pytest.mark.parametrize("bias", ["TS", "HTS", "BHTS", "1HTS", "B11S", "1T1", "HT1"])
@pytest.mark.parametrize("hidden", [None, 0.3])
def test_bias(tmp_path, bias, hidden):
    check(tmp_path, Case(RNG(4), "causal", times=13, bias=bias, hidden=hidden))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("hidden", [0.5, 1.0])
def test_key_mask(tmp_path, mask, hidden):
    check(tmp_path, Case(RNG(5), mask, times=41, hidden=hidden))


def test_large_scores_do_not_overflow(tmp_path):
    check(tmp_path, Case(RNG(6), "causal", spread=1e4))


def test_a_bias_of_minus_infinity_hides(tmp_path):
    case = Case(RNG(7), "full", times=6, bias="TS")
    case.bias[:, 1] = -np.inf
    case.bias[2] = -np.inf
    expected = case.expected()
    [actual] = seqtools.evaluate(tmp_path, case.source(), "layer", case.all_arrays, 1)
    assert (actual[:, 2] == 0).all()
    assert np.abs(np.delete(actual - expected, 2, axis=1)).max() <= 1e-12


@pytest.mark.parametrize("times, keys", [(0, 5), (0, 0), (3, 0)])
def test_no_times(tmp_path, times, keys):
    case = Case(RNG(8), "causal", times=times, keys=keys)
    [actual] = seqtools.evaluate(tmp_path, case.source(), "layer", case.all_arrays, 1)
    assert actual.shape == (2, times, 4, 6) and (actual == 0).all()


def tiles(keys=16, queries=0, splits=1):
    return [f"--seq-online-softmax=keys={keys} queries={queries} splits={splits}", "--canonicalize", "--cse"]


TILINGS = [dict(), dict(keys=5, queries=8), dict(splits=2), dict(splits=3), dict(keys=5, queries=3, splits=2)]


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("times, keys", [(1, 40), (40, 37)])
def test_tiles(tmp_path, mask, times, keys, tiling):
    check(tmp_path, Case(RNG(11), mask, times=times, keys=keys, hidden=0.3), *tiles(**tiling))


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("bias", ["TS", "HTS", "BHTS", "B11S", "1T1", "11"])
def test_tiles_with_bias(tmp_path, bias, tiling):
    check(tmp_path, Case(RNG(12), "causal", times=13, keys=35, bias=bias), *tiles(**tiling))


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("mask", ["causal", "window"])
@pytest.mark.parametrize("heads, sizes", [((1, 1, 1), (20, 20)), ((6, 2, 3), (80, 3)), ((6, 1, 3), (4, 1))])
def test_tiles_of_heads(tmp_path, mask, heads, sizes, tiling):
    check(tmp_path, Case(RNG(14), mask, times=37, heads=heads, sizes=sizes), *tiles(**tiling))


@pytest.mark.parametrize("tiling", TILINGS)
def test_tiles_of_nothing(tmp_path, tiling):
    check(tmp_path, Case(RNG(13), "causal", times=3, keys=0), *tiles(**tiling))
    check(tmp_path, Case(RNG(13), "window", times=0, keys=20), *tiles(**tiling))
    check(tmp_path, Case(RNG(13), "full", times=3, keys=20, hidden=1.0), *tiles(**tiling))
    check(tmp_path, Case(RNG(13), "causal", times=30, keys=2), *tiles(**tiling))
    check(tmp_path, Case(RNG(13), "full", times=1, keys=1), *tiles(**tiling))


def test_tiles_of_known_sizes(tmp_path):
    case = Case(RNG(15), "window", times=37, keys=70, bias="HTS")
    for tiling in TILINGS:
        source = seqtools.opt(case.source(static=True), *tiles(**tiling))
        [actual] = seqtools.evaluate(tmp_path, source, "layer", case.all_arrays, 1)
        assert np.abs(actual - case.expected()).max() <= 1e-12


def test_tiles_that_are_hidden_are_not_read(tmp_path):
    """NaN keys and values that no query sees: hidden scores are -∞, but their
    values would still meet the sums if their tiles were read."""
    case = Case(RNG(16), "causal", times=64, batch=1)
    case.arrays[2][:, 32:] = np.nan
    source = seqtools.opt(case.source(), *tiles(keys=16, queries=16))
    [actual] = seqtools.evaluate(tmp_path, source, "layer", case.all_arrays, 1)
    assert np.isfinite(actual[:, :32]).all() and np.isnan(actual[:, 32:]).all()
    case = Case(RNG(16), "window", times=1, keys=100, batch=1)
    case.arrays[2][:, :64] = np.nan
    for tiling in (dict(), dict(splits=2)):
        source = seqtools.opt(case.source(), *tiles(**tiling))
        [actual] = seqtools.evaluate(tmp_path, source, "layer", case.all_arrays, 1)
        assert np.isfinite(actual).all()


@pytest.mark.parametrize("bias", [None, "HTS", "1T1"])
def test_kernel_form(tmp_path, bias):
    """What kernel.attention stands for."""
    case = Case(RNG(10), "causal", times=19, keys=33, hidden=0.2, bias=bias, dtype=np.float32)
    source = seqtools.opt(case.source(), "--kernel-attention")
    assert "kernel.attention" in source
    [actual] = seqtools.evaluate(tmp_path, source, "layer", case.all_arrays, 1)
    assert np.abs(actual - case.expected()).max() <= 1e-6


@pytest.mark.parametrize("mask", ["blocks", "sinks"])
def test_general_form(tmp_path, mask):
    case = Case(RNG(9), mask, times=19, keys=33, hidden=0.2, bias="HTS")
    check(tmp_path, case, "--seq-generalize", "--canonicalize", "--cse")
