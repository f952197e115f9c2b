"""Steps written anew from what StepAnalysis says of them are the same steps.

Every function of the lit tests of seq-classify runs on random arguments before and after
test-step-terms, which replaces next states and readouts by the sums of their terms, and
with `lifted` computes the factors of the terms outside, for all times. So do random steps.
"""

import pathlib
import re

import numpy as np
import pytest

import random_steps
import seqtools

FOLDER = pathlib.Path(__file__).parents[1] / "Rewrite"
FILES = ["seq-classify.mlir", "seq-classify-bodies.mlir", "seq-classify-maxima.mlir"]
TIMES = [0, 1, 7]
# Nothing of these has terms; they are taken apart all the same.
NONLINEAR = ["rnn", "lstm", "gru", "refused"]


def split(source):
    """The functions of a module in parts, by name."""
    parts = {}
    for part in source.split("// -----"):
        for name in re.findall(r"func\.func @(\w+)\(", part):
            parts[name] = part
    return parts


def signature(part, name):
    """The shapes of a function's arguments and the number of its results."""
    line = re.search(r"func\.func @" + name + r"\((.*?)\)\s*->\s*(.*?)\s*\{\n", part, re.S)
    shapes = [[int(size) if size != "?" else None for size in shape.split("x")[:-1]]
              for shape in re.findall(r"tensor<(.*?)>", line[1])]
    return shapes, len(re.findall(r"tensor<", line[2]))


def rewritten(file, *passes):
    # In f64, as the evaluator computes, so that results are not rounded to f32.
    text = (FOLDER / file).read_text().replace("0xFF800000", "0xFFF0000000000000")
    text = text.replace("f32", "f64")
    return split(seqtools.opt(text, "--split-input-file", "--seq-generalize", *passes))


def check(tmp_path, name, part, versions, inputs, results, tolerance):
    expected = seqtools.evaluate(tmp_path, part, name, inputs, results)
    for number, version in enumerate(versions):
        values = seqtools.evaluate(tmp_path, version, name, inputs, results)
        for value, want in zip(values, expected, strict=True):
            np.testing.assert_allclose(value, want, rtol=tolerance, atol=tolerance,
                                       err_msg=f"{name}, version {number}")


@pytest.mark.parametrize("file", FILES)
def test_terms_are_the_step(file, tmp_path):
    before = rewritten(file)
    versions = [rewritten(file, "--test-step-terms"),
                rewritten(file, "--test-step-terms=lifted")]
    random = np.random.default_rng(1)
    for name, part in before.items():
        shapes, results = signature(part, name)
        for version in versions:
            assert part != version[name] or name in NONLINEAR, f"{name}: nothing was rewritten"
        for times in TIMES:
            inputs = [random.normal(size=[times if size is None else size for size in shape],
                                    scale=0.7) for shape in shapes]
            check(tmp_path, name, part, [version[name] for version in versions], inputs,
                  results, 1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_terms_of_random_steps(seed, tmp_path):
    random = np.random.default_rng(seed)
    source, shapes = random_steps.random_step(random)
    versions = [seqtools.opt(source, "--test-step-terms"),
                seqtools.opt(source, "--test-step-terms=lifted")]
    inputs = [random.normal(size=[3 if size is None else size for size in shape])
              for shape in shapes]
    check(tmp_path, "step", source, versions, inputs, 4, 1e-9)
