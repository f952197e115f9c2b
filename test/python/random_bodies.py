"""Random recurrences, affine and nonlinear ones, as .mlir text.

    python random_bodies.py SEED INDEX      prints one

`make(seed, index)` is a Body: its structure, spelling, sizes and the range of its decays
are drawn from (seed, index) alone. `make(…, small=True)` is the same structure with the
smallest sizes, for a report.
"""

import dataclasses
import sys

import numpy as np

from stepbuilder import StepBuilder, Value, draw

SIZES = [1, 2, 3, 5, 8, 20]
TIMES = [0, 1, 2, 7, 16, 37]


@dataclasses.dataclass
class Body:
    name: str
    shape: str         # the family of bodies it was drawn from
    affine: bool
    source: str        # one function
    arguments: list
    along: int
    reverse: bool
    static: bool       # the number of times is known
    times: int
    regime: str
    seed: tuple
    outputs: int       # the number of output sequences
    state_arguments: list  # names; their last values are results, after the outputs
    batches: list      # of each result, the dimension that is the batch, or None

    @property
    def handed(self):
        """Whether all states are arguments and results."""
        return bool(self.state_arguments)

    def inputs(self, times=None, dtype=np.float64):
        rng = np.random.default_rng([*self.seed, 1])
        times = self.times if times is None else times
        arrays = [draw(rng, argument, times, self.regime) for argument in self.arguments]
        return [a if a.dtype == bool else a.astype(dtype) for a in arrays]


# --- coefficients -----------------------------------------------------------------

def sigmoid(b, x, letters=None):
    e = b.apply("exp", b.apply("neg", x))
    return b.apply("div", 1.0, b.apply("add", e, 1.0), letters=letters or x.letters)


def softplus(b, x):
    if b.flip():
        return b.apply("log1p", b.apply("exp", x))
    tail = b.apply("log1p", b.apply("exp", b.apply("neg", b.apply("abs", x))))
    return b.apply("add", b.apply("max", x, 0.0), tail)


def subset(b, lead, letters):
    return lead + "".join(letter for letter in letters if b.flip())


def log_decay(b, letters, weight=False):
    """Not positive, and mostly seen to be so."""
    make = b.weight if weight else b.sequence
    raw = make(letters, "log decay")
    kind = b.pick("minimum", "absolute", "exponential", "exponential", "unknown")
    if kind == "minimum":
        return b.apply("min", raw, 0.0)
    if kind == "absolute":
        return b.apply("neg", b.apply("abs", raw))
    if kind == "exponential":
        # -exp(-x), from about 0 to -3, as Mamba's A = -exp(A_log)
        return b.apply("neg", b.apply("exp", b.apply("neg", make(letters, "positive"))))
    return raw


def decay(b, lead, letters):
    """A coefficient of some of `letters`."""
    some = subset(b, lead, letters)
    kind = b.pick("exp", "exp outside", "softplus", "mamba", "sigmoid", "constant", "invariant", "scalar weight",
                  "one minus", "product", "min", "unproven")
    if kind == "exp":
        return b.apply("exp", log_decay(b, some))
    if kind == "exp outside":
        return b.sequence(some, "log decay", outside="exp")
    if kind == "softplus":
        # exp(-softplus(-x)) = sigmoid(x)
        return b.apply("exp", b.apply("neg", softplus(b, b.apply("neg", b.sequence(some, "logit")))))
    if kind == "mamba":
        delta = softplus(b, b.sequence(lead))
        rate = log_decay(b, letters or lead, weight=True)
        return b.apply("exp", b.apply("mul", delta, rate, letters=lead + letters if letters else lead))
    if kind == "sigmoid":
        return sigmoid(b, b.sequence(some, "logit"))
    if kind == "constant":
        return b.constant(b.pick(0.9, 1 - 1e-7, 0.5, 1e-30, 0.0), some)
    if kind == "invariant":
        return b.weight(some, "decay")
    if kind == "scalar weight":
        return b.apply("exp", log_decay(b, some, weight=True))
    if kind == "one minus":
        return b.apply("sub", 1.0, sigmoid(b, b.sequence(some, "normal")))
    if kind == "product":
        return b.apply("mul", b.apply("exp", log_decay(b, lead)), sigmoid(b, b.sequence(some, "logit")), letters=some)
    if kind == "min":
        return b.apply("min", b.apply("abs", b.sequence(some, "normal")), 1.0)
    return b.sequence(some, "unproven")


def decayed(b, lead, letters, state, before=None):
    """The state, forgotten in part."""
    value = before or state
    for _ in range(b.pick(0, 1, 1, 1, 2)):
        how = b.pick("times", "times", "times", "over", "where", "minus")
        if how == "times":
            value = b.apply("mul", *b.pick((decay(b, lead, letters), value), (value, decay(b, lead, letters)))[::b.pick(1, -1)],
                            letters=state.letters)
        elif how == "over":
            value = b.apply("div", value, b.apply("add", b.apply("abs", b.sequence(subset(b, lead, letters))), 1.0),
                            letters=state.letters)
        elif how == "where":
            mask = b.sequence(subset(b, lead, letters), "mask", "i1")
            parts = (mask, 0.0, value) if b.flip() else (mask, value, 0.0)
            value = b.apply("select", *parts, letters=state.letters)
        else:
            # s - z s
            z = sigmoid(b, b.sequence(subset(b, lead, letters), "normal"))
            value = b.apply("sub", value, b.apply("mul", z, value, letters=state.letters))
    return value


def added(b, lead, letters, state):
    """Something free of the state: a sequence, an outer product, a share of it."""
    kind = b.pick("plain", "outer", "gated", "projected", "none of it", "weighted")
    if kind == "outer" and letters:
        cut = b.rng.integers(len(letters) + 1)
        k, v = b.sequence(lead + letters[:cut]), b.sequence(lead + letters[cut:])
        return b.product(state.letters, k, v)
    if kind == "gated":
        z = sigmoid(b, b.sequence(subset(b, lead, letters)))
        return b.apply("mul", z, b.sequence(state.letters if b.along == 0 else lead + letters), letters=state.letters)
    if kind == "projected" and letters:
        new = b.letter(b.pick(1, 3, 4))
        return b.product(state.letters, b.sequence(lead + new), b.weight(new + letters, "fan"))
    if kind == "none of it":
        return b.constant(0.25, state.letters)
    if kind == "weighted" and letters:
        return b.apply("mul", b.sequence(lead), b.weight(letters), letters=state.letters)
    return b.apply("mul", b.sequence(lead + letters), 1.0, letters=state.letters)


def total(b, kept, new):
    return b.apply("add", *((kept, new) if b.flip() else (new, kept)), letters=kept.letters)


def read(b, lead, letters, before, after):
    """Some outputs of the state before or after the update."""
    for _ in range(b.pick(1, 1, 1, 2)):
        value = b.pick(after, after, before)
        kind = b.pick("itself", "itself", "query", "query", "weights", "gate", "sum", "nonlinear", "skip")
        if kind == "query" and letters:
            over = letters[b.rng.integers(len(letters))]
            q = b.sequence(lead + over)
            out = lead + letters.replace(over, "")
            value = b.product(out, *((q, value) if b.flip() else (value, q)))
            if b.flip(0.3):
                value = b.apply("tanh", value)
        elif kind == "weights" and letters:
            over = letters[b.rng.integers(len(letters))]
            value = b.product(lead + letters.replace(over, ""), value, b.weight(over, "small"))
        elif kind == "gate":
            value = b.apply("mul", value, b.apply("tanh", b.sequence(subset(b, lead, letters))), letters=value.letters)
        elif kind == "sum" and before != after:
            value = b.apply("add", before, after)
        elif kind == "nonlinear":
            value = b.apply("mul", b.apply("tanh", value), value)
        elif kind == "skip":
            value = b.apply("add", value, b.sequence(lead + letters), letters=value.letters)
        b.output(b.apply("mul", value, 1.0) if value in (before, after) and b.flip(0.3) else value)


def order(b, lead, letters):
    """The letters of a state: with the leading ones first, or in any order."""
    letters = lead + letters
    return "".join(b.rng.permutation(list(letters))) if letters and b.flip(0.2) else letters


# --- bodies: (builder, lead, initial) -------------------------------------------------

def diagonal(b, lead, initial):
    letters = b.pick("", "c", "c", "kv", "kv")
    s = b.state(order(b, lead, letters), initial)
    new = total(b, decayed(b, lead, letters, s), added(b, lead, letters, s))
    b.next(s, new)
    read(b, lead, letters, s, new)


def several(b, lead, initial):
    """Two diagonal states; the second may read the first, old or new."""
    s, z = b.state(lead + "c", initial), b.state(lead + "c", initial)
    s1 = total(b, decayed(b, lead, "c", s), added(b, lead, "c", s))
    z1 = total(b, decayed(b, lead, "c", z), b.pick(added(b, lead, "c", z), s, s1))
    b.next(s, s1)
    b.next(z, z1)
    read(b, lead, "c", z, z1)
    read(b, lead, "c", s, s1)


def normalised(b, lead, initial):
    """(S, z): keys and values, and the sum of keys; y = qS / (|qz| + 1)."""
    s, z = b.state(lead + "kv", initial), b.state(lead + "k", initial)
    k, v, q = b.sequence(lead + "k"), b.sequence(lead + "v"), b.sequence(lead + "k")
    if b.flip():
        a = b.apply("exp", log_decay(b, lead + b.pick("", "k")))
        kept, weights = b.apply("mul", a, s, letters=s.letters), b.apply("mul", a, z, letters=z.letters)
    else:
        kept, weights = s, z
    s1 = b.product(lead + "kv", k, v, onto=kept) if b.flip() else total(b, kept, b.product(lead + "kv", k, v))
    z1 = total(b, weights, k)
    b.next(s, s1)
    b.next(z, z1)
    weight = b.apply("add", b.apply("abs", b.product(lead, q, z1)), 1.0)
    b.output(b.apply("div", b.product(lead + "v", q, s1), weight, letters=lead + "v"))


def delta(b, lead, initial):
    """S ← D S + β k (v - (D S)ᵀ k)ᵀ, in two spellings."""
    s = b.state(lead + "kv", initial)
    k, v, q = b.sequence(lead + "k", "small"), b.sequence(lead + "v"), b.sequence(lead + "k")
    beta = sigmoid(b, b.sequence(lead))
    kept = s
    if b.flip(0.6):
        kept = b.apply("mul", b.apply("exp", log_decay(b, lead + b.pick("", "k", "v"))), s, letters=s.letters)
    seen = b.product(lead + "v", k, kept)
    bk = b.apply("mul", beta, k, letters=lead + "k")
    if b.flip():
        error = b.apply("sub", v, seen)
        s1 = total(b, kept, b.product(lead + "kv", bk, error))
    else:
        s1 = b.apply("sub", kept, b.product(lead + "kv", bk, seen))
        s1 = total(b, s1, b.product(lead + "kv", bk, v))
    b.next(s, s1)
    b.output(b.product(lead + "v", q, b.pick(s1, s1, s)))


def rotation(b, lead, initial):
    """Complex numbers as pairs: two states, or a dimension of size 2."""
    angle = b.pick(lambda: b.weight("c", "angle"), lambda: b.sequence(lead + "c", "angle"))()
    radius = b.pick(lambda: b.weight("c", "decay"), lambda: b.apply("exp", log_decay(b, lead + "c")))()
    c = b.apply("mul", radius, b.apply("cos", angle), letters=lead + "c")
    d = b.apply("mul", radius, b.apply("sin", angle), letters=lead + "c")
    if b.flip():
        re, im = b.state(lead + "c", initial), b.state(lead + "c", initial)
    else:
        two, one = b.letter(2), b.letter(1)
        s = b.state(lead + two + "c", initial)
        at = len(lead)
        re, im = (b.merge(b.cut(s, at, i, one), at, "c") for i in (0, 1))
    r = b.apply("sub", b.apply("mul", c, re), b.apply("mul", d, im))
    i = b.apply("add", b.apply("mul", d, re), b.apply("mul", c, im))
    r = total(b, r, b.sequence(lead + "c"))
    if b.flip():
        i = total(b, i, b.sequence(lead + "c"))
    if im in [entry[0] for entry in b.states]:
        b.next(re, r)
        b.next(im, i)
    else:
        b.next(s, b.join([b.split(v, at, one, "c") for v in (r, i)], at, two))
    b.output(b.pick(lambda: r, lambda: b.product(lead, r, b.weight("c")), lambda: b.apply("sub", r, i))())


def full(b, lead, initial):
    """s ← A s + B x, A a weight or a matrix of each time."""
    m = b.letter(b.sizes["c"])
    s = b.state(lead + "c", initial)
    a = b.weight("c" + m, "fan") if b.flip(0.7) else b.sequence(lead + "c" + m, "fan")
    moved = Value(s.name, lead + m)
    new = b.product(lead + "c", *((a, moved) if b.flip() else (moved, a)))
    new = total(b, new, added(b, lead, "c", new))
    b.next(s, new)
    read(b, lead, "c", s, new)


def joined(b, lead, initial):
    """Two states in one tensor, one behind the other."""
    at = len(lead)
    whole = b.letter(b.sizes["k"] + b.sizes["v"])
    s = b.state(lead + whole, initial)
    h, c = b.cut(s, at, 0, "k"), b.cut(s, at, b.sizes["k"], "v")
    h1 = total(b, decayed(b, lead, "k", h), added(b, lead, "k", h))
    c1 = total(b, decayed(b, lead, "v", c), added(b, lead, "v", c))
    b.next(s, b.join([h1, c1], at, whole))
    b.output(b.pick(h1, c1, h))
    if b.flip():
        b.output(c1)


def heads(b, lead, initial):
    """Channels that are seen as heads in between."""
    at = len(lead)
    both = b.letter(b.sizes["k"] * b.sizes["v"])
    s = b.state(lead + both, initial)
    t = b.split(s, at, "k", "v")
    t = total(b, decayed(b, lead, "kv", t), added(b, lead, "kv", t))
    new = b.merge(t, at, both)
    b.next(s, new)
    b.output(b.pick(lambda: new, lambda: b.apply("add", new, s), lambda: b.product(lead + "k", t, b.sequence(lead + "v")))())


def window(b, lead, initial):
    """The last inputs: a convolution."""
    at, taps = len(lead), b.pick(2, 3, 4)
    w, rest, one = b.letter(taps), b.letter(taps - 1), b.letter(1)
    s = b.state(lead + w + "c", initial)
    x = b.split(b.sequence(lead + "c"), at, one, "c")
    new = b.join([b.cut(s, at, 1, rest), x], at, w)
    b.next(s, new)
    b.output(b.product(lead + "c", new, b.weight(w + "c")))


def shift(b, lead, initial):
    """Free of the state but for the last input."""
    s = b.state(lead + "c", initial)
    x = b.sequence(lead + "c")
    b.next(s, x)
    b.output(b.apply("sub", x, s))


def elman(b, lead, initial):
    m = b.letter(b.sizes["c"])
    s = b.state(lead + "c", initial)
    x = b.product(lead + "c", b.sequence(lead + "k"), b.weight("kc", "fan")) if b.flip() else b.sequence(lead + "c")
    new = b.product(lead + "c", Value(s.name, lead + m), b.weight(m + "c", "fan"), onto=x)
    new = b.apply("tanh", new) if b.flip() else b.apply("max", new, 0.0)
    b.next(s, new)
    read(b, lead, "c", s, new)


def gated(b, lead, initial):
    """A gate that reads the state."""
    s = b.state(lead + "c", initial)
    w = b.weight("c")
    a = sigmoid(b, b.apply("add", b.apply("mul", w, s, letters=s.letters), b.sequence(lead + "c")), letters=s.letters)
    x = b.sequence(lead + "c")
    new = b.apply("add", b.apply("mul", a, s), b.apply("mul", b.apply("sub", 1.0, a), x, letters=s.letters))
    b.next(s, new)
    read(b, lead, "c", s, new)


def lstm(b, lead, initial):
    at, m, four = len(lead), b.letter(b.sizes["c"]), b.letter(4 * b.sizes["c"])
    h, c = b.state(lead + "c", initial), b.state(lead + "c", initial)
    gates = b.product(lead + four, Value(h.name, lead + m), b.weight(m + four, "fan"), onto=b.sequence(lead + four))
    i, f, g, o = (b.cut(gates, at, n * b.sizes["c"], "c") for n in range(4))
    c1 = b.apply("add", b.apply("mul", sigmoid(b, f), c), b.apply("mul", sigmoid(b, i), b.apply("tanh", g)))
    h1 = b.apply("mul", sigmoid(b, o), b.apply("tanh", c1))
    b.next(h, h1)
    b.next(c, c1)
    b.output(h1)


def maximum(b, lead, initial):
    """A running maximum with a sum that is scaled by it: the online softmax."""
    m, l = b.state(lead + "c", initial), b.state(lead + "c", initial)
    x = b.sequence(lead + "c")
    m1 = b.apply("max", m, x)
    scale = b.apply("exp", b.apply("sub", m, m1))
    l1 = b.apply("add", b.apply("mul", l, scale), b.apply("exp", b.apply("sub", x, m1)))
    b.next(m, m1)
    b.next(l, l1)
    b.output(b.pick(l1, m1))
    b.output(b.apply("div", 1.0, b.apply("add", b.apply("abs", l1), 1.0), letters=l1.letters))


def product_of_states(b, lead, initial):
    s, z = b.state(lead + "c", initial), b.state(lead + "c", initial)
    half = b.apply("mul", b.apply("mul", s, z), 0.25)
    s1 = b.apply("tanh", b.apply("add", half, b.sequence(lead + "c"))) if b.flip() else b.sequence(lead + "c")
    z1 = b.apply("tanh", b.apply("add", half, z))
    b.next(s, s1)
    b.next(z, z1)
    b.output(half)


def quotient(b, lead, initial):
    s = b.state(lead + "c", initial)
    new = b.apply("div", b.sequence(lead + "c"), b.apply("add", b.apply("abs", s), 0.5))
    b.next(s, new)
    read(b, lead, "c", s, new)


def bounded_matrix(b, lead, initial):
    s = b.state(lead + "kv", initial)
    new = b.apply("tanh", b.product(lead + "kv", b.sequence(lead + "k"), b.sequence(lead + "v"), onto=s))
    b.next(s, new)
    b.output(b.product(lead + "v", b.sequence(lead + "k"), new))


AFFINE = [diagonal, diagonal, diagonal, diagonal, several, normalised, delta, rotation, full, joined, heads, window, shift]
NONLINEAR = [elman, gated, lstm, maximum, product_of_states, quotient, bounded_matrix]


def make(seed, index, small=False, times=None):
    rng = np.random.default_rng([seed, index])
    affine = rng.random() < 0.75
    family = (AFFINE if affine else NONLINEAR)[rng.integers(len(AFFINE if affine else NONLINEAR))]
    along = int(rng.choice([0, 1, 1, 1, 2]))
    lead = {0: str(rng.choice(["", "b", "bh"])), 1: str(rng.choice(["b", "b", "bh"])), 2: "bh"}[along]
    drawn = {letter: int(rng.choice(SIZES)) for letter in "ckv"} | {l: int(rng.choice([1, 1, 2, 3])) for l in "bh"}
    length = int(rng.choice(TIMES))
    static = rng.random() < 0.15 and length > 0
    reverse = rng.random() < 0.15
    regime = str(rng.choice(["near", "middle", "deep", "all", "extreme"]))
    initial = [0.0, 0.0, 0.5, "argument", "argument"][rng.integers(5)]
    returned = initial == "argument" or rng.random() < 0.7
    if small:
        drawn = {letter: min(size, 2) for letter, size in drawn.items()}
    length = length if times is None else times
    builder = StepBuilder(np.random.default_rng([seed, index, 2]), drawn, along, reverse, length if static else "?")
    family(builder, lead, initial)
    if not builder.inputs:
        builder.sequence(lead)
    name = f"body{index}"
    values = [(v.letters, along) for v in builder.outputs]
    values += [(v.letters, None) for v, _, _, _ in builder.states if returned]
    batches = [letters.index("b") + (time is not None and letters.index("b") >= time) if "b" in letters else None
               for letters, time in values]
    source = builder.function(name, [returned] * len(builder.states))
    return Body(name, family.__name__, affine, source, builder.arguments, along, reverse, static, length, regime,
                (seed, index), len(builder.outputs), [name for _, name, _, initial in builder.states if initial == "argument"],
                batches)


if __name__ == "__main__":
    print(make(int(sys.argv[1]), int(sys.argv[2])).source)
