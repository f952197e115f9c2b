"""GPT-2 and Llama on a sequence in pieces, through the shared library: caches and positions are
states of the imported model."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import agreement
import seqlib
from conftest import ROOT

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

TIMES, CAPACITY = 37, 48
MODELS = {
    "gpt2_head20": ("GPT2LMHeadModel", dict(vocab_size=83, n_embd=60, n_layer=2, n_head=3, n_positions=64)),
    "gpt2_head80": ("GPT2LMHeadModel", dict(vocab_size=50, n_embd=80, n_layer=1, n_head=1, n_positions=64)),
    "llama_head20": ("LlamaForCausalLM", dict(
        vocab_size=83, hidden_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=101)),
    "llama_head80": ("LlamaForCausalLM", dict(
        vocab_size=64, hidden_size=48, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1, head_dim=80,
        intermediate_size=96)),
}


def write(name):
    cls, config = MODELS[name]
    return lambda folder: transformer.save(transformer.random_model(cls, **config), folder)


class Case:
    """A model's library, its tokens, and what transformers gives for all of them."""

    def __init__(self, name, build):
        cls, config = MODELS[name]
        model = transformer.random_model(cls, **config)
        self.path = build(name, write(name), library=True)
        self.library = seqlib.Library(self.path, threads=2)
        self.ids = np.random.default_rng(2).integers(0, config["vocab_size"], (1, TIMES))
        self.double, self.single = transformer.outputs(model, {"input_ids": self.ids}, ["logits"])["logits"]

    def feed(self, state, begin, end):
        return state.prefill(self.ids[:, begin:end], every=True)

    def check(self, logits, begin, end):
        agreement.agrees(logits.reshape(1, end - begin, -1), self.double[:, begin:end], self.single[:, begin:end])


@pytest.fixture(scope="module", params=MODELS)
def case(request, build):
    return Case(request.param, build)


@pytest.mark.parametrize("sizes", [(37,), (36, 1), (1, 36), (20, 1, 1, 15), (1,) * TIMES], ids=str)
def test_pieces(case, sizes):
    state, begin = case.library.state(CAPACITY), 0
    for size in sizes:
        case.check(case.feed(state, begin, begin + size), begin, begin + size)
        begin += size


def test_no_tokens_change_nothing(case):
    state = case.library.state(CAPACITY)
    for begin, end in [(0, 0), (0, 10), (10, 10), (10, TIMES)]:
        logits = case.library.run("forward", {"input_ids": case.ids[:, begin:end]}, state)["logits"]
        if end > begin:
            case.check(logits, begin, end)


def test_last_after_forward(case):
    """The two functions have one state."""
    state = case.library.state(CAPACITY)
    case.feed(state, 0, 20)
    for time in range(20, TIMES):
        case.check(state.prefill(case.ids[:, time:time + 1]), time, time + 1)


def test_clone_and_rollback_of_five_tokens(case):
    state = case.library.state(CAPACITY)
    case.feed(state, 0, 10)
    clone, snapshot = state.clone(), state.snapshot()
    expected = case.feed(state, 10, 15)
    case.check(expected, 10, 15)
    state.rollback(snapshot)
    state.prefill([1, 2, 3, 4, 5])
    state.rollback(snapshot)
    for other in (state, clone):
        assert (case.feed(other, 10, 15) == expected).all()
        case.check(case.feed(other, 15, TIMES), 15, TIMES)


RESTORE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import seqlib
state = seqlib.Library(sys.argv[2], threads=1).state(int(sys.argv[3]))
state.load(sys.argv[4])
np.save(sys.argv[6], state.prefill(np.load(sys.argv[5]), every=True))
"""


def test_restored_in_another_process(case, tmp_path):
    state = case.library.state(CAPACITY)
    case.feed(state, 0, 12)
    state.save(tmp_path / "state")
    np.save(tmp_path / "ids.npy", case.ids[:, 12:])
    done = subprocess.run([sys.executable, "-c", RESTORE, ROOT / "bench", case.path, str(CAPACITY), tmp_path / "state",
                           tmp_path / "ids.npy", tmp_path / "logits.npy"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    case.check(np.load(tmp_path / "logits.npy"), 12, TIMES)


def test_files_hold_what_is_used(case, tmp_path):
    """A state's memory and file grow with the tokens, not with the capacity."""
    sizes = []
    for tokens in (1, 10, 37):
        state = case.library.state(100_000)
        state.prefill(case.ids[:, :tokens])
        clone = state.clone()
        clone.save(tmp_path / "state")
        sizes.append((tmp_path / "state").stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2] < len(state) / 100


def test_a_full_cache(case):
    state = case.library.state(20)
    case.feed(state, 0, 20)
    with pytest.raises(seqlib.SeqError, match="1 tokens after 20, expected at most 20 .* seq_create"):
        case.feed(state, 20, 21)
    with pytest.raises(seqlib.SeqError, match="cache of keys and values is full.*capacity of the state is 20"):
        case.library.run("forward", {"input_ids": case.ids[:, 20:21]}, state)


def test_batch(build):
    """Sequences that run together go on together."""
    cls, config = MODELS["llama_head20"]
    model = transformer.random_model(cls, **config)
    library = seqlib.Library(build("llama_head20", write("llama_head20"), "--batch=3", library=True), threads=2)
    ids = np.random.default_rng(2).integers(0, config["vocab_size"], (3, TIMES))
    double, single = transformer.outputs(model, {"input_ids": ids}, ["logits"])["logits"]
    state = library.state(TIMES)
    for begin, end in [(0, 30), (30, 31), (31, TIMES)]:
        logits = state.prefill(ids[:, begin:end], every=True)
        agreement.agrees(logits, double[:, begin:end], single[:, begin:end])


# --- what a state holds is not trusted -----------------------------------------------


def patched(file, change):
    """The state file with other contents and the digest that fits them."""
    content = bytearray(file.read_bytes())
    change(content)
    digest = 0xcbf29ce484222325
    words = np.frombuffer(bytes(content[:56]) + bytes(content[64:]), np.uint64)
    for word in words.tolist():
        digest = ((digest ^ word) * 0x100000001b3) & (2**64 - 1)
    content[56:64] = digest.to_bytes(8, "little")
    file.write_bytes(content)


@pytest.mark.parametrize("position", [-1, -2**63, CAPACITY + 1, 2**62, 2**63 - 1])
def test_positions_of_caches_are_checked(build, tmp_path, position):
    """In the file the states of a fixed size come first: the model's position, then the
    caches', each at a multiple of 64 bytes."""
    case, file = Case("gpt2_head20", build), tmp_path / "state"
    state = case.library.state(CAPACITY)
    case.feed(state, 0, 12)
    state.save(file)

    def change(content):
        at = 64 + 64
        assert np.frombuffer(content, np.int64, 2, at).tolist() == [12, 12]
        content[at:at + 8] = position.to_bytes(8, "little", signed=True)

    patched(file, change)
    with pytest.raises(seqlib.SeqError, match="damaged: state position0 is"):
        case.library.state(CAPACITY).load(file)
    case.check(case.feed(state, 12, TIMES), 12, TIMES)


@pytest.mark.parametrize("position, message", [
    (-1, "position in the state is negative"), (64, "at most 64 tokens"), (2**63 - 1, "position in the state is negative")])
def test_the_position_of_the_model_is_checked(build, tmp_path, position, message):
    case, file = Case("gpt2_head20", build), tmp_path / "state"
    state = case.library.state(CAPACITY)
    case.feed(state, 0, 12)
    state.save(file)

    def change(content):
        assert np.frombuffer(content, np.int64, 1, 64).tolist() == [12]
        content[64:72] = position.to_bytes(8, "little", signed=True)

    patched(file, change)
    other = case.library.state(CAPACITY)
    other.load(file)
    with pytest.raises(seqlib.SeqError, match=message):
        case.feed(other, 12, 13)


def test_more_tokens_than_positions(build):
    case = Case("gpt2_head20", build)
    state = case.library.state(100)
    case.feed(state, 0, 30)
    case.feed(state, 0, 34)
    with pytest.raises(seqlib.SeqError, match="expected at most 64 tokens: the model has no more positions"):
        case.feed(state, 0, 1)
    with pytest.raises(seqlib.SeqError, match="expected at most 64 tokens"):
        case.library.state(100).prefill(np.zeros(65, np.int64))


@pytest.mark.parametrize("threads", [1, 2])
def test_one_query_and_many_keys(build, threads):
    """Decoding splits the keys over the threads."""
    cls, config = MODELS["llama_head20"]
    model = transformer.random_model(cls, **config)
    library = seqlib.Library(build("llama_head20", write("llama_head20"), library=True), threads=threads)
    ids = np.random.default_rng(4).integers(0, config["vocab_size"], (1, 1501))
    double, single = transformer.outputs(model, {"input_ids": ids}, ["logits"])["logits"]
    state = library.state(1501)
    state.prefill(ids[:, :1500])
    agreement.agrees(state.prefill(ids[:, 1500:])[None], double[:, 1500:], single[:, 1500:])
