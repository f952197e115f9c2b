"""Every named layer, and seq.scan, compiled, against the reference evaluator on random inputs of odd sizes."""

import numpy as np
import pytest

import agreement
import seqtools

TIMES = [1, 37]


def sequence(*sizes):
    return f"tensor<{sizes[0]}x?x{'x'.join(map(str, sizes[1:]))}xf32>"


def tensor(*sizes):
    return f"tensor<{'x'.join(map(str, sizes))}xf32>"


class Case:
    """One layer: clauses with {name} for operands, and what each operand is like."""

    def __init__(self, text, operands, results, typed=True):
        self.text, self.operands, self.results, self.typed = text, operands, results, typed

    def source(self):
        arguments = ", ".join(f"%{name}: {kind}" for name, (kind, _) in self.operands.items())
        values = ", ".join(f"%r{index}" for index in range(len(self.results)))
        kinds = ", ".join(self.results)
        text = self.text
        for name, (kind, _) in self.operands.items():
            text = text.replace(f"[{name}]", kind)
        text += f" -> {kinds}" if self.typed else ""
        return (f"func.func @layer({arguments}) -> ({kinds}) {{\n  {values} = {text}\n"
                f"  return {values} : {kinds}\n}}\n")

    def inputs(self, times):
        rng = np.random.default_rng(times)
        arrays = {}
        for index, (kind, draw) in enumerate(self.operands.values()):
            sizes = [times if size == "?" else int(size) for size in kind[7:-1].split("x")[:-1]]
            arrays[f"arg{index}"] = draw(rng.standard_normal(sizes)).astype(np.float32)
        return arrays


def plain(x):
    return x


def small(x):
    return 0.2 * x


def negative(x):
    return -np.abs(x)


def share(x):
    return 1 / (1 + np.exp(-x))


def recurrent(kind, batch, size, hidden, attributes="", reverse=""):
    """RNN, LSTM or GRU with both biases."""
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    state = tensor(batch, hidden)
    states = {"h": (state, plain)} | ({"c": (state, plain)} if kind == "lstm" else {})
    names = ", ".join("%" + name for name in states)
    text = (f"seq.{kind} {reverse} ins(%x : [x]) weights(%w, %r : [w], [r]) bias(%b : [b]) recurrent_bias(%d : [d])"
            f" init({names} : {', '.join([state] * len(states))}) {attributes}")
    operands = {"x": (sequence(batch, size), plain), "w": (tensor(gates * hidden, size), small),
                "r": (tensor(gates * hidden, hidden), small), "b": (tensor(gates * hidden), plain),
                "d": (tensor(gates * hidden), plain)} | states
    return Case(text, operands, [sequence(batch, hidden)] + [state] * len(states))


def projected(batch, size, hidden, output):
    text = ("seq.lstm ins(%x : [x]) weights(%w, %r : [w], [r]) projection(%q : [q]) init(%h, %c : [h], [c])")
    operands = {"x": (sequence(batch, size), plain), "w": (tensor(4 * hidden, size), small),
                "r": (tensor(4 * hidden, output), small), "q": (tensor(output, hidden), small),
                "h": (tensor(batch, output), plain), "c": (tensor(batch, hidden), plain)}
    return Case(text, operands, [sequence(batch, output), tensor(batch, output), tensor(batch, hidden)])


def linear_attention(rule, query_heads, key_heads, heads, key_size, size, decay=None, beta=False):
    state = tensor(1, max(query_heads, key_heads, heads), key_size, size)
    largest = max(query_heads, key_heads, heads)
    operands = {"q": (sequence(1, query_heads, key_size), small), "k": (sequence(1, key_heads, key_size), small),
                "v": (sequence(1, heads, size), plain)}
    text = f"seq.linear_attention {rule} ins(%q, %k, %v : [q], [k], [v])"
    if decay:
        operands["d"] = (sequence(1, largest, key_size) if decay == "channel" else sequence(1, largest), negative)
        text += " decay(%d : [d])"
    if beta:
        operands["b"] = (sequence(1, largest), share)
        text += " beta(%b : [b])"
    operands["s"] = (state, plain)
    return Case(text + " init(%s : [s]) scale 0.5", operands, [sequence(1, largest, size), state])


def selective_scan(channels, states, batch=1):
    text = ("seq.selective_scan ins(%x, %delta, %a, %b, %c : [x], [delta], [a], [b], [c]) skip(%skip : [skip])"
            " gate(%gate : [gate]) delta_bias(%bias : [bias]) init(%s : [s]) {delta_softplus}")
    wide, narrow = sequence(batch, channels), sequence(batch, states)
    operands = {"x": (wide, plain), "delta": (wide, plain), "a": (tensor(channels, states), negative),
                "b": (narrow, plain), "c": (narrow, plain), "skip": (tensor(channels), plain), "gate": (wide, plain),
                "bias": (tensor(channels), plain), "s": (tensor(batch, channels, states), plain)}
    return Case(text, operands, [wide, tensor(batch, channels, states)])


def causal_conv(channels, taps, batch=1):
    text = ("seq.causal_conv ins(%x : [x]) weights(%w : [w]) bias(%b : [b]) init(%s : [s])"
            " {activation = #seq<conv_activation silu>}")
    state = tensor(batch, taps - 1, channels)
    operands = {"x": (sequence(batch, channels), plain), "w": (tensor(channels, taps), plain),
                "b": (tensor(channels), plain), "s": (state, plain)}
    return Case(text, operands, [sequence(batch, channels), state])


def scan(size, clause="", initial=False):
    """The composition of affine maps, (a1, b1) then (a2, b2)."""
    slices = tensor(2, size)
    text = (f"seq.scan along 1 {clause} ins(%a, %b : [a], [b]) "
            + (f"init(%e, %z : [e], [z]) " if initial else "")
            + f"{{\n  ^bb0(%a1: {slices}, %b1: {slices}, %a2: {slices}, %b2: {slices}):\n"
            f"    %0 = arith.mulf %a1, %a2 : {slices}\n    %1 = arith.mulf %a2, %b1 : {slices}\n"
            f"    %2 = arith.addf %1, %b2 : {slices}\n    seq.yield %0, %2 : {slices}, {slices}\n  }}")
    operands = {"a": (sequence(2, size), plain), "b": (sequence(2, size), plain)}
    if initial:
        operands |= {"e": (slices, plain), "z": (slices, plain)}
    return Case(text, operands, [sequence(2, size)] * 2 + [slices] * 2 * initial, typed=False)


CASES = {
    "rnn": recurrent("rnn", 1, 12, 33),
    "rnn_relu": recurrent("rnn", 2, 5, 20, "{activation = #seq<rnn_activation relu>}"),
    "lstm": recurrent("lstm", 1, 7, 20),
    "lstm_reverse": recurrent("lstm", 3, 16, 33, reverse="reverse"),
    "lstm_rows": recurrent("lstm", 17, 9, 80),
    "lstm_projection": projected(2, 9, 20, 7),
    "gru": recurrent("gru", 1, 7, 20),
    "gru_reset_before": recurrent("gru", 2, 7, 33, "{reset_before}"),
    "gru_reverse": recurrent("gru", 5, 8, 80, reverse="reverse"),
    "linear": linear_attention("linear", 2, 2, 2, 20, 20),
    "linear_groups": linear_attention("linear", 4, 2, 2, 16, 33),
    "gated": linear_attention("gated", 3, 3, 3, 20, 20, "head"),
    "gated_channels": linear_attention("gated", 1, 1, 1, 80, 33, "channel"),
    "delta": linear_attention("delta", 2, 2, 2, 20, 80, None, True),
    "gated_delta": linear_attention("gated_delta", 2, 2, 4, 20, 20, "head", True),
    "gated_delta_channels": linear_attention("gated_delta", 2, 2, 2, 33, 20, "channel", True),
    "selective_scan": selective_scan(20, 16),
    "selective_scan_batch": selective_scan(80, 5, 2),
    "causal_conv": causal_conv(33, 4),
    "causal_conv_batch": causal_conv(20, 2, 3),
    "causal_conv_one_tap": causal_conv(16, 1),
    "scan": scan(20),
    "scan_exclusive_reverse": scan(33, "reverse exclusive", True),
    "scan_from": scan(20, "", True),
}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_evaluator(build, tmp_path, name, times):
    case = CASES[name]
    file = tmp_path / "layer.mlir"
    file.write_text(case.source())
    program = build(name, lambda _: file)
    inputs, outputs = case.inputs(times), [f"result{index}" for index in range(len(case.results))]
    expected = seqtools.evaluate_file(file, "layer", inputs, outputs, "--double")
    for threads in (1, 2):
        ours = program.run(inputs, outputs, threads=threads)
        for output in outputs:
            double = expected[output]
            agreement.agrees(ours[output], double, double.astype(np.float32))
