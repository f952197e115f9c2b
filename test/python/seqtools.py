"""Runs the project's tools on text and arrays, for tests."""

import os
import shutil
import subprocess

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


def opt(source, *passes):
    """The module `source` after seq-opt with the given passes."""
    done = subprocess.run([tool("seq-opt"), *passes], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def evaluate(folder, source, function, inputs, results, states=None):
    """Evaluates a function of the module `source` on arrays: inputs in the order
    of its arguments; returns as many arrays as `results` says. `states` are
    arrays by their seq.state names; the last states follow the results."""
    file = folder / "module.mlir"
    file.write_text(source)
    states = states or {}
    arguments = {f"arg{index}": array for index, array in enumerate(inputs)} | states
    outputs = [f"result{index}" for index in range(results)] + list(states)
    command = [tool("seq-eval"), file, "--function", function]
    for name, array in arguments.items():
        np.save(folder / f"in-{name}.npy", array)
        command += ["--input", f"{name}={folder}/in-{name}.npy"]
    for name in outputs:
        command += ["--output", f"{name}={folder}/out-{name}.npy"]
    run(*command)
    return [np.load(folder / f"out-{name}.npy") for name in outputs]
