"""A Mamba of the size of mamba-130m with random weights: the logits after a prompt, and after one more token."""

import numpy as np

import ours
from timing import Contender

PROMPT = 512
SIZES = dict(vocab_size=50280, hidden_size=768, num_hidden_layers=24, state_size=16, conv_kernel=4,
             rescale_prenorm_residual=True, use_associative_scan=False)


def model_and_ids():
    import torch
    from transformers import MambaConfig, MambaForCausalLM, logging
    logging.set_verbosity_error()
    torch.manual_seed(0)
    model = MambaForCausalLM(MambaConfig(**SIZES)).eval()
    return model, torch.from_numpy(np.random.default_rng(0).integers(0, SIZES["vocab_size"], (1, PROMPT)))


def our_library(setting, model):
    model.save_pretrained(setting.folder / "mamba")
    return ours.compile_library(setting, "mamba-130m", setting.folder / "mamba")


def prefill(setting):
    import torch
    import transformers
    model, ids = model_and_ids()
    last = {}
    if setting.wants("seq"):
        yield ours.contender(setting, our_library(setting, model), "last", {"input_ids": ids.numpy()}, "logits")
    if setting.wants("transformers"):
        def call():
            with torch.inference_mode():
                last["logits"] = model(ids, use_cache=True, logits_to_keep=1).logits
        yield Contender("transformers", call, lambda: last["logits"].numpy(), transformers.__version__)


def decode(setting):
    """The same token again and again: the state moves on as it does in writing."""
    import torch
    import transformers
    model, ids = model_and_ids()
    token, last = ids[:, :1], {}
    if setting.wants("seq"):
        yield ours.contender(setting, our_library(setting, model), "last", {"input_ids": token.numpy()}, "logits",
                             moves_on=True)
    if setting.wants("transformers"):
        def call():
            with torch.inference_mode():
                out = model(token, cache_params=last.get("cache"), use_cache=True)
            last["cache"], last["logits"] = out.cache_params, out.logits

        def result():
            last.clear()
            call()
            return last["logits"].numpy()
        yield Contender("transformers", call, result, transformers.__version__)
