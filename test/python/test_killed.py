"""A compile that is killed: nothing under the final names, whatever the moment, and after
SIGTERM nothing at all."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

import seqtools
from conftest import ROOT

BIBLE = ROOT / "examples" / "bible-lm" / "model"
FINAL = {"libbible.so", "libbible.so.weights", "libbible.h"}


class Folders:
    """Where a compile writes: its outputs, and its temporary files."""

    def __init__(self, root, path=None):
        self.output, self.temporary = root / "output", root / "tmp"
        self.output.mkdir()
        self.temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.temporary)}
        if path:
            self.environment["PATH"] = f"{path}:{self.environment['PATH']}"

    def start(self):
        command = [seqtools.tool("seq-compile"), BIBLE, "--emit=shared", "-o", self.output / "libbible.so"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def files(self):
        return {path.name for folder in (self.output, self.temporary) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def seconds(tmp_path_factory):
    """How long a compile takes that is left alone."""
    folders = Folders(tmp_path_factory.mktemp("whole"))
    begin = time.monotonic()
    assert folders.start().wait() == 0
    assert folders.files() == FINAL
    return time.monotonic() - begin


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=str)
@pytest.mark.parametrize("moment", range(6))
def test_at_random(tmp_path, seconds, number, moment):
    folders = Folders(tmp_path)
    process = folders.start()
    time.sleep(seconds * (moment + random.Random(moment).random()) / 6)
    process.send_signal(number)
    status = process.wait()
    if status == 0:  # it was faster this time
        assert folders.files() == FINAL
        return
    assert status == -number
    found = folders.files()
    assert not found & {"libbible.so"}
    if number != signal.SIGKILL:
        assert found == set()


# Linkers that take their time, and one that does not want to end.
LINKERS = {
    "patient": 'touch "$SEQ_TEST_STARTED"; sleep 3; exec "{linker}" "$@"',
    "late": 'trap \'touch "$SEQ_TEST_OUTPUT"; exit 1\' TERM; touch "$SEQ_TEST_STARTED"; sleep 3 & wait',
    "stubborn": 'trap "" TERM INT; touch "$SEQ_TEST_STARTED"; sleep 3; exec "{linker}" "$@"',
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
@pytest.mark.parametrize("kind", LINKERS)
def test_while_linking(tmp_path, kind, number):
    """The linker ends first, so that it cannot write afterwards."""
    tools = tmp_path / "tools"
    tools.mkdir()
    linker = tools / "clang-22"
    linker.write_text("#!/bin/sh\n" + LINKERS[kind].format(linker=shutil.which("clang-22")) + "\n")
    linker.chmod(0o755)
    folders = Folders(tmp_path, tools)
    started = tmp_path / "started"
    folders.environment |= {"SEQ_TEST_STARTED": str(started), "SEQ_TEST_OUTPUT": str(folders.output / "late")}
    process = folders.start()
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == -number
    # What the linker itself puts there when it is told to end is there in time.
    found = folders.files()
    assert found == ({"late"} if kind == "late" else set())
    time.sleep(3.5)
    assert folders.files() == found
