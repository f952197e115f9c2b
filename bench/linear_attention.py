"""Linear attention with a matrix state, batch 1: normalised with elu + 1, with decay a channel or a head, the delta rule."""

import numpy as np

import ours
from timing import Contender

# Queries and keys of one number of times, so that the sequence may come in pieces.
NORMALISED = """
func.func @attend(%q: {qk} {{seq.name = "q"}}, %k: {qk} {{seq.name = "k"}}, %v: {qk} {{seq.name = "v"}}) -> ({qk} {{seq.name = "y"}}) {{
  %c1 = arith.constant 1 : index
  %t = tensor.dim %q, %c1 : {qk}
  %to = tensor.empty(%t) : {qk}
  {phi_q}
  {phi_k}
  %y = seq.attention ins(%phi_q, %phi_k, %v : {qk}, {qk}, {qk}) mask <{mask}> scale 1.0 {{normaliser = #seq<normaliser kernel>}} -> {qk}
  return %y : {qk}
}}
"""
PHI = """%phi_{name} = linalg.map ins(%{name} : {qk}) outs(%to : {qk}) (%a: f32, %o: f32) {{
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %e = math.exp %a : f32
    %p = arith.addf %a, %one : f32
    %positive = arith.cmpf ogt, %a, %zero : f32
    %r = arith.select %positive, %p, %e : f32
    linalg.yield %r : f32
  }}"""

RULE = """
func.func @layer(%q: {q} {{seq.name = "q"}}, %k: {q} {{seq.name = "k"}}, %v: {v} {{seq.name = "v"}}{parameters}) -> ({v} {{seq.name = "y"}}) {{
  %s0 = arith.constant dense<0.0> : tensor<1x{H}x{K}x{V}xf32>
  %y, %s = seq.linear_attention {rule} ins(%q, %k, %v : {q}, {q}, {v}) {operands}
      init(%s0 : tensor<1x{H}x{K}x{V}xf32>) scale 1.0 -> {v}, tensor<1x{H}x{K}x{V}xf32>
  return %y : {v}
}}
"""


def torch_contenders(setting, inputs, compute):
    """The formula as it is and compiled; the layout of `inputs` is [B, T, H, …]."""
    import torch
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    for name, function in (("torch", lambda: compute), ("torch.compile", lambda: torch.compile(compute))):
        if not setting.wants(name):
            continue
        run, last = function(), {}

        def call(run=run, last=last):
            with torch.no_grad():
                last["y"] = run(**tensors)
        yield Contender(name, call, lambda last=last: last["y"].numpy(), torch.__version__)


def normalised(setting, mask, T, H, D):
    rng = np.random.default_rng(0)
    inputs = {name: rng.standard_normal((1, T, H, D), np.float32) for name in "qkv"}
    if setting.wants("seq"):
        qk = f"tensor<1x?x{H}x{D}xf32>"
        text = NORMALISED.format(qk=qk, mask=mask, **{f"phi_{name}": PHI.format(name=name, qk=qk) for name in "qk"})
        yield ours.from_text(setting, "linear", text, {}, inputs, "y")
    yield from torch_contenders(setting, inputs, full if mask == "full" else causal)


def phi(x):
    import torch
    return torch.nn.functional.elu(x) + 1


def full(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (phi(q), phi(k), v))
    return (q @ (k.transpose(-1, -2) @ v) / (q @ k.sum(-2).unsqueeze(-1))).transpose(1, 2)


def causal(q, k, v):
    """By chunks of 64, as fla-core's naive_chunk_linear_attn."""
    from fla.ops.linear_attn.naive import naive_chunk_linear_attn
    return naive_chunk_linear_attn(phi(q), phi(k), v, scale=1.0, normalize=True)


def rule(setting, name, T, H, K, V, shared=False):
    """`name`: gated (a decay a head), gated_channels, gated_delta. `shared`: one head of keys and queries, as in Mamba-2."""
    rng = np.random.default_rng(0)
    heads = 1 if shared else H
    normal = lambda *shape: rng.standard_normal((1, T, *shape), np.float32)
    decay = (H, K) if name == "gated_channels" else (H,)
    inputs = dict(q=normal(heads, K) * K ** -0.5, k=normal(heads, K) * K ** -0.5, v=normal(H, V),
                  g=-rng.uniform(0, 0.1, (1, T, *decay)).astype(np.float32))
    parameters, operands = [], []
    kinds = {"g": f"tensor<1x?x{'x'.join(map(str, decay))}xf32>"}
    operands.append(f"decay(%g : {kinds['g']})")
    if name == "gated_delta":
        inputs["beta"] = rng.uniform(0, 1, (1, T, H)).astype(np.float32)
        kinds["beta"] = f"tensor<1x?x{H}xf32>"
        operands.append(f"beta(%beta : {kinds['beta']})")
    parameters = "".join(f', %{argument}: {kind} {{seq.name = "{argument}"}}' for argument, kind in kinds.items())
    if setting.wants("seq"):
        text = RULE.format(q=f"tensor<1x?x{heads}x{K}xf32>", v=f"tensor<1x?x{H}x{V}xf32>", H=H, K=K, V=V,
                           rule="gated_delta" if name == "gated_delta" else "gated", parameters=parameters,
                           operands=" ".join(operands))
        yield ours.from_text(setting, "rule", text, {}, inputs, "y")
    yield from torch_contenders(setting, inputs, {"gated": state_space_dual, "gated_channels": gated_channels,
                                                  "gated_delta": gated_delta}[name])


def gated_delta(q, k, v, g, beta):
    from fla.ops.gated_delta_rule.naive import naive_chunk_gated_delta_rule
    return naive_chunk_gated_delta_rule(q, k, v, g, beta, scale=1.0)[0]


def gated_channels(q, k, v, g, size=64):
    """Gated linear attention (Yang et al., arXiv:2312.06635, equation 4) by chunks, without its secondary chunks: the
    inverse decays would overflow where a channel forgets fast."""
    import torch
    q, k, v, g = (x.transpose(1, 2).unflatten(2, (-1, size)) for x in (q, k, v, g))
    G = g.cumsum(-2)
    end = G[..., -1:, :]
    q, k, into = q * G.exp(), k * (-G).exp(), k * (end - G).exp()
    scores = (q @ k.transpose(-1, -2)).tril()
    added, kept = into.transpose(-1, -2) @ v, end.transpose(-1, -2).exp()
    states, state = [], torch.zeros_like(added[:, :, 0])
    for n in range(added.shape[2]):
        states.append(state)
        state = kept[:, :, n] * state + added[:, :, n]
    return (scores @ v + q @ torch.stack(states, 2)).flatten(2, 3).transpose(1, 2)


def state_space_dual(q, k, v, g, size=64):
    """ssd_minimal_discrete of Dao and Gu, arXiv:2405.21060, listing 1: C, B, X and A are q, k, v and g."""
    import torch

    def segsum(x):
        T = x.shape[-1]
        x = x[..., None].expand(*x.shape, T)
        x = x.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(-1), 0).cumsum(-2)
        return x.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(), -torch.inf)

    heads = v.shape[2]
    C, B, X, A = (x.unflatten(1, (-1, size)) for x in (q.expand(-1, -1, heads, -1), k.expand(-1, -1, heads, -1), v, g))
    A = A.permute(0, 3, 1, 2)
    sums = A.cumsum(-1)
    within = torch.einsum("bclhn,bcshn,bhcls,bcshp->bclhp", C, B, segsum(A).exp(), X)
    states = torch.einsum("bclhn,bhcl,bclhp->bchpn", B, (sums[..., -1:] - sums).exp(), X)
    states = torch.cat([torch.zeros_like(states[:, :1]), states], 1)
    between = segsum(torch.nn.functional.pad(sums[..., -1], (1, 0))).exp()
    states = torch.einsum("bhzc,bchpn->bzhpn", between, states)[:, :-1]
    return (within + torch.einsum("bclhn,bchpn,bhcl->bclhp", C, states, sums.exp())).flatten(1, 2)
