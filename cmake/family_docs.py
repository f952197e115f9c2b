#!/usr/bin/env python3
"""Writes docs/Families.md: what is typed by hand in docs/Families/*.md, and a table of the compiler's own cost analysis.

    cmake/family_docs.py --tools build/release/bin [--compare]

Each family is one small model, whose weights are zeros of the shapes that seq-compile asks for; costs are those of
targets/avx512.json, the same on every machine. With --compare nothing is written, and a page that differs is an error.
A family of `seq-compile --list-models` without a model here is an error."""

import argparse
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]

DECODER = dict(vocab_size=64, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, head_dim=32,
               intermediate_size=128)
ENCODER = dict(vocab_size=64, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128)
STACK = dict(input_size=64, hidden_size=64)
FLA = dict(vocab_size=64, hidden_size=64, num_hidden_layers=1, num_heads=2, intermediate_size=128)
PACKAGE = dict(num_tokens=64, dim=64, depth=1, heads=2, dim_head=32, max_seq_len=4096)

# model_type: the config without it, all of 64 channels
MODELS = {
    "bamba": dict(vocab_size=64, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
                  intermediate_size=128, attn_layer_indices=[1], mamba_n_heads=4, mamba_d_head=32, mamba_d_state=16),
    "bert": ENCODER,
    "delta_net": FLA,
    "distilbert": dict(vocab_size=64, dim=64, n_layers=1, n_heads=2, hidden_dim=128),
    "falcon_mamba": dict(vocab_size=64, hidden_size=64, num_hidden_layers=1),
    "gla": FLA,
    "gpt2": dict(vocab_size=64, n_embd=64, n_head=2, n_layer=1),
    "gpt_neox": dict(ENCODER),
    "gru": STACK,
    "hybrid": dict(vocab_size=64, hidden_size=64, intermediate_size=128, layers=[
        {"mixer": "mamba2", "mlp": "none"}, {"mixer": "attention", "mlp": "swiglu", "num_attention_heads": 2}]),
    "jamba": dict(vocab_size=64, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
                  intermediate_size=128, attn_layer_offset=1, attn_layer_period=2, num_experts=2, num_experts_per_tok=1),
    "linear_transformer": dict(PACKAGE, feature_map="elu", causal=True, use_axial_pos_emb=False),
    "linformer": dict(num_tokens=64, dim=64, depth=1, heads=2, seq_len=256, k=32),
    "llama": DECODER,
    "lstm": STACK,
    "mamba": dict(vocab_size=64, hidden_size=64, num_hidden_layers=1),
    "mamba2": dict(vocab_size=64, hidden_size=64, num_hidden_layers=1, num_heads=4, head_dim=32, state_size=16, n_groups=1),
    "mingru": dict(num_tokens=64, dim=64, depth=1, expansion=1.0),
    "minimax": dict(DECODER, layer_types=["linear_attention"], num_local_experts=2, num_experts_per_tok=1),
    "minlstm": dict(num_tokens=64, dim=64, depth=1, expansion=1.0),
    "mistral": dict(DECODER, sliding_window=256),
    "performer": dict(PACKAGE, causal=True),
    "qwen3": DECODER,
    "qwen3_next": dict(DECODER, layer_types=["linear_attention"], linear_num_key_heads=2, linear_num_value_heads=2,
                       linear_key_head_dim=32, linear_value_head_dim=32, num_experts=0),
    "recurrent_gemma": dict(vocab_size=64, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
                            lru_width=64, block_types=["recurrent", "attention"], attention_window_size=256),
    "retnet": FLA,
    "rnn": STACK,
    "roberta": ENCODER,
    "rwkv": dict(vocab_size=64, hidden_size=64, num_hidden_layers=1),
    "s4d": dict(vocab_size=64, hidden_size=64, num_hidden_layers=1, state_size=16),
    "seq2seq": dict(vocab_size=64, hidden_size=64, eos_token_id=1),
    "vit": dict(hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128, image_size=32, patch_size=8),
}

BEGIN = "<!-- From here on written by cmake/family_docs.py. -->\n"


def write_weights(path, shapes):
    """A safetensors file of zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for dim in shape:
            size *= dim
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def explain(tools, name, config, folder):
    """What seq-compile says of the model; its tensors are those that it misses."""
    (folder / "config.json").write_text(json.dumps({"model_type": name, **config}))
    shapes = {}
    while True:
        write_weights(folder / "model.safetensors", shapes)
        done = subprocess.run([tools / "seq-compile", folder, "--explain=json", f"--target-file={ROOT}/targets/avx512.json"],
                              capture_output=True, text=True)
        if done.returncode == 0:
            return json.loads(done.stdout)
        missing = re.search(r"tensor '([^']+)': missing, expected shape \[([\d, ]*)\]", done.stderr)
        if not missing or missing[1] in shapes:
            sys.exit(f"error: {name}: {done.stderr.strip()}")
        shapes[missing[1]] = [int(size) for size in missing[2].split(",") if size.strip()]


def is_mixer(layer):
    """Counted positions, shifts by a token and windows of convolutions are no layers of their own."""
    if layer["kind"] != "recurrence":
        return layer["kind"] == "attention"
    return not all("arith.addi" in state or "free" in state or "takes from" in state for state in layer["states"])


def cells(layer):
    """A row of the table, without the family."""
    cost = layer["cost"]
    forms = "all times at once"
    cls = "attention"
    if layer["kind"] == "recurrence":
        cls = "; ".join(dict.fromkeys(state.partition(": ")[2].partition(",")[0] for state in layer["states"]))
        admitted = {form["form"]: form for form in layer["forms"] if form["admissible"]}
        forms = ", ".join(admitted)
        cost = admitted[layer["choice"][0]["form"]]["cost"]
    chain = cost["chain"] if cost["chain"] != "0" else "1"
    return [layer["shape"], cls, forms, cost["time_us"], cost["bytes"], str(cost["state"]), chain]


def table(tools):
    lines = ["| family | layer | class | forms | time, μs | bytes moved | bytes of state | steps in a row |",
             "|---|---|---|---|---|---|---|---|"]
    names = [line for line in subprocess.run([tools / "seq-compile", "--list-models"], capture_output=True, text=True,
                                             check=True).stdout.splitlines() if not line.startswith(" ")]
    lacking = [name for name in names if name not in MODELS]
    if lacking:
        sys.exit(f"error: cmake/family_docs.py has no model of {', '.join(lacking)}")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            layers = explain(tools, name, MODELS[name], pathlib.Path(folder))["layers"]
        rows = []
        for layer in layers:
            if is_mixer(layer) and (row := cells(layer)) not in rows:
                rows.append(row)
        for row in rows:
            lines.append(f"| {name} | " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, type=pathlib.Path, metavar="DIR")
    parser.add_argument("--compare", action="store_true")
    args = parser.parse_args()
    page = ROOT / "docs" / "Families.md"
    text = page.read_text()
    if BEGIN not in text:
        sys.exit(f"error: {page}: expected a line {BEGIN.strip()}")
    new = text[:text.index(BEGIN)] + BEGIN + "\n" + table(args.tools.resolve())
    if args.compare and new != text:
        sys.exit(f"error: {page} is stale: build the target seq-family-docs and commit it")
    if not args.compare:
        page.write_text(new)


if __name__ == "__main__":
    main()
