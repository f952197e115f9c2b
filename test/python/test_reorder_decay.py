"""--seq-reorder-attention on scores that decay with distance, and on what --seq-quadratic
makes: before and after, in the reference evaluator."""

import numpy as np
import pytest

import chunked
import seqtools
from test_reorder import ADD, MULTIPLY_ADD, REORDER, RNG, SIZES, generic, tensor, zeros

TIMES = [0, 1, 7, 37]
SCORES = "bhts"

INDICES = """ %i = linalg.index 2 : index
 %j = linalg.index 3 : index
 %seen = arith.cmpi {predicate}, %j, %i : index
"""
INTEGER = """ %n = arith.subi %i, %j : index
 %w = arith.index_cast %n : index to i64
"""
DISTANCE = INTEGER + " %x = arith.sitofp %w : i64 to f64\n"
DIFFERENCE = " %x = arith.subf %a1, %a2 : f64\n"
EXP = " %d = math.exp %x : f64\n"
SELECT = " %p = arith.mulf %a0, %d : f64\n %m = arith.select %seen, %p, %zero : f64\n"

TWO_TIMES = [("%g", "bth"), ("%g", "bsh")]
# Each: inputs besides the scores, and the body from the scores %a0 to %m.
DECAYS = {
    "difference": (TWO_TIMES, DIFFERENCE + EXP + SELECT),
    "sum": (TWO_TIMES, " %y = arith.negf %a2 : f64\n %x = arith.addf %y, %a1 : f64\n" + EXP + SELECT),
    "swapped": (TWO_TIMES, " %y = arith.subf %a2, %a1 : f64\n %x = arith.negf %y : f64\n" + EXP + SELECT),
    "scaled": ([*TWO_TIMES, ("%c", "h")],
               DIFFERENCE.replace("%x", "%y") + " %x = arith.mulf %y, %a3 : f64\n" + EXP + SELECT),
    "masked": (TWO_TIMES, DIFFERENCE + " %o = arith.select %seen, %x, %none : f64\n"
               " %d = math.exp %o : f64\n %m = arith.mulf %a0, %d : f64\n"),
    "computed": (TWO_TIMES, " %y = arith.mulf %a1, %a1 : f64\n %z = arith.mulf %a2, %a2 : f64\n"
                 " %x = arith.subf %z, %y : f64\n" + EXP + SELECT),
    "constant": ([], DISTANCE.replace("%x", "%y") + " %x = arith.mulf %y, %rate : f64\n" + EXP + SELECT),
    "heads": ([("%c", "h")], DISTANCE.replace("%x", "%y") + " %z = math.log %a1 : f64\n"
              " %x = arith.mulf %z, %y : f64\n" + EXP + SELECT),
    "power": ([("%c", "h")], DISTANCE + " %d = math.powf %a1, %x : f64\n" + SELECT),
    "integer": ([("%c", "h")], INTEGER + " %d = math.fpowi %a1, %w : f64, i64\n" + SELECT),
    "positions": ([("%c", "h")], " %u = arith.index_cast %i : index to i64\n %o = arith.index_cast %j : index to i64\n"
                  " %y = arith.sitofp %u : i64 to f64\n %z = arith.sitofp %o : i64 to f64\n"
                  " %x = arith.subf %y, %z : f64\n %d = math.powf %a1, %x : f64\n" + SELECT),
    "both": ([*TWO_TIMES, ("%c", "h")], DISTANCE.replace("%x", "%y") + DIFFERENCE.replace("%x", "%z")
             + " %o = math.powf %a3, %y : f64\n %e = math.exp %z : f64\n %d = arith.mulf %o, %e : f64\n" + SELECT),
}
RATE = -0.125


def decays(name, g, c, times):
    """[b, h, t, s]"""
    at = lambda x: np.moveaxis(x, 1, 2)
    difference = at(g)[..., :, None] - at(g)[..., None, :]
    distance = np.arange(times)[:, None] - np.arange(times)[None]
    powers = np.broadcast_to(c[None, :, None, None] ** distance, difference.shape)
    squares = at(g)[..., None, :] ** 2 - at(g)[..., :, None] ** 2
    return {"scaled": np.exp(difference * c[:, None, None]), "computed": np.exp(squares),
            "constant": np.broadcast_to(np.exp(distance * RATE), difference.shape), "heads": powers, "power": powers,
            "integer": powers, "positions": powers, "both": powers * np.exp(difference)}.get(name, np.exp(difference))


def layer(name, predicate="sle", apart=False, normalised=False, head=None):
    """`apart`: the decay is a tensor of its own."""
    inputs, body = DECAYS[name]
    arguments = ", ".join(f"%{x}: {tensor(dims)}" for x, dims in
                          [("q", "bthk"), ("k", "bshk"), ("v", "bshv"), ("g", "bth"), ("c", "h")])
    text = f"func.func @layer({arguments}) -> {tensor('bthv')} {{\n"
    text += ("  %zero = arith.constant 0.0 : f64\n  %none = arith.constant 0xFFF0000000000000 : f64\n"
             f"  %one = arith.constant 1.0 : f64\n  %rate = arith.constant {RATE} : f64\n  %c1 = arith.constant 1 : index\n"
             f"  %nt = tensor.dim %q, %c1 : {tensor('bthk')}\n  %ns = tensor.dim %k, %c1 : {tensor('bshk')}\n")
    text += zeros("%zp", SCORES)
    text += generic("%scores", SCORES + "k", [("%q", "bthk"), ("%k", "bshk")], SCORES, "%zp", MULTIPLY_ADD)
    body = INDICES.format(predicate=predicate) + body + " linalg.yield %m : f64"
    if apart:
        # The decay of scores of one.
        text += f"  %ones = linalg.fill ins(%one : f64) outs(%zpe : {tensor(SCORES)}) -> {tensor(SCORES)}\n"
        text += generic("%decay", SCORES, [("%ones", SCORES), *inputs], SCORES, "%zpe", body)
        text += f"  %weights = arith.mulf %decay, %scores : {tensor(SCORES)}\n"
    else:
        text += generic("%weights", SCORES, [("%scores", SCORES), *inputs], SCORES, "%zpe", body)
    if normalised:
        text += zeros("%zr", "bht") + generic("%row", SCORES, [("%weights", SCORES)], "bht", "%zr", ADD)
    text += zeros("%zy", "bthv")
    text += generic("%y", "bthvs", [("%weights", SCORES), ("%v", "bshv")], "bthv", "%zy", MULTIPLY_ADD)
    if normalised:
        text += generic("%out", "bthv", [("%y", "bthv"), ("%row", "bht")], "bthv", "%zye",
                        " %0 = arith.divf %a0, %a1 : f64\n linalg.yield %0 : f64")
    return text + f"  return {'%out' if normalised else '%y'} : {tensor('bthv')}\n}}\n"


def inputs(times, keys=None):
    rng, sizes = RNG(times), {**SIZES, "t": times, "s": times if keys is None else keys}
    q, k, v, g = (rng.random([sizes[x] for x in dims]) for dims in ["bthk", "bshk", "bshv", "bth"])
    return [q, k, v, -np.cumsum(g, axis=1), np.array([0.9, 0.5, 0.999])]


def reordered(source):
    after = seqtools.opt(source, *REORDER)
    assert "seq.recurrence" in after and "x?x?xf64" not in after, after
    return after


def check(folder, name, times, strict=False, normalised=False, **options):
    source = layer(name, "slt" if strict else "sle", normalised=normalised, **options)
    q, k, v, g, c = arrays = inputs(times)
    seen = np.tri(times, times, -1 if strict else 0)
    with np.errstate(over="ignore"):
        weights = np.where(seen, np.einsum("bthk,bshk->bhts", q, k) * decays(name, g, c, times), 0.0)
    if normalised:
        weights = weights / weights.sum(-1, keepdims=True)
    expected = np.einsum("bhts,bshv->bthv", weights, v)
    for text in (source, reordered(source)):
        [actual] = seqtools.evaluate(folder, text, "layer", arrays, 1)
        assert np.abs(actual - expected).max(initial=0) <= 1e-12 * max(1, np.abs(expected).max(initial=0))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", DECAYS)
def test_decays(tmp_path, name, strict):
    check(tmp_path, name, 7, strict)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ["difference", "power"])
def test_times(tmp_path, name, strict, times):
    check(tmp_path, name, times, strict)


@pytest.mark.parametrize("name", ["difference", "masked", "constant", "power"])
def test_decay_apart(tmp_path, name):
    check(tmp_path, name, 7, apart=True)


@pytest.mark.parametrize("name", ["difference", "power"])
def test_normalised(tmp_path, name):
    check(tmp_path, name, 7, normalised=True)


@pytest.mark.parametrize("times, keys", [(5, 9), (9, 5), (4, 0)])
def test_more_queries_or_keys(tmp_path, times, keys):
    source = layer("power")
    arrays = inputs(times, keys)
    expected, actual = (seqtools.evaluate(tmp_path, text, "layer", arrays, 1)[0] for text in (source, reordered(source)))
    assert np.abs(actual - expected).max() <= 1e-12


def test_underflow(tmp_path):
    """Log decays far below what an exponential can hold: 0, and no NaN."""
    source = layer("difference")
    arrays = inputs(37)
    arrays[3] *= 1e4
    expected, actual = (seqtools.evaluate(tmp_path, text, "layer", arrays, 1)[0] for text in (source, reordered(source)))
    assert np.isfinite(actual).all() and np.abs(actual - expected).max() <= 1e-12


WRONG = {
    "no difference": ("difference", "arith.subf %a1, %a2", "arith.addf %a1, %a2"),
    "no mask": ("difference", "arith.select %seen, %p, %zero", "arith.mulf %p, %one"),
    "another function": ("computed", "%z = arith.mulf %a2, %a2", "%z = arith.addf %a2, %a2"),
    "shifted": ("power", "%n = arith.subi %i, %j", "%l = arith.subi %i, %j : index\n %n = arith.addi %l, %c1"),
    "of both times": ("heads", "math.log %a1 : f64", "math.log %y : f64"),
    "growing distance": ("power", "arith.subi %i, %j", "arith.addi %i, %j"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_left_alone(wrong):
    name, text, other = WRONG[wrong]
    source = layer(name)
    assert text in source
    after = seqtools.opt(source.replace(text, other), *REORDER)
    assert "seq.recurrence" not in after


# The quadratic form, and back.

def quadratic(case):
    source = seqtools.opt(case.source.replace("f32", "f64"), "--seq-generalize", "--canonicalize", "--cse")
    form = seqtools.opt(source, "--seq-quadratic", "--canonicalize", "--cse")
    return source, form


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("rule", ["linear", "gated"])
def test_back_from_quadratic(tmp_path, rule, times):
    case = chunked.linear_attention(rule, sizes=(20, 80))
    source, form = quadratic(case)
    assert "?x?xf64" in form
    back = seqtools.opt(form, *REORDER)
    assert "seq.recurrence" in back and "?x?xf64" not in back
    arrays = case.arrays(times)
    expected, *others = (seqtools.evaluate(tmp_path, text, "layer", arrays, case.results) for text in (source, form, back))
    for results in others:
        for a, e in zip(results, expected, strict=True):
            assert np.abs(a - e).max(initial=0) <= 1e-12 * max(1, np.abs(e).max(initial=0))
