"""Cases of seq.attention: a function with one, its arrays, and what torch's
scaled_dot_product_attention says about them, with the mask as a matrix."""

import numpy as np
import torch


class Mask:
    """A mask as the compiler spells it, and as a matrix of positions."""

    def __init__(self, text, sees):
        self.text, self.sees = text, sees

    def matrix(self, queries, keys):
        p = np.arange(queries)[:, None] + keys - queries
        s = np.arange(keys)[None, :]
        return np.broadcast_to(self.sees(p, s), (queries, keys))


def blocks(size, pattern):
    def sees(p, s):
        i, j = p // size, s // size
        inside = (0 <= i) & (i < pattern.shape[0]) & (j < pattern.shape[1])
        return inside & pattern[np.clip(i, 0, pattern.shape[0] - 1),
                                np.minimum(j, pattern.shape[1] - 1)]

    rows = ", ".join("[" + ", ".join(str(bool(x)).lower() for x in row) + "]" for row in pattern)
    shape = "x".join(map(str, pattern.shape))
    return Mask(f"blocks({size}, dense<[{rows}]> : tensor<{shape}xi1>)", sees)


PATTERN = np.random.default_rng(7).random((7, 6)) < 0.4
MASKS = {
    "full": Mask("full", lambda p, s: True),
    "causal": Mask("causal", lambda p, s: s <= p),
    "window": Mask("window(30, 0)", lambda p, s: (p - 30 <= s) & (s <= p)),
    "band": Mask("window(5, 17)", lambda p, s: (p - 5 <= s) & (s <= p + 17)),
    "wide": Mask("window(1073741824, 1073741824)", lambda p, s: True),
    "long": Mask("window(1073741824, 0)", lambda p, s: s <= p),
    "right": Mask("window(*, 3)", lambda p, s: s <= p + 3),
    "global": Mask("window(9, 8) global(3)",
                   lambda p, s: ((p - 9 <= s) & (s <= p + 8)) | (s < 3) | (p < 3)),
    "sinks": Mask("window(20, 0) global(4)",
                  lambda p, s: ((p - 20 <= s) | (s < 4) | (p < 4)) & (s <= p)),
    "blocks": blocks(16, PATTERN),
}


class Case:
    """One layer. `heads` are those of queries, keys and values, `sizes` D and
    Dv; `bias` is the shape of a bias in letters, as in "1HTS" or "TS", where 1
    stands for itself; `hidden` is the part of keys that a key mask hides."""

    def __init__(self, rng, mask="full", batch=2, times=37, keys=None, heads=(4, 2, 2), sizes=(8, 6),
                 bias=None, hidden=None, normaliser="softmax", scale=0.37, spread=1.0, dtype=np.float64):
        keys = times if keys is None else keys
        self.mask, self.normaliser, self.scale = MASKS[mask], normaliser, scale
        q = rng.standard_normal((batch, times, heads[0], sizes[0])) * spread
        k = rng.standard_normal((batch, keys, heads[1], sizes[0]))
        v = rng.standard_normal((batch, keys, heads[2], sizes[1]))
        if normaliser == "kernel":
            q, k = np.exp(q), np.exp(k)
        self.arrays = [array.astype(dtype) for array in (q, k, v)]
        self.key_mask = self.bias = None
        if hidden is not None:
            self.key_mask = rng.random((batch, keys)) >= hidden
        if bias is not None:
            letters = {"B": batch, "H": heads[0], "T": times, "S": keys, "1": 1}
            self.bias = (3 * rng.standard_normal([letters[x] for x in bias])).astype(dtype)
            self.bias_letters = bias

    @property
    def all_arrays(self):
        return self.arrays + [x for x in (self.key_mask, self.bias) if x is not None]

    def source(self, static=False):
        """A module with the layer as its function @layer, T and S unknown in its
        types unless `static`."""
        element = {"f8": "f64", "f4": "f32"}[self.arrays[0].dtype.str[1:]]

        def type_of(shape, unknown, of=element):
            sizes = ["?" if i in unknown and not static else str(n) for i, n in enumerate(shape)]
            return f"tensor<{'x'.join(sizes + [of])}>"

        q, k, v = (type_of(x.shape, {1}) for x in self.arrays)
        y = type_of((*self.arrays[0].shape[:3], self.arrays[2].shape[3]), {1})
        arguments, clauses = [f"%q: {q}", f"%k: {k}", f"%v: {v}"], ""
        if self.key_mask is not None:
            t = type_of(self.key_mask.shape, {1}, "i1")
            arguments.append(f"%m: {t}")
            clauses += f" key_mask(%m : {t})"
        if self.bias is not None:
            t = type_of(self.bias.shape, {i for i, x in enumerate(self.bias_letters) if x in "TS"})
            arguments.append(f"%b: {t}")
            clauses += f" bias(%b : {t})"
        return (
            f"func.func @layer({', '.join(arguments)}) -> {y} {{\n"
            f"  %y = seq.attention ins(%q, %k, %v : {q}, {k}, {v}){clauses}\n"
            f"      mask <{self.mask.text}> scale {float(self.scale)!r}"
            f" {{normaliser = #seq<normaliser {self.normaliser}>}} -> {y}\n"
            f"  return %y : {y}\n}}\n"
        )

    def expected(self, dtype=np.float64):
        """The output, computed by torch in `dtype`."""
        q, k, v = (torch.from_numpy(x.astype(dtype)).transpose(1, 2) for x in self.arrays)
        heads = q.shape[1]
        k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
        sees = torch.from_numpy(self.mask.matrix(q.shape[2], k.shape[2]).copy())
        sees = sees.expand(q.shape[0], 1, *sees.shape)
        if self.key_mask is not None:
            sees = sees & torch.from_numpy(self.key_mask)[:, None, None]
        if self.normaliser == "kernel":
            weights = torch.where(sees, q @ k.transpose(2, 3) * self.scale, 0.0)
            y = torch.nan_to_num(weights @ v / weights.sum(-1, keepdim=True))
        else:
            bias = torch.zeros(1, dtype=q.dtype)
            if self.bias is not None:
                bias = torch.from_numpy(self.bias.astype(dtype))
            added = bias.masked_fill(~sees, -torch.inf) if sees.shape[2] * sees.shape[3] else None
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=added, scale=self.scale)
            y = torch.where(sees.any(-1, keepdim=True), y, 0.0)
        return y.transpose(1, 2).numpy()
