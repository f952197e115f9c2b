#!/usr/bin/env python3
"""Compares compiled models with other implementations, on this machine.

All contenders of a row compute the same in f32 (checked), in turns in one process with the
same number of threads; a time is the median over the turns. The ratio is the best peer's
time by ours, the median over the turns too: above 1 we are faster. Install: test/python/requirements.txt and
bench/requirements.txt (`make bench` does).
"""

import argparse
import fnmatch
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def measure(row, threads, args):
    """{contender: [seconds of each turn, version]}, or a line that says what failed."""
    command = [sys.executable, HERE / "measure.py", row, str(threads), str(args.rounds), args.tools]
    done = subprocess.run(command + ([args.only] if args.only else []), capture_output=True, text=True)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(done.stdout)


def text_of(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def seconds(times, name):
    return statistics.median(times[name][0])


def peers(times):
    """The other contenders, the best first."""
    return sorted((name for name in times if name != "seq"), key=lambda name: seconds(times, name))


def ratio(times):
    """Turn by turn, so that what slows the machine for a while slows both."""
    best = peers(times)[0]
    return statistics.median(theirs / ours for theirs, ours in zip(times[best][0], times["seq"][0]))


def line(row, threads, times):
    compared = "seq" in times and len(times) > 1
    return [row, str(threads), text_of(seconds(times, "seq")) if "seq" in times else "",
            f"{ratio(times):.2f}" if compared else "",
            ", ".join(f"{name} {text_of(seconds(times, name))}" for name in peers(times))]


def print_line(cells, widths=(29, 7, 9, 6, 0)):
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |", flush=True)


def draw(results, path):
    """A bar for each row: how many times as fast as the best peer."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    bars = [(f"{row}, {threads} thread{'s'[:threads > 1]}", ratio(times), peers(times)[0])
            for row, threads, times in results if "seq" in times and len(times) > 1]
    if not bars:
        return
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.28 * len(bars)))
    places = range(len(bars))
    axes.barh(places, [value for _, value, _ in bars], color=["#2a7" if bar[1] >= 1 else "#c55" for bar in bars])
    for place, (_, value, peer) in zip(places, bars):
        axes.text(value, place, f" {value:.2f}× {peer}", va="center", fontsize=8)
    axes.set_yticks(places, [name for name, _, _ in bars], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.margins(x=0.3)
    axes.set_xlabel("time of the best peer / time of seq (f32)")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"\npicture: {path}")


def processor():
    for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return f"{text.split(':')[1].strip()}, {os.cpu_count()} CPUs"
    return f"{os.cpu_count()} CPUs"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, metavar="DIR", help="the build's bin folder")
    parser.add_argument("--name", default="*", metavar="PATTERN", help="rows whose name holds this; * and ? match")
    parser.add_argument("--threads", default="1,2", metavar="N,…", help="numbers of threads (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of each contender (default: 7)")
    parser.add_argument("--only", metavar="NAME,…",
                        help="contenders: seq, torch, torch.compile, jax, onnxruntime, openvino, transformers "
                             "(default: all)")
    parser.add_argument("--picture", type=pathlib.Path, default=HERE.parent / "build" / "bench.png", metavar="FILE",
                        help="where the ratios are drawn (default: build/bench.png)")
    args = parser.parse_args()
    from rows import ROWS
    rows = [row for row in ROWS if fnmatch.fnmatch(row, f"*{args.name}*")]
    if not rows:
        sys.exit(f"error: no row's name holds '{args.name}'; there are: {', '.join(ROWS)}")
    print(f"{processor()}, f32\n")
    print_line(["row", "threads", "seq", "ratio", "peers, the best first"])
    print_line(["-" * 29, "-" * 7, "-" * 9, "-" * 6, "-" * 21])
    results, versions, failures = [], {}, []
    for row in rows:
        for threads in map(int, args.threads.split(",")):
            times = measure(row, threads, args)
            if isinstance(times, str):
                failures.append(f"{row}, {threads} threads: {times}")
                print_line([row, str(threads), "failed", "", times])
                continue
            results.append((row, threads, times))
            versions.update({name: version for name, (_, version) in times.items()})
            print_line(line(row, threads, times))
    print("\nversions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())))
    draw(results, args.picture)
    if failures:
        sys.exit(f"error: {len(failures)} rows failed")


if __name__ == "__main__":
    main()
