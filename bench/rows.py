"""The rows of the table: name, and what makes the row's contenders."""

import functools

import mamba_model
import products
import recurrent_layers
import selective_scan

ROWS = {}

for L in (512, 2048):
    ROWS[f"scan L{L} D1536 N16"] = functools.partial(selective_scan.contenders, L=L)
for kind in ("rnn", "gru", "lstm"):
    for T, B, I, H in [(256, 16, 512, 512), (1024, 1, 512, 512), (1024, 1, 128, 128)]:
        ROWS[f"{kind} T{T} B{B} I{I} H{H}"] = functools.partial(
            recurrent_layers.contenders, kind=kind, T=T, B=B, I=I, H=H)
for M, N, K in [(512, 2304, 768), (512, 768, 3072), (4096, 2048, 512), (16, 2048, 512), (1, 2048, 512)]:
    ROWS[f"product {M}x{N}x{K}"] = functools.partial(products.contenders, M=M, N=N, K=K)
ROWS["mamba-130m prefill 512"] = mamba_model.prefill
ROWS["mamba-130m decode"] = mamba_model.decode
