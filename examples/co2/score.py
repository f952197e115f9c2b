#!/usr/bin/env python3
"""How far off the forecasts are, of the months after those that were learned, and their plot:

    score.py FORECAST.npy [--plot forecast.png]

FORECAST.npy is what the program wrote: for each month how the next twelve change."""

import argparse
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
AHEAD = 12
FIRST_YEAR = 1958 + 2 / 12  # March
LEARNED = 382  # months, up to December 1989


def said(forecast, month):
    """The twelve months after a month."""
    return np.load(HERE / "months.npy")[month] + np.cumsum(forecast[0, month])


def errors(forecast):
    """Root mean square errors in ppm: of the forecast, of repeating the last year with its growth, and without."""
    months = np.load(HERE / "months.npy")
    squares = np.zeros(3)
    origins = range(LEARNED, len(months) - AHEAD)
    for t in origins:
        year = months[t + 1 - AHEAD:t + 1]
        growth = year[-1] - months[t - AHEAD]
        truth = months[t + 1:t + 1 + AHEAD]
        for number, guess in enumerate((said(forecast, t), year + growth, year)):
            squares[number] += np.square(guess - truth).mean()
    return [float(value) for value in np.sqrt(squares / len(origins))]


def text(forecast):
    ours, grown, repeated = errors(forecast)
    return (f"root mean square error {ours:.3f} ppm, {grown:.3f} by repeating the last year with its growth, "
            f"{repeated:.3f} without it")


def plot(forecast, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    months = np.load(HERE / "months.npy")
    years = FIRST_YEAR + np.arange(len(months)) / 12
    figure, axes = pyplot.subplots(figsize=(9, 3.4))
    shown = years >= 1986
    axes.plot(years[shown], months[shown], color="black", linewidth=1, label="measured")
    for number, month in enumerate(range(LEARNED + 11, len(months) - AHEAD, 2 * AHEAD)):
        axes.plot(years[month + 1:month + 1 + AHEAD], said(forecast, month), color="tab:orange", linewidth=2,
                  label="said a year ahead" if number == 0 else None)
    axes.axvline(1990, color="gray", linewidth=0.8, linestyle=":")
    axes.set(xlabel="year", ylabel="CO₂, ppm")
    axes.legend(frameon=False, loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("forecast")
    parser.add_argument("--plot", metavar="FILE")
    args = parser.parse_args()
    forecast = np.load(args.forecast)
    print(text(forecast))
    if args.plot:
        plot(forecast, args.plot)


if __name__ == "__main__":
    main()
