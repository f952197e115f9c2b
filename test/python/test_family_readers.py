"""Decoders that classify the text which they have read, against transformers."""

import numpy as np
import pytest

import agreement
import seqlib

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

GPT2 = dict(vocab_size=83, n_embd=60, n_layer=2, n_head=3, n_positions=128)
NEOX = dict(vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=3, intermediate_size=101)
ROTARY = dict(vocab_size=83, hidden_size=60, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              intermediate_size=101)
READERS = {
    "gpt2": ("GPT2ForSequenceClassification", GPT2),
    "gpt_neox": ("GPTNeoXForSequenceClassification", NEOX),
    "llama": ("LlamaForSequenceClassification", ROTARY | dict(head_dim=20)),
    "mistral": ("MistralForSequenceClassification", ROTARY | dict(head_dim=20, sliding_window=13)),
    "qwen3": ("Qwen3ForSequenceClassification", ROTARY | dict(head_dim=20)),
}


def write(model):
    return lambda folder: transformer.save(model, folder)


def ids(*shape, vocabulary=83):
    return np.random.default_rng(1).integers(0, vocabulary, shape)

@pytest.mark.parametrize("name", READERS)
def test_classifier(build, name):
    cls, config = READERS[name]
    model = transformer.random_model(cls, num_labels=5, **config)
    program = build(f"{name}-classifier", write(model))
    for times in (1, 97):
        inputs = {"input_ids": ids(1, times)}
        transformer.agree(program.run(inputs, ["logits"]), model, inputs, ["logits"])


@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_classifier_of_padded_texts(build, name):
    """The last token that is no padding counts, on whichever side the padding is."""
    cls, config = READERS[name]
    model = transformer.random_model(cls, pad_token_id=82, **config)
    program = build(f"{name}-padded", write(model), "--batch=3")
    tokens = ids(3, 33, vocabulary=82)
    tokens[0, 20:] = tokens[1, :13] = tokens[2, 1:] = 82
    inputs = {"input_ids": tokens}
    transformer.agree(program.run(inputs, ["logits"]), model, inputs, ["logits"])


def test_classifier_in_pieces(build):
    """The verdict of so far, after each piece; a piece of padding changes nothing."""
    cls, config = READERS["llama"]
    model = transformer.random_model(cls, pad_token_id=82, **config)
    path = build("llama-padded", write(model), library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=1)
    tokens = ids(1, 30, vocabulary=82)
    tokens[0, 25:] = 82
    state = library.state(30)
    for start, stop in [(0, 20), (20, 21), (21, 27), (27, 30)]:
        logits = library.run("forward", {"input_ids": tokens[:, start:stop]}, state)["logits"]
        whole = library.run("forward", {"input_ids": tokens[:, :stop]})["logits"]
        agreement.agrees(logits, whole, whole)
