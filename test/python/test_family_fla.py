"""Compiled decoders with gated and delta-rule linear attention against the definitions of
fla-core."""

import pytest

import familychecks

pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)
fla = pytest.importorskip("fla", reason="fla-core is not installed", exc_type=ImportError)
import flamodels  # noqa: E402

SIZES = {"vocab_size": 83, "hidden_size": 40, "num_hidden_layers": 2, "hidden_ratio": 2}

# family-variant
CASES = {
    "gla-head20": lambda: flamodels.Model("gla", **SIZES, num_heads=2, expand_k=1, expand_v=1),
    "gla-head80": lambda: flamodels.Model(
        "gla", head=False, vocab_size=50, hidden_size=32, num_hidden_layers=1, hidden_ratio=4, intermediate_size=33,
        num_heads=2, num_kv_heads=1, expand_k=5, expand_v=2.5, use_short_conv=True, conv_size=3, norm_eps=1e-3,
        use_output_gate=False),
    "delta_net-head20": lambda: flamodels.Model("delta_net", **SIZES, num_heads=2, expand_k=1, expand_v=1),
    "delta_net-head80": lambda: flamodels.Model(
        "delta_net", vocab_size=50, hidden_size=32, num_hidden_layers=1, hidden_ratio=4, intermediate_size=33,
        num_heads=1, expand_k=2.5, expand_v=1.25, use_gate=True, allow_neg_eigval=True, use_short_conv=False,
        tie_word_embeddings=True),
    "retnet-head20": lambda: flamodels.Model("retnet", **SIZES, num_heads=2, expand_k=1, expand_v=2),
    "retnet-head80": lambda: flamodels.Model(
        "retnet", head=False, vocab_size=50, hidden_size=32, num_hidden_layers=1, hidden_ratio=4,
        intermediate_size=33, num_heads=2, num_kv_heads=1, expand_k=5, expand_v=1, use_short_conv=True,
        conv_bias=True),
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


@pytest.mark.parametrize("name", ["gla-head20", "delta_net-head20", "retnet-head20"])
def test_batch(build, name):
    familychecks.batch(name, CASES[name](), build)


@pytest.mark.parametrize("name", ["gla-head20", "delta_net-head20", "retnet-head20"])
def test_greedy_tokens(build, name):
    familychecks.greedy_tokens(name, CASES[name](), build)
