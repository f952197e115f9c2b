#!/usr/bin/env python3
"""Compares compiled models with other implementations, on this machine.

All contenders of a row compute the same in f32 (checked), in turns in one process with the
same number of threads; a time is the median over the turns. The ratio is the best peer's
time by ours: above 1 we are faster. Install: test/python/requirements.txt and
bench/requirements.txt (`make bench` does).
"""

import argparse
import fnmatch
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def measure(row, threads, args):
    """{contender: [seconds, version]}, or a line that says what failed."""
    command = [sys.executable, HERE / "measure.py", row, str(threads), str(args.rounds), args.tools]
    done = subprocess.run(command + ([args.only] if args.only else []), capture_output=True, text=True)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(done.stdout)


def text_of(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def best_peer(times):
    return min((name for name in times if name != "seq"), key=lambda name: times[name][0], default=None)


def line(row, threads, times):
    """A line of the table; every peer's time, the best one first."""
    peers = sorted((seconds, name) for name, (seconds, _) in times.items() if name != "seq")
    ours = times["seq"][0] if "seq" in times else None
    ratio = f"{peers[0][0] / ours:.2f}" if ours and peers else ""
    return [row, str(threads), text_of(ours) if ours else "", ratio,
            ", ".join(f"{name} {text_of(seconds)}" for seconds, name in peers)]


def print_line(cells, widths=(28, 7, 9, 6, 0)):
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |", flush=True)


def draw(results, path):
    """A bar for each row: how many times as fast as the best peer."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    bars = [(f"{row}, {threads} thread{'s'[:threads > 1]}", times[best_peer(times)][0] / times["seq"][0],
             best_peer(times)) for row, threads, times in results if "seq" in times and best_peer(times)]
    if not bars:
        return
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.28 * len(bars)))
    places = range(len(bars))
    axes.barh(places, [ratio for _, ratio, _ in bars], color=["#2a7" if bar[1] >= 1 else "#c55" for bar in bars])
    for place, (_, ratio, peer) in zip(places, bars):
        axes.text(ratio, place, f" {ratio:.2f}× {peer}", va="center", fontsize=8)
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
                        help="contenders: seq, torch, jax, onnxruntime, openvino, transformers (default: all)")
    parser.add_argument("--picture", type=pathlib.Path, default=HERE.parent / "build" / "bench.png", metavar="FILE",
                        help="where the ratios are drawn (default: build/bench.png)")
    args = parser.parse_args()
    from rows import ROWS
    rows = [row for row in ROWS if fnmatch.fnmatch(row, f"*{args.name}*")]
    if not rows:
        sys.exit(f"error: no row's name holds '{args.name}'; there are: {', '.join(ROWS)}")
    print(f"{processor()}, f32\n")
    print_line(["row", "threads", "seq", "ratio", "peers, the best first"])
    print_line(["-" * 28, "-" * 7, "-" * 9, "-" * 6, "-" * 21])
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
