"""Causal softmax attention over T tokens of H heads of D channels, batch 1."""

import numpy as np

import ours
from timing import Contender

TEXT = """
func.func @attend(%q: tensor<1x?x{H}x{D}xf32> {{seq.name = "q"}}, %k: tensor<1x?x{H}x{D}xf32> {{seq.name = "k"}},
                  %v: tensor<1x?x{H}x{D}xf32> {{seq.name = "v"}}) -> (tensor<1x?x{H}x{D}xf32> {{seq.name = "y"}}) {{
  %y = seq.attention ins(%q, %k, %v : tensor<1x?x{H}x{D}xf32>, tensor<1x?x{H}x{D}xf32>, tensor<1x?x{H}x{D}xf32>)
      mask <causal> scale {scale} -> tensor<1x?x{H}x{D}xf32>
  return %y : tensor<1x?x{H}x{D}xf32>
}}
"""


def contenders(setting, T, H, D):
    rng = np.random.default_rng(0)
    inputs = {name: rng.standard_normal((1, T, H, D), np.float32) for name in "qkv"}
    if setting.wants("seq"):
        text = TEXT.format(H=H, D=D, scale=D ** -0.5)
        yield ours.from_text(setting, "attention", text, {}, inputs, "y")
    if setting.wants("torch"):
        yield torch_contender(inputs)


def torch_contender(inputs):
    """Heads before times, and dense, as torch likes it best."""
    import torch
    q, k, v = (torch.from_numpy(array).transpose(1, 2).contiguous() for array in inputs.values())
    last = {}

    def call():
        with torch.inference_mode():
            last["y"] = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return Contender("torch", call, lambda: last["y"].transpose(1, 2).numpy(), torch.__version__)
