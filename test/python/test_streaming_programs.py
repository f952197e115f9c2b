"""What programs of GPT-2 and Llama do with their states: generate, bench and info; and where
a text ends."""

import json
import pathlib
import time

import pytest

import seqtools

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

GPT2 = dict(vocab_size=50, n_embd=40, n_layer=1, n_head=2, n_positions=64)
LLAMA = dict(vocab_size=83, hidden_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=101)


def write(cls, config):
    return lambda folder: transformer.save(transformer.random_model(cls, **config), folder)


def test_a_token_costs_one_step(build):
    """Four times as many tokens take about four times as long; sixteen times if each of them
    read the text again."""
    program = build("long", lambda folder: transformer.save(transformer.random_model(
        "LlamaForCausalLM", vocab_size=64, hidden_size=256, num_hidden_layers=1, num_attention_heads=4,
        intermediate_size=1024), folder))

    def seconds(new):
        best = 1e9
        for _ in range(3):
            begin = time.perf_counter()
            ids = program.generate([1, 2, 3], new, "--threads", "1")
            best = min(best, time.perf_counter() - begin)
            assert len(ids) == new
        return best

    few, many = seconds(150), seconds(600)
    assert many < 8 * few


def test_info_and_bench(build):
    program = build("llama", write("LlamaForCausalLM", LLAMA))
    info = program.info()
    names = ["state0", "keys0", "values0", "position0"]
    assert [[state["name"] for state in function["states"]] for function in info["functions"]] == [names, names]
    cache = 2 * 2 * 2 * 20 * 4  # keys and values of 2 layers with 2 heads
    assert info["state_bytes"]["2048"] - info["state_bytes"]["128"] == cache * (2048 - 128)
    told = json.loads(seqtools.run(program.path, "bench", "--json", "--prefill", 64, "--decode", 32, "--repeat", 2))
    assert [test["tokens"] for test in told["tests"]] == [64, 32]


@pytest.fixture
def ending(tmp_path):
    """ending(config's eos_token_id, generation_config's): a program, and what it says of 20 tokens."""
    model = transformer.random_model("GPT2LMHeadModel", **GPT2)

    def get(own, generation=None):
        folder = tmp_path / "model"
        transformer.save(model, folder)
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": own}))
        file = folder / "generation_config.json"
        file.unlink(missing_ok=True)
        if generation is not None:
            file.write_text(json.dumps({"eos_token_id": generation}))
        program = seqtools.compile(folder, tmp_path / "program")
        text = seqtools.run(program.path, "generate", "--ids", "1,2,3", "--max-new", 20, "--json")
        return program, json.loads(text)

    return get


def test_end_tokens(ending):
    """Those of generation_config.json count more; one that the vocabulary does not have never comes."""
    _, whole = ending(50256)
    assert (whole["stopped"], len(whole["ids"])) == ("length", 20)
    third = whole["ids"][2]
    count = whole["ids"].index(third) + 1
    for own, generation in [([49, third], None), (whole["ids"][0], third)]:
        program, told = ending(own, generation)
        assert (told["stopped"], told["ids"]) == ("end token", whole["ids"][:count]), (own, generation)
        assert program.generate([1, 2, 3], 20, "--ignore-eos") == whole["ids"]


def test_an_old_tokenizer_goes(tmp_path):
    """A program of another model must not spell with it."""
    folder, program = tmp_path / "model", tmp_path / "program"
    write("GPT2LMHeadModel", GPT2)(folder)
    old = pathlib.Path(f"{program}.tokenizer.json")
    old.write_text("{}")
    seqtools.compile(folder, program)
    assert not old.exists()
