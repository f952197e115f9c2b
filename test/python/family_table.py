#!/usr/bin/env python3
"""Runs every model of the families' tests against the public implementations and prints a line for each family:
how many checks there were, how far off the worst one was and what it may be, and whether pieces of a sequence agree
with the whole. Fails where a family of `seq-compile --list-models` has no line, or a test failed or was skipped."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TESTS = sorted(path.name for path in HERE.glob("test_family_*.py")) + ["test_mamba.py", "test_prefill.py",
                                                                       "test_rnn_models.py"]
WITHOUT_STATE = "whole sequences"


def list_families(tools):
    """model_type: reference"""
    text = subprocess.run([tools / "seq-compile", "--list-models"], capture_output=True, text=True, check=True).stdout
    families, name = {}, None
    for line in text.splitlines():
        if not line.startswith(" "):
            name = line
        elif line.strip().startswith("reference:"):
            families[name] = line.partition(":")[2].strip()
    return families


def family_of(test, families):
    """By the test's parameters, or its file's name; the longest name that fits."""
    file, _, rest = test.partition("::")
    parameters = rest.partition("[")[2]
    name = pathlib.PurePath(file).stem.removeprefix("test_")
    fits = [family for family in families if parameters.startswith(family)]
    return max(fits, key=len) if fits else name if name in families else None


def main():
    tools = pathlib.Path(os.environ["SEQ_TOOLS_DIR"])
    families = list_families(tools)
    with tempfile.TemporaryDirectory() as folder:
        record = pathlib.Path(folder) / "record.json"
        os.environ |= {"SEQ_EVERY_MODEL": "1", "SEQ_RECORD": str(record)}
        status = pytest.main(["-q", "-rs", "-p", "no:cacheprovider", *(str(HERE / test) for test in TESTS)])
        found = json.loads(record.read_text())
    checks = {family: [] for family in families}
    pieces, failed, skipped = set(), [], []
    for test, error, bound in found["agreements"]:
        if family := family_of(test, families):
            checks[family].append((error / bound, error, bound))
    for outcome in found["outcomes"]:
        if outcome["outcome"] == "failed":
            failed.append(outcome["test"])
        elif outcome["outcome"] == "skipped":
            skipped.append(outcome["test"])
        elif "pieces" in outcome["test"]:
            pieces.add(family_of(outcome["test"], families))
    print(f"\n{'family':20} {'checks':>6}  {'worst error':>11} {'of at most':>10}  prefill + step   reference")
    for family, reference in families.items():
        if not checks[family]:
            print(f"{family:20} {'none':>6}  {'':11} {'':10}  {'':15}  {reference}")
            continue
        _, error, bound = max(checks[family])
        print(f"{family:20} {len(checks[family]):6}  {error:11.1e} {bound:10.1e}  "
              f"{'agree' if family in pieces else WITHOUT_STATE:15}  {reference}")
    without = [family for family in families if not checks[family]]
    for what, names in (("families without a check", without), ("failed", failed), ("skipped", skipped)):
        if names:
            print(f"{what}: {', '.join(names)}", file=sys.stderr)
    return 1 if without or failed or skipped or status not in (0, pytest.ExitCode.NO_TESTS_COLLECTED) else 0


if __name__ == "__main__":
    sys.exit(main())
