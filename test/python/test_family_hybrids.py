"""Compiled hybrids of recurrences and attention against transformers."""

import pytest

import familychecks

hybrids = pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)

# family-variant
CASES = {
    "bamba-head20": lambda: hybrids.Model(
        "BambaForCausalLM", vocab_size=83, hidden_size=60, num_hidden_layers=5, intermediate_size=67,
        num_attention_heads=3, num_key_value_heads=1, attn_layer_indices=[1, 3], mamba_n_heads=6, mamba_n_groups=2,
        mamba_d_state=16, mamba_chunk_size=32),
    "bamba-head80": lambda: hybrids.Model(
        "BambaForCausalLM", vocab_size=50, hidden_size=80, num_hidden_layers=3, intermediate_size=40,
        num_attention_heads=1, num_key_value_heads=None, attn_layer_indices=[0], mamba_n_heads=2, mamba_d_head=80,
        mamba_d_state=20, mamba_d_conv=3, mamba_conv_bias=False, mamba_proj_bias=True, mamba_chunk_size=16,
        attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "jamba-head20": lambda: hybrids.Model(
        "JambaForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=4, intermediate_size=33,
        num_attention_heads=2, num_key_value_heads=1, num_experts=5, mamba_d_state=7, attn_layer_period=3,
        attn_layer_offset=1),
    "jamba-head80": lambda: hybrids.Model(
        "JambaForCausalLM", vocab_size=50, hidden_size=80, num_hidden_layers=3, intermediate_size=40,
        num_attention_heads=1, num_key_value_heads=1, num_experts=3, num_experts_per_tok=1, mamba_d_state=16,
        mamba_d_conv=3, mamba_expand=1, mamba_dt_rank=9, mamba_conv_bias=False, mamba_proj_bias=True,
        attn_layer_period=2, attn_layer_offset=0, expert_layer_period=1, expert_layer_offset=0,
        tie_word_embeddings=True),
    "recurrent_gemma-head20": lambda: hybrids.Model(
        "RecurrentGemmaForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=5, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=67, attention_window_size=11,
        embedding=0.05),  # which is scaled by 6: else each token only repeats itself
    "recurrent_gemma-head80": lambda: hybrids.Model(
        "RecurrentGemmaForCausalLM", vocab_size=50, hidden_size=80, num_hidden_layers=3, num_attention_heads=1,
        lru_width=33, intermediate_size=66, attention_window_size=200, attention_bias=True,
        block_types=["attention", "recurrent"], tie_word_embeddings=False, logits_soft_cap=3.0, conv1d_width=3,
        hidden_activation="relu"),
    "recurrent_gemma-without_head": lambda: hybrids.Model(
        "RecurrentGemmaModel", vocab_size=83, hidden_size=40, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=67),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param, CASES[request.param]()


def test_agrees(case, build):
    familychecks.agrees(*case, build)


def test_pieces(case, build):
    familychecks.pieces(*case, build)


def test_evaluates(case, tmp_path):
    familychecks.evaluates(case[1], tmp_path)


@pytest.mark.parametrize("name", ["jamba-head20", "recurrent_gemma-head20"])
def test_batch(build, name):
    familychecks.batch(name, CASES[name](), build)


@pytest.mark.parametrize("name", ["jamba-head20", "recurrent_gemma-head20"])
def test_greedy_tokens(build, name):
    familychecks.greedy_tokens(name, CASES[name](), build)
