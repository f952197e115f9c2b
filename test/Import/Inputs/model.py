"""Writes a model directory of zeros, with the standard library alone.

    model.py DIRECTORY CONFIG [NAME=SHAPE[:DTYPE]]…

CONFIG is the text of config.json. SHAPE is written as 2x3; DTYPE is F32 if it is
not given. A `{}` in NAME stands for 0, 1, … below the number of layers that
CONFIG has, and `{0,3}` for these numbers.
"""

import json
import math
import pathlib
import re
import struct
import sys

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}


def main(directory, config, *tensors):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(config)
    keys = json.loads(config) if tensors else {}
    keys_of_depth = ("num_hidden_layers", "num_layers", "n_layers", "n_layer", "depth")
    layers = next((keys[key] for key in keys_of_depth if key in keys), 1)
    header, end = {}, 0
    for text in tensors:
        name, _, shape = text.partition("=")
        shape, _, dtype = shape.partition(":")
        sizes = [int(size) for size in shape.split("x")]
        numbers = re.search(r"{([\d,]*)}", name)
        for layer in (numbers[1].split(",") if numbers and numbers[1] else range(layers if numbers else 1)):
            begin, end = end, end + math.prod(sizes) * BYTES[dtype or "F32"]
            header[name.replace(numbers[0], str(layer)) if numbers else name] = {
                "dtype": dtype or "F32", "shape": sizes, "data_offsets": [begin, end]}
    if tensors:
        text = json.dumps(header).encode()
        (directory / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


main(*sys.argv[1:])
