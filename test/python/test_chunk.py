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


@pytest.mark.parametrize("form", FORMS)
def test_undecayed_states(tmp_path, form):
    agree(chunked.normalised(decayed=False), form, tmp_path, 37)


WRITTEN = {
    "bonus": chunked.bonus(),
    "low rank": chunked.low_rank(),
    "low rank, reverse, no gate": chunked.low_rank(reverse=True, gate=False),
    "time-invariant": chunked.invariant(),
    "both signs": chunked.alternating(),
    "decays of values": chunked.value_decays(),
    "numbers": chunked.numbers(),
    "last input": chunked.shifted(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", WRITTEN)
def test_written_by_hand(tmp_path, name, form):
    agree(WRITTEN[name], form, tmp_path, 37)


# --- decays -----------------------------------------------------------------------


def slow(rng, shape):
    """A decay of 1 - 1e-7 and weaker."""
    return 1e-7 * rng.random(shape)


def strong(rng, shape):
    """All is forgotten at once: exp(-200) is 0 in f32, exp(-2000) in f64."""
    return rng.choice([0.0, 200.0, 2000.0], shape)


def mixed(rng, shape):
    """A decay of 0, strong ones and weak ones side by side."""
    return rng.choice([0.0, 1e-7, 0.3, 200.0, np.inf], shape)


@pytest.mark.parametrize("decay", [slow, strong, mixed])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rule, per_channel", [("gated", False), ("gated", True), ("gated_delta", True)])
def test_decays(tmp_path, rule, per_channel, form, decay):
    case = chunked.linear_attention(rule, heads=(1, 1, 1), sizes=(3, 2), per_channel=per_channel)
    agree(case, form, tmp_path, 37, decay)


@pytest.mark.parametrize("form", FORMS)
def test_weak_decays_after_a_strong_one_keep_their_digits(tmp_path, form):
    """b_t - b_s of running sums would have lost them: 2e6 + 1e-7 is 2e6 in f64 up to 1e-10."""
    def once_strong(rng, shape):
        decay = 1e-7 * rng.random(shape)
        decay[:, 3] = 2e6
        return decay
    case = chunked.linear_attention("gated", heads=(1, 1, 1), sizes=(3, 2), per_channel=True)
    agree(case, form, tmp_path, 37, once_strong, tolerance=1e-14)


# --- compiled ---------------------------------------------------------------------


CASES = {
    "linear": chunked.linear_attention("linear", sizes=(20, 80)),
    "gated": chunked.linear_attention("gated", sizes=(80, 20)),
    "gated per channel": chunked.linear_attention("gated", sizes=(20, 80), per_channel=True),
    "gated delta": chunked.linear_attention("gated_delta", sizes=(20, 20)),
    "gated delta per channel": chunked.linear_attention("gated_delta", sizes=(20, 5), per_channel=True),
    "selective scan": chunked.selective_scan(),
    "elementwise": chunked.min_gru(reverse=True),
    "two states": chunked.normalised(),
}


@pytest.mark.parametrize("name", CASES)
def test_compiled(tmp_path, name):
    """In f32, against the recurrence in f64; mixed decays for all but the elementwise state."""
    case = CASES[name]
    source = seqtools.opt(case.source, "--seq-generalize", "--canonicalize", "--cse")
    chunks = tmp_path / "chunks.mlir"
    chunks.write_text(seqtools.opt(source, "--seq-chunk=chunk=32", "--canonicalize", "--cse"))
    program = seqtools.compile(chunks, tmp_path / "program")
    for times in [0, 1, 67]:
        for decay in [1.0, mixed]:
            arrays = [array.astype(np.float32) for array in case.arrays(times, decay)]
            inputs = {f"arg{index}": array for index, array in enumerate(arrays)}
            names = [f"result{index}" for index in range(case.results)]
            expected = seqtools.evaluate(tmp_path, source, "layer", arrays, case.results)
            actual = program.run(inputs, names, threads=2)
            for name, e in zip(names, expected, strict=True):
                assert actual[name].shape == e.shape
                assert np.isfinite(actual[name]).all()
                assert np.abs(actual[name] - e).max(initial=0) <= 1e-5 * max(1e-30, np.abs(e).max(initial=0))
