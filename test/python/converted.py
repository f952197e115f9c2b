"""Models of packages from PyPI, converted by the scripts of examples/."""

import importlib.util
import subprocess
import sys

import pytest

from conftest import ROOT


class Example:
    """The converter examples/<name>/convert.py, and the program of what it writes."""

    def __init__(self, name, package, build):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
        script = ROOT / "examples" / name / "convert.py"
        spec = importlib.util.spec_from_file_location(f"convert_{name}", script)
        self.converter = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.converter)
        self.weights = self.converter.checkpoint()
        self.program = build(
            name, lambda folder: subprocess.run([sys.executable, script, folder], check=True) and None)
