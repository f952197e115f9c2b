"""Families with attention that costs less than the square of the times, compiled, against their
public implementations or their papers' formulas."""

import subprocess

import numpy as np
import pytest

import agreement
import seqlib
import seqtools

packages = pytest.importorskip("packages")

TIMES = [1, 7, 97]
HEADS20 = dict(num_tokens=83, dim=40, depth=2, heads=2, dim_head=20, max_seq_len=128)
HEAD80 = dict(num_tokens=50, dim=33, depth=1, heads=2, dim_head=80, max_seq_len=100)

LINEAR_TRANSFORMER = {
    "softmax": dict(HEADS20),
    "softmax_causal": dict(HEADS20, causal=True, use_axial_pos_emb=False),
    "softmax_causal_rotary": dict(HEAD80, causal=True, use_rotary_emb=True, emb_dim=20),
    "elu": dict(HEAD80, feature_map="elu", local_attn_window_size=20, return_embeddings=True),
    "elu_causal": dict(HEADS20, feature_map="elu", causal=True, local_attn_window_size=20),
}
PERFORMER = {
    "softmax": dict(HEADS20, rotary_position_emb=False, axial_position_emb=True, use_rezero=True, tie_embed=True),
    "softmax_causal": dict(HEADS20, causal=True),
    "running_causal": dict(HEAD80, dim=34, causal=True, key_maximum="running", use_scalenorm=True, nb_features=70),
    "relu": dict(HEAD80, dim=34, generalized_attention=True, ff_glu=True, qkv_bias=True, attn_out_bias=True),
    "gelu_causal": dict(HEADS20, causal=True, generalized_attention=True, kernel_fn="gelu", ff_mult=2,
                        rotary_position_emb=False, nb_features=21),
    "no_projection": dict(HEADS20, no_projection=True),
    "no_projection_causal": dict(HEADS20, no_projection=True, causal=True),
}
LINFORMER = {
    "all_heads": dict(num_tokens=83, dim=40, depth=2, heads=2, seq_len=97, k=11),
    "one_head": dict(num_tokens=50, dim=34, depth=1, heads=2, dim_head=80, seq_len=128, k=40, one_kv_head=True),
    "shared": dict(num_tokens=50, dim=60, depth=2, heads=3, dim_head=20, seq_len=100, k=30, share_kv=True),
}


def cases():
    for name, keys in LINEAR_TRANSFORMER.items():
        yield f"linear_transformer-{name}", packages.linear_transformer, keys
    for name, keys in PERFORMER.items():
        yield f"performer-{name}", packages.performer, keys
    for name, keys in LINFORMER.items():
        yield f"linformer-{name}", packages.linformer, keys


CASES = {name: (make, keys) for name, make, keys in cases()}
# The package's softmax features of keys depend on later keys: there are no pieces.
STREAMING = [name for name, (_, keys) in CASES.items() if keys.get("causal") and name != "performer-softmax_causal"]
# One of each family, evaluated in f64 as well.
EVALUATED = ["linear_transformer-softmax", "linear_transformer-softmax_causal_rotary",
             "linear_transformer-elu_causal", "performer-softmax", "performer-running_causal", "performer-gelu_causal",
             "linformer-one_head"]


class Case:
    def __init__(self, name):
        make, keys = CASES[name]
        self.name, self.model, self.vocabulary = name, make(**keys), keys["num_tokens"]

    def inputs(self, batch, times, padding=0):
        """`padding` tokens at the end of the first sequence, and one in its middle."""
        rng = np.random.default_rng(times)
        inputs = {"input_ids": rng.integers(0, self.vocabulary, (batch, times))}
        if self.model.config["model_type"] != "linformer" and not self.model.config.get("causal"):
            mask = np.ones((batch, times), np.int64)
            if padding:
                mask[0, times - padding:] = 0
                mask[0, 1] = 0
            inputs["attention_mask"] = mask
        return inputs

    def check(self, ours, inputs):
        for name, (double, single) in self.model.outputs(inputs).items():
            agreement.agrees(ours[name], double, single)


def agree(program, case, inputs, **options):
    case.check(program.run(inputs, [case.model.output], **options), inputs)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return Case(request.param)


def test_agrees(case, build):
    program = build(case.name, case.model.save)
    for times in TIMES:
        agree(program, case, case.inputs(1, times))
    agree(program, case, case.inputs(1, 97, padding=40), threads=2)


@pytest.mark.parametrize("name", ["linear_transformer-softmax", "performer-relu", "performer-running_causal",
                                  "linformer-one_head"])
def test_batch(name, build):
    case = Case(name)
    program = build(name, case.model.save, "--batch=3")
    for times in (1, 33):
        agree(program, case, case.inputs(3, times, padding=times // 5))


def test_no_tokens(case, build):
    program = build(case.name, case.model.save)
    assert program.run(case.inputs(1, 0), [case.model.output])[case.model.output].shape[:2] == (1, 0)


@pytest.mark.parametrize("name", STREAMING)
def test_pieces(name, build):
    """A sequence in pieces, the last ones of a single token, gives what the whole gives."""
    case, times = Case(name), 29
    path = build(name, case.model.save, library=True)
    library = seqlib.Library(path, weights=f"{path}.weights", threads=2)
    ids, output = case.inputs(1, times)["input_ids"], case.model.output
    whole = library.run("forward", {"input_ids": ids})[output]
    case.check({output: whole}, {"input_ids": ids})
    for sizes in [(1, 28), (13, 0, 16), (20, *[1] * 9)]:
        state, start = library.state(times), 0
        for size in sizes:
            part = library.run("forward", {"input_ids": ids[:, start:start + size]}, state)[output]
            agreement.agrees(part, *[whole[:, start:start + size]] * 2)
            start += size


@pytest.mark.parametrize("name", EVALUATED)
def test_evaluates(name, tmp_path):
    check_evaluated(Case(name), tmp_path)


def test_small_sums(tmp_path):
    """Keys of -8 everywhere: the sums of weights are below what the package divides by."""
    case = Case("linear_transformer-softmax_causal")
    with packages.torch.no_grad():
        for name, parameter in case.model.module.named_parameters():
            if name.endswith("0.norm.weight"):
                parameter *= 0.1
            elif name.endswith("0.norm.bias"):
                parameter += 1
            elif name.endswith("to_k.weight"):
                parameter.fill_(-0.2)
    check_evaluated(case, tmp_path)


def check_evaluated(case, tmp_path):
    """The imported module in f64."""
    case.model.save(tmp_path)
    module = tmp_path / "module.mlir"
    done = subprocess.run([seqtools.tool("seq-compile"), tmp_path, "--emit=seq", "--batch=2", "-o", module],
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for times in (1, 13):
        inputs = case.inputs(2, times, padding=times // 3)
        ours = seqtools.evaluate_file(module, "forward", inputs, [case.model.output], "--weights", tmp_path, "--double")
        for output, (double, _) in case.model.outputs(inputs).items():
            assert agreement.distance(ours[output], double) <= 1e-6
