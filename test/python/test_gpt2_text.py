"""GPT-2 against the transformers package: microformer-mgm's trained model, and text in and
out by the tokenizer that lies beside a program."""

import json
import shutil

import numpy as np
import pytest
import torch

import agreement
import seqtools
from converted import Example
from sentences import SENTENCES

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)
import tokenizers
import transformers


# --- microformer-mgm --------------------------------------------------------------

PROMPTS = [[2], [2, 15, 8], [2, 4000, 17, 9000, 33], [2, 7, 100, 5000, 12, 64, 250, 9668], list(range(2, 60))]


@pytest.fixture(scope="module")
def mgm(build):
    example = Example("mgm", "mgm", build)
    config = transformers.GPT2Config.from_json_file(example.converter.package_file("config.json"))
    model = transformers.GPT2LMHeadModel(config).eval()
    model.load_state_dict(torch.load(example.weights, map_location="cpu", weights_only=True))
    model.set_attn_implementation("eager")
    model.generation_config.eos_token_id = None  # as with --ignore-eos
    return model, example.program


def test_mgm_logits(mgm):
    model, program = mgm
    for prompt in PROMPTS:
        inputs = {"input_ids": np.array([prompt])}
        ours = program.run(inputs, ["logits"])["logits"]
        agreement.agrees(ours, *transformer.outputs(model, inputs, ["logits"])["logits"])


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: f"{len(prompt)} tokens")
def test_mgm_greedy_tokens(mgm, prompt):
    model, program = mgm
    assert program.generate(prompt, 64, "--ignore-eos") == transformer.greedy(model, prompt, 64)


# --- Text -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def byte_level():
    """A tokenizer as GPT-2's, of its own few words."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def test_gpt2_continues_text(build, byte_level, tmp_path):
    size = byte_level.get_vocab_size()
    model = transformer.random_model("GPT2LMHeadModel", vocab_size=size, n_embd=40, n_layer=1, n_head=2, n_positions=64)

    def write(folder):
        transformer.save(model, folder)
        byte_level.save(str(folder / "tokenizer.json"))

    program = build("text", write)
    prompt = "The cat — 東京"
    told = json.loads(seqtools.run(program.path, "generate", "--prompt", prompt, "--max-new", 20, "--json"))
    expected = transformer.greedy(model, byte_level.encode(prompt).ids, 20)
    assert told["ids"] == expected
    # Without the tokenizer beside it the program knows ids only.
    copy = shutil.copy(program.path, tmp_path / "program")
    shutil.copy(f"{program.path}.weights", f"{copy}.weights")
    assert "tokenizer" in seqtools.fails(copy, "generate", "--prompt", prompt)
