"""Each named layer against an independent formula: torch.nn's layers in double,
and the papers' formulas, written plainly, where torch has none. Every case runs
twice: the layer as it is, and what --seq-generalize makes of it."""

import numpy as np
import pytest
import torch

import seqtools

RNG = np.random.default_rng
FORMS = ["named", "general"]
TIMES = [1, 37]


class Layer:
    """A function with one layer, written from arrays: every array is an argument,
    the sequences' number of times is unknown in their types."""

    def __init__(self, dtype=np.float64):
        self.dtype, self.arrays, self.names, self.sequences = np.dtype(dtype), [], [], set()

    def add(self, name, array, sequence=False):
        self.arrays.append(np.ascontiguousarray(array, dtype=self.dtype))
        self.names.append(name)
        if sequence:
            self.sequences.add(name)
        return f"%{name}"

    def type_of(self, shape, sequence):
        sizes = [str(size) for size in shape]
        if sequence:
            sizes[1] = "?"
        return f"tensor<{'x'.join(sizes + [{'f8': 'f64', 'f4': 'f32'}[self.dtype.str[1:]]])}>"

    def type(self, name):
        return self.type_of(self.arrays[self.names.index(name)].shape, name in self.sequences)

    def operands(self, *names):
        """`%a, %b : type, type`, for the operands of one clause."""
        return f"{', '.join('%' + n for n in names)} : {', '.join(map(self.type, names))}"

    def optional(self, clause, name):
        return f" {clause}({self.operands(name)})" if name in self.names else ""

    def evaluate(self, folder, form, text, output, *states):
        """`text` up to the result types; the shapes of the output and the states."""
        types = [self.type_of(output, True)] + [self.type_of(shape, False) for shape in states]
        arguments = ", ".join(f"%{name}: {self.type(name)}" for name in self.names)
        values = ", ".join(f"%result{index}" for index in range(len(types)))
        source = (
            f"func.func @layer({arguments}) -> ({', '.join(types)}) {{\n"
            f"  {values} = {text} -> {', '.join(types)}\n"
            f"  return {values} : {', '.join(types)}\n}}\n"
        )
        if form == "general":
            source = seqtools.opt(source, "--seq-generalize", "--canonicalize", "--cse")
            assert "seq.recurrence" in source
        return seqtools.evaluate(folder, source, "layer", self.arrays, len(types))


def agree(actual, expected, tolerance=1e-12):
    for a, e in zip(actual, expected, strict=True):
        e = e.detach().numpy() if torch.is_tensor(e) else e
        assert a.shape == e.shape
        assert np.isfinite(a).all()
        assert np.abs(a - e).max(initial=0) <= tolerance * max(1.0, np.abs(e).max(initial=0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# --- RNN, LSTM, GRU ---------------------------------------------------------------


def torch_layer(layer, module, x, states, reverse):
    """A torch.nn layer's weights as arguments, and its results on x."""
    for name, key in [("w", "weight_ih_l0"), ("r", "weight_hh_l0"), ("b", "bias_ih_l0"),
                      ("br", "bias_hh_l0"), ("q", "weight_hr_l0")]:
        if hasattr(module, key):
            layer.add(name, getattr(module, key).detach().numpy())
    names = [layer.add(f"s{index}", state) for index, state in enumerate(states)]
    start = tuple(torch.from_numpy(state)[None] for state in states)
    steps = torch.from_numpy(x[:, ::-1].copy() if reverse else x)
    y, final = module(steps, start if len(start) > 1 else start[0])
    y = y.flip(1) if reverse else y
    finals = final if isinstance(final, tuple) else (final,)
    return names, [y] + [state[0] for state in finals]


def rnn_text(layer, mnemonic, reverse, states, attributes=""):
    return (
        f"seq.{mnemonic}{' reverse' if reverse else ''} ins({layer.operands('x')})"
        f" weights({layer.operands('w', 'r')})"
        + layer.optional("bias", "b") + layer.optional("recurrent_bias", "br")
        + layer.optional("projection", "q")
        + f" init({layer.operands(*[name[1:] for name in states])}) {attributes}"
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn(tmp_path, form, times, reverse, bias, activation):
    rng = RNG(1)
    module = torch.nn.RNN(5, 7, nonlinearity=activation, bias=bias, batch_first=True).double()
    layer = Layer()
    x, h = rng.standard_normal((2, times, 5)), rng.standard_normal((2, 7))
    layer.add("x", x, sequence=True)
    names, expected = torch_layer(layer, module, x, [h], reverse)
    text = rnn_text(layer, "rnn", reverse, names, f"{{activation = #seq<rnn_activation {activation}>}}")
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, h.shape), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("projection", [0, 3])
def test_lstm(tmp_path, form, times, reverse, bias, projection):
    rng = RNG(2)
    module = torch.nn.LSTM(5, 7, proj_size=projection, bias=bias, batch_first=True).double()
    layer = Layer()
    x = rng.standard_normal((2, times, 5))
    h, c = rng.standard_normal((2, projection or 7)), rng.standard_normal((2, 7))
    layer.add("x", x, sequence=True)
    names, expected = torch_layer(layer, module, x, [h, c], reverse)
    text = rnn_text(layer, "lstm", reverse, names)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, h.shape, c.shape), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_gru(tmp_path, form, times, reverse, bias):
    rng = RNG(3)
    module = torch.nn.GRU(5, 7, bias=bias, batch_first=True).double()
    layer = Layer()
    x, h = rng.standard_normal((2, times, 5)), rng.standard_normal((2, 7))
    layer.add("x", x, sequence=True)
    names, expected = torch_layer(layer, module, x, [h], reverse)
    text = rnn_text(layer, "gru", reverse, names)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, h.shape), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("biases", [[], ["b"], ["br"], ["b", "br"]])
def test_gru_reset_before(tmp_path, form, biases):
    """Cho et al., equations (5) to (8), with biases."""
    rng = RNG(4)
    layer = Layer()
    x, h0 = rng.standard_normal((2, 37, 5)), rng.standard_normal((2, 7))
    w, r = rng.standard_normal((3, 7, 5)), rng.standard_normal((3, 7, 7))
    vectors = {name: rng.standard_normal((3, 7)) for name in biases}
    b = sum(vectors.values(), np.zeros((3, 7)))
    layer.add("x", x, sequence=True)
    layer.add("w", w.reshape(21, 5))
    layer.add("r", r.reshape(21, 7))
    for name, vector in vectors.items():
        layer.add(name, vector.reshape(21))
    layer.add("h", h0)
    y, h = np.zeros((2, 37, 7)), h0
    for t in range(37):
        reset = sigmoid(x[:, t] @ w[0].T + h @ r[0].T + b[0])
        update = sigmoid(x[:, t] @ w[1].T + h @ r[1].T + b[1])
        new = np.tanh(x[:, t] @ w[2].T + (reset * h) @ r[2].T + b[2])
        h = y[:, t] = update * h + (1 - update) * new
    text = rnn_text(layer, "gru", False, ["%h"], "{reset_before}")
    agree(layer.evaluate(tmp_path, form, text, y.shape, h.shape), [y, h])


# --- linear attention -------------------------------------------------------------


def linear_attention(rule, q, k, v, g, beta, state, scale):
    """The rules as ONNX LinearAttention-27 states them, one head and one time
    after the other; head h of H reads head h * Hx // H of an operand with Hx."""
    batches, times = q.shape[:2]
    heads = state.shape[1]
    state = state.copy()
    y = np.zeros((batches, times, heads, v.shape[3]))
    for n, t, h in np.ndindex(batches, times, heads):
        def of(x):
            return x[n, t, h * x.shape[2] // heads]
        s = state[n, h]
        if rule in ("gated", "gated_delta"):
            s = np.exp(of(g)).reshape(-1, 1) * s
        value = of(v)
        if rule in ("delta", "gated_delta"):
            value = of(beta) * (value - s.T @ of(k))
        state[n, h] = s + np.outer(of(k), value)
        y[n, t, h] = scale * state[n, h].T @ of(q)
    return y, state


def linear_attention_case(rng, rule, times, counts, per_channel, dtype=np.float64):
    """A layer with 6 key and 5 value channels; counts: heads of q, k, v, g, beta."""
    hq, hk, hv, hd, hb = counts
    layer = Layer(dtype)
    q = rng.standard_normal((2, times, hq, 6))
    k = rng.standard_normal((2, times, hk, 6))
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    v = rng.standard_normal((2, times, hv, 5))
    arrays = {"q": q, "k": k, "v": v}
    heads = max(hq, hk, hv)
    if rule in ("gated", "gated_delta"):
        arrays["g"] = -rng.exponential(size=(2, times, hd) + ((6,) if per_channel else ()))
        heads = max(heads, hd)
    if rule in ("delta", "gated_delta"):
        arrays["beta"] = rng.uniform(size=(2, times, hb))
        heads = max(heads, hb)
    for name, array in arrays.items():
        layer.add(name, array, sequence=True)
    state = rng.standard_normal((2, heads, 6, 5))
    layer.add("s", state)
    text = (
        f"seq.linear_attention {rule} ins({layer.operands('q', 'k', 'v')})"
        + layer.optional("decay", "g") + layer.optional("beta", "beta")
        + f" init({layer.operands('s')}) scale 0.375"
    )
    y, final = linear_attention(rule, q, k, v, arrays.get("g"), arrays.get("beta"), state, 0.375)
    return layer, text, [y, final]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_linear_attention(tmp_path, form, times, rule, per_channel):
    layer, text, expected = linear_attention_case(RNG(5), rule, times, (3, 3, 3, 3, 3), per_channel)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("counts", [
    (1, 1, 1, 1, 1),
    (1, 1, 6, 6, 6),
    (80, 20, 20, 20, 20),
    (1, 2, 6, 12, 1),
    (2, 4, 1, 8, 16),
    (3, 1, 1, 1, 3),
])
def test_linear_attention_shares_heads(tmp_path, form, per_channel, counts):
    layer, text, expected = linear_attention_case(RNG(6), "gated_delta", 3, counts, per_channel)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape), expected)


# --- selective scan, causal convolution -------------------------------------------


def selective_scan_case(rng, times, optional, dtype=np.float64):
    batch, channels, states = 2, 5, 3
    layer = Layer(dtype)
    x, delta = rng.standard_normal((2, batch, times, channels))
    b, c = rng.standard_normal((2, batch, times, states))
    if "softplus" not in optional:
        delta = np.abs(delta)
    a = -rng.exponential(size=(channels, states)) * 3
    s = s0 = rng.standard_normal((batch, channels, states))
    for name, array in [("x", x), ("delta", delta)]:
        layer.add(name, array, sequence=True)
    layer.add("a", a)
    for name, array in [("b", b), ("c", c)]:
        layer.add(name, array, sequence=True)
    skip = rng.standard_normal(channels) if "skip" in optional else np.zeros(channels)
    bias = rng.standard_normal(channels) * 30 if "bias" in optional else np.zeros(channels)
    gate = rng.standard_normal((batch, times, channels)) * 10
    if "skip" in optional:
        layer.add("d", skip)
    if "gate" in optional:
        layer.add("z", gate, sequence=True)
    if "bias" in optional:
        layer.add("bias", bias)
    layer.add("s", s0)
    text = (
        f"seq.selective_scan ins({layer.operands('x', 'delta', 'a', 'b', 'c')})"
        + layer.optional("skip", "d") + layer.optional("gate", "z")
        + layer.optional("delta_bias", "bias")
        + f" init({layer.operands('s')}) {{{'delta_softplus' if 'softplus' in optional else ''}}}"
    )
    y = np.zeros((batch, times, channels))
    for t in range(times):
        step = delta[:, t] + bias
        if "softplus" in optional:
            step = np.logaddexp(0, step)
        step = step[:, :, None]
        s = np.exp(step * a) * s + step * x[:, t, :, None] * b[:, t, None, :]
        y[:, t] = np.einsum("bcn,bn->bc", s, c[:, t]) + skip * x[:, t]
        if "gate" in optional:
            y[:, t] *= gate[:, t] * sigmoid(gate[:, t])
    return layer, text, [y, s]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("optional", [
    (), ("softplus",), ("skip",), ("gate",), ("bias", "softplus"), ("softplus", "skip", "gate", "bias"),
], ids="-".join)
def test_selective_scan(tmp_path, form, times, optional):
    layer, text, expected = selective_scan_case(RNG(7), times, optional)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape), expected)


def causal_conv_case(rng, times, taps, bias, activation, dtype=np.float64):
    layer = Layer(dtype)
    x = rng.standard_normal((2, times, 5))
    w, b = rng.standard_normal((5, taps)), rng.standard_normal(5) * bias
    window = rng.standard_normal((2, taps - 1, 5))
    layer.add("x", x, sequence=True)
    layer.add("w", w)
    if bias:
        layer.add("b", b)
    layer.add("s", window)
    text = (
        f"seq.causal_conv ins({layer.operands('x')}) weights({layer.operands('w')})"
        + layer.optional("bias", "b")
        + f" init({layer.operands('s')}) {{activation = #seq<conv_activation {activation}>}}"
    )
    padded = np.concatenate([window, x], axis=1)
    if times:
        y = torch.nn.functional.conv1d(
            torch.from_numpy(padded).transpose(1, 2), torch.from_numpy(w)[:, None],
            torch.from_numpy(b), groups=5).transpose(1, 2)
    else:
        y = torch.zeros((2, 0, 5))
    if activation == "silu":
        y = torch.nn.functional.silu(y)
    return layer, text, [y.numpy(), padded[:, times:]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", [0, 1, 2, 37])
@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["none", "silu"])
def test_causal_conv(tmp_path, form, times, taps, bias, activation):
    layer, text, expected = causal_conv_case(RNG(8), times, taps, bias, activation)
    agree(layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape), expected)


# --- what holds for all -----------------------------------------------------------

CASES = {
    "linear_attention": lambda times, dtype: linear_attention_case(
        RNG(9), "gated_delta", times, (1, 2, 4, 4, 4), False, dtype),
    "selective_scan": lambda times, dtype: selective_scan_case(
        RNG(10), times, ("softplus", "skip", "gate", "bias"), dtype),
    "causal_conv": lambda times, dtype: causal_conv_case(RNG(11), times, 4, True, "silu", dtype),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_no_times(tmp_path, form, name):
    """T = 0: an empty output and the initial state."""
    layer, text, expected = CASES[name](0, np.float64)
    y, state = layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape)
    assert y.shape == expected[0].shape and y.size == 0
    assert (state == layer.arrays[layer.names.index("s")]).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_single_precision(tmp_path, form, name):
    layer, text, expected = CASES[name](37, np.float32)
    actual = layer.evaluate(tmp_path, form, text, expected[0].shape, expected[1].shape)
    agree(actual, expected, tolerance=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_state_carries_on(tmp_path, name):
    """The first 20 times, then the other 17 from the state: the same as all 37."""
    layer, text, expected = CASES[name](37, np.float64)
    parts, whole = [], list(layer.arrays)
    for times in (slice(0, 20), slice(20, 37)):
        layer.arrays = [array[:, times] if argument in layer.sequences else array
                        for argument, array in zip(layer.names, whole)]
        output = (2, layer.arrays[0].shape[1], *expected[0].shape[2:])
        y, state = layer.evaluate(tmp_path, "named", text, output, expected[1].shape)
        parts.append(y)
        whole[layer.names.index("s")] = state
    agree([np.concatenate(parts, axis=1), state], expected)
