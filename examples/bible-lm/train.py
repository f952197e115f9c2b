#!/usr/bin/env python3
"""Trains a byte-level Mamba language model on the King James Bible.

Install: the Debian packages bible-kjv, bible-kjv-text and a C compiler (cc);
from PyPI numpy, torch and safetensors.

    python3 train.py --minutes 60

The model is saved to model/ in the layout of transformers' MambaForCausalLM
(config.json, model.safetensors in bfloat16) every few minutes and at the end.
The learning rate follows the time that has passed, so any budget ends with a
finished schedule. The last 5 % of the text are never trained on.
"""
import argparse, ctypes, json, math, os, subprocess, tempfile, time
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def bible():
    """The whole text as bytes, and where the held-out part begins."""
    text = subprocess.run(["bible", "-f"], input=b"Gen1:1-Rev22:21\n", stdout=subprocess.PIPE, check=True).stdout
    return text, len(text) * 95 // 100


def load_scan():
    library = os.path.join(tempfile.mkdtemp(), "libscan.so")
    subprocess.run([os.environ.get("CC", "cc"), "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC",
                    os.path.join(HERE, "scan.c"), "-o", library, "-lm"], check=True)
    return ctypes.CDLL(library)


class SelectiveScan(torch.autograd.Function):
    """y_t = sum_n C_t s_t with s_t = exp(delta_t A) s_{t-1} + delta_t B_t x_t (Mamba, equation 2)."""
    library = None

    @staticmethod
    def call(name, x, *tensors):
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in (x, *tensors)]
        sizes = [ctypes.c_int64(s) for s in x.shape]
        getattr(SelectiveScan.library, name)(*sizes, *pointers)

    @staticmethod
    def forward(ctx, x, delta, A, B, C):
        x, delta, A, B, C = (t.float().contiguous() for t in (x, delta, A, B, C))
        y = torch.empty_like(x)
        SelectiveScan.call("scan_forward", x, delta, A, B, C, y)
        ctx.save_for_backward(x, delta, A, B, C)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, delta, A, B, C = ctx.saved_tensors
        dx, ddelta = torch.empty_like(x), torch.empty_like(x)
        dA = torch.empty(x.shape[0], *A.shape)
        dB, dC = torch.zeros_like(B), torch.zeros_like(C)
        SelectiveScan.call("scan_backward", x, delta, A, B, C, dy.float().contiguous(), dx, ddelta, dA, dB, dC)
        return dx, ddelta, dA.sum(0), dB, dC


class Mixer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        inner, self.rank, self.state = c["intermediate_size"], c["time_step_rank"], c["state_size"]
        self.in_proj = torch.nn.Linear(c["hidden_size"], 2 * inner, bias=False)
        self.conv1d = torch.nn.Conv1d(inner, inner, c["conv_kernel"], groups=inner, padding=c["conv_kernel"] - 1)
        self.x_proj = torch.nn.Linear(inner, self.rank + 2 * self.state, bias=False)
        self.dt_proj = torch.nn.Linear(self.rank, inner)
        self.A_log = torch.nn.Parameter(torch.log(torch.arange(1, self.state + 1).float()).repeat(inner, 1))
        self.D = torch.nn.Parameter(torch.ones(inner))
        self.out_proj = torch.nn.Linear(inner, c["hidden_size"], bias=False)
        torch.nn.init.uniform_(self.dt_proj.weight, -self.rank ** -0.5, self.rank ** -0.5)
        step = torch.exp(torch.rand(inner) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        self.dt_proj.bias.data = step + torch.log(-torch.expm1(-step))
        self.out_proj.weight.data /= math.sqrt(c["num_hidden_layers"])

    def forward(self, h):
        x, gate = self.in_proj(h).chunk(2, dim=-1)
        x = F.silu(self.conv1d(x.transpose(1, 2))[..., :h.shape[1]].transpose(1, 2))
        dt, B, C = self.x_proj(x).split([self.rank, self.state, self.state], dim=-1)
        delta = F.softplus(self.dt_proj(dt).float())
        y = SelectiveScan.apply(x, delta, -torch.exp(self.A_log), B, C)
        return self.out_proj((y + x * self.D) * F.silu(gate))


class RMSNorm(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))

    def forward(self, x):
        x = x.float()
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


class Block(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.mixer = RMSNorm(c["hidden_size"]), Mixer(c)


class Model(torch.nn.Module):
    def __init__(self, c, dropout):
        super().__init__()
        self.embeddings = torch.nn.Embedding(c["vocab_size"], c["hidden_size"])
        torch.nn.init.normal_(self.embeddings.weight, std=0.1)
        self.layers = torch.nn.ModuleList(Block(c) for _ in range(c["num_hidden_layers"]))
        self.norm_f = RMSNorm(c["hidden_size"])
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, ids):
        h = self.embeddings(ids)
        for layer in self.layers:
            h = h + self.dropout(layer.mixer(layer.norm(h)))
        return self.norm_f(h) @ self.embeddings.weight.T


def save(model, config, folder):
    os.makedirs(folder, exist_ok=True)
    tensors = {f"backbone.{k}": v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--length", type=int, default=256)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--output", default=os.path.join(HERE, "model"))
    args = p.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    SelectiveScan.library = load_scan()
    config = {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", "vocab_size": 256, "hidden_size": args.width,
        "num_hidden_layers": args.layers, "state_size": 16, "expand": 2, "intermediate_size": 2 * args.width,
        "conv_kernel": 4, "time_step_rank": math.ceil(args.width / 16), "use_bias": False, "use_conv_bias": True,
        "hidden_act": "silu", "layer_norm_epsilon": 1e-5, "residual_in_fp32": True, "rms_norm": True,
        "tie_word_embeddings": True, "dtype": "bfloat16", "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    }
    text, split = bible()
    data = torch.from_numpy(np.frombuffer(text, np.uint8).astype(np.int64))
    train, held = data[:split], data[split:]
    model = Model(config, args.dropout)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {split} bytes to train on", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.dim() >= 2 and "A_log" not in n and "embed" not in n]
    others = [p for n, p in model.named_parameters() if not (p.dim() >= 2 and "A_log" not in n and "embed" not in n)]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.95))

    def loss_of(ids):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids[:, :-1])
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())

    start, last_save, step, tokens = time.time(), time.time(), 0, 0
    while True:
        passed = (time.time() - start) / (60 * args.minutes)
        if passed >= 1:
            break
        rate = args.rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * passed)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(0, len(train) - args.length - 1, (args.batch,))
        loss = loss_of(torch.stack([train[s:s + args.length + 1] for s in starts]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + args.batch * args.length
        if step % 50 == 0:
            print(f"step {step} tokens {tokens} {passed:.0%} {loss.item() / math.log(2):.3f} bits/byte "
                  f"{tokens / (time.time() - start):.0f} tokens/s", flush=True)
        if time.time() - last_save > 300:
            last_save = time.time()
            model.eval()
            with torch.no_grad():
                sample = held[:64 * 1025].view(64, 1025)
                bits = loss_of(sample).item() / math.log(2)
            model.train()
            print(f"held out: {bits:.3f} bits/byte", flush=True)
            save(model, config, args.output)
    save(model, config, args.output)
    print(f"done: {step} steps, {tokens} tokens, {(time.time() - start) / 60:.0f} minutes", flush=True)


if __name__ == "__main__":
    main()
