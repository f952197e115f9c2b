#!/usr/bin/env python3
"""Trains the classifier again: scikit-learn's handwritten digits, each image a sequence of its eight rows, read by a GRU.

    pip install torch safetensors scikit-learn && python3 train.py

The last fifth of the images is held out; it is written to test.npy and labels.npy, for score.py."""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = {"model_type": "gru", "input_size": 8, "hidden_size": 40, "num_layers": 1, "output_size": 10}
EPOCHS = 120


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(CONFIG["input_size"], CONFIG["hidden_size"], batch_first=True)
        self.head = torch.nn.Linear(CONFIG["hidden_size"], CONFIG["output_size"])

    def forward(self, rows):
        """Scores of the ten digits after each row."""
        return self.head(self.gru(rows)[0])


def main():
    torch.manual_seed(0)
    digits = load_digits()
    images, labels = torch.tensor(digits.images / 16, dtype=torch.float32), torch.tensor(digits.target)
    split = len(images) * 4 // 5
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(split).split(64):
            loss = torch.nn.functional.cross_entropy(model(images[batch])[:, -1], labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        right = (model(images[split:])[:, -1].argmax(1) == labels[split:]).sum().item()
    print(f"PyTorch: {right} of {len(images) - split} held out digits are right")
    folder = HERE / "model"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    tensors = {name.removeprefix("gru."): value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    np.save(HERE / "test.npy", images[split:].numpy())
    np.save(HERE / "labels.npy", labels[split:].numpy().astype(np.int8))


if __name__ == "__main__":
    main()
