"""A product with a weight, x [M, K] times the transpose of w [N, K]: M rows of a linear layer without bias."""

import numpy as np

import ours
from timing import Contender

TEXT = """
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @product(%x: tensor<?x{K}xf32> {{seq.name = "x"}}) -> (tensor<?x{N}xf32> {{seq.name = "y"}}) {{
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = seq.weight @w : tensor<{N}x{K}xf32>
  %rows = tensor.dim %x, %c0 : tensor<?x{K}xf32>
  %empty = tensor.empty(%rows) : tensor<?x{N}xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x{N}xf32>) -> tensor<?x{N}xf32>
  %y = linalg.generic {{indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%x, %w : tensor<?x{K}xf32>, tensor<{N}x{K}xf32>) outs(%start : tensor<?x{N}xf32>) {{
  ^bb0(%xi: f32, %wi: f32, %sum: f32):
    %product = arith.mulf %xi, %wi : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }} -> tensor<?x{N}xf32>
  return %y : tensor<?x{N}xf32>
}}
"""


def contenders(setting, M, N, K):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((M, K), np.float32)
    w = rng.standard_normal((N, K), np.float32)
    if setting.wants("seq"):
        yield ours.from_text(setting, f"product{M}x{N}x{K}", TEXT.format(N=N, K=K), {"w": w}, {"x": x}, "y")
    if setting.wants("torch"):
        yield from torch_contenders(x, w)
    if setting.wants("jax"):
        import jax
        jx, jw = jax.numpy.asarray(x), jax.numpy.asarray(w)
        product = jax.jit(lambda x, w: x @ w.T)

        last = {}

        def call():
            last["y"] = product(jx, jw).block_until_ready()
        yield Contender("jax", call, lambda: last["y"], jax.__version__)
    if setting.wants("onnxruntime"):
        yield onnxruntime_contender(setting, x, w)


def torch_contenders(x, w):
    """The plain call, and those for a weight that MKL or oneDNN has packed before."""
    import torch
    rows, x, w = len(x), torch.from_numpy(x), torch.from_numpy(w)
    with torch.inference_mode():
        mkl = torch.ops.mkl._mkl_reorder_linear_weight(w, rows)
        onednn = torch.ops.mkldnn._reorder_linear_weight(w, rows)
    for name, function in [
            ("torch", lambda: torch.nn.functional.linear(x, w)),
            ("torch MKL packed", lambda: torch.ops.mkl._mkl_linear(x, mkl, w, None, rows)),
            ("torch oneDNN packed", lambda: torch.ops.mkldnn._linear_pointwise(x, onednn, None, "none", [], ""))]:
        last = {}

        def call(function=function, last=last):
            with torch.inference_mode():
                last["y"] = function()
        yield Contender(name, call, lambda last=last: last["y"].numpy(), torch.__version__)


def onnxruntime_contender(setting, x, w):
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    value = lambda name, array: helper.make_tensor_value_info(name, TensorProto.FLOAT, array)
    graph = helper.make_graph([helper.make_node("MatMul", ["X", "W"], ["Y"])], "product",
                              [value("X", x.shape)], [value("Y", (x.shape[0], w.shape[0]))],
                              [numpy_helper.from_array(np.ascontiguousarray(w.T), "W")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    last = {}

    def call():
        last["y"] = session.run(None, {"X": x})[0]
    return Contender("onnxruntime", call, lambda: last["y"], onnxruntime.__version__)
