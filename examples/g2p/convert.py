#!/usr/bin/env python3
"""Converts the encoder of g2p-en (English spelling to phonemes) to a model directory.

Install: from PyPI numpy, safetensors and `--no-deps g2p-en==2.1.0`.

    python3 convert.py encoder
    seq-compile encoder -o g2p-encoder
"""
import argparse, importlib.util, json, os, sys

LETTERS = ["<pad>", "<unk>", "</s>"] + list("abcdefghijklmnopqrstuvwxyz")  # g2p_en.g2p.G2p.graphemes


def checkpoint():
    """Path of the package's weights. The package itself is not imported: that would ask for nltk's data."""
    package = importlib.util.find_spec("g2p_en")
    if package is None:
        sys.exit("error: g2p_en is not installed: pip install --no-deps g2p-en==2.1.0")
    path = os.path.join(package.submodule_search_locations[0], "checkpoint20.npz")
    if not os.path.isfile(path):
        sys.exit(f"error: {path} is missing: pip install --force-reinstall --no-deps g2p-en==2.1.0")
    return path


def token_ids(word):
    """The ids of a word as the model was trained to read it: its letters, then the end."""
    return [LETTERS.index(letter) if letter in LETTERS else 1 for letter in word] + [LETTERS.index("</s>")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where config.json and model.safetensors are written")
    folder = parser.parse_args().folder
    try:
        import numpy as np
        from safetensors.numpy import save_file
    except ImportError as missing:
        sys.exit(f"error: {missing.name} is not installed: pip install numpy safetensors")
    weights = np.load(checkpoint())
    # Rows are ordered reset, update, new, and the reset gate follows the product: PyTorch's GRU.
    tensors = {"embedding.weight": weights["enc_emb"], "weight_ih_l0": weights["enc_w_ih"],
               "weight_hh_l0": weights["enc_w_hh"], "bias_ih_l0": weights["enc_b_ih"],
               "bias_hh_l0": weights["enc_b_hh"]}
    vocabulary, embedding = tensors["embedding.weight"].shape
    config = {"model_type": "gru", "vocab_size": vocabulary, "embedding_size": embedding,
              "hidden_size": tensors["weight_hh_l0"].shape[1], "num_layers": 1, "bidirectional": False, "bias": True}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
