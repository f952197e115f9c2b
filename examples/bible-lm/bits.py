#!/usr/bin/env python3
"""Bits per byte of the text that the model was not trained on (see train.py).

Install: the Debian packages bible-kjv and bible-kjv-text; from PyPI numpy, torch, safetensors and, for --reference,
transformers.

    python3 bits.py --program ../../build/release/bible-lm --reference

Each window begins without a memory of what was before it; its first byte is given, all others are predicted.
"""
import argparse, math, os, subprocess, tempfile
import numpy as np
from train import HERE, bible


def windows(text, length, batch=8):
    """Inputs and the bytes to predict, [up to batch, up to length] each."""
    ids = np.frombuffer(text, np.uint8).astype(np.int64)
    whole = (len(ids) - 1) // length * length
    inputs, targets = ids[:whole].reshape(-1, length), ids[1:whole + 1].reshape(-1, length)
    for start in range(0, len(inputs), batch):
        yield inputs[start:start + batch], targets[start:start + batch]
    if whole < len(ids) - 1:
        yield ids[None, whole:-1], ids[None, whole + 1:]


def bits(logits_of, text, length):
    total = 0.0
    for ids, targets in windows(text, length):
        logits = logits_of(ids).astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        total += np.log(np.exp(logits).sum(axis=-1)).sum()
        total -= np.take_along_axis(logits, targets[..., None], axis=-1).sum()
    return total / (len(text) - 1) / math.log(2)


def reference():
    """transformers, in f32."""
    import torch
    from transformers import MambaForCausalLM
    model = MambaForCausalLM.from_pretrained(os.path.join(HERE, "model"), dtype=torch.float32).eval()

    def logits_of(ids):
        with torch.inference_mode():
            return model(torch.from_numpy(ids), use_cache=False).logits.numpy()
    return logits_of


def program(path, folder):
    """A compiled program, which takes one window at a time."""
    def logits_of(ids):
        results = []
        for window in ids:
            np.save(f"{folder}/ids.npy", window[None])
            subprocess.run([path, "run", "--input", f"input_ids={folder}/ids.npy", "--output",
                            f"logits={folder}/logits.npy"], check=True, stdout=subprocess.DEVNULL)
            results.append(np.load(f"{folder}/logits.npy"))
        return np.concatenate(results)
    return logits_of


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", metavar="FILE", help="measure this compiled program")
    p.add_argument("--reference", action="store_true", help="measure transformers' implementation")
    p.add_argument("--window", type=int, default=4096, metavar="N", help="bytes in a window (default: 4096)")
    p.add_argument("--bytes", type=int, metavar="N", help="only the first N bytes of the held-out text")
    args = p.parse_args()
    text, split = bible()
    held = text[split:][:args.bytes]
    print(f"{len(held)} bytes held out, of {len(text)}")
    if args.reference:
        print(f"transformers: {bits(reference(), held, args.window):.4f} bits/byte", flush=True)
    if args.program:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{args.program}: {bits(program(args.program, folder), held, args.window):.4f} bits/byte")


if __name__ == "__main__":
    main()
