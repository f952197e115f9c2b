"""Random models by transformers, the public implementation: saved, and run in f32 and f64."""

import contextlib
import copy
import sys
import types
from unittest import mock

import torch
import transformers

import agreement

# These models are small, and threads that wait for each other slow while other tests run.
torch.set_num_threads(1)


def random_model(cls, seed=0, dtype=torch.float32, **config):
    """A model of the class named `cls` in which every parameter matters; its values are
    exact in `dtype`."""
    torch.manual_seed(seed)
    kind = getattr(transformers, cls)
    tokens = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)
    model = kind(kind.config_class(**tokens | config)).eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2:  # biases and norms come without chance
                parameter += 0.1 * torch.randn_like(parameter)
            elif "emb" in name or "wte" in name or "wpe" in name:
                parameter.normal_(0, 0.5)
            else:  # large enough that attention prefers some keys
                parameter.normal_(0, 1.5 * min(parameter.shape) ** -0.5)
            parameter.copy_(parameter.to(dtype).float())
    return model


def save(model, folder, dtype=torch.float32, **options):
    """In the layout of transformers, with numbers of type `dtype` in the file."""
    copy.deepcopy(model).to(dtype).save_pretrained(folder, **options)


@contextlib.contextmanager
def _everything_in_double(model):
    """Models of transformers do norms, rotary embeddings and softmax in f32, whatever the model's
    type is; here they do them in f64."""
    names = types.SimpleNamespace(**{**vars(torch), "float32": torch.float64, "float": torch.float64})
    with mock.patch.object(sys.modules[type(model).__module__], "torch", names), \
            mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
        yield


def outputs(model, inputs, names):
    """What transformers gives for arrays by name: for each of `names` in f64, in f32."""
    inputs = {name: torch.as_tensor(array) for name, array in inputs.items()}
    with torch.no_grad():
        single = model(**inputs)
        exact = {name: array.double() if array.is_floating_point() else array for name, array in inputs.items()}
        with _everything_in_double(model):
            double = model.double()(**exact)
        model.float()
    return {name: (double[name], single[name]) for name in names}


def agree(ours, model, inputs, names):
    """Whether the arrays `ours` agree with what transformers gives."""
    for name, (double, single) in outputs(model, inputs, names).items():
        agreement.agrees(ours[name], double, single)


def greedy(model, ids, new, **options):
    """The tokens that transformers continues with."""
    whole = model.generate(torch.tensor([ids]), max_new_tokens=new, min_new_tokens=new, do_sample=False, **options)
    return whole[0, len(ids):].tolist()
