"""Every function of examples/*.mlir, compiled, against the reference evaluator."""

import numpy as np
import pytest

import agreement
import seqtools
from conftest import ROOT

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.mlir"))
TIMES = [0, 1, 2, 37, 300]


def random_inputs(function, times):
    """Normal inputs for a function as `info` describes it, each dynamic size being `times`."""
    rng = np.random.default_rng(times)
    return {tensor["name"]: rng.standard_normal([times if size < 0 else size for size in tensor["shape"]])
            .astype(tensor["dtype"]) for tensor in function["inputs"]}


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_agrees_with_evaluator(build, name, times):
    file = ROOT / "examples" / name
    program = build(name, lambda _: file)
    functions = program.info()["functions"]
    assert functions
    for function in functions:
        inputs = random_inputs(function, times)
        names = [tensor["name"] for tensor in function["outputs"]]
        expected = seqtools.evaluate_file(file, function["name"], inputs, names, "--double")
        for threads in (1, 2):
            ours = program.run(inputs, names, function["name"], threads)
            for output in names:
                double = expected[output]
                agreement.agrees(ours[output], double, double.astype(np.float32))
