"""Record a tiny GPT in PyTorch: logits, loss, every gradient, ten losses with clipped AdamW.

    pip install torch==2.13.0 numpy
    python tests/goldens/make_goldens.py        # writes tests/goldens/gpt_*.npz beside itself

Only this script needs PyTorch; the tests read the recordings. Everything is computed in float64 from float32 weights,
so the recordings are more precise than any device under test. Linear weights are stored as (n_in, n_out).
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

V, B, T, C, H, L = 13, 3, 8, 20, 2, 2
STEPS = 10
CONFIGURATIONS = {"biased_untied": (True, False), "plain_tied": (False, True)}


def parameters(bias, tie, rng):
    """The initial values by pygpt's names, in pygpt's order."""
    values = {"embedding.tokens": rng.normal(0, 0.3, (V, C)), "embedding.positions": rng.normal(0, 0.3, (T, C))}

    def linear(name, n_in, n_out):
        values[f"{name}.weight"] = rng.normal(0, 0.3, (n_in, n_out))
        if bias:
            values[f"{name}.bias"] = rng.normal(0, 0.1, n_out)

    def norm(name):
        values[f"{name}.weight"] = rng.normal(1, 0.1, C)
        if bias:
            values[f"{name}.bias"] = rng.normal(0, 0.1, C)

    for layer in range(L):
        norm(f"blocks.{layer}.norm_1")
        linear(f"blocks.{layer}.attention.qkv", C, 3 * C)
        linear(f"blocks.{layer}.attention.projection", C, C)
        norm(f"blocks.{layer}.norm_2")
        linear(f"blocks.{layer}.mlp.expand", C, 4 * C)
        linear(f"blocks.{layer}.mlp.contract", 4 * C, C)
    norm("norm")
    if not tie:
        values["head.weight"] = rng.normal(0, 0.3, (C, V))
    return {name: value.astype(np.float32) for name, value in values.items()}


def logits(p, ids, tie):
    """The forward pass, written with PyTorch's layer_norm, gelu and scaled_dot_product_attention."""

    def linear(x, name):
        y = x @ p[f"{name}.weight"]
        return y + p[f"{name}.bias"] if f"{name}.bias" in p else y

    def norm(x, name):
        return functional.layer_norm(x, (C,), p[f"{name}.weight"], p.get(f"{name}.bias"), 1e-5)

    def heads(x):
        return x.view(B, T, H, C // H).transpose(1, 2)

    x = p["embedding.tokens"][ids] + p["embedding.positions"]
    for layer in range(L):
        block = f"blocks.{layer}"
        q, k, v = linear(norm(x, f"{block}.norm_1"), f"{block}.attention.qkv").split(C, dim=2)
        y = functional.scaled_dot_product_attention(heads(q), heads(k), heads(v), is_causal=True)
        x = x + linear(y.transpose(1, 2).reshape(B, T, C), f"{block}.attention.projection")
        hidden = functional.gelu(linear(norm(x, f"{block}.norm_2"), f"{block}.mlp.expand"), approximate="tanh")
        x = x + linear(hidden, f"{block}.mlp.contract")
    x = norm(x, "norm")
    return x @ p["embedding.tokens"].T if tie else linear(x, "head")


def record(bias, tie):
    """Record one configuration, as arrays by name."""
    rng = np.random.default_rng(7)
    initial = parameters(bias, tie, rng)
    ids = rng.integers(0, V, (STEPS, B, T))
    targets = rng.integers(0, V, (STEPS, B, T))
    targets[rng.random(targets.shape) < 0.15] = -1
    p = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in initial.items()}
    decays = [value for value in p.values() if value.dim() >= 2]
    others = [value for value in p.values() if value.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=1e-2,
        betas=(0.9, 0.99),
        eps=1e-8,
    )
    recorded = {f"parameter.{name}": value for name, value in initial.items()}
    recorded |= {"ids": ids.astype(np.uint32), "targets": targets.astype(np.int32)}
    losses = []
    for step in range(STEPS):
        out = logits(p, torch.tensor(ids[step]), tie)
        loss = functional.cross_entropy(out.view(-1, V), torch.tensor(targets[step]).view(-1), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            recorded["logits"] = out.detach().numpy()
            recorded |= {f"gradient.{name}": value.grad.numpy().copy() for name, value in p.items()}
        torch.nn.utils.clip_grad_norm_(list(p.values()), 1.0)
        optimizer.step()
        losses.append(loss.item())
        assert math.isfinite(loss.item())
    recorded["losses"] = np.array(losses)
    return recorded


if __name__ == "__main__":
    for name, configuration in CONFIGURATIONS.items():
        path = Path(__file__).with_name(f"gpt_{name}.npz")
        np.savez_compressed(path, **record(*configuration))
        print(path.name, path.stat().st_size, "bytes")
