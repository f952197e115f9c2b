"""Random models of packages from PyPI by the keys that docs/Models.md gives them: saved as a
model directory, and run in f32 and f64."""

import contextlib
import copy
import inspect
import io
import json
from unittest import mock

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)


def randomize(module, seed=0):
    """Every parameter matters; attention prefers some keys."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like):
        return torch.randn(like.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if sum(size > 1 for size in parameter.shape) < 2:
                parameter += 0.1 * normal(parameter)
            elif "emb" in name:
                parameter.copy_(0.5 * normal(parameter))
            else:
                parameter.copy_(1.5 * min(parameter.shape) ** -0.5 * normal(parameter))
    return module.eval()


class Model:
    """The class `kind` with those of `options`, or else of the keys of a config.json, that it
    takes; the other keys are ours. `call(module, inputs)` runs it, in the context `modified()`."""

    def __init__(self, kind, config, call, output="logits", modified=contextlib.nullcontext, options=None):
        self.config, self.call, self.output, self.modified = config, call, output, modified
        known = inspect.signature(kind).parameters
        keys = {key: value for key, value in (options or config).items() if key in known}
        torch.manual_seed(0)
        with contextlib.redirect_stdout(io.StringIO()):
            self.module = randomize(kind(**keys))

    def save(self, folder):
        tensors = {name: tensor.contiguous().clone() for name, tensor in self.module.state_dict().items()
                   if tensor.is_floating_point()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config))

    def outputs(self, inputs):
        """name: (in f64, in f32)"""
        inputs = {name: torch.as_tensor(array) for name, array in inputs.items()}
        with torch.no_grad(), self.modified():
            single = self.call(self.module, inputs)
            double = self.call(copy.deepcopy(self.module).double(), inputs)
        return {self.output: (double, single)}


# --- linear-attention-transformer -------------------------------------------------


def elu_attention(query, key, value, kv_mask=None, causal=False, **_):
    """Katharopoulos et al., arXiv:2006.16236, equations (7) to (9), on [B, H, T, D]."""
    query, key = (torch.nn.functional.elu(x) + 1 for x in (query, key))
    weights = query @ key.transpose(-1, -2)
    if causal:
        weights = weights.tril()
    if kv_mask is not None:
        weights = weights * kv_mask[:, None, None, :]
    sums = weights.sum(-1, keepdim=True)
    return torch.where(sums == 0, 0, weights @ value / sums)


def linear_transformer(**keys):
    from linear_attention_transformer import LinearAttentionTransformerLM
    config = dict(model_type="linear_transformer", **keys)
    causal = config.get("causal", False)

    def call(module, inputs):
        mask = {} if causal else {"input_mask": inputs["attention_mask"].bool()}
        if config.get("feature_map") == "elu":
            for layer in module.modules():
                if hasattr(layer, "global_attn_fn"):
                    layer.global_attn_fn = lambda *args, **options: elu_attention(*args, causal=causal, **options)
        return module(inputs["input_ids"], **mask)

    output = "last_hidden_state" if config.get("return_embeddings") else "logits"
    return Model(LinearAttentionTransformerLM, config, call, output)


# --- performer-pytorch ------------------------------------------------------------


def running_softmax(attention, query, key, value):
    """FAVOR+ on [B, H, T, D] as the package has it, with the largest product of keys up to each
    time, or 0, in the place of that of the whole sequence."""
    w = attention.projection_matrix
    scale, ratio, epsilon = query.shape[-1] ** -0.25, w.shape[0] ** -0.5, 1e-4
    q, k = query * scale @ w.T, key * scale @ w.T
    q_square, k_square = ((x * scale).square().sum(-1, keepdim=True) / 2 for x in (query, key))
    q = ratio * (torch.exp(q - q_square - q.amax(-1, keepdim=True)) + epsilon)
    most = k.amax(-1).cummax(-1).values.clamp(min=0)
    outputs = []
    for time in range(k.shape[2]):
        k_seen = k[:, :, :time + 1] - k_square[:, :, :time + 1] - most[:, :, time, None, None]
        k_seen = ratio * (torch.exp(k_seen) + epsilon)
        products = torch.einsum("bhm,bhsm,bhsd->bhd", q[:, :, time], k_seen, value[:, :, :time + 1])
        sums = (q[:, :, time] * (k_seen.sum(2) + 1e-6)).sum(-1, keepdim=True)
        outputs.append(products / sums)
    return torch.stack(outputs, 2)


def performer(**keys):
    import performer_pytorch.performer_pytorch as package
    config = dict(model_type="performer", **keys)

    def call(module, inputs):
        mask = {} if config.get("causal") else {"mask": inputs["attention_mask"].bool()}
        return module(inputs["input_ids"].clone(), **mask)

    modified = contextlib.nullcontext
    if config.get("key_maximum") == "running":
        def modified():
            return mock.patch.object(package.FastAttention, "forward", running_softmax)
    if config.get("kernel_fn") == "gelu":
        keys["kernel_fn"] = torch.nn.GELU()
    return Model(package.PerformerLM, config, call, modified=modified, options=keys)


# --- linformer --------------------------------------------------------------------


def linformer(**keys):
    from linformer import LinformerLM
    return Model(LinformerLM, dict(model_type="linformer", **keys),
                 lambda module, inputs: module(inputs["input_ids"]))
