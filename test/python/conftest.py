"""What the tests share. Models and programs are made once for a file of tests."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "bench"), str(ROOT / "examples")]  # seqlib, the converters

import seqtools


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """build(key, write, *options): the program of the model that write(folder) puts into
    an empty folder, the path it returns or else the folder itself; once for each key."""
    programs = {}

    def get(key, write, *options, library=False):
        if (key, options, library) not in programs:
            folder = tmp_path_factory.mktemp("model")
            model = write(folder) or folder
            make = seqtools.compile_library if library else seqtools.compile
            output = tmp_path_factory.mktemp("program") / ("program.so" if library else "program")
            programs[key, options, library] = make(model, output, *options)
        return programs[key, options, library]

    return get
