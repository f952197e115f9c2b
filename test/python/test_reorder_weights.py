"""Products with weights in another order, and what is computed from weights alone:
evaluated, and compiled with a weight file."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import seqtools

REORDER = ["--seq-reorder-attention", "--canonicalize", "--cse"]
HEAD = """
#ts = affine_map<(t, s) -> (t, s)>
#t = affine_map<(t, s) -> (t)>
"""


def matmul(name, a, b, n, k, m, rows="%n"):
    """name = a · b of shapes n × k and k × m; n may be unknown."""
    x, w, y = (f"tensor<{i}x{j}xf32>" for i, j in [(n, k), (k, m), (n, m)])
    size = rows if n == "?" else ""
    return (f"  {name}e = tensor.empty({size}) : {y}\n  {name}f = linalg.fill ins(%zero : f32) outs({name}e : {y}) -> {y}\n"
            f"  {name} = linalg.matmul ins({a}, {b} : {x}, {w}) outs({name}f : {y}) -> {y}\n")


def weight(name, *shape):
    return f"  %{name} = seq.weight @{name} : tensor<{'x'.join(map(str, shape))}xf32>\n"


def function(arguments, result, text):
    return (HEAD + f"func.func @f({arguments}) -> {result[1]} {{\n  %zero = arith.constant 0.0 : f32\n{text}"
            f"  return {result[0]} : {result[1]}\n}}\n")


def low_rank():
    text = weight("a", 64, 48) + weight("b", 48, 64)
    text += "  %c0 = arith.constant 0 : index\n  %n = tensor.dim %x, %c0 : tensor<?x64xf32>\n"
    text += matmul("%p", "%x", "%a", "?", 64, 48) + matmul("%y", "%p", "%b", "?", 48, 64)
    return (function("%x: tensor<?x64xf32>", ("%y", "tensor<?x64xf32>"), text),
            {"a": (64, 48), "b": (48, 64)}, (37, 64), lambda x, w: x @ w["a"] @ w["b"])


def linformer():
    """The keys of 40 times, projected to 5."""
    text = weight("e", 5, 40) + weight("w", 24, 24)
    text += matmul("%p", "%x", "%w", 40, 24, 24) + matmul("%y", "%e", "%p", 5, 40, 24)
    return (function("%x: tensor<40x24xf32>", ("%y", "tensor<5x24xf32>"), text),
            {"e": (5, 40), "w": (24, 24)}, (40, 24), lambda x, w: w["e"] @ x @ w["w"])


def synthesizer():
    """softmax(R) V with a weight R."""
    text = weight("r", 37, 37) + """
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty() : tensor<37xf32>
  %f0 = linalg.fill ins(%lowest : f32) outs(%e0 : tensor<37xf32>) -> tensor<37xf32>
  %m = linalg.reduce {arith.maximumf} ins(%r : tensor<37x37xf32>) outs(%f0 : tensor<37xf32>) dimensions = [1]
  %e1 = tensor.empty() : tensor<37x37xf32>
  %w = linalg.generic {indexing_maps = [#ts, #t, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%r, %m : tensor<37x37xf32>, tensor<37xf32>) outs(%e1 : tensor<37x37xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.subf %a, %b : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<37x37xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<37xf32>) -> tensor<37xf32>
  %z = linalg.reduce {arith.addf} ins(%w : tensor<37x37xf32>) outs(%f1 : tensor<37xf32>) dimensions = [1]
  %p = linalg.generic {indexing_maps = [#ts, #t, #ts], iterator_types = ["parallel", "parallel"]}
      ins(%w, %z : tensor<37x37xf32>, tensor<37xf32>) outs(%e1 : tensor<37x37xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<37x37xf32>
""" + matmul("%y", "%p", "%x", 37, 37, 20)

    def reference(x, w):
        e = np.exp(w["r"] - w["r"].max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True) @ x

    return function("%x: tensor<37x20xf32>", ("%y", "tensor<37x20xf32>"), text), {"r": (37, 37)}, (37, 20), reference


CASES = {"low_rank": (low_rank, True), "linformer": (linformer, True), "synthesizer": (synthesizer, False)}


@pytest.mark.parametrize("name", CASES)
def test_weights(tmp_path, name):
    case, changes = CASES[name]
    source, shapes, shape, reference = case()
    rng = np.random.default_rng(1)
    weights = {key: rng.standard_normal(size).astype(np.float32) for key, size in shapes.items()}
    save_file(weights, tmp_path / "model.safetensors")
    x = rng.standard_normal(shape).astype(np.float32)
    expected = reference(x.astype(float), {key: value.astype(float) for key, value in weights.items()})

    after = seqtools.opt(source, *REORDER)
    assert (after.count("linalg.generic") > source.count("linalg.generic")) == changes
    file = tmp_path / "model.mlir"
    for text in (source, after):
        file.write_text(text)
        [y] = seqtools.evaluate_file(file, "f", {"arg0": x}, ["result0"], f"--weights={tmp_path / 'model.safetensors'}").values()
        assert np.abs(y - expected).max() <= 1e-5 * np.abs(expected).max()

    file.write_text(source)
    program = seqtools.compile(file, tmp_path / "model", f"--weights={tmp_path / 'model.safetensors'}")
    [y] = program.run({"arg0": x}, ["result0"]).values()
    assert np.abs(y - expected).max() <= 1e-5 * np.abs(expected).max()
