#!/usr/bin/env python3
"""How many held out digits the compiled classifier has right: score.py LOGITS.npy, what the program wrote."""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def score(logits):
    """Of logits [images, rows, digits], those after the last row count."""
    labels = np.load(HERE / "labels.npy")
    return int((logits[:, -1].argmax(1) == labels).sum()), len(labels)


if __name__ == "__main__":
    right, all = score(np.load(sys.argv[1]))
    print(f"{right} of {all} held out digits are right")
