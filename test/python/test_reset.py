"""seq-add-reset: several sequences one behind the other, with `reset` at their starts, give
what each gives alone: random recurrences in all forms, layers, and whole models."""

import dataclasses

import numpy as np
import pytest

import agreement
import formcheck
import random_steps
import recurrent
import seqlib
import seqtools
from formcheck import Form
from stepbuilder import Argument
from test_forms import FORMS

RESET = Form("reset", ["--seq-add-reset"])
LENGTHS = (5, 1, 9)


# --- random recurrences -----------------------------------------------------------

@dataclasses.dataclass
class WithReset:
    """A body to which the argument was added, as formcheck sees bodies."""

    body: random_steps.Body
    source: str
    reset: np.ndarray

    def __getattr__(self, name):
        return getattr(self.body, name)

    @property
    def arguments(self):
        sizes = ("T",) if self.reset.ndim == 1 else (self.reset.shape[0], "T")
        return [*self.body.arguments, Argument("%reset", sizes, "i1", "mask")]

    def inputs(self, **options):
        return [*self.body.inputs(**options), self.reset]


def add_reset(folder, bodies, seed):
    """The bodies that have sequences of a batch to reset, each with its own resets for each row."""
    outcome = formcheck.derive(folder, bodies, RESET)
    modules = outcome.modules
    rng = np.random.default_rng(seed)
    made = []
    for body in bodies:
        assert body.name in modules, f"no reset was added: {outcome.refused[body.name]}\n{body.source}"
        kind = formcheck.signature(modules[body.name], body.name)[0][-1][0]
        shape = [body.times if size == "?" else int(size) for size in formcheck.sizes_of(kind)]
        made.append(WithReset(body, modules[body.name], rng.random(shape) < 0.3))
    return made


def separate(folder, item):
    """The results of the body without reset, run on each sequence alone, for each row of the batch."""
    body, arrays = item.body, item.body.inputs()
    rows = item.reset if item.reset.ndim == 2 else item.reset[None]
    runs, places = [], []
    for row, reset in enumerate(rows):
        # A sequence that goes on from the run before may come first.
        starts = sorted({0, *np.flatnonzero(reset)})
        parts = list(zip(starts, [*starts[1:], body.times]))
        for begin, end in parts[::-1] if body.reverse else parts:
            values = []
            first = begin == (parts[-1][0] if body.reverse else 0) and (body.reverse or not (body.times and reset[0]))
            for argument, array in zip(body.arguments, arrays):
                if "T" in argument.sizes:
                    array = array.take(range(begin, end), axis=body.along)
                elif argument.name in body.state_arguments and not first:
                    array = np.zeros_like(array)
                values.append(array)
            runs.append((body.source, body.name, values))
            places.append((row, begin, end))
    sources = {}
    named = []
    for number, (source, name, values) in enumerate(runs):
        # One function for each run: a module has a name once.
        sources[number] = source.replace(f"@{name}(", f"@{name}_{number}(")
        named.append((sources[number], f"{name}_{number}", values))
    found = formcheck.evaluate(folder, named)
    results = []
    for number in range(len(found[0])):
        per_row = []
        for row in range(len(rows)):
            values = [f[number] for f, place in zip(found, places) if place[0] == row]
            if number < body.outputs:
                ordered = sorted((place[1], i) for i, place in enumerate(p for p in places if p[0] == row))
                value = np.concatenate([values[i] for _, i in ordered], axis=body.along)
            else:
                value = values[-1]
            if item.reset.ndim == 2:
                value = value.take([row], axis=body.batches[number])
            per_row.append(value)
        results.append(np.concatenate(per_row, axis=body.batches[number]) if item.reset.ndim == 2 else per_row[0])
    return results


def test_random_bodies(tmp_path):
    bodies = [body for body in (random_steps.make(3, index) for index in range(60)) if not body.static][:30]
    items = add_reset(tmp_path, bodies, 4)
    assert sum(item.reset.any() for item in items) > 15
    found = formcheck.evaluate(tmp_path, [(item.source, item.name, item.inputs()) for item in items])
    for item, actual in zip(items, found):
        assert not isinstance(actual, str), f"{actual}\n{item.source}"
        far = formcheck.difference(actual, separate(tmp_path, item))
        assert far <= 1e-12, f"differs by {far:.1e}\n{item.body.source}  becomes\n{item.source}"
    report = formcheck.check(tmp_path, items, FORMS)
    print(report)
    assert not report.failures, report.failures[0]
