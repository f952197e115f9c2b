"""Our contender: a model compiled to a shared library and called in this process."""

import pathlib
import subprocess

import seqlib
from safetensors.numpy import save_file
from timing import Contender


def compile_library(setting, name, model, *options):
    library = setting.folder / f"{name}.so"
    subprocess.run([setting.tools / "seq-compile", model, "--emit=shared", "-o", library, *options], check=True)
    return library


def contender(setting, library, function, inputs, output, moves_on=False):
    """Each call starts from zeros, unless it moves on from where the last one ended."""
    opened = seqlib.Library(library, threads=setting.threads)
    run = opened.prepare(function, inputs)

    def from_zeros():
        run.state.reset()
        run()

    def result():
        from_zeros()
        return run.outputs()[output]

    version = subprocess.run(["git", "-C", pathlib.Path(__file__).parent, "describe", "--always", "--dirty"],
                             capture_output=True, text=True).stdout.strip()
    return Contender("seq", run if moves_on else from_zeros, result, version)


def from_text(setting, name, text, weights, inputs, output):
    """The only function of a module whose seq.weight ops name arrays of `weights`."""
    source, tensors = setting.folder / f"{name}.mlir", setting.folder / f"{name}.safetensors"
    source.write_text(text)
    save_file(weights, tensors)
    library = compile_library(setting, name, source, f"--weights={tensors}")
    return contender(setting, library, None, inputs, output)
