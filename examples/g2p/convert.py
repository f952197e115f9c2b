#!/usr/bin/env python3
"""Converts g2p-en (English spelling to phonemes) to a model directory.

Install: from PyPI numpy, safetensors and `--no-deps g2p-en==2.1.0`.

    python3 convert.py model
    seq-compile model -o g2p
    python3 pronounce.py ./g2p compiler
"""
import argparse, importlib.util, json, os, sys

# g2p_en.g2p.G2p.graphemes and phonemes
LETTERS = ["<pad>", "<unk>", "</s>"] + list("abcdefghijklmnopqrstuvwxyz")
PHONEMES = ["<pad>", "<unk>", "<s>", "</s>"] + """AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1
    AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1
    OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH""".split()


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


def phonemes(tokens):
    """What the tokens up to the end spell."""
    end = PHONEMES.index("</s>")
    tokens = list(tokens)
    return " ".join(PHONEMES[token] for token in tokens[:tokens.index(end) if end in tokens else len(tokens)])


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
    tensors = {"head.weight": weights["fc_w"], "head.bias": weights["fc_b"]}
    for side, short in [("encoder", "enc"), ("decoder", "dec")]:
        tensors[f"{side}.embedding.weight"] = weights[f"{short}_emb"]
        for name, key in [("weight_ih", "w_ih"), ("weight_hh", "w_hh"), ("bias_ih", "b_ih"), ("bias_hh", "b_hh")]:
            tensors[f"{side}.{name}_l0"] = weights[f"{short}_{key}"]
    vocabulary, embedding = tensors["encoder.embedding.weight"].shape
    config = {"model_type": "seq2seq", "cell": "gru", "attention": "none", "vocab_size": vocabulary,
              "decoder_vocab_size": len(PHONEMES), "embedding_size": embedding,
              "hidden_size": tensors["encoder.weight_hh_l0"].shape[1], "num_layers": 1, "bias": True,
              "decoder_start_token_id": PHONEMES.index("<s>"), "eos_token_id": PHONEMES.index("</s>"),
              "max_length": 20}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
