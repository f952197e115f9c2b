"""Runs the project's tools, and the programs that they make, on text and arrays."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np


def tool(name):
    """The path of a tool: in SEQ_TOOLS_DIR where that is set, else on PATH."""
    path = shutil.which(name, path=os.environ.get("SEQ_TOOLS_DIR", os.environ["PATH"]))
    assert path, f"{name} not found: set SEQ_TOOLS_DIR to the build's bin folder"
    return path


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def fails(*command, **options):
    """The one line with which a command refuses its input: exit code 1, nothing on
    standard output."""
    done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, text=True,
                          **{"stdout": subprocess.PIPE, **options})
    assert done.returncode == 1, f"{command}: exit code {done.returncode}: {done.stderr}"
    assert not done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and "error: " in lines[0], f"{command}: {done.stderr}"
    return lines[0]


def opt(source, *passes):
    """The module `source` after seq-opt with the given passes."""
    done = subprocess.run([tool("seq-opt"), *passes], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run_on_files(command, inputs, outputs):
    """Runs a command that takes --input NAME=FILE and --output NAME=FILE on arrays."""
    with tempfile.TemporaryDirectory() as folder:
        words = list(command)
        for name, array in inputs.items():
            np.save(f"{folder}/{name}.npy", array)
            words += ["--input", f"{name}={folder}/{name}.npy"]
        for name in outputs:
            words += ["--output", f"{name}={folder}/{name}.out.npy"]
        run(*words)
        return {name: np.load(f"{folder}/{name}.out.npy") for name in outputs}


def evaluate_file(file, function, inputs, outputs, *options):
    """Evaluates a function of an .mlir file in f64; inputs and outputs go by name."""
    command = [tool("seq-eval"), file, "--function", function, *options]
    return _run_on_files(command, inputs, outputs)


def evaluate_model(folder, inputs, outputs, function="forward", batch=1, warning=""):
    """The arrays of `outputs` that `function` of a model directory gives in f64. seq-compile says
    no more than one line, with `warning`, or nothing."""
    module = pathlib.Path(folder) / "module.mlir"
    done = subprocess.run([tool("seq-compile"), folder, "--emit=seq", f"--batch={batch}", "-o", module],
                          capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stderr.splitlines()) == bool(warning), done.stderr
    assert warning in done.stderr
    return evaluate_file(module, function, inputs, outputs, "--weights", folder, "--double")


def evaluate(folder, source, function, inputs, results, states=None):
    """Evaluates a function of the module `source` on arrays: inputs in the order
    of its arguments; returns as many arrays as `results` says. `states` are
    arrays by their seq.state names; the last states follow the results."""
    file = folder / "module.mlir"
    file.write_text(source)
    states = states or {}
    arguments = {f"arg{index}": array for index, array in enumerate(inputs)} | states
    outputs = [f"result{index}" for index in range(results)] + list(states)
    return list(evaluate_file(file, function, arguments, outputs).values())


class Program:
    """A compiled program."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def run(self, inputs, outputs, function=None, threads=None):
        """The outputs of a function (default: the first) on the inputs, by name."""
        command = [self.path, "run"]
        command += ["--function", function] if function else []
        command += ["--threads", threads] if threads else []
        return _run_on_files(command, inputs, outputs)

    def generate(self, ids, new, *options):
        """The `new` tokens after `ids`, greedily unless the options say otherwise."""
        text = run(self.path, "generate", "--ids", ",".join(map(str, ids)), "--max-new", new, "--json", *options)
        return json.loads(text)["ids"]

    def info(self):
        return json.loads(run(self.path, "info", "--json"))


def compile(model, output, *options):
    """Compiles a model directory or an .mlir file with seq-compile."""
    run(tool("seq-compile"), model, "-o", output, *options)
    return Program(output)


def compile_library(model, output, *options):
    """As `compile`, to a shared library."""
    run(tool("seq-compile"), model, "-o", output, "--emit=shared", *options)
    return pathlib.Path(output)
