"""Derives forms of functions with seq-opt and compares each with the function itself in f64.

Many functions go through one process: seq-opt gets them split by `// -----`, and seq-eval a
module with a function @all that calls each of them.
"""

import collections
import dataclasses
import re
import subprocess

import numpy as np

import random_bodies
import seqtools
import stepbuilder
from drivers import drive_pieces, drive_steps, signature, state_of

@dataclasses.dataclass
class Form:
    """Passes, and how to call what they leave of @f: as it is, in two pieces, or by steps."""

    name: str
    passes: list
    call: str = "whole"
    # Whether the last pass may leave a body alone; it is counted then.
    admits: bool = False
    # Whether time and memory grow with the square of the number of times.
    quadratic: bool = False
    # Passes that only clean up.
    after: list = dataclasses.field(default_factory=list)
    tolerance: float = 1e-11


@dataclasses.dataclass
class Outcome:
    """What became of the functions under a form: text of those that took it, and why others did not."""

    modules: dict
    refused: dict
    crashed: dict


@dataclasses.dataclass
class Failure:
    body: object
    form: str
    reason: str
    text: str = ""

    def __str__(self):
        body = self.body
        return (f"{self.form}: {self.reason}\n  {body.shape} (seed {body.seed[0]}, body {body.seed[1]}, T = {body.times}, "
                f"decays: {body.regime}); `random_bodies.py {body.seed[0]} {body.seed[1]}` prints it\n{body.source}"
                + (f"  becomes\n{self.text}" if self.text else ""))


# --- seq-opt ----------------------------------------------------------------------

def inner(text):
    """The operations of a printed module."""
    text = text.strip()
    if text.startswith("module"):
        text = text[text.index("\n") + 1:text.rindex("}")]
    return text


def derive(folder, bodies, form, mutate=()):
    """Runs the passes on all bodies; where they leave a body alone or fail, why."""
    file = folder / "bodies.mlir"
    marker = "// -----"
    file.write_text(f"\n{marker}\n".join(body.source for body in bodies))
    starts, line = [], 1
    for body in bodies:
        starts.append(line)
        line += body.source.count("\n") + 2
    done = subprocess.run([seqtools.tool("seq-opt"), str(file), "--split-input-file", "--mlir-print-local-scope", *form.passes,
                           *form.after, *mutate], capture_output=True, text=True)
    if done.returncode < 0 and len(bodies) == 1:
        return Outcome({}, {}, {bodies[0].name: f"seq-opt ends by signal {-done.returncode}"})
    if done.returncode < 0:
        parts = [derive(folder, half, form, mutate) for half in (bodies[:len(bodies) // 2], bodies[len(bodies) // 2:])]
        return Outcome(*({**getattr(parts[0], field), **getattr(parts[1], field)} for field in ("modules", "refused", "crashed")))
    if "Unknown command line argument" in done.stderr or "does not refer to a registered pass" in done.stderr:
        raise AssertionError(f"seq-opt does not know {form.passes}: {done.stderr}")
    modules = {}
    for text in done.stdout.split(marker):
        if match := re.search(r"func\.func (?:private )?@(\w+?)(?:_step)?\(", text):
            modules[match.group(1)] = inner(text)
    refused = collections.defaultdict(list)
    reason = re.compile(re.escape(str(file)) + r":(\d+)(?: offset :(\d+))?:\d+: (remark|error|warning): (.*)")
    for match in reason.finditer(done.stderr):
        number = int(match.group(1)) + (int(match.group(2)) - 1 if match.group(2) else 0)
        at = max(i for i, start in enumerate(starts) if start <= number + 1)
        refused[bodies[at].name].append((match.group(3), generalise(match.group(4))))
    return Outcome(modules, refused, {})


def generalise(text):
    """A message without what it says of this body alone."""
    text = re.sub(r"tensor<[^<>]*>", "tensor", text)
    text = re.sub(r"@\w+", "@f", text)
    text = re.sub(r"\(\d[\dx]*\)", "", text)
    return re.sub(r"\b\d[\dx.e+-]*\b", "N", text).strip()


# --- seq-eval ---------------------------------------------------------------------

def evaluate(folder, functions, *options):
    """[(text, function, arrays)] in one process: for each the results, or None where it failed."""
    text, arguments, results, calls, inputs = [], [], [], [], {}
    counts = []
    for source, name, arrays in functions:
        text.append(source)
        kinds, outs = signature(source, name)
        kinds, outs = [k for k, _ in kinds], [k for k, _ in outs]
        names = []
        for kind, array in zip(kinds, arrays, strict=True):
            names.append(f"%g{len(arguments)}")
            inputs[f"arg{len(arguments)}"] = array
            arguments.append(f"{names[-1]}: {kind}")
        returned = [f"%r{len(results) + i}" for i in range(len(outs))]
        calls.append(f"  {', '.join(returned)} = func.call @{name}({', '.join(names)}) : ({', '.join(kinds)}) -> ({', '.join(outs)})")
        results += zip(returned, outs)
        counts.append(len(outs))
    listed, kinds = ", ".join(r for r, _ in results), ", ".join(k for _, k in results)
    text.append("\n".join([f"func.func @all({', '.join(arguments)}) -> ({kinds}) {{", *calls, f"  return {listed} : {kinds}", "}"]))
    file = folder / "all.mlir"
    file.write_text("\n".join(text))
    try:
        found = list(seqtools.evaluate_file(file, "all", inputs, [f"result{i}" for i in range(len(results))], *options).values())
    except AssertionError as error:
        if len(functions) == 1:
            return [str(error).split(": ", 1)[-1].replace(str(folder), "")]
        half = len(functions) // 2
        return evaluate(folder, functions[:half], *options) + evaluate(folder, functions[half:], *options)
    outcomes = []
    for count in counts:
        outcomes.append(found[:count])
        del found[:count]
    return outcomes


def difference(actual, expected):
    """The largest difference, relative to the largest number; infinite where something is no number."""
    worst = 0.0
    for a, e in zip(actual, expected, strict=True):
        if a.shape != e.shape:
            return np.inf
        if not e.size:
            continue
        if not np.isfinite(a).all():
            return np.inf
        worst = max(worst, float(np.abs(a - e).max() / max(np.abs(e).max(), 1e-300)))
    return worst


# --- the check --------------------------------------------------------------------

class Report:
    """What a run found."""

    def __init__(self):
        self.failures, self.worst = [], collections.Counter()
        self.checked, self.refused = collections.Counter(), collections.defaultdict(collections.Counter)
        self.taken = collections.defaultdict(set)  # of each body, the forms that took it

    def untaken(self, bodies, forms):
        """Affine bodies of which none of the forms could be derived."""
        names = {form.name for form in forms}
        return [body for body in bodies if body.affine and not names & self.taken[body.name]]

    def __str__(self):
        lines = []
        for form, count in self.checked.items():
            lines.append(f"{form}: {count} checked, largest difference {self.worst[form]:.1e}")
            lines += [f"    {number:4} not: {reason}" for reason, number in self.refused[form].most_common()]
        return "\n".join(lines)


def drive(form, body, text):
    """The module's text with the function to evaluate, and its name; None if the form cannot be called so."""
    if form.call == "whole":
        return text, body.name
    if form.call == "steps":
        return text + drive_steps(body, text), f"{body.name}_driver"
    if body.static:
        return None
    exposed = any(state_of(attributes) for _, attributes in signature(text, body.name)[0])
    if not exposed and (not body.handed or body.reverse):
        return None
    return text + drive_pieces(body, text, body.times // 2), f"{body.name}_driver"


def check(folder, bodies, forms, report=None):
    """Derives every form of every body and compares it with the body itself."""
    report = report or Report()
    expected = evaluate(folder, [(body.source, body.name, body.inputs()) for body in bodies])
    for body, found in zip(bodies, expected):
        if isinstance(found, str):
            report.failures.append(Failure(body, "the body itself", found))
    known = [(body, found) for body, found in zip(bodies, expected) if not isinstance(found, str)]
    for form in forms:
        outcome = derive(folder, [body for body, _ in known], form)
        before = {}
        if form.admits:
            before = derive(folder, [body for body, _ in known], dataclasses.replace(form, passes=form.passes[:-1])).modules
        runs = []
        for body, found in known:
            text = outcome.modules.get(body.name)
            if body.name in outcome.crashed:
                report.failures.append(Failure(body, form.name, outcome.crashed[body.name]))
                continue
            reasons = outcome.refused.get(body.name, [])
            if text is None and form.admits:
                report.failures.append(Failure(body, form.name, f"seq-opt fails: {reasons[0][1] if reasons else 'no output'}"))
                continue
            if text is None:
                report.refused[form.name][reasons[0][1] if reasons else "no output"] += 1
                continue
            if text == before.get(body.name):
                report.refused[form.name][reasons[-1][1] if reasons else "left alone without a remark"] += 1
                continue
            report.taken[body.name].add(form.name)
            if (called := drive(form, body, text)) is None:
                report.refused[form.name][reasons[0][1] if reasons else "time is static or runs backwards"] += 1
                continue
            runs.append((body, found, text, *called))
        actual = evaluate(folder, [(text, name, body.inputs()) for body, _, _, text, name in runs]) if runs else []
        for (body, found, text, _, _), values in zip(runs, actual):
            report.checked[form.name] += 1
            if isinstance(values, str):
                report.failures.append(Failure(body, form.name, values, text))
                continue
            if form.call == "steps" and body.times == 0:
                # Without a step the last states that are no arguments are not known.
                keep = [i for i in range(len(found)) if i < body.outputs or body.handed]
                values, found = [values[i] for i in keep], [found[i] for i in keep]
            far = difference(values, found)
            report.worst[form.name] = max(report.worst[form.name], far)
            if not far <= form.tolerance:
                report.failures.append(Failure(body, form.name, f"differs by {far:.1e}", text))
    return report


def reduced(folder, failure, forms):
    """The same structure with the smallest sizes and the fewest times that still fail."""
    form = [form for form in forms if form.name == failure.form]
    for times in (0, 1, 2, 3, 7, 16):
        for small in (True, False):
            body = random_bodies.make(*failure.body.seed, small=small, times=times)
            found = check(folder, [body], form).failures
            if found:
                return found[0]
    return failure


# --- compiled ---------------------------------------------------------------------

def build(folder, bodies):
    """[(program, bodies)]: one, or where the compiler fails, one for each half; None for a body that fails alone."""
    seqtools.tool("seq-compile")
    file = folder / f"{bodies[0].name}.mlir"
    file.write_text(stepbuilder.in_single_precision("\n".join(body.source for body in bodies)))
    try:
        return [(seqtools.compile(file, folder / f"program-{bodies[0].name}-{len(bodies)}"), bodies)]
    except AssertionError as error:
        if len(bodies) == 1:
            return [(str(error), bodies)]
        half = len(bodies) // 2
        return build(folder, bodies[:half]) + build(folder, bodies[half:])


def check_compiled(folder, bodies, tolerance, threads=2, report=None):
    """Programs in f32 against the evaluator on the same numbers."""
    report = report or Report()
    inputs = [body.inputs(dtype=np.float32) for body in bodies]
    expected = {body.name: found for body, found in zip(
        bodies, evaluate(folder, [(body.source, body.name, arrays) for body, arrays in zip(bodies, inputs)]))}
    arrays = {body.name: values for body, values in zip(bodies, inputs)}
    for program, members in build(folder, bodies):
        for body in members:
            if isinstance(program, str):
                report.failures.append(Failure(body, "compiled", program))
                continue
            outputs = [f"result{i}" for i in range(len(expected[body.name]))]
            named = {f"arg{i}": array for i, array in enumerate(arrays[body.name])}
            try:
                found = program.run(named, outputs, function=body.name, threads=threads)
            except AssertionError as error:
                report.failures.append(Failure(body, "compiled", str(error)))
                continue
            far = difference([found[name] for name in outputs], expected[body.name])
            report.checked["compiled"] += 1
            report.worst["compiled"] = max(report.worst["compiled"], far)
            if not far <= tolerance:
                report.failures.append(Failure(body, "compiled", f"differs by {far:.1e}"))
    return report
