"""Random state-space models and hybrids by transformers, the public implementation: saved, and
run in f32 and f64."""

import contextlib
import copy
import sys
import types
from unittest import mock

import torch
import transformers

# These models are small, and threads that wait for each other slow while other tests run.
torch.set_num_threads(1)


def random_model(cls, seed=0, **config):
    """A model of the class named `cls` in which every parameter matters."""
    torch.manual_seed(seed)
    kind = getattr(transformers, cls)
    model = kind(kind.config_class(bos_token_id=None, eos_token_id=None, pad_token_id=None, **config)).eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2 or "A_log" in name:  # biases, norms, decays come without chance
                parameter += 0.2 * torch.randn_like(parameter)
            elif "conv" in name:
                parameter.normal_(0, 0.5)
            elif "emb" in name:
                parameter.normal_(0, 0.5)
            else:  # large enough that each part adds to what passes by it
                parameter.normal_(0, 1.5 * min(parameter.shape[-2:]) ** -0.5)
    return model


def save(model, folder, dtype=torch.float32, **options):
    """In the layout of transformers, with numbers of type `dtype` in the file."""
    copy.deepcopy(model).to(dtype).save_pretrained(folder, **options)


@contextlib.contextmanager
def _everything_in_double(module):
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


def outputs(model, ids, name="logits"):
    """What transformers gives for token ids [B, T]: in f64, in f32."""
    ids = torch.as_tensor(ids)
    with torch.no_grad():
        single = model(ids, use_cache=False)[name]
        wide = copy.deepcopy(model).double()
        with _everything_in_double(sys.modules[type(model).__module__]):
            double = wide(ids, use_cache=False)[name]
    return double, single


def greedy(model, ids, new):
    """The tokens that transformers continues with."""
    for _ in range(new):
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits
        ids = ids + [int(logits[0, -1].argmax())]
    return ids[-new:]
