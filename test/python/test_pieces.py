"""Long sequences are run in pieces: the results are those of the whole, the scratch memory is that of a piece."""

import numpy as np
import pytest

import agreement
import recurrent
import seqlib
import seqtools

GATED = """
func.func @layer(%q: tensor<{B}x?x2x20xf32> {{seq.name = "q"}}, %v: tensor<{B}x?x2x20xf32> {{seq.name = "v"}},
                 %g: tensor<{B}x?x2xf32> {{seq.name = "g"}})
    -> (tensor<{B}x?x2x20xf32> {{seq.name = "y"}}, tensor<{B}x2x20x20xf32> {{seq.name = "last"}}) {{
  %s0 = arith.constant dense<0.0> : tensor<{B}x2x20x20xf32>
  %k = math.tanh %q : tensor<{B}x?x2x20xf32>
  %y, %s = seq.linear_attention gated
      ins(%q, %k, %v : tensor<{B}x?x2x20xf32>, tensor<{B}x?x2x20xf32>, tensor<{B}x?x2x20xf32>)
      decay(%g : tensor<{B}x?x2xf32>)
      init(%s0 : tensor<{B}x2x20x20xf32>) scale 1.0 -> tensor<{B}x?x2x20xf32>, tensor<{B}x2x20x20xf32>
  %z = math.tanh %y : tensor<{B}x?x2x20xf32>
  return %z, %s : tensor<{B}x?x2x20xf32>, tensor<{B}x2x20x20xf32>
}}
"""


def inputs(batch, times):
    rng = np.random.default_rng(times)
    arrays = {name: rng.standard_normal((batch, times, 2, 20)).astype(np.float32) * 0.2 for name in "qv"}
    return arrays | {"g": -rng.uniform(0, 0.1, (batch, times, 2)).astype(np.float32)}


@pytest.fixture(scope="module", params=[1, 3])
def layer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    source = folder / "layer.mlir"
    source.write_text(GATED.format(B=request.param))
    return request.param, source, folder


@pytest.mark.parametrize("times", [0, 1, 64, 513, 1300])
def test_agrees_with_evaluator(layer, times):
    batch, source, folder = layer
    library = seqlib.Library(seqtools.compile_library(source, folder / "layer.so"), threads=2)
    arrays = inputs(batch, times)
    expected = seqtools.evaluate_file(source, "layer", arrays, ["y", "last"])
    state = library.state(0)
    found = library.run("layer", arrays, state)
    for name, value in expected.items():
        agreement.agrees(found[name], value, value)
    # The run after goes on where the last piece ended.
    again = library.run("layer", arrays, state)
    twice = seqtools.evaluate_file(source, "layer", {n: np.concatenate([a, a], 1) for n, a in arrays.items()}, ["y", "last"])
    agreement.agrees(again["y"], twice["y"][:, times:], twice["y"][:, times:])
    agreement.agrees(again["last"], twice["last"], twice["last"])


def test_scratch_is_that_of_a_piece(layer):
    batch, source, folder = layer
    program = seqtools.compile(source, folder / "layer")
    scratch = program.info()["functions"][0]["scratch_bytes"]
    assert scratch["128"] > scratch["1"] > 0
    if batch == 1:
        assert scratch["2048"] <= 1 << 20
    else:  # the rows of a batch are apart in memory
        assert scratch["2048"] > 10 * scratch["128"]


STACK = dict(model_type="gru", vocab_size=43, embedding_size=20, hidden_size=33, num_layers=2, output_size=43)


@pytest.mark.parametrize("times", [512, 1100])
def test_model_with_weights(build, times):
    model = recurrent.random_stack(STACK)
    path = build("pieces", lambda folder: recurrent.save(model, folder), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
    x = model.random_input(0, 1, times)
    expected = recurrent.outputs(model, x)
    found = library.run("forward", {model.input_name: x.numpy()})
    for name, (double, single) in expected.items():
        agreement.agrees(found[name], double, single)
    last = library.run("last", {model.input_name: x.numpy()})
    agreement.agrees(last["logits"], *(value[:, -1] for value in expected["logits"]))
