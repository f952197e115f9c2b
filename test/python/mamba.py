"""Random Mambas by transformers, the public implementation: saved, and run in f32 and f64."""

import contextlib
import types
from unittest import mock

import torch
from transformers import MambaConfig, MambaForCausalLM
from transformers.models.mamba import modeling_mamba


def random_mamba(seed=0, dtype=torch.float32, **config):
    """A model in which every parameter matters; its values are exact in `dtype`."""
    torch.manual_seed(seed)
    settings = dict(use_associative_scan=False, bos_token_id=None, eos_token_id=None, pad_token_id=None)
    model = MambaForCausalLM(MambaConfig(**settings, **config)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2 or "A_log" in name:  # biases, norms, D and A come without chance
                parameter += 0.1 * torch.randn_like(parameter)
            # Else each token only repeats itself.
            if "embeddings" in name:
                parameter *= 0.3
            if "out_proj.weight" in name:
                parameter *= 3
    return model.to(dtype).float()


def save(model, folder, dtype=torch.float32, **options):
    """In the layout of transformers, with numbers of type `dtype` in the file."""
    model.to(dtype).save_pretrained(folder, **options)
    model.float()


@contextlib.contextmanager
def _everything_in_double():
    """transformers' Mamba does norms, residuals and the scan in f32, whatever the model's
    type is; here it does them in f64."""
    names = types.SimpleNamespace(**{**vars(torch), "float32": torch.float64})
    with mock.patch.object(modeling_mamba, "torch", names), \
            mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
        yield


def logits(model, ids):
    """What transformers gives for token ids [B, T]: in f64, in f32."""
    ids = torch.as_tensor(ids)
    with torch.no_grad():
        single = model(ids, use_cache=False).logits
        with _everything_in_double():
            double = model.double()(ids, use_cache=False).logits
        model.float()
    return double, single


def greedy(model, ids, new):
    """The tokens that transformers continues with."""
    whole = model.generate(torch.tensor([ids]), max_new_tokens=new, min_new_tokens=new, do_sample=False)
    return whole[0, len(ids):].tolist()
