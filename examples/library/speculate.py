"""Greedy generation that guesses: what followed the last bytes before is tried, several
bytes in one call, and the model goes back to where the guess was wrong. The text is
that of plain greedy generation.

    seq-compile examples/bible-lm/model --emit=shared -o libbible.so
    python3 examples/library/speculate.py ./libbible.so "In the beginning" 200
"""

import ctypes
import sys

import numpy as np

API_VERSION = 0x10000
LAST, ALL = 1, 2
GUESS = 5  # bytes at a time
POINTER = ctypes.c_void_p


class Error(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 1024)]


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32), ("shape", ctypes.c_int64 * 8),
                ("data", ctypes.c_void_p)]


class Options(ctypes.Structure):
    _fields_ = [("weights", ctypes.c_char_p), ("source", ctypes.c_uint64), ("threads", ctypes.c_int32),
                ("reserved", ctypes.c_int32 * 5)]


SIGNATURES = {
    "seq_open": (POINTER, [ctypes.c_uint32, POINTER, POINTER]),
    "seq_close": (None, [POINTER]),
    "seq_create": (POINTER, [POINTER, ctypes.c_int64, POINTER]),
    "seq_free": (None, [POINTER]),
    "seq_prefill": (ctypes.c_bool, [POINTER, POINTER, ctypes.c_int64, ctypes.c_int32, POINTER, POINTER]),
    "seq_take_snapshot": (POINTER, [POINTER, POINTER]),
    "seq_rollback": (ctypes.c_bool, [POINTER, POINTER, POINTER]),
    "seq_free_snapshot": (None, [POINTER]),
}


class Stream:
    """One model and one stream of it."""

    def __init__(self, path, capacity, threads=1):
        self.library = ctypes.CDLL(path)
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments
        self.model = self.call("seq_open", API_VERSION, ctypes.byref(Options(threads=threads)))
        self.stream = self.call("seq_create", self.model, capacity)

    def call(self, name, *arguments):
        error = Error()
        result = getattr(self.library, name)(*arguments, ctypes.byref(error))
        if not result:
            raise RuntimeError(error.message.decode(errors="replace"))
        return result

    def prefill(self, tokens, which):
        """The logits after the last token, or after each: [count, vocabulary]."""
        tokens, logits = np.asarray(tokens, np.int64), Tensor()
        self.call("seq_prefill", self.stream, tokens.ctypes.data, len(tokens), which, ctypes.byref(logits))
        vocabulary = logits.shape[logits.rank - 1]
        count = len(tokens) if which == ALL else 1
        memory = (ctypes.c_float * (count * vocabulary)).from_address(logits.data)
        return np.frombuffer(memory, np.float32).reshape(count, vocabulary).copy()

    def close(self):
        self.library.seq_free(self.stream)
        self.library.seq_close(self.model)


def guess(text):
    """What followed the last four bytes the last time."""
    found = text.rfind(text[-4:], 0, len(text) - 1)
    return text[found + 4:found + 4 + GUESS] if found >= 0 else b""


def generate(stream, prompt, count):
    """The new bytes, and how many of them were guessed."""
    text, right = bytes(prompt), 0
    after = stream.prefill(list(text), LAST)[-1]
    while len(text) < len(prompt) + count:
        following = bytes([int(after.argmax())])
        tried = following + guess(text + following)
        snapshot = stream.call("seq_take_snapshot", stream.stream)
        logits = stream.prefill(list(tried), ALL)
        # Byte i of the guess is right if the model says so after those before it.
        good = 1
        while good < len(tried) and logits[good - 1].argmax() == tried[good]:
            good += 1
        after = logits[good - 1]
        if good < len(tried):
            stream.call("seq_rollback", stream.stream, snapshot)
            after = stream.prefill(list(tried[:good]), LAST)[-1]
        stream.library.seq_free_snapshot(snapshot)
        text, right = text + tried[:good], right + good - 1
    return text[len(prompt):len(prompt) + count], right


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: speculate.py LIBRARY TEXT COUNT")
    prompt, count = sys.argv[2].encode(), int(sys.argv[3])
    stream = Stream(sys.argv[1], capacity=len(prompt) + count + 2 * GUESS)
    text, right = generate(stream, prompt, count)
    stream.close()
    sys.stdout.write(text.decode(errors="replace"))
    print(f"guessed: {right} of {count} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
