"""seq-parallel-scan, and seq-block-scan after it, against the recurrence itself in the evaluator.

Everything is computed in f64. Products of coefficients are formed in another order than in the recurrence, each with a
relative error of at most T · 2^-53, so that states differ by about 1e-13 of their size; 1e-10 leaves room for states that
cancel in an output."""

import numpy as np
import pytest

import agreement
import scans
import seqtools
from scans import Body, damped, decay, normal

TOLERANCE = 1e-10
TIMES = [0, 1, 7, 37]


def diagonal(along=1, shape=(2, 5), reverse="", before=False):
    """h ← a h + x; y = h."""
    sequence = list(shape)
    sequence.insert(along, "T")
    t, s = scans.tensor(sequence), scans.tensor(shape)
    y = "%s" if before else "%1"
    return Body(f"""
  %r:2 = seq.recurrence along {along} {reverse} ins(%a, %x : {t}, {t}) outs(%y0 : {t}) init(%h0 : {s}) {{
  ^step(%at: {s}, %xt: {s}, %yt: {s}, %s: {s}):
    %0 = arith.mulf %at, %s : {s}
    %1 = arith.addf %0, %xt : {s}
    seq.yield {y}, %1 : {s}, {s}
  }}""", {"a": (sequence, decay), "x": (sequence, normal), "y0": (sequence, normal), "h0": (shape, normal)},
                [sequence, shape])


def mingru():
    """h ← (1 - z) h + z x with a readout of old and new state that is not linear."""
    t, s = "tensor<2x?x5xf32>", "tensor<2x5xf32>"
    return Body(f"""
  %one = arith.constant dense<1.0> : {s}
  %r:2 = seq.recurrence along 1 ins(%z, %x : {t}, {t}) outs(%y0 : {t}) init(%h0 : {s}) {{
  ^step(%zt: {s}, %xt: {s}, %yt: {s}, %s: {s}):
    %k = arith.subf %one, %zt : {s}
    %0 = arith.mulf %k, %s : {s}
    %1 = arith.mulf %zt, %xt : {s}
    %h = arith.addf %0, %1 : {s}
    %e = math.tanh %s : {s}
    %f = math.exp %h : {s}
    %g = arith.mulf %e, %f : {s}
    %y = arith.addf %g, %yt : {s}
    seq.yield %y, %h : {s}, {s}
  }}""", {"z": ([2, "T", 5], decay), "x": ([2, "T", 5], normal), "y0": ([2, "T", 5], normal), "h0": ([2, 5], normal)},
                [[2, "T", 5], [2, 5]])


def constant_decay(reverse=""):
    """h ← a h + x, a the same at all times."""
    t, s = "tensor<2x?x5xf32>", "tensor<2x5xf32>"
    return Body(f"""
  %r:2 = seq.recurrence along 1 {reverse} ins(%x : {t}) outs(%y0 : {t}) init(%h0 : {s}) {{
  ^step(%xt: {s}, %yt: {s}, %s: {s}):
    %0 = arith.mulf %a, %s : {s}
    %1 = arith.addf %0, %xt : {s}
    seq.yield %1, %1 : {s}, {s}
  }}""", {"a": ([2, 5], decay), "x": ([2, "T", 5], normal), "y0": ([2, "T", 5], normal), "h0": ([2, 5], normal)},
                [[2, "T", 5], [2, 5]])


def sums():
    """Two states that do not meet: s ← s + x, and x itself of the time before."""
    t, s = "tensor<?x5xf32>", "tensor<5xf32>"
    return Body(f"""
  %r:3 = seq.recurrence along 0 ins(%x : {t}) outs(%y0 : {t}) init(%h0, %p0 : {s}, {s}) {{
  ^step(%xt: {s}, %yt: {s}, %s: {s}, %p: {s}):
    %1 = arith.addf %s, %xt : {s}
    %y = arith.mulf %1, %p : {s}
    seq.yield %y, %1, %xt : {s}, {s}, {s}
  }}""", {"x": (["T", 5], normal), "y0": (["T", 5], normal), "h0": ([5], normal), "p0": ([5], normal)},
                [["T", 5], [5], [5]])


def position():
    """v ← a v + x; p ← p + v: one state takes from the other."""
    t, s = "tensor<2x?x5xf32>", "tensor<2x5xf32>"
    return Body(f"""
  %r:3 = seq.recurrence along 1 ins(%a, %x : {t}, {t}) outs(%y0 : {t}) init(%p0, %v0 : {s}, {s}) {{
  ^step(%at: {s}, %xt: {s}, %yt: {s}, %p: {s}, %v: {s}):
    %0 = arith.mulf %at, %v : {s}
    %1 = arith.addf %0, %xt : {s}
    %2 = arith.addf %p, %1 : {s}
    seq.yield %2, %2, %1 : {s}, {s}, {s}
  }}""", {"a": ([2, "T", 5], decay), "x": ([2, "T", 5], normal), "y0": ([2, "T", 5], normal), "p0": ([2, 5], normal),
         "v0": ([2, 5], normal)}, [[2, "T", 5], [2, 5], [2, 5]])


def chain():
    """Delays: each state takes what the one before it held, the first one takes x."""
    t, s = "tensor<?x5xf32>", "tensor<5xf32>"
    return Body(f"""
  %r:3 = seq.recurrence along 0 reverse ins(%x : {t}) outs(%y0 : {t}) init(%p0, %q0 : {s}, {s}) {{
  ^step(%xt: {s}, %yt: {s}, %p: {s}, %q: {s}):
    %y = arith.subf %xt, %q : {s}
    seq.yield %y, %xt, %p : {s}, {s}, {s}
  }}""", {"x": (["T", 5], normal), "y0": (["T", 5], normal), "p0": ([5], normal), "q0": ([5], normal)},
                [["T", 5], [5], [5]])


def rotation():
    """A complex state in two: (u, w) ← (c u - d w + x, d u + c w)."""
    t, s = "tensor<2x?x5xf32>", "tensor<2x5xf32>"
    return Body(f"""
  %r:3 = seq.recurrence along 1 ins(%x : {t}) outs(%y0 : {t}) init(%u0, %w0 : {s}, {s}) {{
  ^step(%xt: {s}, %yt: {s}, %u: {s}, %w: {s}):
    %cu = arith.mulf %c, %u : {s}
    %dw = arith.mulf %d, %w : {s}
    %du = arith.mulf %d, %u : {s}
    %cw = arith.mulf %c, %w : {s}
    %0 = arith.subf %cu, %dw : {s}
    %1 = arith.addf %0, %xt : {s}
    %2 = arith.addf %du, %cw : {s}
    seq.yield %1, %1, %2 : {s}, {s}, {s}
  }}""", {"c": ([2, 5], lambda rng, shape: np.cos(np.arange(10).reshape(shape))),
         "d": ([2, 5], lambda rng, shape: np.sin(np.arange(10).reshape(shape))), "x": ([2, "T", 5], normal),
         "y0": ([2, "T", 5], normal), "u0": ([2, 5], normal), "w0": ([2, 5], normal)},
                [[2, "T", 5], [2, 5], [2, 5]])


def matrix(size=3, varying=False, reverse=""):
    """s ← A s + x, with A for all times or one for each."""
    n = size
    t, s = f"tensor<2x?x{n}xf32>", f"tensor<2x{n}xf32>"
    a = [2, "T", n, n] if varying else [n, n]
    at, bt = (f"tensor<2x{n}x{n}xf32>", "(b, i, k) -> (b, i, k)") if varying else (f"tensor<{n}x{n}xf32>",
                                                                                 "(b, i, k) -> (i, k)")
    name = "%at" if varying else "%a"
    ins = f"ins(%a, %x : {scans.tensor(a)}, {t})" if varying else f"ins(%x : {t})"
    first = f"%at: {at}, " if varying else ""
    draw = (lambda rng, shape: 0.5 * rng.standard_normal(shape)) if varying else damped
    return Body(f"""
  %r:2 = seq.recurrence along 1 {reverse} {ins} outs(%y0 : {t}) init(%h0 : {s}) {{
  ^step({first}%xt: {s}, %yt: {s}, %s: {s}):
    %1 = linalg.generic {{indexing_maps = [affine_map<{bt}>, affine_map<(b, i, k) -> (b, k)>,
        affine_map<(b, i, k) -> (b, i)>], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins({name}, %s : {at}, {s}) outs(%xt : {s}) {{
    ^bb0(%p: f32, %q: f32, %o: f32):
      %2 = arith.mulf %p, %q : f32
      %3 = arith.addf %o, %2 : f32
      linalg.yield %3 : f32
    }} -> {s}
    seq.yield %1, %1 : {s}, {s}
  }}""", {"a": (a, draw), "x": ([2, "T", n], normal), "y0": ([2, "T", n], normal), "h0": ([2, n], normal)},
                [[2, "T", n], [2, n]])


def named(text, arguments, results):
    return Body("  %r:" + str(len(results)) + " = " + text + " -> " + ", ".join(map(scans.tensor, results)), arguments,
                results)


def linear_attention(rule, decay_shape=None, beta=False, key=5, value=3, heads=2):
    tensor = scans.tensor
    arguments = {"q": ([1, "T", heads, key], normal), "k": ([1, "T", heads, key], lambda rng, s: 0.4 * normal(rng, s)),
                 "v": ([1, "T", heads, value], normal)}
    text = f"seq.linear_attention {rule} ins(%q, %k, %v : " + ", ".join(tensor(s) for s, _ in arguments.values()) + ")"
    if decay_shape:
        shape = [1, "T", heads] + [key] * (decay_shape == "channel")
        arguments["g"] = (shape, lambda rng, s: np.log(np.maximum(decay(rng, s), 1e-300)))
        text += f" decay(%g : {tensor(shape)})"
    if beta:
        arguments["b"] = ([1, "T", heads], lambda rng, s: rng.uniform(0, 1, s))
        text += f" beta(%b : {tensor([1, 'T', heads])})"
    arguments["s"] = ([1, heads, key, value], normal)
    return named(text + f" init(%s : {tensor([1, heads, key, value])}) scale 0.5", arguments,
                 [[1, "T", heads, value], [1, heads, key, value]])


def selective_scan(channels=5, states=4, batch=2):
    tensor = scans.tensor
    wide, narrow = [batch, "T", channels], [batch, "T", states]
    shapes = {"x": wide, "delta": wide, "a": [channels, states], "b": narrow, "c": narrow, "skip": [channels],
              "gate": wide, "bias": [channels], "s": [batch, channels, states]}
    kind = {name: tensor(shape) for name, shape in shapes.items()}
    text = (f"seq.selective_scan ins(%x, %delta, %a, %b, %c : {kind['x']}, {kind['delta']}, {kind['a']}, {kind['b']}, "
            f"{kind['c']}) skip(%skip : {kind['skip']}) gate(%gate : {kind['gate']}) delta_bias(%bias : {kind['bias']}) "
            f"init(%s : {kind['s']}) {{delta_softplus}}")
    arguments = {name: (shape, normal) for name, shape in shapes.items()}
    arguments["a"] = (shapes["a"], lambda rng, s: -np.exp(3 * normal(rng, s)))
    return named(text, arguments, [wide, shapes["s"]])


def causal_conv(channels=5, taps=4):
    tensor = scans.tensor
    x, w, s = [2, "T", channels], [channels, taps], [2, taps - 1, channels]
    return named(f"seq.causal_conv ins(%x : {tensor(x)}) weights(%w : {tensor(w)}) init(%s : {tensor(s)})",
                 {"x": (x, normal), "w": (w, normal), "s": (s, normal)}, [x, s])


BODIES = {
    "diagonal": diagonal(),
    "diagonal_reverse": diagonal(reverse="reverse"),
    "diagonal_before": diagonal(before=True),
    "diagonal_before_reverse": diagonal(before=True, reverse="reverse"),
    "diagonal_80": diagonal(0, (80,)),
    "diagonal_numbers": diagonal(0, ()),
    "diagonal_last": diagonal(2, (3, 2)),
    "mingru": mingru(),
    "constant_decay": constant_decay(),
    "constant_decay_reverse": constant_decay("reverse"),
    "sums": sums(),
    "position": position(),
    "chain": chain(),
    "rotation": rotation(),
    "matrix": matrix(),
    "matrix_reverse": matrix(reverse="reverse"),
    "matrix_varying": matrix(4, varying=True),
    "matrix_of_one": matrix(1),
    "linear": linear_attention("linear"),
    "delta_of_one": linear_attention("delta", None, True, 1, 3, 1),
    "linear_20": linear_attention("linear", None, False, 20, 20),
    "gated": linear_attention("gated", "head"),
    "gated_channel": linear_attention("gated", "channel"),
    "delta": linear_attention("delta", None, True),
    "gated_delta": linear_attention("gated_delta", "head", True),
    "gated_delta_channel": linear_attention("gated_delta", "channel", True),
    "selective_scan": selective_scan(),
    "causal_conv": causal_conv(),
}


@pytest.mark.parametrize("name", BODIES)
def test_scan_is_the_recurrence(tmp_path, name):
    body = BODIES[name]
    source = seqtools.opt(body.source(), "--seq-generalize", "--seq-hoist")
    scanned = seqtools.opt(source, "--seq-parallel-scan", "--canonicalize", "--cse")
    assert "seq.scan" in scanned and "seq.recurrence" not in scanned
    blocked = seqtools.opt(scanned, "--seq-block-scan=blocks=4", "--canonicalize", "--cse")
    assert "seq.scan" not in blocked
    rng = np.random.default_rng(1)
    for times in TIMES:
        inputs = body.inputs(rng, times)
        before = scans.evaluate(tmp_path, source, inputs, len(body.results))
        for text in (scanned, blocked):
            after = scans.evaluate(tmp_path, text, inputs, len(body.results))
            for a, b in zip(after, before):
                assert scans.distance(a, b) < TOLERANCE


@pytest.mark.parametrize("name", ["diagonal_80", "gated", "delta", "selective_scan"])
def test_compiled(build, tmp_path, name):
    """In blocks on one thread and on two, and as vector code: no step is left to a loop over elements."""
    body = BODIES[name]
    source = seqtools.opt(body.source(), "--seq-generalize", "--seq-hoist")
    blocked = seqtools.opt(source, "--seq-parallel-scan", "--canonicalize", "--cse", "--seq-block-scan=blocks=4",
                           "--canonicalize", "--cse")
    kernels = seqtools.opt(blocked, "--forms-to-kernels")
    assert kernels.count("= kernel.recurrence") >= 5 and "coupled" not in kernels and "sequential" not in kernels
    file = tmp_path / "blocks.mlir"
    file.write_text(blocked)
    program = build(name, lambda _: file)
    outputs = [f"result{index}" for index in range(len(body.results))]
    rng = np.random.default_rng(3)
    for times in (0, 1, 37):
        inputs = [array.astype(np.float32) for array in body.inputs(rng, times)]
        expected = scans.evaluate(tmp_path, source, inputs, len(body.results))
        for threads in (1, 2):
            ours = program.run({f"arg{i}": array for i, array in enumerate(inputs)}, outputs, threads=threads)
            for output, double in zip(outputs, expected):
                agreement.agrees(ours[output], double, double.astype(np.float32))


def test_long_memory(tmp_path):
    """100,000 times: what is slow to decay does not drift."""
    body = diagonal(0, (2,))
    scanned = seqtools.opt(body.source(), "--seq-parallel-scan", "--seq-block-scan", "--canonicalize")
    rng = np.random.default_rng(2)
    times = 100_000
    inputs = body.inputs(rng, times)
    inputs[0] = 1 - 1e-7 * rng.uniform(0, 1, inputs[0].shape)
    before = scans.evaluate(tmp_path, body.source(), inputs, 2)
    after = scans.evaluate(tmp_path, scanned, inputs, 2)
    assert np.abs(before[0]).max() > 100
    for a, b in zip(after, before):
        assert scans.distance(a, b) < TOLERANCE
