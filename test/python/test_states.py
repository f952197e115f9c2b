"""seq-expose-states: a sequence handed over in pieces, each with the states that
the piece before returned, gives what the function gives on the whole sequence
before the pass."""

import re

import numpy as np
import pytest

import seqtools

PIECES = [[8], [0, 8], [8, 0], [1, 1], [5, 3], [1, 1, 1, 0, 4], [2, 35], [0], [0, 0]]
STATE = re.compile(r'%\w+: tensor<([0-9x]+)xf64> \{seq\.state = "(\w+)"\}')


def signature(source, function):
    """The line that declares a function."""
    return next(line for line in source.splitlines() if f"func.func @{function}(" in line)


def states_of(source, function):
    """Names and shapes of the states a function takes."""
    return {
        name: tuple(int(size) for size in shape.split("x"))
        for shape, name in STATE.findall(signature(source, function))
    }


def run_in_pieces(folder, source, pieces, x, others, results):
    """Runs each (function, count) of `pieces` on the next `count` times of x.
    States of the same name are one, and zeros at the start. Returns the results
    of each piece."""
    file = folder / "exposed.mlir"
    file.write_text(seqtools.opt(source, "--seq-expose-states"))
    values, outcomes, begin = {}, [], 0
    for function, count in pieces:
        states = states_of(file.read_text(), function)
        assert states, "nothing was exposed"
        arrays = [x[:, begin : begin + count], *others]
        inputs = {f"arg{index}": array for index, array in enumerate(arrays)}
        inputs |= {name: values.get(name, np.zeros(shape)) for name, shape in states.items()}
        outputs = [f"result{index}" for index in range(results[function])]
        found = seqtools.evaluate_file(file, function, inputs, [*outputs, *states])
        values |= {name: found[name] for name in states}
        outcomes.append([found[name] for name in outputs])
        begin += count
    return outcomes


def agree(actual, expected):
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert np.abs(actual - expected).max(initial=0) <= 1e-13 * max(1, np.abs(expected).max(initial=0))


# --- modules ----------------------------------------------------------------------
# @f(x [2, T, 6], weights …) -> (sequence, …); everything is f64.

RNNS = """
// Two kinds of layers, of which the second repeats and has its states inside.
func.func private @first(%x: tensor<2x?x6xf64>, %w: tensor<20x6xf64>, %r: tensor<20x5xf64>) -> tensor<2x?x5xf64> {
  %zero = arith.constant dense<0.0> : tensor<2x5xf64>
  %y, %h, %c = seq.lstm ins(%x : tensor<2x?x6xf64>) weights(%w, %r : tensor<20x6xf64>, tensor<20x5xf64>)
      init(%zero, %zero : tensor<2x5xf64>, tensor<2x5xf64>) -> tensor<2x?x5xf64>, tensor<2x5xf64>, tensor<2x5xf64>
  return %y : tensor<2x?x5xf64>
}
func.func private @more(%x: tensor<2x?x5xf64>, %w: tensor<15x5xf64>, %r: tensor<15x5xf64>) -> (tensor<2x?x5xf64>, tensor<2x5xf64>) {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<2x5xf64>
  %h0 = linalg.fill ins(%zero : f64) outs(%e : tensor<2x5xf64>) -> tensor<2x5xf64>
  %y, %h = seq.gru ins(%x : tensor<2x?x5xf64>) weights(%w, %r : tensor<15x5xf64>, tensor<15x5xf64>)
      init(%h0 : tensor<2x5xf64>) -> tensor<2x?x5xf64>, tensor<2x5xf64>
  return %y, %h : tensor<2x?x5xf64>, tensor<2x5xf64>
}
func.func @f(%x: tensor<2x?x6xf64>, %w: tensor<20x6xf64>, %r: tensor<20x5xf64>,
             %ws: tensor<3x15x5xf64>, %rs: tensor<3x15x5xf64>) -> (tensor<2x?x5xf64>, tensor<3x2x5xf64>) {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<3x2x5xf64>
  %y0 = call @first(%x, %w, %r) : (tensor<2x?x6xf64>, tensor<20x6xf64>, tensor<20x5xf64>) -> tensor<2x?x5xf64>
  %y, %hs = scf.for %l = %c1 to %c4 step %c1 iter_args(%v = %y0, %hl = %e) -> (tensor<2x?x5xf64>, tensor<3x2x5xf64>) {
    %i = arith.subi %l, %c1 : index
    %wl = tensor.extract_slice %ws[%i, 0, 0] [1, 15, 5] [1, 1, 1] : tensor<3x15x5xf64> to tensor<15x5xf64>
    %rl = tensor.extract_slice %rs[%i, 0, 0] [1, 15, 5] [1, 1, 1] : tensor<3x15x5xf64> to tensor<15x5xf64>
    %o, %h = func.call @more(%v, %wl, %rl) : (tensor<2x?x5xf64>, tensor<15x5xf64>, tensor<15x5xf64>) -> (tensor<2x?x5xf64>, tensor<2x5xf64>)
    %hn = tensor.insert_slice %h into %hl[%i, 0, 0] [1, 2, 5] [1, 1, 1] : tensor<2x5xf64> into tensor<3x2x5xf64>
    scf.yield %o, %hn : tensor<2x?x5xf64>, tensor<3x2x5xf64>
  }
  return %y, %hs : tensor<2x?x5xf64>, tensor<3x2x5xf64>
}
"""

STATE_SPACE = """
// Layers in two nested loops, states handed over by the caller as constants.
func.func private @layer(%x: tensor<2x?x6xf64>, %w: tensor<6x4xf64>, %a: tensor<6x3xf64>, %n: tensor<6x3xf64>,
                         %s0: tensor<2x6x3xf64>) -> (tensor<2x?x6xf64>, tensor<2x6x3xf64>) {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f64
  %window = arith.constant dense<0.0> : tensor<2x3x6xf64>
  %u, %last = seq.causal_conv ins(%x : tensor<2x?x6xf64>) weights(%w : tensor<6x4xf64>) init(%window : tensor<2x3x6xf64>)
      {activation = #seq<conv_activation silu>} -> tensor<2x?x6xf64>, tensor<2x3x6xf64>
  %t = tensor.dim %u, %c1 : tensor<2x?x6xf64>
  %e = tensor.empty(%t) : tensor<2x?x3xf64>
  %z = linalg.fill ins(%zero : f64) outs(%e : tensor<2x?x3xf64>) -> tensor<2x?x3xf64>
  %b = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%u, %n : tensor<2x?x6xf64>, tensor<6x3xf64>) outs(%z : tensor<2x?x3xf64>) {
  ^bb0(%i: f64, %j: f64, %o: f64):
    %0 = arith.mulf %i, %j : f64
    %1 = arith.addf %o, %0 : f64
    linalg.yield %1 : f64
  } -> tensor<2x?x3xf64>
  %size = math.absf %a : tensor<6x3xf64>
  %decay = arith.negf %size : tensor<6x3xf64>
  %y, %s = seq.selective_scan ins(%u, %u, %decay, %b, %b : tensor<2x?x6xf64>, tensor<2x?x6xf64>, tensor<6x3xf64>, tensor<2x?x3xf64>, tensor<2x?x3xf64>)
      gate(%x : tensor<2x?x6xf64>) init(%s0 : tensor<2x6x3xf64>) {delta_softplus} -> tensor<2x?x6xf64>, tensor<2x6x3xf64>
  %q = arith.addf %y, %x : tensor<2x?x6xf64>
  %r = math.tanh %q : tensor<2x?x6xf64>
  return %r, %s : tensor<2x?x6xf64>, tensor<2x6x3xf64>
}
func.func @f(%x: tensor<2x?x6xf64>, %w: tensor<6x4xf64>, %a: tensor<6x3xf64>, %n: tensor<6x3xf64>) -> tensor<2x?x6xf64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %s0 = arith.constant dense<0.0> : tensor<2x6x3xf64>
  %y = scf.for %l = %c0 to %c3 step %c2 iter_args(%v = %x) -> tensor<2x?x6xf64> {
    %z = scf.for %k = %c0 to %c3 step %c1 iter_args(%u = %v) -> tensor<2x?x6xf64> {
      %o, %s = func.call @layer(%u, %w, %a, %n, %s0) : (tensor<2x?x6xf64>, tensor<6x4xf64>, tensor<6x3xf64>, tensor<6x3xf64>, tensor<2x6x3xf64>) -> (tensor<2x?x6xf64>, tensor<2x6x3xf64>)
      scf.yield %o : tensor<2x?x6xf64>
    }
    scf.yield %z : tensor<2x?x6xf64>
  }
  return %y : tensor<2x?x6xf64>
}
"""

GENERAL = """
// Recurrences without names; the last state is a result as well.
func.func @f(%x: tensor<2x?x6xf64>, %w: tensor<6x6xf64>) -> (tensor<2x?x6xf64>, tensor<2x6xf64>) {
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<2x6xf64>
  %t = tensor.dim %x, %c1 : tensor<2x?x6xf64>
  %e = tensor.empty(%t) : tensor<2x?x6xf64>
  %y, %s = seq.recurrence along 1 ins(%x : tensor<2x?x6xf64>) outs(%e : tensor<2x?x6xf64>) init(%zero : tensor<2x6xf64>) {
  ^step(%xt: tensor<2x6xf64>, %yt: tensor<2x6xf64>, %h: tensor<2x6xf64>):
    %0 = linalg.matmul ins(%h, %w : tensor<2x6xf64>, tensor<6x6xf64>) outs(%xt : tensor<2x6xf64>) -> tensor<2x6xf64>
    %1 = math.tanh %0 : tensor<2x6xf64>
    seq.yield %0, %1 : tensor<2x6xf64>, tensor<2x6xf64>
  }
  %m = seq.recurrence along 1 ins(%y : tensor<2x?x6xf64>) init(%zero : tensor<2x6xf64>) {
  ^step(%yt: tensor<2x6xf64>, %h: tensor<2x6xf64>):
    %0 = arith.maximumf %h, %yt : tensor<2x6xf64>
    seq.yield %0 : tensor<2x6xf64>
  }
  %r = arith.addf %m, %s : tensor<2x6xf64>
  return %y, %r : tensor<2x?x6xf64>, tensor<2x6xf64>
}
"""

ATTENTION = """
func.func @f(%x: tensor<2x?x6xf64>) -> tensor<2x?x2x3xf64> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x6xf64>
  %zero = arith.constant dense<0.0> : tensor<2x2x3x3xf64>
  %h = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [2, %t, 2, 3] : tensor<2x?x6xf64> into tensor<2x?x2x3xf64>
  %n = math.absf %h : tensor<2x?x2x3xf64>
  %g = arith.negf %n : tensor<2x?x2x3xf64>
  %y, %s = seq.linear_attention gated ins(%h, %h, %h : tensor<2x?x2x3xf64>, tensor<2x?x2x3xf64>, tensor<2x?x2x3xf64>)
      decay(%g : tensor<2x?x2x3xf64>) init(%zero : tensor<2x2x3x3xf64>) scale 0.5 -> tensor<2x?x2x3xf64>, tensor<2x2x3x3xf64>
  return %y : tensor<2x?x2x3xf64>
}
"""

MODULES = {
    "rnns": (RNNS, [(20, 6), (20, 5), (3, 15, 5), (3, 15, 5)], 1, {"h0": (2, 5), "c0": (2, 5), "h1": (3, 2, 5)}),
    "state-space": (STATE_SPACE, [(6, 4), (6, 3), (6, 3)], 0, {"conv0": (2, 3, 2, 3, 6), "ssm0": (2, 3, 2, 6, 3)}),
    "general": (GENERAL, [(6, 6)], 1, {"state0": (2, 6), "state1": (2, 6)}),
    "attention": (ATTENTION, [], 0, {"kv0": (2, 2, 3, 3)}),
}


@pytest.mark.parametrize("pieces", PIECES, ids=str)
@pytest.mark.parametrize("module", MODULES)
def test_pieces(tmp_path, module, pieces):
    """Sequences are joined; results without time are those of the last piece."""
    source, shapes, finals, states = MODULES[module]
    assert states_of(seqtools.opt(source, "--seq-expose-states"), "f") == states
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, sum(pieces), 6))
    others = [rng.standard_normal(shape) * 0.5 for shape in shapes]
    expected = seqtools.evaluate(tmp_path, source, "f", [x, *others], 1 + finals)
    outcomes = run_in_pieces(tmp_path, source, [("f", count) for count in pieces], x, others, {"f": 1 + finals})
    agree(np.concatenate([outcome[0] for outcome in outcomes], axis=1), expected[0])
    for actual, final in zip(outcomes[-1][1:], expected[1:], strict=True):
        agree(actual, final)


FORWARD_AND_LAST = """
func.func private @body(%x: tensor<2x?x6xf64>, %w: tensor<18x6xf64>, %r: tensor<18x6xf64>) -> tensor<2x?x6xf64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant dense<0.0> : tensor<2x6xf64>
  %y = scf.for %l = %c0 to %c2 step %c1 iter_args(%v = %x) -> tensor<2x?x6xf64> {
    %o, %h = seq.gru ins(%v : tensor<2x?x6xf64>) weights(%w, %r : tensor<18x6xf64>, tensor<18x6xf64>)
        init(%zero : tensor<2x6xf64>) -> tensor<2x?x6xf64>, tensor<2x6xf64>
    scf.yield %o : tensor<2x?x6xf64>
  }
  return %y : tensor<2x?x6xf64>
}
func.func @forward(%x: tensor<2x?x6xf64>, %w: tensor<18x6xf64>, %r: tensor<18x6xf64>) -> tensor<2x?x6xf64> {
  %y = call @body(%x, %w, %r) : (tensor<2x?x6xf64>, tensor<18x6xf64>, tensor<18x6xf64>) -> tensor<2x?x6xf64>
  return %y : tensor<2x?x6xf64>
}
func.func @last(%x: tensor<2x?x6xf64>, %w: tensor<18x6xf64>, %r: tensor<18x6xf64>) -> tensor<2x6xf64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = call @body(%x, %w, %r) : (tensor<2x?x6xf64>, tensor<18x6xf64>, tensor<18x6xf64>) -> tensor<2x?x6xf64>
  %t = tensor.dim %y, %c1 : tensor<2x?x6xf64>
  %any = arith.cmpi sgt, %t, %c0 : index
  cf.assert %any, "expected at least one time"
  %i = arith.subi %t, %c1 : index
  %z = tensor.extract_slice %y[0, %i, 0] [2, 1, 6] [1, 1, 1] : tensor<2x?x6xf64> to tensor<2x6xf64>
  return %z : tensor<2x6xf64>
}
"""


@pytest.mark.parametrize("split", [(0, 9), (1, 1), (7, 2), (8, 1)], ids=str)
def test_forward_then_last(tmp_path, split):
    """@last on the rest, after @forward, is @last on the whole."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, sum(split), 6))
    others = [rng.standard_normal((18, 6)) * 0.5 for _ in range(2)]
    results = {"forward": 1, "last": 1}
    expected = seqtools.evaluate(tmp_path, FORWARD_AND_LAST, "last", [x, *others], 1)
    pieces = list(zip(["forward", "last"], split))
    outcomes = run_in_pieces(tmp_path, FORWARD_AND_LAST, pieces, x, others, results)
    agree(outcomes[-1][0], expected[0])
