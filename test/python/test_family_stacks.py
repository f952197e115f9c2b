"""Compiled stacks of any mixers against what they are made of, models that end early, and
hybrids in each form of their recurrences."""

import pytest

import agreement
import familychecks

hybrids = pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)
import hybridstack

# family-variant
CASES = {
    # A local window beside a global one, each with its own angles.
    "hybrid-head20": lambda: hybridstack.Model(
        vocab_size=83, hidden_size=40, num_hidden_layers=4, intermediate_size=67, num_attention_heads=2, mlp="swiglu",
        num_key_value_heads=1, layers=[dict(mixer="window_attention", window=7), dict(mixer="mamba", mamba_d_state=7),
                                       dict(mixer="attention", rope_theta=500.0, attention_bias=True)]),
    "hybrid-recurrent": lambda: hybridstack.Model(
        vocab_size=50, hidden_size=33, mlp="none", layers=[
            dict(mixer="lstm", recurrent_size=20), dict(mixer="gru", mlp="gelu", intermediate_size=40),
            dict(mixer="rnn", mlp="experts", intermediate_size=20, num_experts=4, num_experts_per_tok=3,
                 norm_topk_prob=True), dict(mixer="lstm"), dict(mixer="gru", mlp="gelu", intermediate_size=40)]),
    "hybrid-state_space": lambda: hybridstack.Model(
        vocab_size=83, hidden_size=40, tie_word_embeddings=True, layers=[
            dict(mixer="mamba2", mamba_n_heads=4, mamba_d_state=20, mlp="geglu", intermediate_size=20),
            dict(mixer="s4d", state_size=14, mlp="experts", intermediate_size=21, num_experts=5, num_experts_per_tok=2),
            dict(mixer="griffin", num_attention_heads=2, lru_width=30, mlp="none"),
            dict(mixer="attention", num_attention_heads=1, head_dim=80, rope=False, mlp="none")]),
}
BAMBA = dict(vocab_size=83, hidden_size=60, num_hidden_layers=5, intermediate_size=67, num_attention_heads=3,
             num_key_value_heads=1, attn_layer_indices=[1, 3], mamba_n_heads=6, mamba_d_state=16, mamba_chunk_size=32)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param, CASES[request.param]()


def test_agrees(case, build):
    familychecks.agrees(*case, build)


def test_pieces(case, build):
    familychecks.pieces(*case, build)


def test_evaluates(case, tmp_path):
    familychecks.evaluates(case[1], tmp_path)


def test_batch(build):
    familychecks.batch("hybrid-head20", CASES["hybrid-head20"](), build)


def test_greedy_tokens(build):
    familychecks.greedy_tokens("hybrid-head20", CASES["hybrid-head20"](), build)


@pytest.mark.parametrize("layers", [1, 4])
def test_exit_layer(build, layers):
    """A model that ends early is the one that has no more layers."""
    model = hybrids.Model("BambaForCausalLM", **BAMBA)
    program = familychecks.library("bamba", model, build, f"--exit-layer={layers}")
    inputs = model.inputs(1, 20)
    model.model.model.layers = model.model.model.layers[:layers]
    agreement.agrees(program.run("forward", inputs)["logits"], *model.outputs(inputs))


@pytest.mark.parametrize("form", ["chunked", "scan"])
def test_forms(build, form):
    model = hybrids.Model(
        "RecurrentGemmaForCausalLM", vocab_size=50, hidden_size=40, num_hidden_layers=2, num_attention_heads=2,
        lru_width=34, intermediate_size=66, attention_window_size=20, block_types=["attention", "recurrent"])
    program = familychecks.library("recurrent_gemma", model, build, f"--form={form}")
    inputs = model.inputs(1, 97)
    agreement.agrees(program.run("forward", inputs)["logits"], *model.outputs(inputs))
