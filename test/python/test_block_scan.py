"""seq-block-scan against the scan itself, in the evaluator and compiled."""

import numpy as np
import pytest

import agreement
import scans
import seqtools

# Fewer times than blocks, as many blocks squared as times, one less, a rest.
TIMES = [0, 1, 7, 15, 16, 37]

CASES = [((2, 5), 1, "", True), ((2, 5), 1, "reverse", True), ((2, 5), 1, "exclusive", True),
         ((2, 5), 1, "reverse exclusive", True), ((2, 5), 1, "", False), ((2, 5), 1, "reverse", False),
         ((3,), 0, "", False), ((3,), 1, "reverse", True), ((), 0, "exclusive", True), ((), 0, "", False)]


@pytest.mark.parametrize("shape, time, clauses, first", CASES)
def test_blocks_change_nothing(tmp_path, shape, time, clauses, first):
    words = clauses.split() + [""]
    clauses = " ".join([w for w in words if w == "reverse"] + ["associative"] + [w for w in words if w == "exclusive"])
    source = scans.affine_scan(shape, time, clauses, first=first)
    blocked = seqtools.opt(source, "--seq-block-scan=blocks=4", "--canonicalize", "--cse")
    assert "seq.scan" not in blocked and "seq.recurrence" in blocked
    rng = np.random.default_rng(0)
    for times in TIMES:
        inputs = scans.scan_inputs(rng, shape, time, times, first)
        results = 4 if first else 2
        before = scans.evaluate(tmp_path, source, inputs, results)
        after = scans.evaluate(tmp_path, blocked, inputs, results)
        for a, b in zip(after, before):
            assert scans.distance(a, b) < 1e-12  # other brackets, in f64


@pytest.mark.parametrize("shape, clauses", [((2, 20), "associative"), ((1, 80), "reverse associative exclusive")])
def test_blocks_compiled(build, tmp_path, shape, clauses):
    source = seqtools.opt(scans.affine_scan(shape, 1, clauses), "--seq-block-scan=blocks=4", "--canonicalize", "--cse")
    file = tmp_path / "blocks.mlir"
    file.write_text(source)
    program = build(str(shape), lambda _: file)
    kernels = seqtools.opt(source, "--forms-to-kernels")
    assert kernels.count("kernel.recurrence") == kernels.count("recurrence along") >= 4  # vector code for all
    outputs = [f"result{index}" for index in range(4)]
    rng = np.random.default_rng(3)
    for times in (0, 1, 37):
        inputs = [array.astype(np.float32) for array in scans.scan_inputs(rng, shape, 1, times)]
        expected = scans.evaluate(tmp_path, source, inputs, 4)
        for threads in (1, 2):
            ours = program.run({f"arg{i}": array for i, array in enumerate(inputs)}, outputs, threads=threads)
            for output, double in zip(outputs, expected):
                agreement.agrees(ours[output], double, double.astype(np.float32))
