"""--seq-wavefront on stacks and bidirectional layers: before and after, in the
reference evaluator, states handed in and out."""

import numpy as np
import pytest

import seqtools

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
GENERAL = ["--seq-generalize", "--canonicalize", "--cse"]
HOISTED = [*GENERAL, "--seq-hoist", "--canonicalize", "--cse"]
SIZE, BATCH = 20, 2
SEQUENCE, STATE = f"tensor<{BATCH}x?x{SIZE}xf64>", f"tensor<{BATCH}x{SIZE}xf64>"


class Function:
    """A function of layers as wide as its input, with random weights and states."""

    def __init__(self):
        self.rng = np.random.default_rng(1)
        self.arguments, self.arrays, self.lines, self.results = [f"%x: {SEQUENCE}"], [], [], []

    def argument(self, shape):
        name = f"%a{len(self.arrays)}"
        self.arrays.append(0.4 * self.rng.standard_normal(shape))
        type_ = f"tensor<{'x'.join(map(str, shape))}xf64>"
        self.arguments.append(f"{name}: {type_}")
        return name, type_

    def layer(self, kind, x, reverse=False):
        (w, weights), (r, _), (b, bias) = (self.argument(shape) for shape in
                                           [(GATES[kind] * SIZE, SIZE)] * 2 + [(GATES[kind] * SIZE,)])
        states = [self.argument((BATCH, SIZE))[0] for _ in range(2 if kind == "lstm" else 1)]
        n = len(self.lines)
        values = [f"%y{n}"] + [f"%s{n}_{i}" for i in range(len(states))]
        types = ", ".join([STATE] * len(states))
        self.lines.append(
            f"{', '.join(values)} = seq.{kind}{' reverse' if reverse else ''} ins({x} : {SEQUENCE})"
            f" weights({w}, {r} : {weights}, {weights}) bias({b} : {bias}) init({', '.join(states)} : {types})"
            f" -> {SEQUENCE}, {types}")
        self.results += [(value, STATE) for value in values[1:]]
        return values[0]

    def op(self, text):
        self.lines.append(f"%e{len(self.lines)} = {text} : {SEQUENCE}")
        return f"%e{len(self.lines) - 1}"

    def source(self, *outputs):
        results = [(value, SEQUENCE) for value in outputs] + self.results
        types = ", ".join(t for _, t in results)
        self.count = len(results)
        body = "".join(f"  {line}\n" for line in self.lines)
        return (f"func.func @f({', '.join(self.arguments)}) -> ({types}) {{\n{body}"
                f"  return {', '.join(v for v, _ in results)} : {types}\n}}\n")


def check(folder, function, source, passes, recurrences, times=(0, 1, 2, 7)):
    before = seqtools.opt(source, *passes)
    after = seqtools.opt(before, "--seq-wavefront", "--canonicalize", "--cse")
    assert after.count("seq.recurrence") == recurrences, after
    for count in times:
        x = function.rng.standard_normal((BATCH, count, SIZE))
        a, b = (seqtools.evaluate(folder, text, "f", [x, *function.arrays], function.count) for text in (before, after))
        for one, other in zip(a, b, strict=True):
            assert one.shape == other.shape and np.abs(one - other).max(initial=0) <= 1e-12


@pytest.mark.parametrize("lower, upper, passes", [
    ("rnn", "rnn", GENERAL), ("rnn", "rnn", HOISTED), ("lstm", "lstm", GENERAL), ("lstm", "lstm", HOISTED),
    ("gru", "gru", GENERAL), ("gru", "lstm", HOISTED), ("lstm", "gru", GENERAL)])
def test_stack(tmp_path, lower, upper, passes):
    f = Function()
    y = f.layer(lower, "%x")
    z = f.layer(upper, y)
    check(tmp_path, f, f.source(z, y), passes, 3)


def test_longer(tmp_path):
    f = Function()
    z = f.layer("gru", f.layer("gru", "%x"))
    check(tmp_path, f, f.source(z), GENERAL, 3, times=[37])


def test_operations_between(tmp_path):
    """tanh(y) + x, where x comes from outside of the layer below."""
    f = Function()
    y = f.op(f"math.tanh {f.layer('gru', '%x')}")
    z = f.layer("lstm", f.op(f"arith.addf {y}, %x"))
    check(tmp_path, f, f.source(z), GENERAL, 3)
    check(tmp_path, f, f.source(z), HOISTED, 3)


def test_three_layers(tmp_path):
    f = Function()
    z = f.layer("lstm", f.layer("rnn", f.layer("gru", "%x")))
    check(tmp_path, f, f.source(z), GENERAL, 4)


@pytest.mark.parametrize("passes", [GENERAL, HOISTED], ids=["general", "hoisted"])
@pytest.mark.parametrize("kind", GATES)
def test_bidirectional(tmp_path, kind, passes):
    f = Function()
    y, z = f.layer(kind, "%x"), f.layer(kind, "%x", reverse=True)
    check(tmp_path, f, f.source(y, z), passes, 1)


def test_bidirectional_stack(tmp_path):
    f, x = Function(), "%x"
    for _ in range(2):
        y, z = f.layer("lstm", x), f.layer("gru", x, reverse=True)
        x = f.op(f"arith.addf {y}, {z}")
    check(tmp_path, f, f.source(x), GENERAL, 2)


def test_both_backwards(tmp_path):
    f = Function()
    y, z = f.layer("rnn", "%x", reverse=True), f.layer("gru", "%x", reverse=True)
    check(tmp_path, f, f.source(y, z), GENERAL, 1)


def test_left_alone(tmp_path):
    """A stack that runs backwards, and a layer that begins with another's last state."""
    f = Function()
    z = f.layer("rnn", f.layer("rnn", "%x", reverse=True), reverse=True)
    check(tmp_path, f, f.source(z), GENERAL, 2)
    f = Function()
    y = f.layer("rnn", "%x")
    z = f.layer("rnn", y)
    last = f.lines[0].split(" = ")[0].split(", ")[1]
    f.lines[1] = f.lines[1].replace("init(%a7", f"init({last}")
    assert last in f.lines[1]
    check(tmp_path, f, f.source(z), GENERAL, 2)
