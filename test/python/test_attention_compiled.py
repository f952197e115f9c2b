"""Compiled attention against torch's scaled_dot_product_attention in double. One
program runs with many numbers of queries and keys, so that single queries, blocks
and their tails meet every mask."""

import numpy as np
import pytest

import agreement
import seqlib
import seqtools
from attentions import MASKS, Case

RNG = np.random.default_rng
# Queries and keys: one by one, whole blocks, tails, queries before the first key.
TIMES = [(1, 1), (1, 90), (3, 97), (4, 4), (5, 5), (64, 64), (97, 97), (40, 60), (70, 110), (110, 70), (130, 130)]


def check(build, times, options=(), threads=2, **kind):
    """Compiles the layer of the given kind once and runs it with all `times`."""

    def write(folder):
        file = folder / "layer.mlir"
        file.write_text(Case(RNG(0), dtype=np.float32, **kind).source())
        return file

    path = build(repr(sorted(kind.items())), write, *options, library=True)
    library = seqlib.Library(path, threads=threads)
    for queries, keys in times:
        case = Case(RNG(queries + keys), times=queries, keys=keys, dtype=np.float32, **kind)
        inputs = {f"arg{index}": array for index, array in enumerate(case.all_arrays)}
        agreement.agrees(library.run("layer", inputs)["result0"], case.expected(), case.expected(np.float32))


@pytest.mark.parametrize("mask", MASKS)
def test_masks(build, mask):
    check(build, TIMES, mask=mask)


@pytest.mark.parametrize("mask", ["full", "sinks", "blocks"])
def test_key_masks(build, mask):
    check(build, TIMES, mask=mask, hidden=0.4)


def test_nothing_to_see(build):
    check(build, TIMES, mask="causal", hidden=1.0)
    check(build, [(0, 0), (0, 5), (3, 0), (70, 0)], mask="causal")


@pytest.mark.parametrize("sizes", [(20, 20), (80, 80), (128, 64), (1, 3), (17, 33)])
def test_sizes(build, sizes):
    check(build, TIMES, mask="causal", sizes=sizes, heads=(6, 2, 3))


@pytest.mark.parametrize("heads", [(1, 1, 1), (16, 16, 1), (14, 2, 7)])
def test_heads(build, heads):
    check(build, TIMES, mask="window", heads=heads)


@pytest.mark.parametrize("bias", ["TS", "HTS", "B11S", "1T1"])
def test_bias(build, bias):
    check(build, TIMES, mask="causal", bias=bias, hidden=0.1)


def test_a_bias_near_the_largest_number(build):
    """Models hide keys by adding the lowest number there is; a row of it is uniform."""
    case = Case(RNG(1), "full", batch=1, times=70, bias="TS", dtype=np.float32)
    case.bias[:, ::3] = np.finfo(np.float32).min
    case.bias[5] = np.finfo(np.float32).min
    path = build("lowest", lambda folder: (folder / "layer.mlir").write_text(case.source()) and folder / "layer.mlir",
                 library=True)
    inputs = {f"arg{index}": array for index, array in enumerate(case.all_arrays)}
    ours = seqlib.Library(path).run("layer", inputs)["result0"]
    single = case.expected(np.float32)
    agreement.agrees(ours, single.astype(np.float64), single)


def test_long_keys_of_one_query(build):
    """Parts of the keys are merged; a window leaves most of them out."""
    times = [(1, 3000), (2, 1025), (1, 8192)]
    check(build, times, mask="causal", heads=(8, 2, 2), sizes=(64, 64))
    check(build, times, mask="sinks", heads=(8, 2, 2), sizes=(64, 64))


def test_large_scores(build):
    check(build, TIMES, mask="causal", spread=300.0)


@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3"])
@pytest.mark.parametrize("mask", ["causal", "global", "blocks"])
def test_other_processors(build, mask, cpu):
    check(build, TIMES, (f"--target={cpu}",), mask=mask, sizes=(20, 7), bias="TS", hidden=0.2)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads(build, threads):
    check(build, TIMES, threads=threads, mask="causal")


@pytest.mark.parametrize("kind", [dict(normaliser="kernel", mask="causal"), dict(normaliser="kernel", mask="full")])
def test_kernel_normaliser(build, kind):
    check(build, TIMES[:6], **kind)


def test_tiles(build):
    """The recurrence over tiles of keys, compiled as any other."""

    def write(folder):
        file = folder / "layer.mlir"
        file.write_text(seqtools.opt(Case(RNG(0), "causal", dtype=np.float32).source(), "--seq-online-softmax=keys=16"))
        return file

    library = seqlib.Library(build("tiles", write, library=True))
    for queries, keys in [(1, 1), (5, 33), (40, 40)]:
        case = Case(RNG(queries), "causal", times=queries, keys=keys, dtype=np.float32)
        inputs = {f"arg{index}": array for index, array in enumerate(case.all_arrays)}
        agreement.agrees(library.run("layer", inputs)["result0"], case.expected(), case.expected(np.float32))
