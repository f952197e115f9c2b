"""Compiled recurrent encoders and decoders against torch.nn."""

import copy

import numpy as np
import pytest
import torch

import agreement
import seq2seq
import seqtools

SIZES = dict(vocab_size=29, decoder_vocab_size=43, decoder_start_token_id=2, eos_token_id=3, max_length=20)
CASES = {
    "seq2seq-gru": dict(cell="gru", attention="none", embedding_size=20, hidden_size=33, **SIZES),
    "seq2seq-lstm": dict(cell="lstm", attention="general", embedding_size=20, hidden_size=80, num_layers=2, **SIZES),
    "seq2seq-gru-dot": dict(cell="gru", attention="dot", embedding_size=13, hidden_size=20, num_layers=3, bias=False,
                            **SIZES),
}
LENGTHS = [(1, 1), (97, 1), (1, 97), (13, 97)]


def ids(vocabulary, batch, times):
    return np.random.default_rng(times).integers(0, vocabulary, (batch, times))


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param, seq2seq.random_model(**CASES[request.param])


def inputs_of(model, batch, source, target):
    return {"input_ids": ids(model.config["vocab_size"], batch, source),
            "decoder_input_ids": ids(model.config["decoder_vocab_size"], batch, target)}


def outputs(model, inputs):
    arguments = [torch.from_numpy(array) for array in inputs.values()]
    with torch.no_grad():
        return copy.deepcopy(model).double()(*arguments), model(*arguments)


def test_agrees(case, build):
    name, model = case
    program = build(name, model.save)
    for lengths in LENGTHS:
        inputs = inputs_of(model, 1, *lengths)
        agreement.agrees(program.run(inputs, ["logits"])["logits"], *outputs(model, inputs))


def test_batch(case, build):
    name, model = case
    inputs = inputs_of(model, 3, 7, 20)
    ours = build(name, model.save, "--batch=3").run(inputs, ["logits"])["logits"]
    agreement.agrees(ours, *outputs(model, inputs))


def test_pieces(case, build):
    """The decoder's states go in and come out: tokens may come in any pieces."""
    name, model = case
    program = build(name, model.save)
    inputs = inputs_of(model, 1, 13, 29)
    finals = ["h_n", "c_n"] if model.config["cell"] == "lstm" else ["h_n"]
    encoded = "encoder_last_hidden_state"
    found = program.run({"input_ids": inputs["input_ids"]}, [encoded, *finals], function="encode")
    memory = {"encoder_hidden_states": found[encoded]} if model.config["attention"] != "none" else {}
    parts, start = [], 0
    for size in (20, 1, 7, 1):
        states = {final.replace("_n", "_0"): found[final] for final in finals}
        piece = {"decoder_input_ids": inputs["decoder_input_ids"][:, start:start + size]}
        found = program.run({**piece, **states, **memory}, ["logits", *finals], function="decode")
        parts.append(found["logits"])
        start += size
    agreement.agrees(np.concatenate(parts, axis=1), *outputs(model, inputs))


def test_generates(case, build):
    name, model = case
    program = build(name, model.save)
    said = []
    for times in (1, 5, 13):
        letters = ids(model.config["vocab_size"], 1, times)
        with torch.no_grad():
            expected = model.generate(torch.from_numpy(letters))
        ours = program.run({"input_ids": letters}, ["sequences"], function="generate")["sequences"]
        assert ours.tolist() == [expected]
        said += expected
    assert len(set(said)) > 3


def test_evaluates(case, tmp_path):
    """Before anything is rewritten, in f64."""
    model = case[1]
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    seqtools.run(seqtools.tool("seq-compile"), tmp_path / "model", "--emit=seq", "-o", tmp_path / "module.mlir")
    inputs = inputs_of(model, 1, 7, 5)
    ours = seqtools.evaluate_file(tmp_path / "module.mlir", "forward", inputs, ["logits"],
                                  f"--weights={tmp_path}/model")["logits"]
    assert agreement.distance(ours, outputs(model, inputs)[0]) < 1e-6
