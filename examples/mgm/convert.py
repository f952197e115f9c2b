#!/usr/bin/env python3
"""Converts microformer-mgm's GPT-2 (a language model of microbial communities) to a model directory.

Install: from PyPI safetensors, torch and `--no-deps microformer-mgm==0.5.8`.

    python3 convert.py model
    seq-compile model -o mgm
    ./mgm generate --ids 2,15,8 --max-new 20

Tokens are genera, in the order of their abundance; 2 begins a sample and 3 ends it.
"""
import argparse, importlib.util, os, shutil, sys


def package_file(name):
    """Path of a file of the package's model. The package itself is not imported: that would ask for its libraries."""
    package = importlib.util.find_spec("mgm")
    if package is None:
        sys.exit("error: mgm is not installed: pip install --no-deps microformer-mgm==0.5.8")
    path = os.path.join(package.submodule_search_locations[0], "resources", "general_model", name)
    if not os.path.isfile(path):
        sys.exit(f"error: {path} is missing: pip install --force-reinstall --no-deps microformer-mgm==0.5.8")
    return path


def checkpoint():
    """Path of the package's weights."""
    return package_file("pytorch_model.bin")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where config.json and model.safetensors are written")
    folder = parser.parse_args().folder
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as missing:
        sys.exit(f"error: {missing.name} is not installed: pip install safetensors torch")
    tensors = torch.load(checkpoint(), map_location="cpu", weights_only=True)
    # The head is the embedding, which the file holds twice.
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items() if name != "lm_head.weight"}
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    shutil.copyfile(package_file("config.json"), os.path.join(folder, "config.json"))


if __name__ == "__main__":
    main()
