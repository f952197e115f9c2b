"""Compiled BERT, GPT-2 and Llama models against transformers: sizes that fill no vector,
padding, files in f32, bf16 and f16, and generated tokens."""

import numpy as np
import pytest
import torch

import agreement
import seqtools

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

TIMES = [1, 2, 97]


def write(model, dtype=torch.float32):
    return lambda folder: transformer.save(model, folder, dtype)


def agree(program, model, inputs, names, **options):
    ours = program.run(inputs, names, **options)
    for name, (double, single) in transformer.outputs(model, inputs, names).items():
        agreement.agrees(ours[name], double, single)


# --- BERT -------------------------------------------------------------------------

BERT = dict(vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=3, intermediate_size=101,
            max_position_embeddings=128)


def bert_inputs(batch, times, padding):
    """`padding` says how many tokens at the end of each sequence are padding."""
    rng = np.random.default_rng(times)
    return {"input_ids": rng.integers(0, 83, (batch, times)),
            "attention_mask": (np.arange(times) < times - np.array(padding)[:, None]).astype(np.int64),
            "token_type_ids": rng.integers(0, 2, (batch, times))}


@pytest.mark.parametrize("times, padding", [(1, 0), (2, 1), (97, 0), (97, 40)])
def test_bert(build, times, padding):
    model = transformer.random_model("BertModel", **BERT)
    agree(build("bert", write(model)), model, bert_inputs(1, times, [padding]), ["last_hidden_state", "pooler_output"])


def test_bert_batch(build):
    """Each sequence is as long as it is."""
    model = transformer.random_model("BertModel", dtype=torch.bfloat16, **BERT)
    program = build("bert_bfloat16", write(model, torch.bfloat16), "--batch=3")
    agree(program, model, bert_inputs(3, 33, [0, 7, 32]), ["last_hidden_state", "pooler_output"])


def test_bert_refuses(build, tmp_path):
    program = build("bert", write(transformer.random_model("BertModel", **BERT)))

    def refuses(**changes):
        words = []
        for name, array in (bert_inputs(1, 5, [0]) | changes).items():
            np.save(tmp_path / f"{name}.npy", array)
            words += ["--input", f"{name}={tmp_path}/{name}.npy"]
        return seqtools.fails(program.path, "run", *words, "--output", f"pooler_output={tmp_path}/pooled.npy")

    ones = np.ones((1, 4), np.int64)
    assert "attention_mask" in refuses(attention_mask=ones)
    assert "token_type_ids" in refuses(token_type_ids=ones)
    assert "token_type_ids" in refuses(token_type_ids=np.full((1, 5), 2))
    assert "expected at most 128 tokens" in refuses(**bert_inputs(1, 129, [0]))
    assert "expected at least one token" in refuses(**bert_inputs(1, 0, [0]))
    assert not (tmp_path / "pooled.npy").exists()


# --- Language models --------------------------------------------------------------

DECODERS = {
    "gpt2": ("GPT2LMHeadModel", torch.float32, dict(
        vocab_size=83, n_embd=60, n_layer=2, n_head=3, n_positions=128)),
    "gpt2_float16": ("GPT2LMHeadModel", torch.float16, dict(
        vocab_size=50, n_embd=40, n_layer=1, n_head=1, n_positions=128, n_inner=70, activation_function="gelu",
        tie_word_embeddings=False)),
    "llama_head20": ("LlamaForCausalLM", torch.float32, dict(
        vocab_size=83, hidden_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=101)),
    "llama_head80_bfloat16": ("LlamaForCausalLM", torch.bfloat16, dict(
        vocab_size=64, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, head_dim=80,
        intermediate_size=96, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
}


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request, build):
    cls, dtype, config = DECODERS[request.param]
    model = transformer.random_model(cls, dtype=dtype, **config)
    return model, build(request.param, write(model, dtype))


def random_ids(model, *shape):
    return np.random.default_rng(1).integers(0, model.config.vocab_size, shape)


@pytest.mark.parametrize("times", TIMES)
def test_all_logits(decoder, times):
    model, program = decoder
    agree(program, model, {"input_ids": random_ids(model, 1, times)}, ["logits"])


@pytest.mark.parametrize("times", TIMES)
def test_last_logits(decoder, times):
    model, program = decoder
    inputs = {"input_ids": random_ids(model, 1, times)}
    ours = program.run(inputs, ["logits"], function="last")["logits"]
    double, single = (logits[:, -1:] for logits in transformer.outputs(model, inputs, ["logits"])["logits"])
    agreement.agrees(ours.reshape(double.shape), double, single)


def test_greedy_tokens(decoder):
    model, program = decoder
    prompt = random_ids(model, 5).tolist()
    expected = transformer.greedy(model, prompt, 64)
    assert len(set(expected)) > 5
    assert program.generate(prompt, 64) == expected


def test_no_tokens(decoder):
    model, program = decoder
    logits = program.run({"input_ids": np.zeros((1, 0), np.int64)}, ["logits"], function="forward")["logits"]
    assert logits.shape == (1, 0, model.config.vocab_size)


@pytest.mark.parametrize("name", ["gpt2", "llama_head20"])
def test_batch(build, name):
    cls, dtype, config = DECODERS[name]
    model = transformer.random_model(cls, dtype=dtype, **config)
    program = build(name, write(model, dtype), "--batch=3")
    agree(program, model, {"input_ids": random_ids(model, 3, 20)}, ["logits"])
