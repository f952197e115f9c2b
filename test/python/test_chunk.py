"""The chunkwise and the quadratic form against the recurrence they are made of, in f64:
states in and out, decays from almost 1 to underflow within a chunk, odd lengths."""

import numpy as np
import pytest

import chunked
import seqtools

FORMS = ["--seq-chunk=chunk=16", "--seq-chunk=chunk=64", "--seq-quadratic"]


def agree(case, form, folder, times, decay=1.0, tolerance=1e-11):
    """The form's results are those of the recurrence, up to f64 rounding: a sum of
    T products differs by its order."""
    source = seqtools.opt(case.source, "--seq-generalize", "--canonicalize", "--cse")
    rewritten = seqtools.opt(source, form, "--canonicalize", "--cse")
    assert rewritten != source, "no form"
    arrays = case.arrays(times, decay)
    expected = seqtools.evaluate(folder, source, "layer", arrays, case.results)
    actual = seqtools.evaluate(folder, rewritten, "layer", arrays, case.results)
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        assert np.isfinite(a).all()
        assert np.abs(a - e).max(initial=0) <= tolerance * max(1e-30, np.abs(e).max(initial=0))


RULES = [("linear", False), ("gated", False), ("gated", True), ("delta", False), ("gated_delta", False),
         ("gated_delta", True)]
LENGTHS = [0, 1, 37]


@pytest.mark.parametrize("times", LENGTHS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rule, per_channel", RULES)
def test_linear_attention(tmp_path, rule, per_channel, form, times):
    case = chunked.linear_attention(rule, sizes=(5, 3), per_channel=per_channel)
    agree(case, form, tmp_path, times)


@pytest.mark.parametrize("form", FORMS)
def test_selective_scan(tmp_path, form):
    agree(chunked.selective_scan(), form, tmp_path, 37)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reverse", [False, True])
def test_elementwise_state(tmp_path, form, reverse):
    agree(chunked.min_gru(reverse=reverse), form, tmp_path, 37)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_two_states_and_resets(tmp_path, form, reverse, before):
    agree(chunked.normalised(reverse=reverse, before=before), form, tmp_path, 37)
