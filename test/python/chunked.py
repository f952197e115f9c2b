"""Recurrences that have a chunkwise form, with inputs of odd sizes: sources for
test_chunk.py. An input named `log…` is the absolute value of a log decay."""

import numpy as np

STEP = """
#bkv = affine_map<(b, k, v) -> (b, k, v)>
#bk = affine_map<(b, k, v) -> (b, k)>
#bv = affine_map<(b, k, v) -> (b, v)>
#b = affine_map<(b, k, v) -> (b)>
#rkv = affine_map<(b, v, k) -> (b, k, v)>
#rk = affine_map<(b, v, k) -> (b, k)>
#rv = affine_map<(b, v, k) -> (b, v)>
#id2 = affine_map<(b, v) -> (b, v)>
#id1 = affine_map<(b, v) -> (b)>
"""


class Case:
    """A module with the function @layer, the shapes of its arguments (T for time)
    and its number of results."""

    def __init__(self, source, inputs, results):
        self.source, self.inputs, self.results = source, inputs, results

    def arrays(self, times, decay=1.0, seed=0):
        """Random inputs; `decay` scales the log decays, or is a function of their
        shape."""
        rng = np.random.default_rng(seed)
        arrays = []
        for name, shape in self.inputs.items():
            shape = tuple(times if size == "T" else size for size in shape)
            array = rng.standard_normal(shape)
            if name.startswith("log"):
                array = decay(rng, shape) if callable(decay) else decay * np.abs(array)
            elif name.startswith(("key", "beta")):
                # Steps that do not grow: |k| ≤ 1, 0 < β < 1.
                array = array / np.sqrt(max(1, shape[-1])) if name == "key" else 1 / (1 + np.exp(-array))
            arrays.append(array)
        return arrays


def tensor(shape):
    return f"tensor<{'x'.join('?' if size == 'T' else str(size) for size in shape)}xf32>"


def linear_attention(rule, heads=(2, 1, 2), sizes=(20, 5), batch=1, per_channel=False, scale=0.5):
    """seq.linear_attention; heads of queries, keys and values."""
    hq, hk, hv = heads
    k, v = sizes
    h = max(heads)
    inputs = {"query": (batch, "T", hq, k), "key": (batch, "T", hk, k), "value": (batch, "T", hv, v)}
    if "gated" in rule:
        inputs["log"] = (batch, "T", hk, k) if per_channel else (batch, "T", hk)
    if "delta" in rule:
        inputs["beta"] = (batch, "T", hv)
    inputs["s0"] = (batch, h, k, v)
    types = {name: tensor(shape) for name, shape in inputs.items()}
    arguments = ", ".join(f"%{name}: {kind}" for name, kind in types.items())
    output, state = tensor((batch, "T", h, v)), types["s0"]
    lines = []
    decay = beta = ""
    if "log" in inputs:
        lines += [f"%a = math.absf %log : {types['log']}", f"%g = arith.negf %a : {types['log']}"]
        decay = f"decay(%g : {types['log']})"
    if "beta" in inputs:
        beta = f"beta(%beta : {types['beta']})"
    lines.append(f"%y, %s = seq.linear_attention {rule} ins(%query, %key, %value : {types['query']}, {types['key']}, "
                 f"{types['value']}) {decay} {beta} init(%s0 : {state}) scale {scale} -> {output}, {state}")
    body = "\n  ".join(lines)
    source = f"func.func @layer({arguments}) -> ({output}, {state}) {{\n  {body}\n  return %y, %s : {output}, {state}\n}}\n"
    return Case(source, inputs, 2)


def selective_scan(channels=5, states=4, batch=2):
    inputs = {"x": (batch, "T", channels), "delta": (batch, "T", channels), "loga": (channels, states),
              "b": (batch, "T", states), "c": (batch, "T", states), "skip": (channels,),
              "gate": (batch, "T", channels), "s0": (batch, channels, states)}
    types = {name: tensor(shape) for name, shape in inputs.items()}
    arguments = ", ".join(f"%{name}: {kind}" for name, kind in types.items())
    y, s = types["x"], types["s0"]
    source = f"""func.func @layer({arguments}) -> ({y}, {s}) {{
  %m = math.absf %loga : {types['loga']}
  %a = arith.negf %m : {types['loga']}
  %y, %s = seq.selective_scan ins(%x, %delta, %a, %b, %c : {y}, {types['delta']}, {types['loga']}, {types['b']}, {types['c']})
      skip(%skip : {types['skip']}) gate(%gate : {types['gate']}) init(%s0 : {s}) {{delta_softplus}} -> {y}, {s}
  return %y, %s : {y}, {s}
}}
"""
    return Case(source, inputs, 2)


def min_gru(size=5, batch=2, reverse=False):
    """h ← (1 - z) h + z x, z = sigmoid(gate): the state is the output."""
    x, h = f"tensor<{batch}x?x{size}xf32>", f"tensor<{batch}x{size}xf32>"
    source = f"""func.func @layer(%x: {x}, %gate: {x}, %h0: {h}) -> ({x}, {h}) {{
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : {x}
  %y0 = tensor.empty(%t) : {x}
  %one = arith.constant dense<1.0> : {h}
  %y, %hn = seq.recurrence along 1 {"reverse" if reverse else ""} ins(%x, %gate : {x}, {x}) outs(%y0 : {x}) init(%h0 : {h}) {{
  ^step(%xt: {h}, %gt: {h}, %yt: {h}, %h: {h}):
    %n = arith.negf %gt : {h}
    %e = math.exp %n : {h}
    %d = arith.addf %one, %e : {h}
    %z = arith.divf %one, %d : {h}
    %keep = arith.subf %one, %z : {h}
    %old = arith.mulf %keep, %h : {h}
    %new = arith.mulf %z, %xt : {h}
    %next = arith.addf %old, %new : {h}
    seq.yield %next, %next : {h}, {h}
  }}
  return %y, %hn : {x}, {h}
}}
"""
    return Case(source, {"x": (batch, "T", size), "gate": (batch, "T", size), "h0": (batch, size)}, 2)


def normalised(keys=4, values=3, batch=2, reverse=False, decayed=True, before=False):
    """S ← a S + k vᵀ and z ← a z + k; y = qᵀS / (1 + |qᵀz|), with the states before
    or after the step; a a number for each row of the batch. `mask` resets both
    states."""
    b, k, v = batch, keys, values
    inputs = {"q": (b, "T", k), "k": (b, "T", k), "v": (b, "T", v), "log": (b, "T"), "reset": (b, "T"),
              "s0": (b, k, v), "z0": (b, k)}
    types = {name: tensor(shape) for name, shape in inputs.items()}
    arguments = ", ".join(f"%{name}: {kind}" for name, kind in types.items())
    S, Z, Q, V, A = types["s0"], types["z0"], f"tensor<{b}x{k}xf32>", f"tensor<{b}x{v}xf32>", f"tensor<{b}xf32>"
    y = tensor((b, "T", v))
    read_s, read_z = ("%s", "%z") if before else ("%s1", "%z1")
    scale = "%kept = arith.mulf %a, %i : f32" if decayed else "%kept = arith.addf %i, %zero : f32"
    generic = "linalg.generic {{indexing_maps = [{}], iterator_types = [{}]}}"
    par = '"parallel", "parallel"'
    source = STEP + f"""
func.func @layer({arguments}) -> ({y}, {S}, {Z}) {{
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %t = tensor.dim %v, %c1 : {types['v']}
  %y0 = tensor.empty(%t) : {y}
  %m = math.absf %log : {types['log']}
  %g = arith.negf %m : {types['log']}
  %yy, %sn, %zn = seq.recurrence along 1 {"reverse" if reverse else ""} ins(%q, %k, %v, %g, %reset : {types['q']}, {types['k']}, {types['v']}, {types['log']}, {types['reset']})
      outs(%y0 : {y}) init(%s0, %z0 : {S}, {Z}) {{
  ^step(%qt: {Q}, %kt: {Q}, %vt: {V}, %gt: {A}, %rt: {A}, %yt: {V}, %s: {S}, %z: {Z}):
    %e = math.exp %gt : {A}
    %none = arith.constant dense<0.0> : {A}
    %far = arith.constant dense<1.5> : {A}
    %isreset = arith.cmpf ogt, %rt, %far : {A}
    %at = arith.select %isreset, %none, %e : tensor<{b}xi1>, {A}
    %s1 = {generic.format('#bkv, #b, #bk, #bv, #bkv', par + ', "parallel"')} ins(%s, %at, %kt, %vt : {S}, {A}, {Q}, {V}) outs(%s : {S}) {{
    ^bb0(%i: f32, %a: f32, %kk: f32, %vv: f32, %o: f32):
      {scale}
      %p = arith.mulf %kk, %vv : f32
      %r = arith.addf %kept, %p : f32
      linalg.yield %r : f32
    }} -> {S}
    %z1 = {generic.format('#id2, #id1, #id2, #id2', par)} ins(%z, %at, %kt : {Z}, {A}, {Q}) outs(%z : {Z}) {{
    ^bb0(%i: f32, %a: f32, %kk: f32, %o: f32):
      {scale}
      %r = arith.addf %kept, %kk : f32
      linalg.yield %r : f32
    }} -> {Z}
    %ye = tensor.empty() : {V}
    %yz = linalg.fill ins(%zero : f32) outs(%ye : {V}) -> {V}
    %num = {generic.format('#rkv, #rk, #rv', par + ', "reduction"')} ins({read_s}, %qt : {S}, {Q}) outs(%yz : {V}) {{
    ^bb0(%i: f32, %qq: f32, %o: f32):
      %p = arith.mulf %i, %qq : f32
      %r = arith.addf %o, %p : f32
      linalg.yield %r : f32
    }} -> {V}
    %de = tensor.empty() : {A}
    %dz = linalg.fill ins(%zero : f32) outs(%de : {A}) -> {A}
    %den = {generic.format('#id2, #id2, #id1', '"parallel", "reduction"')} ins({read_z}, %qt : {Z}, {Q}) outs(%dz : {A}) {{
    ^bb0(%i: f32, %qq: f32, %o: f32):
      %p = arith.mulf %i, %qq : f32
      %r = arith.addf %o, %p : f32
      linalg.yield %r : f32
    }} -> {A}
    %yn = {generic.format('#id2, #id1, #id2', par)} ins(%num, %den : {V}, {A}) outs(%ye : {V}) {{
    ^bb0(%n: f32, %d: f32, %o: f32):
      %ab = math.absf %d : f32
      %d1 = arith.addf %ab, %one : f32
      %r = arith.divf %n, %d1 : f32
      linalg.yield %r : f32
    }} -> {V}
    seq.yield %yn, %s1, %z1 : {V}, {S}, {Z}
  }}
  return %yy, %sn, %zn : {y}, {S}, {Z}
}}
"""
    return Case(source, inputs, 3)
