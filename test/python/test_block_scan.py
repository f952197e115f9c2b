"""seq-block-scan against the scan itself, in the evaluator and compiled."""

import numpy as np
import pytest

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
