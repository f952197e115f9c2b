#!/usr/bin/env python3
"""Trains the forecaster again: carbon dioxide in the air above Mauna Loa by months from 1958 to 2001, read by a GRU that says
at each month how the next twelve will change.

    pip install torch safetensors statsmodels pandas && python3 train.py

It learns from the months before 1990. The series is written to months.npy, the changes it reads to changes.npy."""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from statsmodels.datasets import co2

import score

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = {"model_type": "gru", "input_size": 1, "hidden_size": 24, "num_layers": 1, "output_size": score.AHEAD}
STEPS = 800


class Forecaster(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(1, CONFIG["hidden_size"], batch_first=True)
        self.head = torch.nn.Linear(CONFIG["hidden_size"], score.AHEAD)

    def forward(self, changes):
        return self.head(self.gru(changes)[0])


def main():
    torch.manual_seed(0)
    months = co2.load_pandas().data["co2"].resample("MS").mean().interpolate().to_numpy(np.float32)
    changes = np.diff(months, prepend=months[:1])
    series = torch.tensor(changes)
    known = series[:score.LEARNED][None, :, None]
    target = series[:score.LEARNED].unfold(0, score.AHEAD, 1)[1:]  # of month t: t + 1 … t + 12
    model = Forecaster()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS):
        # Noise on what is read: there are few years to learn from.
        found = model(known + 0.2 * torch.randn(4, *known.shape[1:]))[:, :len(target)]
        loss = (found - target)[:, 24:].cumsum(-1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
    folder = HERE / "model"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    tensors = {name.removeprefix("gru."): value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    np.save(HERE / "months.npy", months)
    np.save(HERE / "changes.npy", changes[None, :, None])
    with torch.no_grad():
        print("PyTorch:", score.text(model(series[None, :, None]).numpy()))


if __name__ == "__main__":
    main()
