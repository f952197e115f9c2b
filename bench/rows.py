"""The rows of the table: name, and what makes the row's contenders."""

import functools

import causal_attention
import linear_attention
import mamba_model
import products
import recurrent_layers
import selective_scan
import transformer_models

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
for T in (4096, 16384):
    for mask in ("full", "causal"):
        ROWS[f"linear attention {mask} T{T} H8 D64"] = functools.partial(
            linear_attention.normalised, mask=mask, T=T, H=8, D=64)
ROWS["gated linear attention T4096 H8 D128"] = functools.partial(
    linear_attention.rule, name="gated_channels", T=4096, H=8, K=128, V=128)
ROWS["gated delta rule T4096 H8 D128"] = functools.partial(
    linear_attention.rule, name="gated_delta", T=4096, H=8, K=128, V=128)
ROWS["state space dual T4096 H24 P64 N128"] = functools.partial(
    linear_attention.rule, name="gated", T=4096, H=24, K=128, V=64, shared=True)
ROWS["causal attention T2048 H8 D64"] = functools.partial(causal_attention.contenders, T=2048, H=8, D=64)
ROWS["gpt2-124m prefill 512"] = transformer_models.gpt2
ROWS["minilm B1 T128"] = functools.partial(transformer_models.minilm, T=128)
