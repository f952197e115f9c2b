"""Bad input to seq-compile and to compiled programs: one clear line, exit code 1, and
nothing written."""

import json
import os
import struct
import subprocess

import numpy as np
import pytest
import torch

import recurrent
import seqtools
from conftest import ROOT

LSTM = dict(model_type="lstm", input_size=6, hidden_size=10, num_layers=2)
GATED_SUM = ROOT / "examples" / "gated-sum.mlir"


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


# --- seq-compile ------------------------------------------------------------------


class Models:
    """Makes a model directory and compiles it in vain."""

    def __init__(self, folder):
        self.model, self.output = folder / "model", folder / "output"
        self.model.mkdir()
        self.output.mkdir()
        recurrent.save(recurrent.random_stack(LSTM), self.model)

    @property
    def tensors(self):
        return self.model / "model.safetensors"

    def configure(self, **changes):
        """config.json with these changes; None takes a key away."""
        settings = json.loads((self.model / "config.json").read_text())
        settings.update(changes)
        settings = {key: value for key, value in settings.items() if value is not None}
        (self.model / "config.json").write_text(json.dumps(settings))

    def rewrite_header(self, change):
        """The safetensors file with change(header) as its header."""
        data = self.tensors.read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        text = json.dumps(change(header) or header).encode()
        self.tensors.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size:])

    def refuses(self, *words, output=None, model=None):
        """seq-compile's line, which names all the words."""
        line = seqtools.fails(seqtools.tool("seq-compile"), model or self.model, "-o", output or self.output / "program")
        for word in words:
            assert word in line, line
        assert files(self.output) == []
        return line


@pytest.fixture
def models(tmp_path):
    return Models(tmp_path)


def test_the_models_compile_as_they_are(models):
    """What the other tests spoil is sound."""
    seqtools.compile(models.model, models.output / "program")
    assert [str(name) for name in files(models.output)] == ["program", "program.weights"]


def test_missing_model(models):
    models.refuses("nowhere", model=models.model / "nowhere")


def test_missing_config(models):
    (models.model / "config.json").unlink()
    models.refuses("config.json")


def test_config_is_no_json(models):
    (models.model / "config.json").write_text('{"model_type": ')
    models.refuses("config.json")


def test_missing_weights(models):
    models.tensors.unlink()
    models.refuses("model.safetensors")


def test_unknown_model_type(models):
    models.configure(model_type="perceptron")
    models.refuses("perceptron", "gru", "lstm", "mamba", "rnn")


@pytest.mark.parametrize("value", [-1, 0, 2**40, 1.5, "wide", True, []], ids=str)
@pytest.mark.parametrize("key", ["hidden_size", "num_layers", "input_size"])
def test_absurd_sizes(models, key, value):
    models.configure(**{key: value})
    models.refuses("config.json", key)


def test_missing_key(models):
    models.configure(hidden_size=None)
    models.refuses("config.json", "hidden_size")


def test_missing_tensor(models):
    models.rewrite_header(lambda header: {
        name.replace("weight_hh_l1", "weight_hh_l7"): value for name, value in header.items()})
    models.refuses("model.safetensors", "weight_hh_l1")


def test_misshapen_tensor(models):
    models.configure(input_size=7)
    models.refuses("weight_ih_l0", "40, 7", "40, 6")


def test_unusable_element_type(models):
    model = recurrent.random_stack(LSTM)
    recurrent.save(model, models.model, torch.int32)
    models.refuses("model.safetensors", "I32")


@pytest.mark.parametrize("bytes_kept", [0, 7, 8, 100, -1])
def test_truncated_weights(models, bytes_kept):
    models.tensors.write_bytes(models.tensors.read_bytes()[:bytes_kept])
    models.refuses("model.safetensors")


@pytest.mark.parametrize("size", [0, 2**31, 2**63, 2**64 - 1])
def test_lying_header_length(models, size):
    models.tensors.write_bytes(struct.pack("<Q", size) + models.tensors.read_bytes()[8:])
    models.refuses("model.safetensors")


def _spoil(name, key, value):
    def change(header):
        header[name][key] = value
    return change


@pytest.mark.parametrize("change", [
    _spoil("weight_hh_l0", "shape", [40, 11]),
    _spoil("weight_hh_l0", "shape", [-40, -10]),
    _spoil("weight_hh_l0", "shape", [2**40, 2**40]),
    _spoil("weight_hh_l0", "shape", "large"),
    _spoil("weight_hh_l0", "dtype", "F31"),
    _spoil("weight_hh_l0", "data_offsets", [0, 1600]),
    _spoil("weight_hh_l0", "data_offsets", [-8, 1592]),
    _spoil("weight_hh_l0", "data_offsets", [1600, 0]),
    _spoil("weight_hh_l0", "data_offsets", [2**40, 2**40 + 1600]),
    _spoil("weight_hh_l0", "data_offsets", [1600]),
], ids=["misshapen", "negative", "huge", "text", "unknown_type", "overlapping", "before", "backwards", "behind", "one"])
def test_lying_header(models, change):
    models.rewrite_header(change)
    models.refuses("model.safetensors", "weight_hh_l0")


def test_missing_shard(models):
    models.tensors.rename(models.model / "model-00001-of-00002.safetensors")
    names = recurrent.random_stack(LSTM).layers.state_dict()
    index = {name: f"model-0000{1 + name.endswith('1')}-of-00002.safetensors" for name in names}
    (models.model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    models.refuses("model-00002-of-00002.safetensors")


def test_output_folder_does_not_exist(models):
    models.refuses("nowhere", output=models.output / "nowhere" / "program")


def test_output_is_a_folder(models):
    (models.output / "taken").mkdir()
    line = seqtools.fails(seqtools.tool("seq-compile"), models.model, "-o", models.output / "taken")
    assert "taken" in line
    assert [str(name) for name in files(models.output)] == ["taken"]


def test_full_device(models):
    line = seqtools.fails(seqtools.tool("seq-compile"), models.model, "--emit=seq", "-o", "/dev/full")
    assert "/dev/full" in line and "No space left" in line


def test_full_disk(models, tmp_path):
    """On a file system with room for neither program nor weights."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mount.stderr.strip()}")
    try:
        line = seqtools.fails(seqtools.tool("seq-compile"), models.model, "-o", disk / "program")
        assert "No space left" in line
        assert files(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_bad_mlir(models, tmp_path):
    file = tmp_path / "bad.mlir"
    file.write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n  return %y : tensor<4xf32>\n}\n")
    done = subprocess.run([seqtools.tool("seq-compile"), file, "-o", models.output / "program"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "bad.mlir:2" in done.stderr
    assert files(models.output) == []


@pytest.mark.parametrize("options", [["--emit=poetry"], ["--batch=0"], ["--target=abacus"]], ids=str)
def test_bad_options(models, options):
    done = subprocess.run([seqtools.tool("seq-compile"), models.model, "-o", models.output / "program", *options],
                          capture_output=True, text=True)
    assert done.returncode == 1 and options[0].split("=")[1] in done.stderr
    assert files(models.output) == []


# --- programs ---------------------------------------------------------------------

INPUTS = {"x": np.zeros((1, 5, 64), np.float32), "g": np.zeros((1, 5, 64), np.float32),
          "h0": np.zeros((1, 64), np.float32)}


class Runs:
    """Runs gated-sum in vain."""

    def __init__(self, program, folder):
        self.program, self.folder, self.output = program, folder, folder / "output"
        self.output.mkdir()

    def refuses(self, *words, output=None, **changes):
        command = [self.program.path, "run", "--output", f"h={self.output}/h.npy"]
        command += ["--output", f"y={output or self.output / 'y.npy'}"]
        for name, value in {**INPUTS, **changes}.items():
            file = self.folder / f"{name}.npy"
            if isinstance(value, np.ndarray):
                np.save(file, value)
            elif isinstance(value, bytes):
                file.write_bytes(value)
            if value is not None:
                command += ["--input", f"{name}={file}"]
        line = seqtools.fails(*command)
        for word in words:
            assert word in line, line
        assert files(self.output) == []


@pytest.fixture
def runs(build, tmp_path):
    return Runs(build("gated-sum", lambda _: GATED_SUM), tmp_path)


def test_wrong_dtype(runs):
    runs.refuses("x", "int64", x=np.zeros((1, 5, 64), np.int64))


def test_wrong_rank(runs):
    runs.refuses("x", "float32[5, 64]", "float32[1, d0, 64]", x=np.zeros((5, 64), np.float32))


def test_wrong_size(runs):
    runs.refuses("h0", "63", h0=np.zeros((1, 63), np.float32))


def test_sequences_of_unequal_length(runs):
    runs.refuses("g", "6", g=np.zeros((1, 6, 64), np.float32))


def test_input_is_missing(runs):
    runs.refuses("g", g=None)


def test_unknown_input(runs):
    runs.refuses("nonsense", "x, g, h0", nonsense=np.zeros(1))


def test_input_is_no_npy(runs):
    runs.refuses("x", x=b"hello")


def test_truncated_input(runs):
    np.save(runs.folder / "whole.npy", INPUTS["x"])
    runs.refuses("x", x=(runs.folder / "whole.npy").read_bytes()[:-1])


def test_fortran_order(runs):
    runs.refuses("x", "fortran_order", x=np.asfortranarray(np.zeros((1, 5, 64), np.float32)))


def test_folder_of_output_does_not_exist(runs):
    runs.refuses("nowhere", output=runs.output / "nowhere" / "y.npy")


def test_output_on_full_device(runs):
    runs.refuses("/dev/full", "No space left", output="/dev/full")


def test_input_file_is_missing(runs):
    line = seqtools.fails(runs.program.path, "run", "--input", f"x={runs.folder}/nowhere.npy")
    assert "nowhere.npy" in line or "missing --input" in line


def test_token_out_of_range(build, tmp_path):
    model = recurrent.random_stack(dict(
        model_type="gru", vocab_size=11, embedding_size=5, hidden_size=6, num_layers=1, output_size=11))
    program = build("small language model", lambda folder: recurrent.save(model, folder))
    np.save(tmp_path / "ids.npy", np.array([[1, 11]]))
    line = seqtools.fails(program.path, "run", "--input", f"input_ids={tmp_path}/ids.npy")
    assert "input_ids" in line and "11" in line
    assert "11" in seqtools.fails(program.path, "generate", "--ids", "1,11")
    assert "--ids" in seqtools.fails(program.path, "generate", "--prompt", "hello")
    np.save(tmp_path / "ids.npy", np.zeros((1, 0), np.int64))
    seqtools.fails(program.path, "run", "--function", "last", "--input", f"input_ids={tmp_path}/ids.npy")


class Weights:
    """The LSTM's program with a weight file that something happened to."""

    def __init__(self, build, folder):
        model = recurrent.random_stack(LSTM)
        self.program = build("lstm", lambda folder: recurrent.save(model, folder))
        self.bytes = self.program.path.with_name("program.weights").read_bytes()
        self.file, self.input = folder / "other.weights", folder / "x.npy"
        np.save(self.input, np.zeros((1, 3, 6), np.float32))

    def refuses(self, data):
        self.file.write_bytes(data)
        line = seqtools.fails(self.program.path, "run", "--input", f"inputs_embeds={self.input}",
                              "--weights", self.file)
        assert "other.weights" in line


@pytest.fixture
def weights(build, tmp_path):
    return Weights(build, tmp_path)


def test_weight_file_of_another_program(weights, build):
    other = recurrent.random_stack(dict(LSTM, hidden_size=9))
    program = build("other lstm", lambda folder: recurrent.save(other, folder))
    weights.refuses(program.path.with_name("program.weights").read_bytes())


@pytest.mark.parametrize("bytes_kept", [0, 63, 64, 500, -1])
def test_truncated_weight_file(weights, bytes_kept):
    weights.refuses(weights.bytes[:bytes_kept])


def test_weight_file_of_another_version(weights):
    weights.refuses(weights.bytes[:8] + struct.pack("<I", 99) + weights.bytes[12:])


def test_weight_file_is_missing(weights):
    line = seqtools.fails(weights.program.path, "run", "--input", f"inputs_embeds={weights.input}",
                          "--weights", weights.file)
    assert "other.weights" in line


def test_weights_named_at_run_time(weights):
    """A sound copy elsewhere is taken."""
    weights.file.write_bytes(weights.bytes)
    seqtools.run(weights.program.path, "run", "--input", f"inputs_embeds={weights.input}", "--weights", weights.file)


def test_embedded_weights(build, tmp_path):
    """--embed-weights: no file beside the program, the same numbers."""
    model = recurrent.random_stack(LSTM)
    write = lambda folder: recurrent.save(model, folder)
    inputs = {"inputs_embeds": model.random_input(0, 1, 5).numpy()}
    embedded = build("lstm", write, "--embed-weights")
    assert os.listdir(embedded.path.parent) == ["program"]
    expected = build("lstm", write).run(inputs, ["last_hidden_state"])
    assert np.array_equal(embedded.run(inputs, ["last_hidden_state"])["last_hidden_state"],
                          expected["last_hidden_state"])
