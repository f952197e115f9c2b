"""Compiled state-space models: Mamba-2 and Falcon-Mamba against transformers, S4D against the
paper's formulas."""

import pytest

import agreement
import familychecks
import s4d
import seqtools

hybrids = pytest.importorskip("hybrids", reason="transformers is not installed", exc_type=ImportError)

# family-variant
CASES = {
    "falcon_mamba": lambda: hybrids.Model(
        "FalconMambaForCausalLM", vocab_size=83, hidden_size=40, num_hidden_layers=2, state_size=7, use_bias=True),
    "falcon_mamba-without_head": lambda: hybrids.Model(
        "FalconMambaModel", vocab_size=50, hidden_size=33, num_hidden_layers=1, state_size=16, conv_kernel=3,
        use_conv_bias=False, time_step_rank=5, mixer_rms_eps=1e-3),
    "mamba2-head20": lambda: hybrids.Model(
        "Mamba2ForCausalLM", vocab_size=83, hidden_size=60, num_hidden_layers=3, num_heads=6, head_dim=20,
        state_size=20, n_groups=2, chunk_size=32),
    "mamba2-head80": lambda: hybrids.Model(
        "Mamba2ForCausalLM", vocab_size=50, hidden_size=40, num_hidden_layers=1, num_heads=1, head_dim=80,
        state_size=33, n_groups=1, chunk_size=16, conv_kernel=3, use_bias=True, use_conv_bias=False,
        time_step_limit=(0.2, 1.5), tie_word_embeddings=True),
    "mamba2-without_head": lambda: hybrids.Model(
        "Mamba2Model", vocab_size=83, hidden_size=40, num_hidden_layers=2, num_heads=4, head_dim=20, state_size=16,
        n_groups=4, chunk_size=16),
    "s4d": lambda: s4d.Model(
        vocab_size=83, hidden_size=33, num_layers=3, state_size=14, output_size=83),
    "s4d-bilinear": lambda: s4d.Model(
        input_size=5, hidden_size=20, num_layers=2, state_size=80, discretization="bilinear", prenorm=True),
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


@pytest.mark.parametrize("name", ["falcon_mamba", "mamba2-head20", "s4d"])
def test_batch(build, name):
    familychecks.batch(name, CASES[name](), build)


@pytest.mark.parametrize("name", ["falcon_mamba", "mamba2-head20", "s4d"])
def test_greedy_tokens(build, name):
    familychecks.greedy_tokens(name, CASES[name](), build)


def test_s4d_classifier(build):
    """The mean over time has no state: a sequence comes whole."""
    model = s4d.Model(input_size=1, hidden_size=20, num_layers=2, state_size=20, output_size=10, pooling="mean")
    program = build("s4d-classifier", model.save)
    assert program.info()["functions"][0]["states"] == []
    inputs = model.inputs(1, 97)
    agreement.agrees(program.run(inputs, ["logits"])["logits"], *model.outputs(inputs))


@pytest.mark.parametrize("name, form", [
    ("falcon_mamba", "scan"), ("falcon_mamba", "quadratic"), ("mamba2-head20", "chunked"), ("mamba2-head20", "scan"),
    ("mamba2-head20", "quadratic"), ("mamba2-head80", "chunked"), ("s4d", "scan")])
def test_forms(build, name, form):
    model = CASES[name]()
    program = familychecks.library(name, model, build, f"--form={form}")
    inputs = model.inputs(1, 97)
    agreement.agrees(program.run("forward", inputs)[model.output], *model.outputs(inputs))


@pytest.mark.parametrize("times", [0, 1, 37])
def test_s4d_as_convolution(tmp_path, times):
    """Section 3.2 of the paper: the kernel of the whole sequence instead of states."""
    model = CASES["s4d-bilinear"]()
    model.save(tmp_path)
    source = seqtools.run(seqtools.tool("seq-compile"), tmp_path, "--emit=seq")
    convolved = seqtools.opt(source, "--seq-convolve")
    assert "seq.recurrence" in source and "seq.recurrence" not in convolved
    (tmp_path / "module.mlir").write_text(convolved)
    inputs = model.inputs(1, times)
    ours = seqtools.evaluate_file(tmp_path / "module.mlir", "forward", inputs, [model.output],
                                  f"--weights={tmp_path}")[model.output]
    expected = model.outputs(inputs)[0] if times else model.stack.encoder.weight.new_zeros(1, 0, 20)
    assert agreement.distance(ours, expected) < 1e-6
