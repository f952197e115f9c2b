#!/usr/bin/env python3
"""Converts Resemblyzer's voice encoder (three LSTM layers and a linear one) to a model directory.

Install: from PyPI numpy, safetensors, torch and `--no-deps Resemblyzer==0.1.4`.

    python3 convert.py model
    seq-compile model -o voice-encoder

The program's input is a mel spectrogram [1, T, 40]. The voice's embedding is relu(logits[:, -1]) divided by its norm.
"""
import argparse, importlib.util, json, os, sys


def checkpoint():
    """Path of the package's weights. The package itself is not imported: that would ask for its audio libraries."""
    package = importlib.util.find_spec("resemblyzer")
    if package is None:
        sys.exit("error: resemblyzer is not installed: pip install --no-deps Resemblyzer==0.1.4")
    path = os.path.join(package.submodule_search_locations[0], "pretrained.pt")
    if not os.path.isfile(path):
        sys.exit(f"error: {path} is missing: pip install --force-reinstall --no-deps Resemblyzer==0.1.4")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where config.json and model.safetensors are written")
    folder = parser.parse_args().folder
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as missing:
        sys.exit(f"error: {missing.name} is not installed: pip install numpy safetensors torch")
    state = torch.load(checkpoint(), map_location="cpu", weights_only=True)["model_state"]
    tensors = {name.removeprefix("lstm."): tensor.contiguous() for name, tensor in state.items()
               if name.startswith("lstm.")}
    tensors["head.weight"], tensors["head.bias"] = state["linear.weight"], state["linear.bias"]
    config = {"model_type": "lstm", "input_size": tensors["weight_ih_l0"].shape[1],
              "hidden_size": tensors["weight_hh_l0"].shape[1], "num_layers": 3, "bidirectional": False, "bias": True,
              "output_size": tensors["head.weight"].shape[0]}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
