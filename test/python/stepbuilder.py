"""Writes functions with one seq.recurrence as .mlir text: the same step comes out in one of
the many ways in which somebody could have written it.

Dimensions are letters. A value's letters say which dimensions it has, so that products are
sums over letters, and broadcasts are letters that an operand lacks.
"""

import re
from typing import NamedTuple

import numpy as np

UNARY = {"exp": "math.exp", "tanh": "math.tanh", "neg": "arith.negf", "abs": "math.absf",
         "sqrt": "math.sqrt", "log1p": "math.log1p", "sin": "math.sin", "cos": "math.cos"}
BINARY = {"add": "arith.addf", "sub": "arith.subf", "mul": "arith.mulf", "div": "arith.divf",
          "max": "arith.maximumf", "min": "arith.minimumf"}
TERNARY = {"select": "arith.select", "fma": "math.fma"}
OPS = UNARY | BINARY | TERNARY


class Value(NamedTuple):
    name: str
    letters: str
    element: str = "f64"


class Argument(NamedTuple):
    """An argument of the function: its sizes, "T" for time, and how to draw its elements."""

    name: str
    sizes: tuple
    element: str
    kind: str

    def shape(self, times):
        return tuple(times if size == "T" else size for size in self.sizes)


class StepBuilder:
    """One recurrence `along` len(lead) or 0; all sequences have the letters of `lead`."""

    def __init__(self, rng, sizes, along, reverse=False, times="?"):
        self.rng, self.sizes, self.along, self.reverse, self.times = rng, dict(sizes), along, reverse, times
        self.lines, self.before, self.arguments = [], [], []
        self.inputs, self.outputs, self.states, self.constants = [], [], [], {}
        self.count = 0

    # --- text ---------------------------------------------------------------------

    def flip(self, chance=0.5):
        return self.rng.random() < chance

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def fresh(self):
        self.count += 1
        return f"%v{self.count}"

    def type(self, letters, element="f64", time=None):
        sizes = [str(self.sizes[letter]) for letter in letters]
        if time is not None:
            sizes.insert(time, str(self.times))
        return "tensor<" + "x".join([*sizes, element]) + ">"

    def of(self, value):
        return self.type(value.letters, value.element)

    def emit(self, text, letters, element="f64"):
        name = self.fresh()
        self.lines.append(f"{name} = {text}")
        return Value(name, letters, element)

    def letter(self, size):
        """A new letter for dimensions of that size."""
        new = next(letter for letter in "xyzwuijmopqrstgABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in self.sizes)
        self.sizes[new] = size
        return new

    # --- operands -----------------------------------------------------------------

    def _argument(self, letters, element, kind, time=None):
        sizes = [self.sizes[letter] for letter in letters]
        if time is not None:
            sizes.insert(time, "T")
        self.arguments.append(Argument(f"%a{len(self.arguments)}", tuple(sizes), element, kind))
        return self.arguments[-1].name

    def sequence(self, letters, kind="normal", element="f64", outside=None):
        """The slice of a new sequence; `outside`: an operation on all of it, before."""
        name = self._argument(letters, element, kind, self.along)
        if outside:
            kind = self.type(letters, element, self.along)
            self.before.append(f"{name}o = {OPS[outside]} {name} : {kind}")
            name += "o"
        slice = Value(f"%x{len(self.inputs)}", letters, element)
        self.inputs.append((slice, name))
        return slice

    def weight(self, letters, kind="small"):
        return Value(self._argument(letters, "f64", kind), letters)

    def state(self, letters, initial="argument"):
        """initial: argument (returned at the end as well), or the value of all elements."""
        number = len(self.states)
        if initial == "argument":
            name = self._argument(letters, "f64", "normal")
        else:
            name = f"%i{number}"
            text, kind = f"{initial:e}", self.type(letters)
            if self.flip():
                self.before.append(f"{name} = arith.constant dense<{text}> : {kind}")
            else:
                self.before += [f"{name}c = arith.constant {text} : f64", f"{name}e = tensor.empty() : {kind}",
                                f"{name} = linalg.fill ins({name}c : f64) outs({name}e : {kind}) -> {kind}"]
        value = Value(f"%s{number}", letters)
        self.states.append([value, name, None, initial])
        return value

    def next(self, state, value):
        assert value.letters == state.letters, (value, state)
        for entry in self.states:
            if entry[0] == state:
                entry[2] = value

    def output(self, value):
        self.outputs.append(value)

    # --- operations ---------------------------------------------------------------

    def constant(self, number, letters):
        return self.emit(f"arith.constant dense<{number:e}> : {self.type(letters)}", letters)

    def zeros(self, letters):
        if self.flip():
            return self.constant(0.0, letters)
        kind = self.type(letters)
        scalar, empty = self.fresh(), self.fresh()
        self.lines += [f"{scalar} = arith.constant 0.0 : f64", f"{empty} = tensor.empty() : {kind}"]
        return self.emit(f"linalg.fill ins({scalar} : f64) outs({empty} : {kind}) -> {kind}", letters)

    def _map(self, loops, letters):
        names = {letter: f"d{i}" for i, letter in enumerate(loops)}
        return f"affine_map<({', '.join(names.values())}) -> ({', '.join(names[l] for l in letters)})>"

    def _generic(self, loops, reduced, operands, out, payload):
        """payload(names, out) -> lines, yielded."""
        maps = ", ".join(self._map(loops, value.letters) for value in [*operands, out])
        kinds = ", ".join('"reduction"' if letter in reduced else '"parallel"' for letter in loops)
        names = [self.fresh() for _ in operands]
        inner = self.fresh()
        lines, result = payload(names, inner)
        arguments = ", ".join(f"{name}: {value.element}" for name, value in zip([*names, inner], [*operands, out]))
        ins = ""
        if operands:
            ins = f"ins({', '.join(v.name for v in operands)} : {', '.join(map(self.of, operands))}) "
        return self.emit("\n  ".join([
            f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} {ins}outs({out.name} : {self.of(out)}) {{",
            f"^bb0({arguments}):", *["  " + line for line in lines], f"  linalg.yield {result} : {out.element}",
            f"}} -> {self.of(out)}"]), out.letters, out.element)

    def empty(self, letters, element="f64"):
        return self.emit(f"tensor.empty() : {self.type(letters, element)}", letters, element)

    def broadcast(self, value, letters):
        """The value with these letters, in their order."""
        if value.letters == letters:
            return value
        kept = "".join(letter for letter in letters if letter in value.letters)
        missing = [i for i, letter in enumerate(letters) if letter not in value.letters]
        out = self.empty(letters, value.element)
        if kept == value.letters and self.flip(0.7):
            return self.emit(f"linalg.broadcast ins({value.name} : {self.of(value)}) outs({out.name} : {self.of(out)}) "
                             f"dimensions = [{', '.join(map(str, missing))}]", letters, value.element)
        if not missing and self.flip(0.7):
            order = ", ".join(str(value.letters.index(letter)) for letter in letters)
            return self.emit(f"linalg.transpose ins({value.name} : {self.of(value)}) outs({out.name} : {self.of(out)}) "
                             f"permutation = [{order}]", letters, value.element)
        return self._generic(letters, "", [value], out, lambda names, _: ([], names[0]))

    def apply(self, op, *operands, letters=None):
        """Elementwise; numbers among the operands are constants."""
        values = [value for value in operands if isinstance(value, Value)]
        if letters is None:
            letters = max((value.letters for value in values), key=len)
        element = "f64"
        fits = all(value.letters == letters for value in values)
        # Plain operations as people write them, or one linalg.generic.
        if self.flip(0.75 if fits else 0.3):
            whole = [self.broadcast(value, letters) if isinstance(value, Value) else self.constant(value, letters)
                     for value in operands]
            return self._plain(op, whole, letters, element)
        scalars = iter(range(len(values)))
        places = [next(scalars) if isinstance(value, Value) else value for value in operands]

        def payload(names, _):
            lines, arguments = [], []
            for operand, place in zip(operands, places):
                if isinstance(operand, Value):
                    arguments.append(names[place])
                else:
                    arguments.append(self.fresh())
                    lines.append(f"{arguments[-1]} = arith.constant {operand:e} : f64")
            result = self.fresh()
            return [*lines, f"{result} = {OPS[op]} {', '.join(arguments)} : f64"], result
        return self._generic(letters, "", values, self.empty(letters), payload)

    def _plain(self, op, values, letters, element):
        kind = self.type(letters, element)
        if op == "select":
            kind = f"{self.of(values[0])}, {kind}"
        return self.emit(f"{OPS[op]} {', '.join(value.name for value in values)} : {kind}", letters)

    def product(self, letters, a, b, onto=None):
        """Σ a·b over the letters that are not in `letters`, added onto a value or to zeros."""
        out = onto or self.zeros(letters)
        both = letters + "".join(l for l in dict.fromkeys(a.letters + b.letters) if l not in letters)
        reduced = both[len(letters):]
        if onto is None and not reduced:
            return self.apply("mul", a, b, letters=letters)
        named = self._named_product(letters, a, b, out, reduced)
        if named and self.flip():
            return named()
        loops = "".join(self.rng.permutation(list(both)))
        fused = self.flip(0.2)

        def payload(names, inner):
            product, total = self.fresh(), self.fresh()
            if fused:
                return [f"{total} = math.fma {names[0]}, {names[1]}, {inner} : f64"], total
            terms = f"{inner}, {product}" if self.flip() else f"{product}, {inner}"
            return [f"{product} = arith.mulf {names[0]}, {names[1]} : f64", f"{total} = arith.addf {terms} : f64"], total
        return self._generic(loops, reduced, [a, b], out, payload)

    def _named_product(self, letters, a, b, out, reduced):
        if len(reduced) != 1:
            return None
        shared = "".join(l for l in a.letters if l in b.letters and l != reduced)
        for name, batch in [("matmul", 0), ("batch_matmul", 1), ("vecmat", None), ("matvec", None)]:
            m, n = [l for l in a.letters if l not in b.letters], [l for l in b.letters if l not in a.letters]
            if batch is None:
                fits = (name == "vecmat" and a.letters == reduced and n and b.letters == reduced + n[0] == reduced + letters) or (
                    name == "matvec" and b.letters == reduced and m and a.letters == m[0] + reduced == letters + reduced)
            else:
                fits = (len(shared) == batch and len(m) == len(n) == 1 and a.letters == shared + m[0] + reduced
                        and b.letters == shared + reduced + n[0] and letters == shared + m[0] + n[0])
            if fits:
                return lambda: self.emit(
                    f"linalg.{name} ins({a.name}, {b.name} : {self.of(a)}, {self.of(b)}) "
                    f"outs({out.name} : {self.of(out)}) -> {self.of(out)}", letters)
        return None

    def cut(self, value, dim, offset, letter):
        """The part from `offset` on that is as large as `letter`."""
        letters = value.letters[:dim] + letter + value.letters[dim + 1:]
        offsets = ["0"] * len(letters)
        offsets[dim] = str(offset)
        sizes = ", ".join(str(self.sizes[l]) for l in letters)
        return self.emit(f"tensor.extract_slice {value.name}[{', '.join(offsets)}] [{sizes}] "
                         f"[{', '.join('1' * len(letters))}] : {self.of(value)} to {self.type(letters)}", letters)

    def join(self, values, dim, letter):
        """The values one after the other along `dim`, whose letter is `letter` then."""
        letters = values[0].letters[:dim] + letter + values[0].letters[dim + 1:]
        kind = self.type(letters)
        if self.flip():
            kinds = ", ".join(map(self.of, values))
            return self.emit(f"tensor.concat dim({dim}) {', '.join(v.name for v in values)} : ({kinds}) -> {kind}", letters)
        whole, offset = self.empty(letters), 0
        for value in values:
            offsets = ["0"] * len(letters)
            offsets[dim] = str(offset)
            sizes = ", ".join(str(self.sizes[l]) for l in value.letters)
            whole = self.emit(f"tensor.insert_slice {value.name} into {whole.name}[{', '.join(offsets)}] [{sizes}] "
                              f"[{', '.join('1' * len(letters))}] : {self.of(value)} into {kind}", letters)
            offset += self.sizes[value.letters[dim]]
        return whole

    def split(self, value, dim, outer, inner):
        """expand_shape of dimension `dim` into two letters."""
        letters = value.letters[:dim] + outer + inner + value.letters[dim + 1:]
        groups = [[i] if i < dim else [i, i + 1] if i == dim else [i + 1] for i in range(len(value.letters))]
        sizes = ", ".join(str(self.sizes[l]) for l in letters)
        return self.emit(f"tensor.expand_shape {value.name} {groups} output_shape [{sizes}] : "
                         f"{self.of(value)} into {self.type(letters)}", letters)

    def merge(self, value, dim, letter):
        """collapse_shape of dimensions `dim` and `dim` + 1 into one."""
        letters = value.letters[:dim] + letter + value.letters[dim + 2:]
        groups = [[i] if i < dim else [i, i + 1] if i == dim else [i + 1] for i in range(len(letters))]
        return self.emit(f"tensor.collapse_shape {value.name} {groups} : {self.of(value)} into {self.type(letters)}", letters)

    # --- the function -------------------------------------------------------------

    def function(self, name, returned):
        """`returned`: for each state, whether its last value is a result."""
        def listing(pairs):
            return f"({', '.join(n for n, _ in pairs)} : {', '.join(t for _, t in pairs)})"
        ins = [(operand, self.type(v.letters, v.element, self.along)) for v, operand in self.inputs]
        outs = [(f"%e{i}", self.type(v.letters, v.element, self.along)) for i, v in enumerate(self.outputs)]
        inits = [(operand, self.of(v)) for v, operand, _, _ in self.states]
        results = [f"%r#{i}" for i in range(len(outs) + len(inits))]
        kinds = [t for _, t in outs + inits]
        kept = [i for i in range(len(results)) if i < len(outs) or returned[i - len(outs)]]
        signature = ", ".join(f"{a.name}: {self._argument_type(a)}" for a in self.arguments)
        slices = ([f"{v.name}: {self.of(v)}" for v, _ in self.inputs]
                  + [f"%o{i}: {self.of(v)}" for i, v in enumerate(self.outputs)]
                  + [f"{v.name}: {self.of(v)}" for v, _, _, _ in self.states])
        yielded = [*self.outputs, *(value for _, _, value, _ in self.states)]
        lines = [f"func.func @{name}({signature}) -> ({', '.join(kinds[i] for i in kept)}) {{"]
        lines += ["  " + line for line in self.before]
        if outs:
            source, kind = ins[0]
            size = ""
            if self.times == "?":
                lines += [f"  %dim = arith.constant {self.along} : index", f"  %times = tensor.dim {source}, %dim : {kind}"]
                size = "%times"
            lines += [f"  {e} = tensor.empty({size}) : {t}" for e, t in outs]
        text = f"  %r:{len(results)} = seq.recurrence along {self.along}{' reverse' * self.reverse} ins{listing(ins)}"
        text += f" outs{listing(outs)}" if outs else ""
        text += f" init{listing(inits)}" if inits else ""
        lines += [text + " {", f"  ^step({', '.join(slices)}):"]
        lines += ["    " + part for line in self.lines for part in line.split("\n")]
        lines += [f"    seq.yield {', '.join(v.name for v in yielded)} : {', '.join(map(self.of, yielded))}", "  }",
                  f"  return {', '.join(results[i] for i in kept)} : {', '.join(kinds[i] for i in kept)}", "}"]
        return "\n".join(lines) + "\n"

    def _argument_type(self, argument):
        sizes = [str(self.times) if size == "T" else str(size) for size in argument.sizes]
        return "tensor<" + "x".join([*sizes, argument.element]) + ">"


def in_single_precision(source):
    return re.sub(r"\bf64\b|(?<=x)f64", "f32", source)


def draw(rng, argument, times, regime):
    """Random elements. Regimes say where decays lie: near 1, in the middle, underflowing, all,
    or at the extremes, 1 and 0 themselves among them."""
    shape = argument.shape(times)
    kind = argument.kind
    normal = rng.standard_normal(shape)
    if kind == "mask":
        return rng.random(shape) < 0.2
    if kind == "fan":  # a matrix that is about an isometry
        return 0.9 * normal / np.sqrt(shape[-1])
    if kind in ("small", "angle", "positive", "share", "normal", "unproven"):
        return {"small": 0.3 * normal, "angle": 2 * normal, "positive": np.abs(normal) + 0.05, "normal": normal,
                "share": rng.random(shape), "unproven": np.clip(0.5 * normal, -1.1, 1.1)}[kind]
    ranges = {"near": (-7, -4), "middle": (-2, 0.3), "deep": (0.5, 2.9), "all": (-7, 2.9)}
    if regime == "extreme":
        size = rng.choice([-0.0, -1e-7, -1e-3, -1.0, -50.0, -200.0, -745.0, -800.0, -np.inf], size=shape)
    else:
        size = -(10 ** rng.uniform(*ranges[regime], size=shape))
    if kind == "log decay":
        return size
    if kind == "logit":  # sigmoid(x) is the decay: log sigmoid(x) is about -exp(-x), or x where that is deep
        return np.where(size > -1, -np.log(np.maximum(-size, 1e-20)), np.maximum(size, -800.0))
    if kind == "decay":
        return np.exp(size)
    raise ValueError(kind)
