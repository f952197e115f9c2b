"""Imported BERT, GPT-2 and Llama directories, evaluated in f64, against transformers in f64."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import agreement
import seqtools

transformer = pytest.importorskip("transformer", reason="transformers is not installed", exc_type=ImportError)

# Frequencies of rotary embeddings are f32, which each rounds in its own way.
EXACT = 1e-6

BERT = dict(vocab_size=53, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37,
            max_position_embeddings=20)
GPT2 = dict(vocab_size=53, n_embd=24, n_layer=2, n_head=3, n_positions=20)
LLAMA = dict(vocab_size=53, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=37)


def ids(*shape, vocabulary=53):
    return np.random.default_rng(2).integers(0, vocabulary, shape)


def edit_config(folder, **keys):
    """Keys with the value ... are removed."""
    config = json.loads((folder / "config.json").read_text()) | keys
    config = {key: value for key, value in config.items() if value is not ...}
    (folder / "config.json").write_text(json.dumps(config))


def check(folder, model, inputs, names, batch=1, **options):
    ours = seqtools.evaluate_model(folder, inputs, names, batch=batch, **options)
    for name, (double, _) in transformer.outputs(model, inputs, names).items():
        assert agreement.distance(ours[name], double) <= EXACT, name


def check_decoder(folder, model, name="logits", times=(1, 13), batch=1):
    for count in times:
        check(folder, model, {"input_ids": ids(batch, count)}, [name], batch)


def check_last(folder, model, times=9):
    inputs = {"input_ids": ids(1, times)}
    double, _ = transformer.outputs(model, inputs, ["logits"])["logits"]
    last = seqtools.evaluate_model(folder, inputs, ["logits"], "last")["logits"]
    assert agreement.distance(last, double[:, -1]) <= EXACT


# --- BERT -------------------------------------------------------------------------


def bert_inputs(batch, times, padding=0):
    """`padding` tokens at the end of the first sequence, and one in the middle."""
    mask = np.ones((batch, times), np.int64)
    mask[0, times - padding:] = 0
    if padding:
        mask[0, 1] = 0
    return {"input_ids": ids(batch, times), "attention_mask": mask,
            "token_type_ids": np.arange(batch * times).reshape(batch, times) // 3 % 2}


@pytest.mark.parametrize("times, padding", [(1, 0), (13, 0), (13, 5), (20, 1)])
def test_bert(tmp_path, times, padding):
    model = transformer.random_model("BertModel", **BERT)
    transformer.save(model, tmp_path)
    names = ["last_hidden_state", "pooler_output"]
    check(tmp_path, model, bert_inputs(2, times, padding), names, batch=2)


@pytest.mark.parametrize("keys", [
    dict(hidden_act="gelu_new", layer_norm_eps=1e-2), dict(hidden_act="relu", type_vocab_size=3),
    dict(hidden_act="silu", num_hidden_layers=1, num_attention_heads=1)], ids=["gelu_new", "relu", "silu"])
def test_bert_config(tmp_path, keys):
    model = transformer.random_model("BertModel", **BERT | keys)
    transformer.save(model, tmp_path)
    check(tmp_path, model, bert_inputs(1, 7, 2), ["last_hidden_state", "pooler_output"])


def test_bert_of_a_model_with_a_head(tmp_path):
    """Tensors have a prefix, there is no pooler, and the head is not the model's, which a warning says."""
    model = transformer.random_model("BertForMaskedLM", **BERT)
    transformer.save(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({name: tensor for name, tensor in tensors.items() if not name.startswith("cls.")},
              tmp_path / "model.safetensors", metadata={"format": "pt"})
    check(tmp_path, model.bert, bert_inputs(1, 7, 2), ["last_hidden_state"], warning='found ["BertForMaskedLM"]')
    assert "pooler" not in (tmp_path / "module.mlir").read_text()


def test_bert_of_the_authors(tmp_path):
    """Norms have the names of TensorFlow."""
    model = transformer.random_model("BertModel", **BERT)
    transformer.save(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for old, new in names.items():
        tensors = {name.replace(old, new): tensor for name, tensor in tensors.items()}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    check(tmp_path, model, bert_inputs(1, 7, 2), ["last_hidden_state"])


def test_bert_has_positions_up_to_a_limit(tmp_path):
    transformer.save(transformer.random_model("BertModel", **BERT), tmp_path)
    with pytest.raises(AssertionError, match="expected at most 20 tokens"):
        seqtools.evaluate_model(tmp_path, bert_inputs(1, 21), ["last_hidden_state"])


# --- GPT-2 ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=["f32", "f16", "bf16"])
def test_gpt2(tmp_path, dtype):
    model = transformer.random_model("GPT2LMHeadModel", dtype=dtype, **GPT2)
    transformer.save(model, tmp_path, dtype)
    check_decoder(tmp_path, model)
    check_last(tmp_path, model)


@pytest.mark.parametrize("keys", [
    dict(activation_function="gelu", n_inner=31, layer_norm_epsilon=1e-2),
    dict(scale_attn_weights=False, n_layer=1, n_head=1),
    dict(tie_word_embeddings=False)], ids=["inner", "unscaled", "untied"])
def test_gpt2_config(tmp_path, keys):
    model = transformer.random_model("GPT2LMHeadModel", **GPT2 | keys)
    transformer.save(model, tmp_path)
    check_decoder(tmp_path, model, batch=2)


def test_gpt2_without_head(tmp_path):
    model = transformer.random_model("GPT2Model", **GPT2)
    transformer.save(model, tmp_path)
    check_decoder(tmp_path, model, "last_hidden_state")
    assert "@last(" not in (tmp_path / "module.mlir").read_text()


def test_gpt2_of_the_authors(tmp_path):
    """Their file has no prefix though there is a head, and holds the causal masks."""
    model = transformer.random_model("GPT2LMHeadModel", **GPT2)
    transformer.save(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    for layer in range(2):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 20, 20).tril()
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    check_decoder(tmp_path, model)
    check_last(tmp_path, model)


# --- Llama ------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [
    dict(), dict(num_key_value_heads=1, tie_word_embeddings=True), dict(num_key_value_heads=4),
    dict(head_dim=20, attention_bias=True, mlp_bias=True), dict(head_dim=80, hidden_act="gelu", rms_norm_eps=1e-2),
    dict(rope_parameters={"rope_type": "default", "rope_theta": 500000.0})],
    ids=["grouped", "one_key_head", "all_heads", "head20", "head80", "theta"])
def test_llama(tmp_path, keys):
    model = transformer.random_model("LlamaForCausalLM", **LLAMA | keys)
    transformer.save(model, tmp_path)
    check_decoder(tmp_path, model, batch=2)


def test_llama_last(tmp_path):
    model = transformer.random_model("LlamaForCausalLM", dtype=torch.bfloat16, **LLAMA)
    transformer.save(model, tmp_path, torch.bfloat16)
    check_last(tmp_path, model)


def test_llama_without_head(tmp_path):
    model = transformer.random_model("LlamaModel", **LLAMA)
    transformer.save(model, tmp_path)
    check_decoder(tmp_path, model, "last_hidden_state")


def test_llama_older_spellings(tmp_path):
    model = transformer.random_model("LlamaForCausalLM", rope_parameters={"rope_type": "default", "rope_theta": 1234.0},
                                     **LLAMA)
    transformer.save(model, tmp_path)
    edit_config(tmp_path, rope_parameters=..., head_dim=..., rope_theta=1234.0, rope_scaling=None)
    check_decoder(tmp_path, model)


def test_llama_in_shards_of_two_types(tmp_path):
    """Norms are f32, matrices bf16."""
    model = transformer.random_model("LlamaForCausalLM", dtype=torch.bfloat16, **LLAMA)
    transformer.save(model, tmp_path, torch.bfloat16, max_shard_size="5KB")
    for shard in tmp_path.glob("model-*.safetensors"):
        tensors = {name: tensor.float() if "norm" in name else tensor for name, tensor in load_file(shard).items()}
        save_file(tensors, shard, metadata={"format": "pt"})
    assert (tmp_path / "model.safetensors.index.json").exists()
    check_decoder(tmp_path, model)
