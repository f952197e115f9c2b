"""Recurrences that have a chunkwise form, with inputs of odd sizes: sources for
test_chunk.py. An input named `log…` is the absolute value of a log decay."""

import numpy as np

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


class Step:
    """The body of a recurrence, line by line. Values are (name, shape)."""

    def __init__(self):
        self.lines, self.count = [], 0

    def name(self):
        self.count += 1
        return f"%v{self.count}"

    def formula(self, spec, operands, payload, reduces):
        """A linalg.generic: `spec` as of an Einstein sum; `payload` makes lines of the
        elements' names, the last of them called %r."""
        terms, result = spec.split("->")
        terms = terms.split(",")
        sizes = {letter: size for term, (_, shape) in zip(terms, operands) for letter, size in zip(term, shape)}
        loops = result + "".join(sorted(set("".join(terms)) - set(result)))
        maps = ", ".join(f"affine_map<({', '.join(loops)}) -> ({', '.join(term)})>" for term in terms + [result])
        kinds = ", ".join('"parallel"' if letter in result else '"reduction"' for letter in loops)
        shape = tuple(sizes[letter] for letter in result)
        kind, empty, value = tensor(shape), self.name(), self.name()
        self.lines.append(f"{empty} = tensor.empty() : {kind}")
        if reduces:
            self.lines.append(f"{empty}z = linalg.fill ins(%zero : f32) outs({empty} : {kind}) -> {kind}")
            empty += "z"
        elements = [f"%e{index}" for index in range(len(operands))]
        self.lines.append(
            f"{value} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} "
            f"ins({', '.join(name for name, _ in operands)} : {', '.join(tensor(shape) for _, shape in operands)}) "
            f"outs({empty} : {kind}) {{")
        self.lines.append(f"^bb0({', '.join(element + ': f32' for element in elements + ['%o'])}):")
        self.lines += payload(elements)
        self.lines += ["  linalg.yield %r : f32", f"}} -> {kind}"]
        return value, shape

    def einsum(self, spec, *operands):
        """A sum of products, or a product where nothing is summed."""
        terms, result = spec.split("->")
        reduces = bool(set(terms) - set(result) - {","})

        def payload(elements):
            lines, product = [], elements[0]
            for index, element in enumerate(elements[1:]):
                lines.append(f"  %p{index} = arith.mulf {product}, {element} : f32")
                product = f"%p{index}"
            return lines + [f"  %r = arith.addf {'%o' if reduces else '%zero'}, {product} : f32"]
        return self.formula(spec, operands, payload, reduces)

    def apply(self, operation, *operands):
        """An operation on tensors of one shape, such as math.exp."""
        value, shape = self.name(), operands[0][1]
        self.lines.append(f"{value} = {operation} {', '.join(name for name, _ in operands)} : {tensor(shape)}")
        return value, shape

    def constant(self, number, like):
        value = self.name()
        self.lines.append(f"{value} = arith.constant dense<{number}> : {tensor(like[1])}")
        return value, like[1]

    def reset(self, decay, where):
        """`decay`, or 0 where `where` is above 1.5."""
        compare, (limit, _) = self.name(), self.constant(1.5, where)
        value, (zero, _) = self.name(), self.constant(0.0, decay)
        mask = tensor(where[1]).replace("f32", "i1")
        self.lines.append(f"{compare} = arith.cmpf ogt, {where[0]}, {limit} : {tensor(where[1])}")
        self.lines.append(f"{value} = arith.select {compare}, {zero}, {decay[0]} : {mask}, {tensor(decay[1])}")
        return value, decay[1]


def recurrence(sequences, states, captures, step, reverse=False):
    """A recurrence along dimension 1 of slices [b, …]: `step` makes of a Step and its
    values by name the output and the next states."""
    body = Step()
    values = {name: (f"%{name}_", shape) for name, shape in (sequences | states).items()}
    values |= {name: (f"%{name}", shape) for name, shape in captures.items()}
    output, following = step(body, **values)
    inputs = {name: (shape[0], "T", *shape[1:]) for name, shape in sequences.items()} | captures | states
    arguments = ", ".join(f"%{name}: {tensor(shape)}" for name, shape in inputs.items())
    y = tensor((output[1][0], "T", *output[1][1:]))
    kinds = [tensor(shape) for shape in states.values()]
    first = next(iter(sequences))
    slices = [f"{values[name][0]}: {tensor(shape)}" for name, shape in sequences.items()]
    slices += [f"%out: {tensor(output[1])}"]
    slices += [f"{values[name][0]}: {tensor(shape)}" for name, shape in states.items()]
    lines = "\n    ".join(body.lines)
    source = f"""func.func @layer({arguments}) -> ({', '.join([y] + kinds)}) {{
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %{first}, %c1 : {tensor(inputs[first])}
  %y0 = tensor.empty(%t) : {y}
  %r:{1 + len(states)} = seq.recurrence along 1 {"reverse" if reverse else ""}
      ins({', '.join('%' + name for name in sequences)} : {', '.join(tensor(inputs[name]) for name in sequences)})
      outs(%y0 : {y}) init({', '.join('%' + name for name in states)} : {', '.join(kinds)}) {{
  ^step({', '.join(slices)}):
    {lines}
    seq.yield {', '.join([output[0]] + [name for name, _ in following])} : {', '.join([tensor(output[1])] + kinds)}
  }}
  return {', '.join(f'%r#{index}' for index in range(1 + len(states)))} : {', '.join([y] + kinds)}
}}
"""
    return Case(source, inputs, 1 + len(states))


def decay_of(body, log):
    """exp(-|log|)"""
    return body.apply("math.exp", body.apply("arith.negf", body.apply("math.absf", log)))


def normalised(keys=4, values=3, batch=2, reverse=False, decayed=True, before=False):
    """S ← a S + k vᵀ and z ← a z + k, where `reset` may clear both; y = Sᵀq / (1 + |qᵀz|),
    with the states before or after the step; a is a number for each row of the batch."""
    def step(body, q, k, v, log, reset, s0, z0):
        added = body.einsum("bk,bv->bkv", k, v)
        s, z = s0, z0
        if decayed:
            a = body.reset(decay_of(body, log), reset)
            s, z = body.einsum("bkv,b->bkv", s, a), body.einsum("bk,b->bk", z, a)
        s, z = body.apply("arith.addf", s, added), body.apply("arith.addf", z, k)
        read_s, read_z = (s0, z0) if before else (s, z)
        total = body.apply("math.absf", body.einsum("bk,bk->b", read_z, q))
        total = body.apply("arith.addf", total, body.constant(1.0, total))
        share = body.apply("arith.divf", body.constant(1.0, total), total)
        y = body.einsum("bv,b->bv", body.einsum("bkv,bk->bv", read_s, q), share)
        return y, [s, z]
    b, k, v = batch, keys, values
    return recurrence({"q": (b, k), "k": (b, k), "v": (b, v), "log": (b,), "reset": (b,)},
                      {"s0": (b, k, v), "z0": (b, k)}, {}, step, reverse)


def bonus(keys=4, values=3, batch=2):
    """RWKV-6: y = (S + (u ⊙ k) vᵀ)ᵀ q before the step, decays of channels."""
    def step(body, q, k, v, log, u, s0):
        added = body.einsum("bk,bv->bkv", k, v)
        now = body.einsum("bk,k,bv->bkv", k, u, v)
        y = body.einsum("bkv,bk->bv", body.apply("arith.addf", s0, now), q)
        s = body.apply("arith.addf", body.einsum("bkv,bk->bkv", s0, decay_of(body, log)), added)
        return y, [s]
    b, k, v = batch, keys, values
    return recurrence({"q": (b, k), "k": (b, k), "v": (b, v), "log": (b, k)}, {"s0": (b, k, v)}, {"u": (k,)}, step)


def low_rank(keys=4, values=3, batch=2, reverse=False, gate=True):
    """RWKV-7, with values before keys: S ← S diag(a) + (S w) uᵀ + v kᵀ; y = g ⊙ S q."""
    def step(body, q, k, v, w, u, g, log, s0):
        # |w| |u| < 1/2
        w, u = (body.apply("math.tanh", x) for x in (w, u))
        held = body.einsum("bvk,bk->bv", s0, body.einsum("bk,bk->bk", w, body.constant(0.5 / keys, w)))
        s = body.einsum("bvk,bk->bvk", s0, decay_of(body, log))
        s = body.apply("arith.addf", s, body.einsum("bv,bk->bvk", held, u))
        s = body.apply("arith.addf", s, body.einsum("bv,bk->bvk", v, k))
        y = body.einsum("bvk,bk->bv", s, q)
        return body.einsum("bv,bv->bv", y, g) if gate else y, [s]
    b, k, v = batch, keys, values
    return recurrence({"q": (b, k), "k": (b, k), "v": (b, v), "w": (b, k), "u": (b, k), "g": (b, v), "log": (b, k)},
                      {"s0": (b, v, k)}, {}, step, reverse)


def invariant(keys=4, channels=3, batch=2):
    """S4D: s[c,n] ← a[c,n] s[c,n] + b[c,n] x[c], y[c] = Σ_n c[c,n] s[c,n]; nothing but x varies."""
    def step(body, x, b, c, log, s0):
        s = body.einsum("icn,cn->icn", s0, decay_of(body, log))
        s = body.apply("arith.addf", s, body.einsum("cn,ic->icn", b, x))
        return body.einsum("icn,cn->ic", s, c), [s]
    n, c = keys, channels
    return recurrence({"x": (batch, c)}, {"s0": (batch, c, n)}, {"b": (c, n), "c": (c, n), "log": (c, n)}, step)


def alternating(size=5, batch=2):
    """h ← tanh(g) h + x: decays of both signs; y = h before and after the step, multiplied."""
    def step(body, x, g, s0):
        s = body.apply("arith.addf", body.apply("arith.mulf", body.apply("math.tanh", g), s0), x)
        return body.apply("arith.mulf", s, s0), [s]
    return recurrence({"x": (batch, size), "g": (batch, size)}, {"s0": (batch, size)}, {}, step)


def shifted(size=5, batch=2):
    """h ← exp(-|log|) h + x beside the last x: y = h · last."""
    def step(body, x, log, s0, last):
        s = body.apply("arith.addf", body.apply("arith.mulf", decay_of(body, log), s0), x)
        return body.apply("arith.mulf", s, last), [s, x]
    return recurrence({"x": (batch, size), "log": (batch, size)}, {"s0": (batch, size), "last": (batch, size)}, {}, step)


def value_decays(keys=4, values=3, batch=2):
    """Decays of both dimensions of the state: S[k,v] ← a[k] c[v] S[k,v] + k[k] v[v]."""
    def step(body, q, k, v, logk, logv, s0):
        s = body.einsum("bkv,bk,bv->bkv", s0, decay_of(body, logk), decay_of(body, logv))
        s = body.apply("arith.addf", s, body.einsum("bk,bv->bkv", k, v))
        return body.einsum("bkv,bk->bv", s, q), [s]
    b, k, v = batch, keys, values
    return recurrence({"q": (b, k), "k": (b, k), "v": (b, v), "logk": (b, k), "logv": (b, v)}, {"s0": (b, k, v)}, {}, step)


def numbers():
    """One number for all, with a constant decay."""
    source = """func.func @layer(%x: tensor<?xf64>, %s0: tensor<f64>) -> (tensor<?xf64>, tensor<f64>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?xf64>
  %y0 = tensor.empty(%t) : tensor<?xf64>
  %a = arith.constant dense<0.9> : tensor<f64>
  %y, %s = seq.recurrence along 0 ins(%x : tensor<?xf64>) outs(%y0 : tensor<?xf64>) init(%s0 : tensor<f64>) {
  ^step(%xt: tensor<f64>, %yt: tensor<f64>, %h: tensor<f64>):
    %0 = arith.mulf %a, %h : tensor<f64>
    %1 = arith.addf %0, %xt : tensor<f64>
    seq.yield %1, %1 : tensor<f64>, tensor<f64>
  }
  return %y, %s : tensor<?xf64>, tensor<f64>
}
"""
    return Case(source, {"x": ("T",), "s0": ()}, 2)
