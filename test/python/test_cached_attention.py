"""Causal attention on a sequence in pieces, with its cache as a state: the same as
on the whole, in the reference evaluator and compiled."""

import numpy as np
import pytest

import agreement
import seqlib
import seqtools
from attentions import Mask

LAYERS, HEADS, SHARED, D = 3, 4, 2, 6
C = HEADS * D
RINGS = {"window": 8, "self": 1, "wide": 64}  # masks whose caches are rings, and the most places
MASKS = {
    "causal": Mask("causal", lambda p, s: s <= p),
    "window": Mask("window(7, 0)", lambda p, s: (p - 7 <= s) & (s <= p)),
    "self": Mask("window(0, 0)", lambda p, s: s == p),
    "wide": Mask("window(63, 0)", lambda p, s: s <= p),
    "sinks": Mask("window(7, 0) global(2)", lambda p, s: ((p - 7 <= s) | (s < 2)) & (s <= p)),
}
STATES = ["keys0", "values0", "position0"]
CUTS = [[37], [20, 21, 22, 37], [1, 2, 3, 4, 36, 37], [0, 30, 30, 37]]


def source(mask, element="f32"):
    """x + attention(x, W x), three times over, the heads of keys being half as many."""
    x, q, k = (f"tensor<1x?x{shape}x{element}>" for shape in (C, f"{HEADS}x{D}", f"{SHARED}x{D}"))
    w, small = f"tensor<{SHARED * D}x{C}x{element}>", f"tensor<1x?x{SHARED * D}x{element}>"
    return f"""
func.func private @layer(%x: {x}, %w: {w}) -> {x} {{
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : {element}
  %t = tensor.dim %x, %c1 : {x}
  %e = tensor.empty(%t) : {small}
  %f = linalg.fill ins(%zero : {element}) outs(%e : {small}) -> {small}
  %p = linalg.generic {{indexing_maps = [affine_map<(b, t, n, k) -> (b, t, k)>, affine_map<(b, t, n, k) -> (n, k)>,
      affine_map<(b, t, n, k) -> (b, t, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}}
      ins(%x, %w : {x}, {w}) outs(%f : {small}) {{
  ^bb0(%a: {element}, %b: {element}, %c: {element}):
    %0 = arith.mulf %a, %b : {element}
    %1 = arith.addf %c, %0 : {element}
    linalg.yield %1 : {element}
  }} -> {small}
  %q = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [1, %t, {HEADS}, {D}] : {x} into {q}
  %k = tensor.expand_shape %p [[0], [1], [2, 3]] output_shape [1, %t, {SHARED}, {D}] : {small} into {k}
  %y = seq.attention ins(%q, %k, %k : {q}, {k}, {k}) mask <{mask.text}> scale 0.5 -> {q}
  %r = tensor.collapse_shape %y [[0], [1], [2, 3]] : {q} into {x}
  %s = arith.addf %r, %x : {x}
  return %s : {x}
}}
func.func @forward(%x: {x} {{seq.name = "x"}}, %w: {w} {{seq.name = "w"}}) -> ({x} {{seq.name = "y"}}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant {LAYERS} : index
  %y = scf.for %l = %c0 to %c3 step %c1 iter_args(%a = %x) -> {x} {{
    %n = func.call @layer(%a, %w) : ({x}, {w}) -> {x}
    scf.yield %n : {x}
  }}
  return %y : {x}
}}
"""


def inputs(dtype, times=37):
    rng = np.random.default_rng(3)
    return (rng.standard_normal((1, times, C)).astype(dtype),
            (rng.standard_normal((SHARED * D, C)) / 5).astype(dtype))


def expected(mask, x, w):
    sees = mask.matrix(x.shape[1], x.shape[1])
    for _ in range(LAYERS):
        q = x[0].reshape(-1, HEADS, D)
        k = np.repeat((x[0] @ w.T).reshape(-1, SHARED, D), HEADS // SHARED, axis=1)
        scores = np.where(sees, np.einsum("thd,shd->hts", q, k) * x.dtype.type(0.5), -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        y = np.einsum("hts,shd->thd", weights / weights.sum(-1, keepdims=True), k)
        x = x + y.reshape(x.shape)
    return x


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("tiles", [None, "keys=8", "keys=8 splits=3"])
def test_evaluated(tmp_path, mask, cuts, tiles):
    module = seqtools.opt(source(MASKS[mask], "f64"), "--seq-expose-states")
    assert "seq.cached_attention" in module
    if tiles:
        module = seqtools.opt(module, f"--seq-online-softmax={tiles}", "--canonicalize", "--cse")
        assert "attention" not in module
    x, w = inputs(np.float64)
    places = min(40, RINGS.get(mask, 40))
    states = [np.full((LAYERS, 1, places, SHARED, D), np.nan)] * 2 + [np.zeros((LAYERS, 1), np.int64)]
    file, pieces, begin = tmp_path / "module.mlir", [], 0
    file.write_text(module)
    for end in cuts:
        values = {"x": x[:, begin:end], "w": w} | dict(zip(STATES, states))
        y, *states = seqtools.evaluate_file(file, "forward", values, ["y", *STATES]).values()
        pieces.append(y)
        begin = end
    assert agreement.distance(np.concatenate(pieces, axis=1), expected(MASKS[mask], x, w)) <= 1e-12
    assert (states[2] == 37).all()


@pytest.fixture
def library(build):
    def get(mask):
        def write(folder):
            file = folder / "model.mlir"
            file.write_text(source(MASKS[mask]))
            return file

        return seqlib.Library(build(mask, write, library=True), threads=2)

    return get


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("mask", MASKS)
def test_compiled(library, mask, cuts):
    program, (x, w) = library(mask), inputs(np.float32)
    state, pieces, begin = program.state(capacity=37), [], 0
    for end in cuts:
        pieces.append(program.run("forward", {"x": x[:, begin:end], "w": w}, state)["y"])
        begin = end
    double = expected(MASKS[mask], x.astype(np.float64), w.astype(np.float64))
    agreement.agrees(np.concatenate(pieces, axis=1), double, expected(MASKS[mask], x, w))


def test_a_full_cache(library):
    program, (x, w) = library("causal"), inputs(np.float32)
    state = program.state(capacity=20)
    program.run("forward", {"x": x[:, :20], "w": w}, state)
    with pytest.raises(seqlib.SeqError, match="the cache of keys and values is full"):
        program.run("forward", {"x": x[:, 20:21], "w": w}, state)


def test_going_back(library):
    """Tokens that were wrong are forgotten with the snapshot from before."""
    program, (x, w) = library("causal"), inputs(np.float32)
    state = program.state(capacity=40)
    program.run("forward", {"x": x[:, :30], "w": w}, state)
    kept, before = state.clone(), state.snapshot()
    program.run("forward", {"x": x[:, :5], "w": w}, state)
    state.rollback(before)
    again = program.run("forward", {"x": x[:, 30:], "w": w}, state)["y"]
    straight = program.run("forward", {"x": x[:, 30:], "w": w}, kept)["y"]
    assert (again == straight).all()


def test_a_ring_goes_back(library, tmp_path):
    """A snapshot holds what tokens after it overwrite; clones and files hold it too."""
    program, (x, w) = library("window"), inputs(np.float32)
    for start in (3, 8, 30):
        state = program.state(capacity=40)
        program.run("forward", {"x": x[:, :start], "w": w}, state)
        kept, before = state.clone(), state.snapshot()
        state.save(tmp_path / "state")
        loaded = program.state(capacity=40)
        loaded.load(tmp_path / "state")
        program.run("forward", {"x": x[:, :5], "w": w}, state)
        program.run("forward", {"x": x[:, 5:25], "w": w}, state)
        state.rollback(before)
        pieces = [program.run("forward", {"x": x[:, start:], "w": w}, other)["y"] for other in (state, kept, loaded)]
        assert all((piece == pieces[0]).all() for piece in pieces)
        double = expected(MASKS["window"], x.astype(np.float64), w.astype(np.float64))[:, start:]
        agreement.agrees(pieces[0], double, expected(MASKS["window"], x, w)[:, start:])


def test_rings_are_bounded(library):
    """A window keeps no more keys than it shows, and any number of tokens has room; a smaller capacity makes a
    smaller ring, which can be full."""
    program, (x, w) = library("window"), inputs(np.float32)
    assert len(program.state(capacity=8)) == len(program.state(capacity=10**12)) > len(program.state(capacity=7))
    state = program.state(capacity=7)
    program.run("forward", {"x": x[:, :7], "w": w}, state)
    with pytest.raises(seqlib.SeqError, match="the cache of keys and values is full.*capacity of the state is 7"):
        program.run("forward", {"x": x[:, 7:8], "w": w}, state)


def bufferized(mask):
    return seqtools.opt(source(MASKS[mask]), "--seq-to-forms", "--forms-to-kernels", "--sink-slices",
                        "--canonicalize", "--cse", "--bufferize-program", "--cse", "--canonicalize")


def test_a_ring_stays_in_its_place():
    """Parts of it are copied, by a size that is 0 for one token, and never the whole."""
    copies = [line for line in bufferized("window").splitlines() if "memref.copy" in line and f"x{SHARED}x{D}xf32" in line]
    assert len(copies) == 10 and all("memref.copy %subview" in line for line in copies)


def test_nothing_of_the_cache_is_copied():
    """A step writes its own keys and values and reads the rest where it is."""
    loops = bufferized("causal")
    call = [line for line in loops.splitlines() if "call @layer" in line]
    assert len(call) == 1 and call[0].count(f"memref<{LAYERS}x1x?x{SHARED}x{D}xf32>") == 4
    copies = [line for line in loops.splitlines() if "memref.copy" in line and f"x{SHARED}x{D}xf32" in line]
    assert len(copies) == 2  # keys and values of the new times, into the cache
    assert all(f"strided<[?, {SHARED * D}, {D}, 1], offset: ?>" in line.split(" to ")[1] for line in copies)
    assert not any("strided" in line.split(" to ")[0] for line in copies)


POSITIONS = """
func.func @forward(%x: tensor<1x?x2x4xf32> {seq.name = "x"}) -> (tensor<1x?x2x4xf32> {seq.name = "y"}) {
  %c1 = arith.constant 1 : index
  %one = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0> : tensor<1xi64>
  %t = tensor.dim %x, %c1 : tensor<1x?x2x4xf32>
  %slots = tensor.empty(%t) : tensor<1x?xi64>
  %positions, %count = seq.recurrence along 1 outs(%slots : tensor<1x?xi64>) init(%zero : tensor<1xi64>) {
  ^step(%slot: tensor<1xi64>, %s: tensor<1xi64>):
    %next = arith.addi %s, %one : tensor<1xi64>
    seq.yield %s, %next : tensor<1xi64>, tensor<1xi64>
  }
  %e = tensor.empty(%t) : tensor<1x?x2x4xf32>
  %h = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, t, h, d)>, affine_map<(b, t, h, d) -> (b, t)>,
      affine_map<(b, t, h, d) -> (b, t, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %positions : tensor<1x?x2x4xf32>, tensor<1x?xi64>) outs(%e : tensor<1x?x2x4xf32>) {
  ^bb0(%a: f32, %p: i64, %o: f32):
    %f = arith.sitofp %p : i64 to f32
    %c = math.cos %f : f32
    %s = arith.mulf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<1x?x2x4xf32>
  %y = seq.attention ins(%h, %h, %h : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}
"""


@pytest.mark.parametrize("cuts", CUTS)
def test_positions_are_counted(build, cuts):
    def write(folder):
        (folder / "model.mlir").write_text(POSITIONS)
        return folder / "model.mlir"

    program = seqlib.Library(build("positions", write, library=True), threads=2)
    x = np.random.default_rng(5).standard_normal((1, 37, 2, 4)).astype(np.float32)
    state, pieces, begin = program.state(capacity=37), [], 0
    for end in cuts:
        pieces.append(program.run("forward", {"x": x[:, begin:end]}, state)["y"])
        begin = end
    h = x[0].astype(np.float64) * np.cos(np.arange(37))[:, None, None]
    scores = np.where(np.tril(np.ones((37, 37), bool)), np.einsum("thd,shd->hts", h, h) * 0.5, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    y = np.einsum("hts,shd->thd", weights / weights.sum(-1, keepdims=True), h)[None]
    agreement.agrees(np.concatenate(pieces, axis=1), y, y.astype(np.float32))
