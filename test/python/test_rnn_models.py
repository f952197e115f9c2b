"""Compiled stacks of RNN, LSTM and GRU layers against torch.nn."""

import numpy as np
import pytest
import torch

import agreement
import recurrent

TIMES = [1, 7, 97]
CASES = {
    "rnn": dict(model_type="rnn", input_size=20, hidden_size=33, num_layers=1),
    "rnn_relu_bidirectional": dict(
        model_type="rnn", input_size=11, hidden_size=20, num_layers=2, nonlinearity="relu", bidirectional=True),
    "rnn_without_bias": dict(model_type="rnn", input_size=16, hidden_size=80, num_layers=3, bias=False),
    "lstm": dict(model_type="lstm", input_size=20, hidden_size=33, num_layers=1),
    "lstm_deep": dict(model_type="lstm", input_size=33, hidden_size=80, num_layers=3),
    "lstm_projected": dict(model_type="lstm", input_size=20, hidden_size=80, num_layers=2, proj_size=33),
    "lstm_projected_bidirectional": dict(
        model_type="lstm", input_size=20, hidden_size=33, num_layers=2, proj_size=7, bidirectional=True),
    "lstm_tagger": dict(
        model_type="lstm", vocab_size=50, embedding_size=12, hidden_size=33, num_layers=2, bidirectional=True,
        output_size=9),
    "gru": dict(model_type="gru", input_size=20, hidden_size=33, num_layers=2),
    "gru_bidirectional_without_bias": dict(
        model_type="gru", input_size=33, hidden_size=20, num_layers=3, bidirectional=True, bias=False),
    "gru_embedding": dict(model_type="gru", vocab_size=61, embedding_size=20, hidden_size=80, num_layers=1),
}
LANGUAGE_MODELS = {
    "lstm_language_model": dict(
        model_type="lstm", vocab_size=75, embedding_size=20, hidden_size=80, num_layers=2, output_size=75),
    "gru_language_model": dict(
        model_type="gru", vocab_size=43, embedding_size=33, hidden_size=33, num_layers=3, output_size=43),
    "rnn_language_model": dict(
        model_type="rnn", vocab_size=43, embedding_size=33, hidden_size=80, num_layers=1, output_size=43),
}


def check(program, model, batch, times, **options):
    x = model.random_input(times, batch, times)
    expected = recurrent.outputs(model, x)
    ours = program.run({model.input_name: x.numpy()}, expected, **options)
    for name, (double, single) in expected.items():
        agreement.agrees(ours[name], double, single)


@pytest.mark.parametrize("name", [*CASES, *LANGUAGE_MODELS])
def test_agrees(build, name):
    model = recurrent.random_stack({**CASES, **LANGUAGE_MODELS}[name])
    program = build(name, lambda folder: recurrent.save(model, folder))
    for times in TIMES:
        check(program, model, 1, times)
    check(program, model, 1, 97, threads=1)
    check(program, model, 1, 97, threads=3)


@pytest.mark.parametrize("name", ["rnn_relu_bidirectional", "lstm_projected", "gru", "lstm_tagger"])
def test_batch(build, name):
    model = recurrent.random_stack(CASES[name])
    program = build(name, lambda folder: recurrent.save(model, folder), "--batch=3")
    for times in TIMES:
        check(program, model, 3, times)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_files(build, dtype):
    model = recurrent.random_stack(CASES["lstm_deep"], dtype=dtype)
    program = build(str(dtype), lambda folder: recurrent.save(model, folder, dtype))
    check(program, model, 1, 7)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_language_model(build, name):
    """`last`, and the tokens that generate takes greedily."""
    model = recurrent.random_stack(LANGUAGE_MODELS[name])
    with torch.no_grad():  # else it soon repeats one token
        for parameter in model.parameters():
            parameter *= 4 if parameter.dim() > 1 else 1
    program = build(name + " lively", lambda folder: recurrent.save(model, folder))
    ids = model.random_input(0, 1, 20)
    double, single = recurrent.outputs(model, ids)["logits"]
    last = program.run({"input_ids": ids.numpy()}, ["logits"], function="last")["logits"]
    agreement.agrees(last.reshape(1, -1), double[:, -1], single[:, -1])
    expected, whole = [], ids
    with torch.no_grad():
        for _ in range(64):
            expected.append(int(model(whole)["logits"][0, -1].argmax()))
            whole = torch.cat([whole, torch.tensor([[expected[-1]]])], dim=1)
    assert len(set(expected)) > 10
    assert program.generate(ids[0].tolist(), 64) == expected


def test_prefixed_names(build):
    """The tensors of a module that holds its layers as `lstm`."""
    from safetensors.torch import load_file, save_file
    model = recurrent.random_stack(CASES["lstm"])

    def write(folder):
        recurrent.save(model, folder)
        tensors = load_file(folder / "model.safetensors")
        save_file({f"lstm.{name}": tensor for name, tensor in tensors.items()}, folder / "model.safetensors")

    check(build("prefixed", write), model, 1, 7)


def test_large_values(build):
    """Saturated gates: sigmoid and tanh at the ends of their range."""
    model = recurrent.random_stack(CASES["gru"])
    program = build("gru", lambda folder: recurrent.save(model, folder))
    x = 1e4 * model.random_input(3, 1, 20)
    expected = recurrent.outputs(model, x)
    ours = program.run({"inputs_embeds": x.numpy()}, expected)
    for name, (double, single) in expected.items():
        assert np.isfinite(ours[name]).all()
        agreement.agrees(ours[name], double, single)
