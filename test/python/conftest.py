"""What the tests share. Models and programs are made once for a file of tests."""

import json
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "bench"), str(ROOT / "examples")]  # seqlib, the converters

import agreement
import seqtools


# ---- families: test_family_*.py ----

def family_and_variant(item):
    """"llama", "head20" of test_agrees[llama-head20-97]."""
    parts = item.name.partition("[")[2].rstrip("]").split("-")
    return parts[0], parts[1] if len(parts) > 1 else ""


# What other tests show for a family or two is done for all of them with SEQ_EVERY_MODEL only.
THOROUGH = ("test_batch", "test_evaluates", "test_greedy_tokens")


def pytest_collection_modifyitems(config, items):
    """Of each family one model, whole and in pieces, unless SEQ_EVERY_MODEL is set (family_table.py does)."""
    if os.environ.get("SEQ_EVERY_MODEL"):
        return
    first, kept, others = {}, [], []
    for item in items:
        keep = True
        if item.path.name.startswith("test_family_"):
            family, variant = family_and_variant(item)
            keep = item.originalname not in THOROUGH and \
                first.setdefault((item.path, item.originalname, family), variant) == variant
        (kept if keep else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = kept


OUTCOMES = []


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        OUTCOMES.append({"test": report.nodeid, "outcome": report.outcome})


def pytest_sessionfinish():
    """What family_table.py reads."""
    if path := os.environ.get("SEQ_RECORD"):
        pathlib.Path(path).write_text(json.dumps({"outcomes": OUTCOMES, "agreements": agreement.RECORDS}))


# ---- programs ----


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
