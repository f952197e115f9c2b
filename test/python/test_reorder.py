"""--seq-reorder-attention: before and after, in the reference evaluator."""

import numpy as np
import pytest

import seqtools
from attentions import Case
from test_attention import check

RNG = np.random.default_rng
REORDER = ["--seq-reorder-attention", "--canonicalize", "--cse"]


def kernel(mask, **options):
    return Case(RNG(1), mask, normaliser="kernel", **options)


@pytest.mark.parametrize("mask", ["full", "causal"])
@pytest.mark.parametrize("heads", [(1, 1, 1), (6, 2, 2), (4, 1, 2), (4, 4, 1)])
@pytest.mark.parametrize("sizes", [(20, 20), (80, 3)])
def test_heads_and_sizes(tmp_path, mask, heads, sizes):
    check(tmp_path, kernel(mask, times=37, heads=heads, sizes=sizes), *REORDER)


@pytest.mark.parametrize("mask", ["full", "causal"])
@pytest.mark.parametrize("hidden", [0.5, 1.0])
@pytest.mark.parametrize("times, keys", [(1, 37), (37, 37), (7, 40), (40, 7), (0, 5), (3, 0), (0, 0)])
def test_times(tmp_path, mask, hidden, times, keys):
    """Queries beside the last keys, or before the first; rows that see nothing."""
    check(tmp_path, kernel(mask, times=times, keys=keys, hidden=hidden), *REORDER)


def test_indivisible_heads_stay(tmp_path):
    source = seqtools.opt(kernel("causal", heads=(6, 2, 3)).source(), *REORDER)
    assert "seq.attention" in source


def sequence_of_one(mask):
    """x attends to itself: queries and keys are known to have one time."""
    x = "tensor<2x?x3x20xf64>"
    return f"""
func.func @layer(%x: {x}) -> {x} {{
  %p = math.exp %x : {x}
  %y = seq.attention ins(%p, %p, %x : {x}, {x}, {x}) mask <{mask}> scale 0.3
      {{normaliser = #seq<normaliser kernel>}} -> {x}
  return %y : {x}
}}
"""


@pytest.mark.parametrize("times", [0, 1, 7, 37])
@pytest.mark.parametrize("mask", ["full", "causal"])
def test_one_time(tmp_path, mask, times):
    source = sequence_of_one(mask)
    after = seqtools.opt(source, *REORDER)
    assert "seq.attention" not in after and "tensor.pad" not in after
    x = RNG(3).standard_normal((2, times, 3, 20))
    [a], [b] = (seqtools.evaluate(tmp_path, text, "layer", [x], 1) for text in (source, after))
    assert np.abs(a - b).max(initial=0) <= 1e-12


# Attention written out. Each case: the layouts of q, k, v and y in letters, how the
# mask is written, and the order of what happens to the scores.

MASKS = {
    "none": ("", "%p"),
    "select": (
        "%i = linalg.index {t} : index\n %j = linalg.index {s} : index\n"
        " %seen = arith.cmpi sge, %i, %j : index\n %m = arith.select %seen, %p, %zero : f64\n", "%m"),
    "strict": (
        "%i = linalg.index {t} : index\n %j = linalg.index {s} : index\n"
        " %seen = arith.cmpi slt, %j, %i : index\n %m = arith.select %seen, %p, %zero : f64\n", "%m"),
    "hidden": (
        "%i = linalg.index {t} : index\n %j = linalg.index {s} : index\n"
        " %unseen = arith.cmpi sgt, %j, %i : index\n %m = arith.select %unseen, %zero, %p : f64\n", "%m"),
    "product": (
        "%i = linalg.index {t} : index\n %j = linalg.index {s} : index\n"
        " %seen = arith.cmpi sle, %j, %i : index\n %o = arith.uitofp %seen : i1 to f64\n"
        " %m = arith.mulf %p, %o : f64\n", "%m"),
}
SEES = {"none": lambda t, s: t + s >= 0, "select": lambda t, s: s <= t, "strict": lambda t, s: s < t,
        "hidden": lambda t, s: s <= t, "product": lambda t, s: s <= t}
SIZES = {"b": 2, "h": 3, "k": 20, "v": 5}


def tensor(letters):
    return f"tensor<{'x'.join(str(SIZES[x]) if x in SIZES else '?' for x in letters)}xf64>"


def affine(loops, *operands):
    maps = [f"affine_map<({', '.join(loops)}) -> ({', '.join(letters)})>" for letters in operands]
    return f"indexing_maps = [{', '.join(maps)}]"


def generic(name, loops, inputs, result, destination, body):
    """`inputs` are (value, letters); loops not in `result` are summed."""
    kinds = ", ".join('"parallel"' if x in result else '"reduction"' for x in loops)
    values = ", ".join(value for value, _ in inputs)
    types = ", ".join(tensor(letters) for _, letters in inputs)
    arguments = ", ".join(f"%a{i}: f64" for i in range(len(inputs) + 1))
    ins = f" ins({values} : {types})" if inputs else ""
    return (f"  {name} = linalg.generic {{{affine(loops, *(x for _, x in inputs), result)}, iterator_types = [{kinds}]}}"
            f"{ins} outs({destination} : {tensor(result)}) {{\n  ^bb0({arguments}):\n {body}\n  }} -> {tensor(result)}\n")


def zeros(name, letters):
    sizes = ", ".join(f"%n{x}" for x in letters if x not in SIZES)
    return (f"  {name}e = tensor.empty({sizes}) : {tensor(letters)}\n"
            f"  {name} = linalg.fill ins(%zero : f64) outs({name}e : {tensor(letters)}) -> {tensor(letters)}\n")


MULTIPLY_ADD = " %0 = arith.mulf %a0, %a1 : f64\n %1 = arith.addf %a2, %0 : f64\n linalg.yield %1 : f64"
ADD = " %1 = arith.addf %a1, %a0 : f64\n linalg.yield %1 : f64"


def written(layouts, mask="none", normalised=True, late=False, key_mask=False):
    """(Q Kᵀ) V with scores in the layout of y, v replaced by s. `late`: the sum is
    divided out of the weights, else out of the product."""
    q, k, v, y = layouts
    p = "".join(x for x in y if x != "v" and x != "t") + "ts"
    row = p[:-1]
    arguments = [("%q", q), ("%k", k), ("%v", v)] + ([("%g", "bs")] if key_mask else [])
    text = f"func.func @layer({', '.join(f'{n}: {tensor(x)}' for n, x in arguments)}) -> {tensor(y)} {{\n"
    text += "  %zero = arith.constant 0.0 : f64\n  %scale = arith.constant 0.25 : f64\n  %eps = arith.constant 0.01 : f64\n"
    for letter, name, letters in [("t", "%q", q), ("s", "%k", k)]:
        text += f"  %c{letter} = arith.constant {letters.index(letter)} : index\n"
        text += f"  %n{letter} = tensor.dim {name}, %c{letter} : {tensor(letters)}\n"
    text += zeros("%zp", p) + generic("%scores", p + "k", [("%q", q), ("%k", k)], p, "%zp", MULTIPLY_ADD)
    body, last = MASKS[mask]
    body = body.format(t=p.index("t"), s=p.index("s"))
    extra = []
    if key_mask:
        extra = [("%g", "bs")]
        body += f" %kept = arith.mulf {last}, %a1 : f64\n"
        last = "%kept"
    body = " %p = arith.mulf %a0, %scale : f64\n " + body + f" linalg.yield {last} : f64"
    text += generic("%weights", p, [("%scores", p), *extra], p, "%zpe", body)
    weights = "%weights"
    if normalised:
        text += zeros("%zr", row) + generic("%sum", p, [("%weights", p)], row, "%zr", ADD)
        text += generic("%row", row, [("%sum", row)], row, "%zre",
                        " %0 = arith.addf %a0, %eps : f64\n linalg.yield %0 : f64")
        if late:
            text += generic("%divided", p, [("%weights", p), ("%row", row)], p, "%zpe",
                            " %0 = arith.divf %a0, %a1 : f64\n linalg.yield %0 : f64")
            weights = "%divided"
    loops = y + "s"
    text += zeros("%zy", y) + generic("%y", loops, [(weights, p), ("%v", v)], y, "%zy", MULTIPLY_ADD)
    result = "%y"
    if normalised and not late:
        text += generic("%out", y, [("%y", y), ("%row", row)], y, "%zye",
                        " %0 = arith.divf %a0, %a1 : f64\n linalg.yield %0 : f64")
        result = "%out"
    return text + f"  return {result} : {tensor(y)}\n}}\n"


def expected(layouts, arrays, mask, normalised, key_mask):
    q, k, v, y = layouts
    p = "".join(x for x in y if x != "v" and x != "t") + "ts"
    weights = np.einsum(f"{q},{k}->{p}", *arrays[:2]) * 0.25
    t, s = np.arange(weights.shape[-2])[:, None], np.arange(weights.shape[-1])[None]
    weights = np.where(SEES[mask](t, s), weights, 0.0)
    if key_mask:
        weights = np.einsum(f"{p},bs->{p}", weights, arrays[3])
    if normalised:
        weights = weights / (weights.sum(-1, keepdims=True) + 0.01)
    return np.einsum(f"{p},{v}->{y}", weights, arrays[2])


def check_written(folder, layouts, queries=7, keys=7, **options):
    source = written(layouts, **options)
    after = seqtools.opt(source, *REORDER)
    scores = [line for line in after.splitlines() if "linalg.generic" in line and "?x?" in line.split("outs")[-1]]
    assert not scores, after
    causal = options.get("mask", "none") != "none"
    assert ("seq.recurrence" in after) == causal
    rng, sizes = RNG(5), {**SIZES, "t": queries, "s": keys}
    shapes = [*layouts[:3], "bs"][:4 if options.get("key_mask") else 3]
    arrays = [rng.random([sizes[x] for x in letters]) for letters in shapes]
    reference = expected(layouts, arrays, options.get("mask", "none"), options.get("normalised", True),
                         options.get("key_mask", False))
    for text in (source, after):
        [actual] = seqtools.evaluate(folder, text, "layer", arrays, 1)
        assert np.abs(actual - reference).max(initial=0) <= 1e-12


LAYOUTS = [
    ("tk", "sk", "sv", "tv"),
    ("tk", "ks", "vs", "vt"),
    ("btk", "bsk", "bsv", "btv"),
    ("bthk", "bshk", "bshv", "bthv"),
    ("bhtk", "bhks", "bhsv", "bthv"),
    ("bthk", "bsk", "bsv", "bhtv"),
    ("kbth", "sbk", "hsvb", "thbv"),
]


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("mask", ["none", "select"])
@pytest.mark.parametrize("late", [False, True])
def test_written_out(tmp_path, layouts, mask, late):
    check_written(tmp_path, layouts, mask=mask, late=late)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("queries, keys", [(0, 0), (1, 1), (37, 37), (5, 9), (9, 5), (4, 0)])
def test_written_masks_and_times(tmp_path, mask, queries, keys):
    check_written(tmp_path, LAYOUTS[3], queries, keys, mask=mask)


@pytest.mark.parametrize("layouts", LAYOUTS[2:6])
@pytest.mark.parametrize("mask", ["none", "product"])
def test_written_key_mask(tmp_path, layouts, mask):
    check_written(tmp_path, layouts, mask=mask, key_mask=True, normalised=False)
    check_written(tmp_path, layouts, mask=mask, key_mask=True, late=True)


@pytest.mark.parametrize("rows, reorders", [("[1,0,0],[1,1,0],[1,1,1]", True), ("[0,0,0],[1,0,0],[1,1,0]", True),
                                            ("[1,0,0],[1,1,1],[1,1,1]", False), ("[1,1,1],[0,1,1],[0,0,1]", False),
                                            ("[2,0,0],[2,2,0],[2,2,2]", False)])
def test_constant_mask(tmp_path, rows, reorders):
    """A constant is a causal mask if it is a triangle of ones; sizes are small, so
    that a batch makes it worth it."""
    numbers = np.array(eval(f"[{rows}]"), dtype=float)
    dense = "[" + ", ".join("[" + ", ".join(f"{x:.1f}" for x in row) + "]" for row in numbers) + "]"
    source = f"""
func.func @layer(%q: tensor<3x1xf64>, %k: tensor<1x3xf64>, %v: tensor<3x1xf64>) -> tensor<3x1xf64> {{
  %zero = arith.constant 0.0 : f64
  %mask = arith.constant dense<{dense}> : tensor<3x3xf64>
  %e0 = tensor.empty() : tensor<3x3xf64>
  %f0 = linalg.fill ins(%zero : f64) outs(%e0 : tensor<3x3xf64>) -> tensor<3x3xf64>
  %p = linalg.matmul ins(%q, %k : tensor<3x1xf64>, tensor<1x3xf64>) outs(%f0 : tensor<3x3xf64>) -> tensor<3x3xf64>
  %w = arith.mulf %p, %mask : tensor<3x3xf64>
  %e1 = tensor.empty() : tensor<3x1xf64>
  %f1 = linalg.fill ins(%zero : f64) outs(%e1 : tensor<3x1xf64>) -> tensor<3x1xf64>
  %y = linalg.matmul ins(%w, %v : tensor<3x3xf64>, tensor<3x1xf64>) outs(%f1 : tensor<3x1xf64>) -> tensor<3x1xf64>
  return %y : tensor<3x1xf64>
}}
"""
    after = seqtools.opt(source, *REORDER)
    assert ("seq.recurrence" in after) == reorders
    q, k, v = RNG(7).random((3, 1)), RNG(8).random((1, 3)), RNG(9).random((3, 1))
    [actual] = seqtools.evaluate(tmp_path, after, "layer", [q, k, v], 1)
    assert np.abs(actual - (numbers * (q @ k)) @ v).max() <= 1e-12


def test_streams(tmp_path):
    """Kernel attention in pieces: its sums are states of the session."""
    source = sequence_of_one("causal")
    streaming = seqtools.opt(source, *REORDER, "--seq-expose-states")
    x = RNG(4).standard_normal((2, 37, 3, 20))
    [whole] = seqtools.evaluate(tmp_path, source, "layer", [x], 1)
    states = {"state0": np.zeros((2, 3, 20, 20)), "state1": np.zeros((2, 3, 20))}
    pieces = []
    for first, last in [(0, 1), (1, 1), (1, 20), (20, 37)]:
        y, *last_states = seqtools.evaluate(tmp_path, streaming, "layer", [x[:, first:last]], 1, states)
        states = dict(zip(states, last_states))
        pieces.append(y)
    assert np.abs(np.concatenate(pieces, axis=1) - whole).max() <= 1e-12
