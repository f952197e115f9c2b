"""What a program remembers: a sequence given in pieces, whatever their sizes, gives what it
gives in one piece, for every causal family."""

import numpy as np
import pytest

import agreement
import recurrent
import seqlib

TIMES = 29
RECURRENT = {
    "rnn": dict(model_type="rnn", input_size=20, hidden_size=33, num_layers=2),
    "lstm": dict(model_type="lstm", input_size=20, hidden_size=33, num_layers=3),
    "lstm_projected": dict(model_type="lstm", input_size=20, hidden_size=40, num_layers=2, proj_size=17),
    "gru": dict(model_type="gru", vocab_size=43, embedding_size=33, hidden_size=33, num_layers=2, output_size=43),
}
MAMBA = dict(vocab_size=83, hidden_size=40, num_hidden_layers=3, state_size=8, conv_kernel=4)
FAMILIES = [*RECURRENT, "mamba"]


class Case:
    """A family's library, its input for TIMES times, and what one call gives for all of it."""

    def __init__(self, name, build):
        if name == "mamba":
            mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)
            model = mamba.random_mamba(**MAMBA)
            path = build(name, lambda folder: mamba.save(model, folder), library=True)
            self.input_name = "input_ids"
            self.input = np.random.default_rng(0).integers(0, MAMBA["vocab_size"], (1, TIMES))
        else:
            model = recurrent.random_stack(RECURRENT[name])
            path = build(name, lambda folder: recurrent.save(model, folder), library=True)
            self.input_name, self.input = model.input_name, model.random_input(0, 1, TIMES).numpy()
        self.folder = path.parent
        self.library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
        self.whole = self.library.run("forward", {self.input_name: self.input})
        self.sequence = "logits" if "logits" in self.whole else "last_hidden_state"

    def feed(self, state, start, stop, function="forward"):
        return self.library.run(function, {self.input_name: self.input[:, start:stop]}, state)

    def check(self, outputs, start, stop):
        agreement.agrees(outputs[self.sequence], *[self.whole[self.sequence][:, start:stop]] * 2)


@pytest.fixture(scope="module", params=FAMILIES)
def case(request, build):
    return Case(request.param, build)


@pytest.mark.parametrize("sizes", [(1, 28), (28, 1), (2, 0, 7, 20), (1,) * TIMES], ids=str)
def test_pieces(case, sizes):
    state, start = case.library.state(TIMES), 0
    for size in sizes:
        outputs = case.feed(state, start, start + size)
        case.check(outputs, start, start + size)
        start += size
    for name in {"h_n", "c_n"} & set(outputs):
        agreement.agrees(outputs[name], case.whole[name], case.whole[name])


@pytest.mark.parametrize("name", ["gru", "mamba"])
def test_last_after_forward(build, name):
    """The two functions of a language model have one state."""
    case = Case(name, build)
    state = case.library.state(TIMES)
    case.feed(state, 0, 20)
    for time in range(20, TIMES):
        logits = case.feed(state, time, time + 1, "last")["logits"]
        agreement.agrees(logits.reshape(-1), *[case.whole["logits"][0, time]] * 2)


def test_rollback(case, tmp_path):
    """From a clone, from a file and from a snapshot, the same bits."""
    state = case.library.state(TIMES)
    case.feed(state, 0, 10)
    clone, snapshot = state.clone(), state.snapshot()
    state.save(tmp_path / "state")
    expected = case.feed(state, 10, 15)
    case.check(expected, 10, 15)
    case.feed(state, 15, 16)
    loaded = case.library.state(TIMES)
    loaded.load(tmp_path / "state")
    state.rollback(snapshot)
    for other in (clone, loaded, state):
        again = case.feed(other, 10, 15)
        assert all(np.array_equal(again[name], expected[name]) for name in expected)


def test_reset(case):
    state = case.library.state(TIMES)
    case.feed(state, 0, TIMES)
    state.reset()
    again = case.feed(state, 0, TIMES)
    assert all(np.array_equal(again[name], case.whole[name]) for name in again)


def test_state_is_bounded(case):
    """The state's size does not depend on how long the sequence is."""
    assert len(case.library.state(1)) == len(case.library.state(100000)) > 0


def test_bidirectional_models_have_no_state(build):
    model = recurrent.random_stack(dict(
        model_type="gru", input_size=5, hidden_size=6, num_layers=1, bidirectional=True))
    program = build("bidirectional", lambda folder: recurrent.save(model, folder))
    assert program.info()["functions"][0]["states"] == []
