"""seq-convolve against the recurrence itself in the evaluator, in f64.

Powers of the coefficient and sums over time are rounded in another order; see test_parallel_scan.py for the tolerance."""

import numpy as np
import pytest

import scans
import seqtools
from scans import Body, decay, normal

TOLERANCE = 1e-10
TIMES = [0, 1, 2, 7, 37]


def state_space(reverse="", before=False, zero=False):
    """S4D: s[b,c,n] ← a[c,n] s + b[c,n] x[b,c]; y[b,c] = g[b,c] tanh(Σ_n c[c,n] s) + Σ_n c s, and more of x."""
    t, s, x, w = "tensor<2x?x5xf32>", "tensor<2x5x3xf32>", "tensor<2x5xf32>", "tensor<5x3xf32>"
    read = "%s" if before else "%n"
    start = f"  %z = arith.constant dense<0.0> : {s}\n" if zero else ""
    return Body(f"""{start}
  %zero = arith.constant dense<0.0> : {x}
  %r:2 = seq.recurrence along 1 {reverse} ins(%x, %g : {t}, {t}) outs(%y0 : {t}) init({"%z" if zero else "%s0"} : {s}) {{
  ^step(%xt: {x}, %gt: {x}, %yt: {x}, %s: {s}):
    %n = linalg.generic {{indexing_maps = [affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (b, c, n)>,
        affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (b, c)>, affine_map<(b, c, n) -> (b, c, n)>],
        iterator_types = ["parallel", "parallel", "parallel"]}}
        ins(%a, %s, %b, %xt : {w}, {s}, {w}, {x}) outs(%s : {s}) {{
    ^bb0(%p: f32, %q: f32, %u: f32, %v: f32, %o: f32):
      %1 = arith.mulf %p, %q : f32
      %2 = arith.mulf %u, %v : f32
      %3 = arith.addf %1, %2 : f32
      linalg.yield %3 : f32
    }} -> {s}
    %k = linalg.generic {{indexing_maps = [affine_map<(b, c, n) -> (c, n)>, affine_map<(b, c, n) -> (b, c, n)>,
        affine_map<(b, c, n) -> (b, c)>], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins(%c, {read} : {w}, {s}) outs(%zero : {x}) {{
    ^bb0(%p: f32, %q: f32, %o: f32):
      %1 = arith.mulf %p, %q : f32
      %2 = arith.addf %1, %o : f32
      linalg.yield %2 : f32
    }} -> {x}
    %skip = arith.addf %k, %xt : {x}
    %gated = arith.mulf %skip, %gt : {x}
    %h = math.tanh %k : {x}
    %y = arith.addf %gated, %h : {x}
    seq.yield %y, %n : {x}, {s}
  }}""", {"a": ([5, 3], decay), "b": ([5, 3], normal), "c": ([5, 3], normal), "x": ([2, "T", 5], normal),
         "g": ([2, "T", 5], normal), "y0": ([2, "T", 5], normal), "s0": ([2, 5, 3], normal)},
                [[2, "T", 5], [2, 5, 3]])


def complex_states(reverse="", before=False):
    """The real part of a damped rotation: (u, w) ← (c u - d w + e x, d u + c w)."""
    t, s = "tensor<?x20xf32>", "tensor<20xf32>"
    read = "%u, %w" if before else "%1, %2"
    u, w = read.split(", ")
    return Body(f"""
  %r:3 = seq.recurrence along 0 {reverse} ins(%x : {t}) outs(%y0 : {t}) init(%u0, %w0 : {s}, {s}) {{
  ^step(%xt: {s}, %yt: {s}, %u: {s}, %w: {s}):
    %cu = arith.mulf %c, %u : {s}
    %dw = arith.mulf %d, %w : {s}
    %du = arith.mulf %d, %u : {s}
    %cw = arith.mulf %c, %w : {s}
    %ex = arith.mulf %e, %xt : {s}
    %0 = arith.subf %cu, %dw : {s}
    %1 = arith.addf %0, %ex : {s}
    %2 = arith.addf %du, %cw : {s}
    %p = arith.mulf %e, {w} : {s}
    %y = arith.subf {u}, %p : {s}
    seq.yield %y, %1, %2 : {s}, {s}, {s}
  }}""", {"c": ([20], lambda rng, shape: 0.99 * np.cos(np.arange(20.0))),
         "d": ([20], lambda rng, shape: 0.99 * np.sin(np.arange(20.0))), "e": ([20], normal), "x": (["T", 20], normal),
         "y0": (["T", 20], normal), "u0": ([20], normal), "w0": ([20], normal)}, [["T", 20], [20], [20]])


def total():
    """s ← s + x, no coefficient at all."""
    t, s = "tensor<?x5xf32>", "tensor<5xf32>"
    return Body(f"""
  %r:2 = seq.recurrence along 0 ins(%x : {t}) outs(%y0 : {t}) init(%s0 : {s}) {{
  ^step(%xt: {s}, %yt: {s}, %s: {s}):
    %n = arith.addf %s, %xt : {s}
    seq.yield %n, %n : {s}, {s}
  }}""", {"x": (["T", 5], normal), "y0": (["T", 5], normal), "s0": ([5], normal)}, [["T", 5], [5]])


BODIES = {"state_space": state_space(), "state_space_reverse": state_space("reverse"),
          "state_space_before": state_space(before=True),
          "state_space_before_reverse": state_space("reverse", True),
          "state_space_zero": state_space(zero=True), "complex": complex_states(),
          "complex_before": complex_states(before=True), "complex_reverse": complex_states("reverse"),
          "total": total()}


@pytest.mark.parametrize("name", BODIES)
def test_convolution_is_the_recurrence(tmp_path, name):
    body = BODIES[name]
    source = body.source()
    convolved = seqtools.opt(source, "--seq-convolve", "--canonicalize", "--cse")
    assert "seq.recurrence" not in convolved
    rng = np.random.default_rng(1)
    for times in TIMES:
        inputs = body.inputs(rng, times)
        before = scans.evaluate(tmp_path, source, inputs, len(body.results))
        after = scans.evaluate(tmp_path, convolved, inputs, len(body.results))
        for a, b in zip(after, before):
            assert scans.distance(a, b) < TOLERANCE
