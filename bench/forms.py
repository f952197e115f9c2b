#!/usr/bin/env python3
"""Compares what the compiler predicts for the forms of some layers with what they take, on this machine.

Each layer is compiled in each form that it admits and run on sequences of several lengths; predictions are those of
`seq-compile --explain=json` with a target file that seq-measure writes first, for the same number of threads. The rank
correlation (Spearman) says whether the model puts forms and lengths in the right order: 1 is the same order. Over the forms
of one layer and length it says whether the choice is right; "found" is the time of the form that was predicted to be the
fastest by that of the one that is.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
FORMS = ["sequential", "chunked", "scan", "quadratic"]
MOST_SECONDS = 0.2  # a form that is predicted to take longer is not run

LINEAR = """
func.func @layer(%q: tensor<1x?x{H}x{K}xf32> {{seq.name = "q"}}, %k: tensor<1x?x{H}x{K}xf32> {{seq.name = "k"}},
                 %v: tensor<1x?x{H}x{V}xf32> {{seq.name = "v"}}{parameters}) -> (tensor<1x?x{H}x{V}xf32> {{seq.name = "y"}}) {{
  %s0 = arith.constant dense<0.0> : tensor<1x{H}x{K}x{V}xf32>
  {prologue}
  %y, %s = seq.linear_attention {rule} ins(%q, %k, %v : tensor<1x?x{H}x{K}xf32>, tensor<1x?x{H}x{K}xf32>, tensor<1x?x{H}x{V}xf32>)
      {operands} init(%s0 : tensor<1x{H}x{K}x{V}xf32>) scale 0.125 -> tensor<1x?x{H}x{V}xf32>, tensor<1x{H}x{K}x{V}xf32>
  return %y : tensor<1x?x{H}x{V}xf32>
}}
"""

# -exp(x) is a log decay that the compiler can prove to be at most 0.
NEGATIVE = """%e = math.exp %g : {type}
  %decay = arith.negf %e : {type}"""

MIN_GRU = """
func.func @layer(%z: tensor<1x?x{D}xf32> {{seq.name = "z"}}, %x: tensor<1x?x{D}xf32> {{seq.name = "x"}})
    -> (tensor<1x?x{D}xf32> {{seq.name = "y"}}) {{
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x{D}xf32>
  %y0 = tensor.empty(%t) : tensor<1x?x{D}xf32>
  %h0 = arith.constant dense<0.0> : tensor<1x{D}xf32>
  %y, %h = seq.recurrence along 1 ins(%z, %x : tensor<1x?x{D}xf32>, tensor<1x?x{D}xf32>)
      outs(%y0 : tensor<1x?x{D}xf32>) init(%h0 : tensor<1x{D}xf32>) {{
  ^step(%zt: tensor<1x{D}xf32>, %xt: tensor<1x{D}xf32>, %yt: tensor<1x{D}xf32>, %s: tensor<1x{D}xf32>):
    %one = arith.constant dense<1.0> : tensor<1x{D}xf32>
    %n = arith.negf %zt : tensor<1x{D}xf32>
    %e = math.exp %n : tensor<1x{D}xf32>
    %d = arith.addf %e, %one : tensor<1x{D}xf32>
    %gate = arith.divf %one, %d : tensor<1x{D}xf32>
    %keep = arith.subf %one, %gate : tensor<1x{D}xf32>
    %a = arith.mulf %keep, %s : tensor<1x{D}xf32>
    %b = arith.mulf %gate, %xt : tensor<1x{D}xf32>
    %next = arith.addf %a, %b : tensor<1x{D}xf32>
    seq.yield %next, %next : tensor<1x{D}xf32>, tensor<1x{D}xf32>
  }}
  return %y : tensor<1x?x{D}xf32>
}}
"""

MAMBA = """
func.func @layer(%x: tensor<1x?x{D}xf32> {{seq.name = "x"}}, %delta: tensor<1x?x{D}xf32> {{seq.name = "delta"}},
                 %a: tensor<{D}x{N}xf32> {{seq.name = "a"}}, %b: tensor<1x?x{N}xf32> {{seq.name = "b"}},
                 %c: tensor<1x?x{N}xf32> {{seq.name = "c"}}) -> (tensor<1x?x{D}xf32> {{seq.name = "y"}}) {{
  %s0 = arith.constant dense<0.0> : tensor<1x{D}x{N}xf32>
  %e = math.exp %a : tensor<{D}x{N}xf32>
  %n = arith.negf %e : tensor<{D}x{N}xf32>
  %y, %s = seq.selective_scan
      ins(%x, %delta, %n, %b, %c : tensor<1x?x{D}xf32>, tensor<1x?x{D}xf32>, tensor<{D}x{N}xf32>, tensor<1x?x{N}xf32>,
                                   tensor<1x?x{N}xf32>)
      init(%s0 : tensor<1x{D}x{N}xf32>) {{delta_softplus}} -> tensor<1x?x{D}xf32>, tensor<1x{D}x{N}xf32>
  return %y : tensor<1x?x{D}xf32>
}}
"""


def linear_attention(rule, H, K, V, decay="", beta=False):
    """`decay` is the shape of a log decay behind batch and time."""
    parameters, prologue, operands = "", "", ""
    if decay:
        kind = f"tensor<1x?x{decay}xf32>"
        parameters += f', %g: {kind} {{seq.name = "g"}}'
        prologue = NEGATIVE.format(type=kind)
        operands += f"decay(%decay : {kind}) "
    if beta:
        parameters += f', %beta: tensor<1x?x{H}xf32> {{seq.name = "beta"}}'
        operands += f"beta(%beta : tensor<1x?x{H}xf32>)"
    return LINEAR.format(rule=rule, H=H, K=K, V=V, parameters=parameters, prologue=prologue, operands=operands)


def linear_shapes(H, K, V, decay=None, beta=False):
    shapes = {"q": (H, K), "k": (H, K), "v": (H, V)}
    if decay:
        shapes["g"] = decay
    if beta:
        shapes["beta"] = (H,)
    return shapes


# name: text, shapes of the sequences' slices, shapes of other inputs
LAYERS = {
    "GLA H4 D64": (linear_attention("gated", 4, 64, 64, "4x64"), linear_shapes(4, 64, 64, (4, 64)), {}),
    "RetNet H4 D64": (linear_attention("gated", 4, 64, 64, "4"), linear_shapes(4, 64, 64, (4,)), {}),
    "linear H1 D16": (linear_attention("linear", 1, 16, 16), linear_shapes(1, 16, 16), {}),
    "delta H4 D64": (linear_attention("delta", 4, 64, 64, beta=True), linear_shapes(4, 64, 64, beta=True), {}),
    "minGRU D512": (MIN_GRU.format(D=512), {"z": (512,), "x": (512,)}, {}),
    "minGRU D16": (MIN_GRU.format(D=16), {"z": (16,), "x": (16,)}, {}),
    "Mamba D256 N16": (MAMBA.format(D=256, N=16), {"x": (256,), "delta": (256,), "b": (16,), "c": (16,)}, {"a": (256, 16)}),
}


def ranks(values):
    """1, 2, …; equal values share the mean of their ranks."""
    values = np.asarray(values)
    return np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    return float(np.corrcoef(a, b)[0, 1]) if len(set(a)) > 1 and len(set(b)) > 1 else float("nan")


def inputs_of(layer, T):
    """Keys are small: the delta rule is stable where β k·k ≤ 2."""
    rng = np.random.default_rng(0)
    _, sequences, others = layer
    arrays = {name: rng.standard_normal((1, T, *shape), np.float32) * 0.3 for name, shape in sequences.items()}
    arrays |= {name: rng.standard_normal(shape, np.float32) for name, shape in others.items()}
    if "k" in arrays:
        arrays["k"] /= np.sqrt(arrays["k"].shape[-1]) * 0.3
    if "beta" in arrays:
        arrays["beta"] = rng.uniform(0, 1, arrays["beta"].shape).astype(np.float32)
    return arrays


def compile_form(tools, source, form, folder):
    """The library, or the reason why there is none."""
    library = folder / f"{source.stem}-{form}.so"
    done = subprocess.run([tools / "seq-compile", source, "--emit=shared", "-o", library, f"--form={form}"],
                          capture_output=True, text=True)
    return library if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def seconds(calls, rounds, clock):
    """The median time of each call, in turns."""
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start, count = clock(), 0
            while count == 0 or clock() - start < 0.02:
                call()
                count += 1
            times[name].append((clock() - start) / count)
    return {name: statistics.median(list) for name, list in times.items()}


def measure(args, name, lengths, machine, folder):
    """Rows (T, form, predicted seconds, measured seconds)."""
    import seqlib
    layer, tools = LAYERS[name], args.tools
    source = folder / f"{name.replace(' ', '-')}.mlir"
    source.write_text(layer[0])
    text = subprocess.run([tools / "seq-compile", source, "--explain=json", f"--target-file={machine}"],
                          capture_output=True, text=True, check=True).stdout
    recurrences = [entry for entry in json.loads(text)["layers"] if entry["kind"] == "recurrence"]
    costs = {form["form"]: form["cost"] for form in recurrences[0]["forms"] if form["admissible"]}
    rows, libraries = [], {}
    for form in costs:
        compiled = compile_form(tools, source, form, folder)
        if isinstance(compiled, str):
            print(f"  {name}, {form}: {compiled}", file=sys.stderr)
        else:
            libraries[form] = seqlib.Library(compiled, threads=args.threads)
    for T in lengths:
        arrays = inputs_of(layer, T)
        calls, first = {}, None
        for form, library in libraries.items():
            if costs[form]["seconds_at"][str(T)] > MOST_SECONDS:
                print(f"| {name} | {T} | {form} | {costs[form]['seconds_at'][str(T)] * 1e3:.3g} ms | not run |")
                continue
            run = library.prepare(None, arrays)
            run()
            y = run.outputs()["y"].astype(np.float64)
            first = y if first is None else first
            error = np.abs(y - first).max() / np.abs(first).max()
            if not error < 1e-3:
                sys.exit(f"error: {name}, T {T}: {form} differs from sequential by {error:.1e}")
            calls[form] = run
        for form, measured in seconds(calls, args.rounds, time.process_time if args.cpu_time else time.perf_counter).items():
            rows.append((T, form, costs[form]["seconds_at"][str(T)], measured))
    return rows


def report(results):
    """Prints the correlations; `results` are (layer, T, form, predicted, measured)."""
    within, found = [], []
    for layer, T in dict.fromkeys((layer, T) for layer, T, *_ in results):
        group = [row for row in results if row[:2] == (layer, T)]
        if len(group) < 2:
            continue
        predicted, measured = [row[3] for row in group], [row[4] for row in group]
        within.append(spearman(predicted, measured))
        found.append(measured[int(np.argmin(predicted))] / min(measured))
    print(f"\nrank correlation over everything: {spearman([r[3] for r in results], [r[4] for r in results]):.2f}")
    if within:
        print(f"over the forms of a layer and length: mean {np.nanmean(within):.2f}, least {np.nanmin(within):.2f}")
        right = sum(ratio < 1.05 for ratio in found)
        print(f"predicted best is the best: {right} of {len(found)}; it takes {statistics.geometric_mean(found):.2f} times "
              f"the best on average, {max(found):.2f} at worst")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, type=pathlib.Path, metavar="DIR", help="the build's bin folder")
    parser.add_argument("--name", default="", metavar="TEXT", help="layers whose name holds this")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--lengths", default="512,4096", metavar="N,…", help="of 1, 512, 4096, 65536")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each form (default: 5)")
    parser.add_argument("--cpu-time", action="store_true", help="the processor's time of one thread: for busy machines")
    parser.add_argument("--target-file", type=pathlib.Path, metavar="FILE", help="instead of measuring this machine")
    args = parser.parse_args()
    if args.cpu_time:
        args.threads = 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:args.threads])
    sys.path.insert(0, str(HERE))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        machine = args.target_file or pathlib.Path(folder) / "machine.json"
        if not args.target_file:
            subprocess.run([args.tools / "seq-measure", "-o", machine], check=True)
        print("| layer | T | form | predicted | measured |\n|---|---|---|---|---|")
        for name in LAYERS:
            if args.name not in name:
                continue
            for T, form, predicted, measured in measure(args, name, [int(n) for n in args.lengths.split(",")], machine,
                                                        pathlib.Path(folder)):
                results.append((name, T, form, predicted, measured))
                print(f"| {name} | {T} | {form} | {predicted * 1e3:.3g} ms | {measured * 1e3:.3g} ms |", flush=True)
    report(results)


if __name__ == "__main__":
    main()
