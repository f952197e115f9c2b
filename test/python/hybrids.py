"""Random state-space models and hybrids by transformers, the public implementation: saved, and
run in f32 and f64."""

import contextlib
import copy
import sys
import types
from unittest import mock

import numpy as np
import torch
import transformers

# These models are small, and threads that wait for each other slow while other tests run.
torch.set_num_threads(1)


@contextlib.contextmanager
def everything_in_double(module):
    """transformers does norms, rotary embeddings and scans in f32, whatever the model's type
    is; here it does them in f64."""
    names = types.SimpleNamespace(**{**vars(torch), "float32": torch.float64, "float": torch.float64})
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(module, "torch", names))
        stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
        # The default of an argument was chosen when the module was read.
        for kind in vars(module).values():
            for function in vars(kind).values() if isinstance(kind, type) else ():
                if torch.float32 in (getattr(function, "__defaults__", None) or ()):
                    defaults = tuple(torch.float64 if value is torch.float32 else value
                                     for value in function.__defaults__)
                    stack.enter_context(mock.patch.object(function, "__defaults__", defaults))
        yield


class Model:
    """A model of the class named `cls` in which every parameter matters."""

    def __init__(self, cls, seed=0, **config):
        torch.manual_seed(seed)
        kind = getattr(transformers, cls)
        model = kind(kind.config_class(bos_token_id=None, eos_token_id=None, pad_token_id=None, **config)).eval()
        model.set_attn_implementation("eager")
        if hasattr(model.config, "num_experts"):
            model.set_experts_implementation("eager")
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() < 2 or "A_log" in name:  # biases, norms, decays come without chance
                    parameter += 0.2 * torch.randn_like(parameter)
                elif "conv" in name or "emb" in name:
                    parameter.normal_(0, 0.5)
                else:  # large enough that each part adds to what passes by it
                    parameter.normal_(0, 1.5 * min(parameter.shape[-2:]) ** -0.5)
        self.model = model
        self.output = "logits" if model.get_output_embeddings() else "last_hidden_state"
        self.vocabulary = model.config.vocab_size if self.output == "logits" else 0

    def inputs(self, batch, times):
        ids = np.random.default_rng(1).integers(0, self.model.config.vocab_size, (batch, times))
        return {"input_ids": ids}

    def save(self, folder):
        self.model.save_pretrained(folder)

    def outputs(self, inputs):
        ids = torch.as_tensor(inputs["input_ids"])
        with torch.no_grad():
            single = self.model(ids, use_cache=False)[self.output]
            wide = copy.deepcopy(self.model).double()
            with everything_in_double(sys.modules[type(self.model).__module__]):
                double = wide(ids, use_cache=False)[self.output]
        return double, single
