"""Shared libraries inside other programs: what they export, the examples in C and Python,
states in files and in threads, and what is refused."""

import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import agreement
import seqlib
import seqtools
from conftest import ROOT

EXAMPLES = ROOT / "examples" / "library"
BIBLE = ROOT / "examples" / "bible-lm" / "model"
PROMPT = "And the LORD said unto Moses"


@pytest.fixture(scope="module")
def bible(tmp_path_factory):
    """The folder with libbible.so, its weights and its header."""
    folder = tmp_path_factory.mktemp("bible")
    seqtools.compile_library(BIBLE, folder / "libbible.so")
    return folder


@pytest.fixture(scope="module")
def greedy(bible):
    """The example in C."""
    compiler = "clang-22"
    seqtools.run(compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{bible}", EXAMPLES / "greedy.c",
                 f"-L{bible}", "-lbible", "-Wl,-rpath,$ORIGIN", "-o", bible / "greedy")
    return bible / "greedy"


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What the executable generates."""
    program = seqtools.compile(BIBLE, tmp_path_factory.mktemp("program") / "bible")
    text = program.generate(list(PROMPT.encode()), 120, "--temperature", "0", "--threads", "1")
    return bytes(text).decode()


def tokens(text):
    return {"input_ids": np.frombuffer(text.encode(), np.uint8).astype(np.int64)[None]}


def test_files(bible):
    assert {"libbible.so", "libbible.so.weights", "libbible.h"} <= {path.name for path in bible.iterdir()}


def test_exports(bible):
    """The functions of the header, and nothing else."""
    header = re.sub(r"/\*.*?\*/", "", (bible / "libbible.h").read_text(), flags=re.S)
    declared = set(re.findall(r"\b(seq_\w+)\(", header))
    listed = seqtools.run("nm", "-D", "--defined-only", bible / "libbible.so")
    assert {line.split()[-1] for line in listed.splitlines()} == declared
    assert len(declared) > 20


@pytest.mark.parametrize("compiler", [("clang-22", "-std=c11", "-xc"), ("clang++-22", "-std=c++17", "-xc++")], ids=str)
def test_header_stands_alone(bible, tmp_path, compiler):
    source = tmp_path / "main.c"
    source.write_text('#include "libbible.h"\n#include "libbible.h"\n'
                      "int main(void) { return LIBBIBLE_LAST_INPUT_INPUT_IDS + LIBBIBLE_VOCABULARY - 256; }\n")
    seqtools.run(*compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{bible}", "-c", source, "-o",
                 tmp_path / "main.o")


def test_greedy(greedy, expected):
    assert seqtools.run(greedy, PROMPT, 120) == expected


def test_goes_on_in_another_process(greedy, expected, tmp_path):
    state = tmp_path / "state"
    first = seqtools.run(greedy, PROMPT, 50, state)
    second = seqtools.run(greedy, first[-1], 70, state)
    assert first + second == expected


def test_speculation(bible, expected):
    done = subprocess.run([sys.executable, EXAMPLES / "speculate.py", bible / "libbible.so", PROMPT, "120"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected
    assert int(re.match(r"guessed: (\d+) of", done.stderr).group(1)) > 0


def test_greedy_refuses_a_damaged_state(greedy, tmp_path):
    state = tmp_path / "state"
    seqtools.run(greedy, PROMPT, 5, state)
    content = bytearray(state.read_bytes())
    content[1000] ^= 1
    state.write_bytes(content)
    line = seqtools.fails(greedy, PROMPT, 5, state)
    assert "damaged" in line and state.read_bytes() == content


def test_rollback_of_five_tokens(bible):
    library = seqlib.Library(bible / "libbible.so", threads=1)
    state = library.state()
    library.run("last", tokens(PROMPT), state)
    snapshot = state.snapshot()
    right = library.run("forward", tokens(", Spea"), state)
    state.rollback(snapshot)
    library.run("forward", tokens("xyzzy"), state)
    state.rollback(snapshot)
    again = library.run("forward", tokens(", Spea"), state)
    assert np.array_equal(again["logits"], right["logits"])


def test_rollback_of_attention(build):
    """Of an imported model."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=61, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0)).eval()
    path = build("gpt2-rollback", model.save_pretrained, library=True)
    ids = np.random.default_rng(0).integers(0, 61, 20)
    with torch.no_grad():
        expected = [model.to(dtype)(torch.tensor(ids[None])).logits[0].double().numpy()
                    for dtype in (torch.float64, torch.float32)]

    def check(ours, begin, end):
        agreement.agrees(ours.reshape(end - begin, -1), *[logits[begin:end] for logits in expected])

    state = seqlib.Library(path, threads=1).state(40)
    check(state.prefill(ids[:8]), 7, 8)
    snapshot = state.snapshot()
    state.prefill([1, 2, 3, 4, 5], every=True)
    state.rollback(snapshot)
    check(state.prefill(ids[8:13], every=True), 8, 13)
    check(state.clone().prefill(ids[13:]), 19, 20)
    refuses(lambda: state.prefill(np.zeros(28)), "28 tokens after 13, expected at most 40")


@pytest.mark.parametrize("threads", [1, 2])
def test_two_states_in_two_threads(bible, threads):
    library = seqlib.Library(bible / "libbible.so", threads=threads)
    texts = [PROMPT, "Now these are the names of the children"]

    def logits(text, found):
        state = library.state()
        library.run("last", tokens(text), state)
        for byte in text * 3:
            found.append(library.run("last", tokens(byte), state)["logits"])

    alone, together = ([], []), ([], [])
    for text, found in zip(texts, alone):
        logits(text, found)
    workers = [threading.Thread(target=logits, args=pair) for pair in zip(texts, together)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(alone, together):
        assert len(one) == len(other) > 0
        assert all(np.array_equal(a, b) for a, b in zip(one, other))


def test_two_libraries_in_one_process(bible, build):
    """Each keeps to its own model, though their functions have the same names."""
    other = build("gated-sum", lambda _: ROOT / "examples" / "gated-sum.mlir", library=True)
    first, second = seqlib.Library(bible / "libbible.so", threads=1), seqlib.Library(other, threads=1)
    assert first.names("seq_input", None) == ["input_ids"]
    assert "input_ids" not in second.names("seq_input", None)


# --- what is refused --------------------------------------------------------------


def refuses(call, *words):
    with pytest.raises(seqlib.SeqError) as caught:
        call()
    for word in words:
        assert word in str(caught.value), caught.value


def test_refuses_another_version(bible, monkeypatch):
    monkeypatch.setattr(seqlib, "API_VERSION", 0x20000)
    refuses(lambda: seqlib.Library(bible / "libbible.so"), "API version 2.0", "1.0")


def test_refuses_another_weight_file(bible, build, tmp_path):
    weights = tmp_path / "w"
    content = bytearray((bible / "libbible.so.weights").read_bytes())
    weights.write_bytes(content[:100000])
    refuses(lambda: seqlib.Library(bible / "libbible.so", weights=weights), str(weights), "truncated")
    content[16] ^= 1
    weights.write_bytes(content)
    refuses(lambda: seqlib.Library(bible / "libbible.so", weights=weights), str(weights), "another model")
    refuses(lambda: seqlib.Library(bible / "libbible.so", weights=tmp_path / "none"), "No such file")


def test_refuses_wrong_inputs(bible):
    library = seqlib.Library(bible / "libbible.so", threads=1)
    state = library.state()
    library.run("last", tokens("a"), state)
    for array, words in [
        (np.zeros((1, 2, 3), np.int64), ["rank 3", "expected 2"]),
        (np.zeros((2, 2), np.int64), ["dimension 0 is 2", "expected 1"]),
        (np.zeros((1, 2), np.int32), ["int32", "expected int64"]),
        (np.full((1, 2), 256), ["256", "expected 0 to 255"]),
    ]:
        refuses(lambda: library.run("last", {"input_ids": array}, state), "input_ids", *words)
    refuses(lambda: library.run("first", {}, state), "no function first", "last")
    refuses(lambda: state.load("/nowhere/state"), "/nowhere/state")


def test_refuses_no_tokens(bible):
    """`last` has no meaning for them; the stream goes on as if nobody had asked."""
    library = seqlib.Library(bible / "libbible.so", threads=1)
    state, other = library.state(), library.state()
    for each in (state, other):
        library.run("last", tokens("In the"), each)
    refuses(lambda: library.run("last", tokens(""), state), "expected at least one token")
    refuses(lambda: state.prefill([]), "0 tokens, expected at least one")
    one = tokens("I")["input_ids"]
    for which in (-1, 3, 7):
        refuses(lambda: library.try_("seq_prefill", state.handle, one.ctypes.data, 1, which, None),
                f"the value {which} for which logits, expected 0 to 2")
    assert library.run("forward", tokens(""), state)["logits"].shape == (1, 0, 256)
    assert np.array_equal(state.prefill(list(b" beginning")), other.prefill(list(b" beginning")))


def test_a_library_says_nothing(bible, tmp_path):
    """Errors are returned, not printed."""
    script = ("import sys, pathlib; sys.path.insert(0, sys.argv[1]); import seqlib\n"
              "try: seqlib.Library(sys.argv[2], weights='/nowhere')\n"
              "except seqlib.SeqError: print('told')")
    done = subprocess.run([sys.executable, "-c", script, ROOT / "bench", bible / "libbible.so"], capture_output=True,
                          text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "told\n", "")
