"""seq-add-reset: several sequences one behind the other, with `reset` at their starts, give
what each gives alone: random recurrences in all forms, layers, and whole models."""

import dataclasses

import numpy as np
import pytest

import agreement
import drivers
import formcheck
import random_bodies
import recurrent
import seqlib
import seqtools
from formcheck import Form
from stepbuilder import Argument
from test_random_forms import FORMS

RESET = Form("reset", ["--seq-add-reset"])
LENGTHS = (5, 1, 9)


# --- random recurrences -----------------------------------------------------------

@dataclasses.dataclass
class WithReset:
    """A body to which the argument was added, as formcheck sees bodies."""

    body: random_bodies.Body
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
        kind = drivers.signature(modules[body.name], body.name)[0][-1][0]
        shape = [body.times if size == "?" else int(size) for size in drivers.sizes_of(kind)]
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
    bodies = [body for body in (random_bodies.make(3, index) for index in range(60)) if not body.static][:30]
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


# --- layers -----------------------------------------------------------------------

BIDIRECTIONAL = """
func.func @layer(%x: tensor<2x?x5xf64>, %w: tensor<80x5xf64>, %r: tensor<80x20xf64>) -> (tensor<2x?x40xf64>, tensor<2x20xf64>) {
  %z = arith.constant dense<0.0> : tensor<2x20xf64>
  %y, %h, %c = seq.lstm ins(%x : tensor<2x?x5xf64>) weights(%w, %r : tensor<80x5xf64>, tensor<80x20xf64>)
      init(%z, %z : tensor<2x20xf64>, tensor<2x20xf64>) -> tensor<2x?x20xf64>, tensor<2x20xf64>, tensor<2x20xf64>
  %u, %g, %d = seq.lstm reverse ins(%x : tensor<2x?x5xf64>) weights(%w, %r : tensor<80x5xf64>, tensor<80x20xf64>)
      init(%z, %z : tensor<2x20xf64>, tensor<2x20xf64>) -> tensor<2x?x20xf64>, tensor<2x20xf64>, tensor<2x20xf64>
  %j = tensor.concat dim(2) %y, %u : (tensor<2x?x20xf64>, tensor<2x?x20xf64>) -> tensor<2x?x40xf64>
  return %j, %h : tensor<2x?x40xf64>, tensor<2x20xf64>
}
"""

MAMBA = """
func.func @layer(%x: tensor<2x?x20xf64>, %w: tensor<20x4xf64>, %a: tensor<20x3xf64>, %b: tensor<2x?x3xf64>)
    -> (tensor<2x?x20xf64>, tensor<2x20x3xf64>) {
  %window = arith.constant dense<0.0> : tensor<2x3x20xf64>
  %s0 = arith.constant dense<0.0> : tensor<2x20x3xf64>
  %u, %last = seq.causal_conv ins(%x : tensor<2x?x20xf64>) weights(%w : tensor<20x4xf64>) init(%window : tensor<2x3x20xf64>)
      {activation = #seq<conv_activation silu>} -> tensor<2x?x20xf64>, tensor<2x3x20xf64>
  %size = math.absf %a : tensor<20x3xf64>
  %decay = arith.negf %size : tensor<20x3xf64>
  %y, %s = seq.selective_scan ins(%u, %u, %decay, %b, %b : tensor<2x?x20xf64>, tensor<2x?x20xf64>, tensor<20x3xf64>, tensor<2x?x3xf64>, tensor<2x?x3xf64>)
      init(%s0 : tensor<2x20x3xf64>) {delta_softplus} -> tensor<2x?x20xf64>, tensor<2x20x3xf64>
  return %y, %s : tensor<2x?x20xf64>, tensor<2x20x3xf64>
}
"""

GRU_DELTA = """
func.func @layer(%x: tensor<2x?x20xf64>, %w: tensor<60x20xf64>, %r: tensor<60x20xf64>, %b: tensor<2x?x1xf64>)
    -> (tensor<2x?x1x20xf64>, tensor<2x1x20x20xf64>) {
  %c1 = arith.constant 1 : index
  %z = arith.constant dense<0.0> : tensor<2x20xf64>
  %s0 = arith.constant dense<0.0> : tensor<2x1x20x20xf64>
  %y, %h = seq.gru ins(%x : tensor<2x?x20xf64>) weights(%w, %r : tensor<60x20xf64>, tensor<60x20xf64>)
      init(%z : tensor<2x20xf64>) -> tensor<2x?x20xf64>, tensor<2x20xf64>
  %t = tensor.dim %x, %c1 : tensor<2x?x20xf64>
  %k = tensor.expand_shape %y [[0], [1], [2, 3]] output_shape [2, %t, 1, 20] : tensor<2x?x20xf64> into tensor<2x?x1x20xf64>
  %size = math.absf %b : tensor<2x?x1xf64>
  %g = arith.negf %size : tensor<2x?x1xf64>
  %o, %s = seq.linear_attention gated_delta ins(%k, %k, %k : tensor<2x?x1x20xf64>, tensor<2x?x1x20xf64>, tensor<2x?x1x20xf64>)
      decay(%g : tensor<2x?x1xf64>) beta(%size : tensor<2x?x1xf64>) init(%s0 : tensor<2x1x20x20xf64>) scale 0.5
      -> tensor<2x?x1x20xf64>, tensor<2x1x20x20xf64>
  return %o, %s : tensor<2x?x1x20xf64>, tensor<2x1x20x20xf64>
}
"""

LAYERS = {"bidirectional": BIDIRECTIONAL, "mamba": MAMBA, "gru and delta": GRU_DELTA}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(tmp_path, name):
    source = formcheck.inner(seqtools.opt(LAYERS[name]))
    with_reset = formcheck.inner(seqtools.opt(LAYERS[name], "--seq-add-reset", "--mlir-print-local-scope"))
    kinds = [kind for kind, _ in drivers.signature(source, "layer")[0]]
    rng = np.random.default_rng(5)
    times, ends = sum(LENGTHS), np.cumsum(LENGTHS)
    arrays = [0.5 * rng.standard_normal([times if size == "?" else int(size) for size in drivers.sizes_of(kind)])
              for kind in kinds]
    reset = np.zeros((2, times), bool)
    reset[:, ends[:-1]] = True
    packed, = formcheck.evaluate(tmp_path, [(with_reset, "layer", [*arrays, reset])])
    parts = []
    for begin, end in zip(ends - LENGTHS, ends):
        inputs = [a[:, begin:end] if "?" in kind else a for a, kind in zip(arrays, kinds)]
        parts += formcheck.evaluate(tmp_path, [(source, "layer", inputs)])
    expected = [np.concatenate([part[0] for part in parts], axis=1), parts[-1][1]]
    assert formcheck.difference(packed, expected) <= 1e-13


# --- whole models, compiled -------------------------------------------------------

STACKS = {
    "rnn": dict(model_type="rnn", input_size=20, hidden_size=33, num_layers=2),
    "lstm": dict(model_type="lstm", input_size=20, hidden_size=20, num_layers=3),
    "gru": dict(model_type="gru", vocab_size=43, embedding_size=20, hidden_size=33, num_layers=3, output_size=43),
    "bidirectional": dict(model_type="lstm", input_size=5, hidden_size=20, num_layers=2, bidirectional=True),
}


TRANSFORMERS = {
    "llama": ("LlamaForCausalLM", dict(
        vocab_size=43, hidden_size=80, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2, intermediate_size=50)),
}


class Model:
    """A random model, compiled with and without --reset; three sequences, and what each gives alone."""

    def __init__(self, name, build):
        if name == "mamba":
            mamba = pytest.importorskip("mamba", reason="transformers is not installed", exc_type=ImportError)
            model = mamba.random_mamba(vocab_size=43, hidden_size=20, num_hidden_layers=3, state_size=8, conv_kernel=4)
            write, self.input_name = (lambda folder: mamba.save(model, folder)), "input_ids"
            whole = np.random.default_rng(0).integers(0, 43, (1, sum(LENGTHS)))
        elif name in TRANSFORMERS:
            transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)
            cls, config = TRANSFORMERS[name]
            model = transformer.random_model(cls, **config)
            write, self.input_name = (lambda folder: transformer.save(model, folder)), "input_ids"
            whole = np.random.default_rng(0).integers(0, 43, (1, sum(LENGTHS)))
        else:
            model = recurrent.random_stack(STACKS[name])
            write, self.input_name = (lambda folder: recurrent.save(model, folder)), model.input_name
            whole = model.random_input(0, 1, sum(LENGTHS)).numpy()
        self.causal = name != "bidirectional"
        self.has_state = self.causal and name not in TRANSFORMERS
        self.library = self.open(build(name, write, "--reset", library=True))
        plain = self.open(build(name, write, library=True))
        ends = np.cumsum(LENGTHS)
        parts = [plain.run("forward", {self.input_name: whole[:, end - length:end]}) for length, end in zip(LENGTHS, ends)]
        self.sequence = "logits" if "logits" in parts[0] else "last_hidden_state"
        self.expected = parts[-1] | {self.sequence: np.concatenate([part[self.sequence] for part in parts], axis=1)}
        self.inputs = {self.input_name: whole, "reset": np.isin(np.arange(sum(LENGTHS)), [0, *ends[:-1]])[None]}

    def open(self, path):
        return seqlib.Library(path, weights=f"{path}.weights", threads=2)


@pytest.fixture(scope="module", params=[*STACKS, "mamba", *TRANSFORMERS])
def model(request, build):
    return Model(request.param, build)


def test_packed(model):
    outputs = model.library.run("forward", model.inputs)
    for name, expected in model.expected.items():
        if name in ("h_n", "c_n") and not model.causal:
            continue  # a direction that runs backwards ends in the first sequence
        agreement.agrees(outputs[name], expected, expected)


def test_packed_in_pieces(model):
    """Prefill, steps of one token, prefill; resets anywhere in them."""
    if not model.has_state:
        pytest.skip("knows whole sequences only")
    state, begin, parts = model.library.state(64), 0, []
    for size in (3, 1, 1, 1, 1, 0, 8):
        inputs = {name: array[:, begin:begin + size] for name, array in model.inputs.items()}
        parts.append(model.library.run("forward", inputs, state)[model.sequence])
        begin += size
    assert begin == sum(LENGTHS)
    expected = model.expected[model.sequence]
    agreement.agrees(np.concatenate(parts, axis=1), expected, expected)


def test_state_of_before_is_forgotten(model):
    """A reset at the first time of a later call."""
    if not model.has_state:
        pytest.skip("knows whole sequences only")
    state = model.library.state(64)
    for _ in range(2):
        outputs = model.library.run("forward", model.inputs, state)[model.sequence]
        agreement.agrees(outputs, model.expected[model.sequence], model.expected[model.sequence])


@pytest.mark.parametrize("mask", ["causal", "window(3, 0)"])
@pytest.mark.parametrize("times", [0, 1, 37])
def test_attention(tmp_path, mask, times):
    """Rows of a batch with resets of their own; three key heads of two queries each."""
    source = f"""func.func @f(%x: tensor<2x?x12x20xf64>) -> tensor<2x?x6x20xf64> {{
  %one = arith.constant 1 : index
  %t = tensor.dim %x, %one : tensor<2x?x12x20xf64>
  %q = tensor.extract_slice %x[0, 0, 0, 0] [2, %t, 6, 20] [1, 1, 1, 1] : tensor<2x?x12x20xf64> to tensor<2x?x6x20xf64>
  %k = tensor.extract_slice %x[0, 0, 6, 0] [2, %t, 3, 20] [1, 1, 1, 1] : tensor<2x?x12x20xf64> to tensor<2x?x3x20xf64>
  %v = tensor.extract_slice %x[0, 0, 9, 0] [2, %t, 3, 20] [1, 1, 1, 1] : tensor<2x?x12x20xf64> to tensor<2x?x3x20xf64>
  %y = seq.attention ins(%q, %k, %v : tensor<2x?x6x20xf64>, tensor<2x?x3x20xf64>, tensor<2x?x3x20xf64>)
      mask <{mask}> scale 0.3 -> tensor<2x?x6x20xf64>
  return %y : tensor<2x?x6x20xf64>
}}
"""
    rng = np.random.default_rng(times)
    x, reset = rng.normal(size=(2, times, 12, 20)), rng.random((2, times)) < 0.2
    file = tmp_path / "reset.mlir"
    file.write_text(seqtools.opt(source, "--seq-add-reset"))
    found = seqtools.evaluate_file(file, "f", {"arg0": x, "reset": reset}, ["result0"])
    expected = np.zeros((2, times, 6, 20))
    for row, t in np.ndindex(2, times):
        seen = [s for s in range(t + 1) if not reset[row, s + 1:t + 1].any() and (mask == "causal" or s >= t - 3)]
        for head in range(6):
            scores = 0.3 * x[row, seen, 6 + head // 2] @ x[row, t, head]
            weights = np.exp(scores - scores.max())
            expected[row, t, head] = weights / weights.sum() @ x[row, seen, 9 + head // 2]
    np.testing.assert_allclose(found["result0"], expected, rtol=0, atol=1e-13)


def test_attention_to_all_is_refused(tmp_path):
    source = """func.func @f(%q: tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32> {
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <full> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}
"""
    file = tmp_path / "attention.mlir"
    file.write_text(source)
    message = seqtools.fails(seqtools.tool("seq-compile"), file, "--reset", "-o", tmp_path / "program")
    assert "attention is expected to be causal" in message
