"""Modules with scans and affine recurrences, and numbers for them."""

import numpy as np

import seqtools


def affine_scan(shape, time, clauses="", first=True):
    """A function of a, b (, e, z): the scan of the maps s ← a s + b, `shape` with the time at `time`."""
    slices = [str(size) for size in shape]
    sequence = f"tensor<{'x'.join(slices[:time] + ['?'] + slices[time:] + ['f32'])}>"
    slice_ = f"tensor<{'x'.join(slices + ['f32'])}>"
    arguments = [f"%a: {sequence}", f"%b: {sequence}"] + [f"%e: {slice_}", f"%z: {slice_}"] * first
    results = [sequence] * 2 + [slice_] * 2 * first
    init = f"init(%e, %z : {slice_}, {slice_})" if first else ""
    return f"""
func.func @f({', '.join(arguments)}) -> ({', '.join(results)}) {{
  %y:{len(results)} = seq.scan along {time} {clauses} ins(%a, %b : {sequence}, {sequence}) {init} {{
  ^combine(%a1: {slice_}, %b1: {slice_}, %a2: {slice_}, %b2: {slice_}):
    %0 = arith.mulf %a2, %a1 : {slice_}
    %1 = arith.mulf %a2, %b1 : {slice_}
    %2 = arith.addf %1, %b2 : {slice_}
    seq.yield %0, %2 : {slice_}, {slice_}
  }}
  return {', '.join(f'%y#{i}' for i in range(len(results)))} : {', '.join(results)}
}}
"""


def scan_inputs(rng, shape, time, times, first=True):
    sizes = list(shape[:time]) + [times] + list(shape[time:])
    arrays = [rng.uniform(0.3, 1.1, sizes), rng.standard_normal(sizes)]
    if first:
        arrays += [rng.standard_normal(shape), rng.standard_normal(shape)]
    return arrays


def evaluate(folder, source, inputs, results):
    """The results of @f in f64."""
    file = folder / "module.mlir"
    file.write_text(source)
    outputs = [f"result{index}" for index in range(results)]
    arguments = {f"arg{index}": array for index, array in enumerate(inputs)}
    return list(seqtools.evaluate_file(file, "f", arguments, outputs, "--double").values())


def distance(after, before):
    """max |after - before| / max |before|, at least of size 1."""
    assert after.shape == before.shape and np.isfinite(before).all() and np.isfinite(after).all()
    return np.abs(after - before).max(initial=0) / max(1, np.abs(before).max(initial=0))


class Body:
    """A recurrence: named arguments with types and ways to draw them ("T" is the number of times), the text of its
    body, and the types of its results, outputs first."""

    def __init__(self, text, arguments, results, outputs=1):
        self.text, self.arguments, self.results, self.outputs = text, arguments, results, outputs

    def source(self):
        kinds = {name: tensor(shape) for name, (shape, _) in self.arguments.items()}
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in kinds.items())
        results = ", ".join(tensor(shape) for shape in self.results)
        values = ", ".join(f"%r#{index}" for index in range(len(self.results)))
        return f"func.func @f({arguments}) -> ({results}) {{\n{self.text}\n  return {values} : {results}\n}}\n"

    def inputs(self, rng, times):
        return [np.asarray(draw(rng, [times if size == "T" else size for size in shape]))
                for shape, draw in self.arguments.values()]


def tensor(shape):
    return f"tensor<{'x'.join(['?' if size == 'T' else str(size) for size in shape] + ['f32'])}>"


def normal(rng, shape):
    return rng.standard_normal(shape)


def decay(rng, shape):
    """From 1 - 1e-7 to what underflows within a few steps, and 0."""
    kinds = rng.integers(0, 4, shape)
    slow = 1 - 1e-7 * rng.uniform(0, 1, shape)
    return np.choose(kinds, [slow, rng.uniform(0, 1, shape), 1e-40 * rng.uniform(0, 1, shape), 0.0 * slow])


def damped(rng, shape):
    """A matrix of spectral norm 0.9."""
    matrix = rng.standard_normal(shape)
    return 0.9 * matrix / np.linalg.norm(matrix, 2)
