"""The suite of forms sees mistakes: each kind of mistake, made at each of several places of
each form by seq-opt's --test-mutate, makes it fail."""

import pytest

import formcheck
import random_bodies
from formcheck import Form

FORMS = {
    "scan": ["--seq-parallel-scan=matrix=64"],
    "blocks": ["--seq-parallel-scan=matrix=64", "--seq-block-scan=blocks=3"],
    "chunk": ["--seq-chunk=chunk=32"],
    "quadratic": ["--seq-quadratic"],
}
# A kind and where it can be made: `initial` is a dropped initial state, `compare` s < t for s <= t, `offset` the
# same where a running sum leaves it out, `anchor` a decay to or from an anchor.
KINDS = {
    "scan": ["combiner", "sign", "initial"],
    "blocks": ["sign", "initial"],
    "chunk": ["sign", "compare", "initial", "anchor", "offset"],
    "quadratic": ["sign", "compare", "anchor", "offset"],
}
# Least share of mistakes that must be seen. The combined coefficients of a scan from an initial state do not reach
# the states where times are combined one after the other: mistakes in them are seen in blocks. What coefficients
# begin with in blocks (ones, too, for no times) mostly reaches no state either.
LEAST = {("scan", "combiner"): 0.5, ("blocks", "initial"): 0.5}
SITES = 6
CLEAN = ["--canonicalize", "--cse"]  # what is dead cannot be wrong


def bodies():
    """Affine ones with initial states of their own and decays of a middling size: what is left out is missed."""
    found = []
    for index in range(400):
        body = random_bodies.make(5, index, times=37)
        if body.affine and body.handed and not body.static and body.regime == "middle" and body.shape not in ("shift", "window"):
            found.append(body)
    return found[:16]


@pytest.mark.parametrize("form", FORMS)
def test_mistakes_are_seen(tmp_path, form):
    right = Form(form, FORMS[form], admits=True, tolerance=1e-9, after=CLEAN)
    known = formcheck.check(tmp_path, bodies(), [right])
    assert not known.failures, known.failures[0]
    taken = [body for body in bodies() if form in known.taken[body.name]]
    assert len(taken) > 5
    correct = formcheck.derive(tmp_path, taken, right).modules
    expected = {body.name: found for body, found in zip(
        taken, formcheck.evaluate(tmp_path, [(body.source, body.name, body.inputs()) for body in taken]))}
    for kind in KINDS[form]:
        made, seen = 0, 0
        for site in range(SITES):
            wrong = formcheck.derive(tmp_path, taken, right, [f"--test-mutate=kind={kind} site={site}"]).modules
            changed = [body for body in taken if wrong[body.name] != correct[body.name]]
            if not changed:
                break
            results = formcheck.evaluate(tmp_path, [(wrong[body.name], body.name, body.inputs()) for body in changed])
            made += len(changed)
            seen += sum(isinstance(found, str) or not formcheck.difference(found, expected[body.name]) <= right.tolerance
                        for body, found in zip(changed, results))
        print(f"{form}, {kind}: {seen} of {made} seen")
        assert made and seen >= LEAST.get((form, kind), 0.8) * made, f"{form}, {kind}: {seen} of {made} seen"
