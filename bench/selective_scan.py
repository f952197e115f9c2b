"""Mamba's selective scan with softplus, skip and gate, batch 1, D channels of N states."""

from importlib.metadata import version

import numpy as np

import ours
from timing import Contender

TEXT = """
func.func @scan(%x: tensor<1x?x{D}xf32> {{seq.name = "x"}}, %delta: tensor<1x?x{D}xf32> {{seq.name = "delta"}},
                %b: tensor<1x?x{N}xf32> {{seq.name = "b"}}, %c: tensor<1x?x{N}xf32> {{seq.name = "c"}},
                %z: tensor<1x?x{D}xf32> {{seq.name = "z"}}) -> (tensor<1x?x{D}xf32> {{seq.name = "y"}}) {{
  %a = seq.weight @a : tensor<{D}x{N}xf32>
  %d = seq.weight @d : tensor<{D}xf32>
  %bias = seq.weight @bias : tensor<{D}xf32>
  %s0 = arith.constant dense<0.0> : tensor<1x{D}x{N}xf32>
  %y, %s = seq.selective_scan
      ins(%x, %delta, %a, %b, %c : tensor<1x?x{D}xf32>, tensor<1x?x{D}xf32>, tensor<{D}x{N}xf32>,
                                   tensor<1x?x{N}xf32>, tensor<1x?x{N}xf32>)
      skip(%d : tensor<{D}xf32>) gate(%z : tensor<1x?x{D}xf32>) delta_bias(%bias : tensor<{D}xf32>)
      init(%s0 : tensor<1x{D}x{N}xf32>) {{delta_softplus}} -> tensor<1x?x{D}xf32>, tensor<1x{D}x{N}xf32>
  return %y : tensor<1x?x{D}xf32>
}}
"""


class Data:
    def __init__(self, L, D, N):
        rng = np.random.default_rng(0)
        self.sizes = dict(D=D, N=N)
        normal = lambda *shape: rng.standard_normal(shape, np.float32)
        self.inputs = dict(x=normal(1, L, D), delta=normal(1, L, D), b=normal(1, L, N), c=normal(1, L, N),
                           z=normal(1, L, D))
        self.weights = dict(a=-np.tile(np.arange(1, N + 1, dtype=np.float32), (D, 1)), d=normal(D), bias=normal(D) - 4)


def jax_contenders(data):
    import jax
    import jax.numpy as jnp
    inputs = {name: jnp.asarray(array[0]) for name, array in data.inputs.items()}
    weights = {name: jnp.asarray(array) for name, array in data.weights.items()}

    def finish(y, x, z, d):
        return (y + x * d) * jax.nn.silu(z)

    def sequential(x, delta, b, c, z, a, d, bias):
        def step(s, at):
            x, delta, b, c = at
            s = jnp.exp(delta[:, None] * a) * s + (delta * x)[:, None] * b
            return s, s @ c
        delta = jax.nn.softplus(delta + bias)
        _, y = jax.lax.scan(step, jnp.zeros(a.shape), (x, delta, b, c))
        return finish(y, x, z, d)

    def associative(x, delta, b, c, z, a, d, bias):
        def combine(before, after):
            return before[0] * after[0], after[0] * before[1] + after[1]
        delta = jax.nn.softplus(delta + bias)
        pairs = jnp.exp(delta[..., None] * a), (delta * x)[..., None] * b[:, None]
        _, s = jax.lax.associative_scan(combine, pairs)
        return finish(jnp.einsum("tdn,tn->td", s, c), x, z, d)

    for name, function in [("jax lax.scan", sequential), ("jax associative_scan", associative)]:
        compiled, last = jax.jit(function), {}

        def call(compiled=compiled, last=last):
            last["y"] = compiled(**inputs, **weights).block_until_ready()
        yield Contender(name, call, lambda last=last: last["y"], jax.__version__)


def torch_contenders(data):
    import torch
    from torch._higher_order_ops.associative_scan import associative_scan
    inputs = {name: torch.from_numpy(array[0]) for name, array in data.inputs.items()}
    weights = {name: torch.from_numpy(array) for name, array in data.weights.items()}

    def pairs(x, delta, b, a, bias):
        delta = torch.nn.functional.softplus(delta + bias)
        return torch.exp(delta[..., None] * a), (delta * x)[..., None] * b[:, None]

    def finish(states, x, c, z, d):
        return ((states @ c[..., None])[..., 0] + x * d) * torch.nn.functional.silu(z)

    def loop(x, delta, b, c, z, a, d, bias):
        decays, news = pairs(x, delta, b, a, bias)
        s, rows = torch.zeros_like(a), []
        for decay, new, row in zip(decays, news, c):
            s = decay * s + new
            rows.append(s @ row)
        return (torch.stack(rows) + x * d) * torch.nn.functional.silu(z)

    def associative(x, delta, b, c, z, a, d, bias):
        combine = lambda before, after: (before[0] * after[0], after[0] * before[1] + after[1])
        _, states = associative_scan(combine, pairs(x, delta, b, a, bias), dim=0, combine_mode="generic")
        return finish(states, x, c, z, d)

    def mambapy(x, delta, b, c, z, a, d, bias):
        from mambapy.pscan import pscan
        decays, news = pairs(x, delta, b, a, bias)
        return finish(pscan(decays[None], news[None])[0], x, c, z, d)

    for name, function, package in [
            ("torch loop", loop, "torch"), ("torch.compile", torch.compile(associative, dynamic=False), "torch"),
            ("mambapy", mambapy, "mambapy")]:
        last = {}

        def call(function=function, last=last):
            with torch.inference_mode():
                last["y"] = function(**inputs, **weights)
        yield Contender(name, call, lambda last=last: last["y"].numpy(), version(package))


def contenders(setting, L, D=1536, N=16):
    data = Data(L, D, N)
    if setting.wants("seq"):
        yield ours.from_text(setting, f"scan{L}", TEXT.format(**data.sizes), data.weights, data.inputs, "y")
    if setting.wants("jax"):
        yield from jax_contenders(data)
    if setting.wants("torch"):
        yield from torch_contenders(data)
