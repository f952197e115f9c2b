"""Compiled models of gated and delta-rule linear attention, and of RWKV, against transformers."""

import copy
import inspect
import sys
from unittest import mock

import pytest

import familychecks

hybrids = pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)


class Rwkv(hybrids.Model):
    """Its weights change as it runs."""

    def outputs(self, inputs):
        model, self.model = self.model, copy.deepcopy(self.model)
        try:
            return super().outputs(inputs)
        finally:
            self.model = model


class Qwen3Next(hybrids.Model):
    """With transformers' own formulas where other packages' kernels are installed, which need a GPU."""

    def outputs(self, inputs):
        module = sys.modules[type(self.model).__module__]
        own = inspect.unwrap(module.torch_chunk_gated_delta_rule)
        with mock.patch.object(module, "torch_chunk_gated_delta_rule", own):
            return super().outputs(inputs)


# family-variant
CASES = {
    "minimax-head20": lambda: hybrids.Model(
        "MiniMaxForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=33, num_local_experts=5, block_size=32, linear_attn_alpha_factor=1.3,
        linear_attn_beta_factor=0.7, mlp_beta_factor=1.5, full_attn_alpha_factor=1.1),
    "minimax-head80": lambda: hybrids.Model(
        "MiniMaxModel", vocab_size=50, hidden_size=33, num_hidden_layers=2, num_attention_heads=2, head_dim=80,
        num_key_value_heads=2, intermediate_size=20, num_local_experts=3, num_experts_per_tok=1, sliding_window=11,
        layer_types=["linear_attention", "full_attention"], hidden_act="relu"),
    "qwen3_next-head20": lambda: Qwen3Next(
        "Qwen3NextForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=5, num_attention_heads=2,
        num_key_value_heads=1, head_dim=20, intermediate_size=33, moe_intermediate_size=21,
        shared_expert_intermediate_size=19, num_experts=5, num_experts_per_tok=2, linear_num_key_heads=1,
        linear_num_value_heads=2, linear_key_head_dim=20, linear_value_head_dim=20, full_attention_interval=3,
        decoder_sparse_step=2),
    "qwen3_next-head80": lambda: Qwen3Next(
        "Qwen3NextModel", vocab_size=50, hidden_size=33, num_hidden_layers=2, num_attention_heads=1,
        num_key_value_heads=1, head_dim=80, intermediate_size=33, moe_intermediate_size=21,
        shared_expert_intermediate_size=19, num_experts=3, num_experts_per_tok=2, norm_topk_prob=False,
        linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=80, linear_value_head_dim=33,
        linear_conv_kernel_dim=3, layer_types=["full_attention", "linear_attention"], attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.5}),
    "qwen3_next-dense": lambda: Qwen3Next(
        "Qwen3NextForCausalLM", vocab_size=50, hidden_size=40, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=20, intermediate_size=33, num_experts=0, linear_num_key_heads=1,
        linear_num_value_heads=3, linear_key_head_dim=16, linear_value_head_dim=20, full_attention_interval=2,
        tie_word_embeddings=True),
    "rwkv": lambda: Rwkv("RwkvForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=3),
    "rwkv-rescaled": lambda: Rwkv(
        "RwkvModel", vocab_size=50, hidden_size=33, num_hidden_layers=5, attention_hidden_size=20,
        intermediate_size=47, rescale_every=2, layer_norm_epsilon=1e-3),
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


@pytest.mark.parametrize("name", ["minimax-head20", "qwen3_next-head20", "rwkv"])
def test_batch(build, name):
    familychecks.batch(name, CASES[name](), build)


@pytest.mark.parametrize("name", ["minimax-head20", "qwen3_next-head20", "rwkv"])
def test_greedy_tokens(build, name):
    familychecks.greedy_tokens(name, CASES[name](), build)
