"""Recurrent language models, minGRU and minLSTM, against the package minGRU-pytorch: random models."""

import copy
import json

import numpy as np
import pytest

import agreement
import familychecks

torch = pytest.importorskip("torch", reason="torch is not installed")
minlm = pytest.importorskip("minGRU_pytorch.minLM", reason="minGRU-pytorch is not installed")
from safetensors.torch import save_file  # noqa: E402


class MinLM:
    output = "logits"

    def __init__(self, kind, **config):
        torch.manual_seed(0)
        self.config, self.vocabulary = {"model_type": kind, **config}, config["num_tokens"]
        self.module = minlm.minLM(use_lstm=kind == "minlstm", **config).eval()
        with torch.no_grad():
            for parameter in self.module.parameters():
                if parameter.dim() < 2:
                    parameter += 0.1 * torch.randn_like(parameter)
                elif parameter is self.module.token_emb.weight:
                    parameter.normal_(0, 0.5)
                else:
                    parameter.normal_(0, 1.5 * parameter[0].numel() ** -0.5)

    def save(self, folder):
        save_file({name: value.contiguous() for name, value in self.module.state_dict().items()},
                  folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config))

    def inputs(self, batch, times):
        return {"input_ids": np.random.default_rng(times).integers(0, self.vocabulary, (batch, times))}

    def outputs(self, inputs):
        ids = torch.as_tensor(inputs["input_ids"])
        with torch.no_grad():
            return copy.deepcopy(self.module).double()(ids).numpy(), self.module(ids).numpy()


MODELS = {
    "mingru": lambda: MinLM("mingru", num_tokens=43, dim=20, depth=2),
    "mingru-conv": lambda: MinLM("mingru", num_tokens=50, dim=33, depth=2, expansion=1.0, ff_mult=2, enable_conv=True,
                                 conv_kernel_size=4),
    "minlstm": lambda: MinLM("minlstm", num_tokens=43, dim=20, depth=2, expansion=1.3),
    "minlstm-80": lambda: MinLM("minlstm", num_tokens=83, dim=80, depth=1, expansion=2.0),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    made = MODELS[request.param]()
    made.name = request.param
    return made


def test_agrees(model, build):
    familychecks.agrees(model.name, model, build)


def test_pieces(model, build):
    familychecks.pieces(model.name, model, build)


def test_batch(model, build):
    familychecks.batch(model.name, model, build)


def test_evaluates(model, tmp_path):
    familychecks.evaluates(model, tmp_path)


def test_gates_that_underflow(build):
    """Both gates of a minLSTM may be 0 as numbers, of which the mean has still a meaning."""
    model = MODELS["minlstm"]()
    with torch.no_grad():
        for layer in model.module.layers:
            size = layer[2].to_hidden_and_f_i_gate.weight.shape[0] // 3
            layer[2].to_hidden_and_f_i_gate.weight[size:] *= 200
    program = familychecks.library("minlstm-underflow", model, build)
    for times in (1, 97):
        inputs = model.inputs(1, times)
        double, _ = model.outputs(inputs)  # in f32 the package's own step of one token is no number
        # Gates as steep as these enlarge the rounding of what goes into them.
        assert agreement.distance(program.run("forward", inputs)["logits"], double) < 1e-3
