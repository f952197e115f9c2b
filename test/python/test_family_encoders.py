"""Encoders of text and of images against transformers, on random models of odd sizes: compiled,
in f64, and with padding."""

import numpy as np
import pytest
import torch

import agreement
import seqlib
import seqtools

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

EXACT = 1e-6

TEXT = dict(vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=3, intermediate_size=101,
            max_position_embeddings=128)
DISTIL = dict(vocab_size=83, dim=60, n_layers=2, n_heads=3, hidden_dim=101, max_position_embeddings=128)
IMAGE = dict(hidden_size=60, num_hidden_layers=2, num_attention_heads=3, intermediate_size=101, image_size=28,
             patch_size=4)
TEXTS = ["the cat sat on the mat", "a dog sat in the rain"]
STATE, POOLED = ["last_hidden_state"], ["last_hidden_state", "pooler_output"]
# Family: class of transformers, config, outputs.
ENCODERS = {
    "bert-head20": ("BertModel", TEXT, POOLED),
    "bert-head80": ("BertModel", TEXT | dict(
        hidden_size=160, num_attention_heads=2, num_hidden_layers=1, hidden_act="silu", type_vocab_size=3), POOLED),
    "bert-classifier": ("BertForSequenceClassification", TEXT | dict(num_labels=5), ["logits"]),
    "roberta-head20": ("RobertaModel", TEXT | dict(pad_token_id=1), POOLED),
    "roberta-head80": ("RobertaModel", TEXT | dict(
        hidden_size=160, num_attention_heads=2, num_hidden_layers=1, hidden_act="relu", type_vocab_size=1,
        pad_token_id=7), POOLED),
    "roberta-classifier": ("RobertaForSequenceClassification", TEXT | dict(pad_token_id=1), ["logits"]),
    "distilbert-head20": ("DistilBertModel", DISTIL, STATE),
    "distilbert-head80": ("DistilBertModel", DISTIL | dict(
        dim=160, n_heads=2, n_layers=1, activation="relu", sinusoidal_pos_embds=True), STATE),
    "distilbert-classifier": ("DistilBertForSequenceClassification", DISTIL | dict(num_labels=3), ["logits"]),
    "vit-head20": ("ViTModel", IMAGE, POOLED),
    "vit-head80": ("ViTModel", IMAGE | dict(
        hidden_size=160, num_attention_heads=2, num_hidden_layers=1, image_size=[19, 31], patch_size=[3, 7],
        num_channels=1, qkv_bias=False, pooler_output_size=33, pooler_act="relu", hidden_act="gelu_new"), POOLED),
    "vit-one": ("ViTModel", IMAGE | dict(image_size=5, patch_size=5), POOLED),
    "vit-classifier": ("ViTForImageClassification", IMAGE | dict(num_labels=7), ["logits"]),
}


def write(model):
    return lambda folder: transformer.save(model, folder)


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request):
    cls, config, outputs = ENCODERS[request.param]
    return request.param, transformer.random_model(cls, **config), outputs


def random_inputs(model, batch, times, padding):
    """`padding` tokens of each text are padding, behind, and one in the middle."""
    rng, config = np.random.default_rng(times), model.config
    if config.model_type == "vit":
        sizes = config.image_size if isinstance(config.image_size, (list, tuple)) else [config.image_size] * 2
        return {"pixel_values": rng.standard_normal((batch, config.num_channels, *sizes)).astype(np.float32)}
    mask = np.ones((batch, times), np.int64)
    for row, count in enumerate(padding):
        mask[row, times - count:] = 0
        if 0 < count < times - 1:
            mask[row, 1] = 0
    tokens = rng.integers(8, config.vocab_size, (batch, times))
    inputs = {"input_ids": np.where(mask, tokens, config.pad_token_id or 0), "attention_mask": mask}
    if config.model_type != "distilbert":
        inputs["token_type_ids"] = rng.integers(0, config.type_vocab_size, (batch, times))
    return inputs


def test_agrees(encoder, build):
    name, model, outputs = encoder
    path = build(name, write(model), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
    lengths = [(1, 0), (2, 1), (97, 0), (97, 40)]
    for times, padding in lengths[:1] if name.startswith("vit") else lengths:
        inputs = random_inputs(model, 1, times, [padding])
        transformer.agree(library.run("forward", inputs), model, inputs, outputs)


@pytest.mark.parametrize("name", [name for name in ENCODERS if "head80" not in name])
def test_evaluates_to_the_same(name, tmp_path):
    cls, config, outputs = ENCODERS[name]
    model = transformer.random_model(cls, **config)
    transformer.save(model, tmp_path)
    inputs = random_inputs(model, 3, 31, [0, 7, 30])
    ours = seqtools.evaluate_model(tmp_path, inputs, outputs, batch=3)
    for name, (double, _) in transformer.outputs(model, inputs, outputs).items():
        assert agreement.distance(ours[name], double) <= EXACT, name


@pytest.mark.parametrize("name", ["roberta-head20", "distilbert-classifier", "vit-head20"])
def test_batch(build, name):
    cls, config, outputs = ENCODERS[name]
    model = transformer.random_model(cls, dtype=torch.bfloat16, **config)
    program = build(f"{name}-batch", lambda folder: transformer.save(model, folder, torch.bfloat16), "--batch=3")
    inputs = random_inputs(model, 3, 33, [0, 7, 32])
    transformer.agree(program.run(inputs, outputs), model, inputs, outputs)


def test_roberta_has_positions_up_to_a_limit(build, tmp_path):
    """Of 128 rows the first two are for padding."""
    cls, config, _ = ENCODERS["roberta-head20"]
    model = transformer.random_model(cls, **config)
    program = build("roberta-head20", write(model))
    program.run(random_inputs(model, 1, 126, [0]), STATE)
    words = []
    for name, array in random_inputs(model, 1, 127, [0]).items():
        np.save(tmp_path / f"{name}.npy", array)
        words += ["--input", f"{name}={tmp_path}/{name}.npy"]
    message = seqtools.fails(program.path, "run", *words, "--output", f"last_hidden_state={tmp_path}/out.npy")
    assert "expected at most 126 tokens" in message


def test_roberta_reads_text(build):
    """The cosine of two texts, by a tokenizer that puts tokens around each."""
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>"])
    tokenizer.train_from_iterator(TEXTS * 3, tokenizers.trainers.BpeTrainer(
        vocab_size=290, special_tokens=["<s>", "<pad>", "</s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    model = transformer.random_model("RobertaModel", **TEXT | dict(
        vocab_size=tokenizer.get_vocab_size(), pad_token_id=1))

    def write_both(folder):
        transformer.save(model, folder)
        tokenizer.save(str(folder / "tokenizer.json"))

    means = []
    for text in TEXTS:
        with torch.no_grad():
            states = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
        means.append(torch.nn.functional.normalize(states[0].mean(0), dim=0))
    told = seqtools.run(build("roberta-text", write_both).path, "embed", *TEXTS)
    assert abs(float(told.split()[0]) - float(means[0] @ means[1])) < 1e-4
