"""Write tests/goldens/nanogpt: a checkpoint and a meta.pkl as nanoGPT's scripts save them, with its model's logits.

Needs torch (2.13 was used): `python tests/goldens/make_nanogpt.py`. The model follows model.py of
github.com/karpathy/nanoGPT.
"""

import math
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "nanogpt"
CHARACTERS = "\n abcdefghi"
SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 8, "bias": True, "vocab_size": 16, "dropout": 0.1}


class LayerNorm(nn.Module):
    def __init__(self, size, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, size, heads, bias):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = nn.Linear(size, 3 * size, bias=bias), nn.Linear(size, size, bias=bias)

    def forward(self, x):
        batch, time, size = x.shape
        parts = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(size, dim=2))
        q, k, v = parts
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.shape[-1])
        scores = scores.masked_fill(~torch.ones(time, time, dtype=torch.bool).tril(), float("-inf"))
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, time, size))


class MLP(nn.Module):
    def __init__(self, size, bias):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(size, 4 * size, bias=bias), nn.Linear(4 * size, size, bias=bias)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, size, heads, bias):
        super().__init__()
        self.ln_1, self.attn = LayerNorm(size, bias), Attention(size, heads, bias)
        self.ln_2, self.mlp = LayerNorm(size, bias), MLP(size, bias)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, n_layer, n_head, n_embd, block_size, bias, vocab_size, dropout):
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocab_size, n_embd),
                "wpe": nn.Embedding(block_size, n_embd),
                "h": nn.ModuleList(Block(n_embd, n_head, bias) for _ in range(n_layer)),
                "ln_f": LayerNorm(n_embd, bias),
            }
        )
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight

    def forward(self, ids):
        x = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(ids.shape[1]))
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def main():
    torch.manual_seed(1)
    model = GPT(**SIZES)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.1, 0.3)
    ids = torch.randint(len(CHARACTERS), (3, 8))
    FOLDER.mkdir(exist_ok=True)
    checkpoint = {
        "model": {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()},
        "model_args": SIZES,
        "iter_num": 250,
        "best_val_loss": torch.tensor(1.5),
        "config": {"dataset": "tiny", "learning_rate": 1e-3, "compile": True},
    }
    torch.save(checkpoint, FOLDER / "ckpt.pt")
    table = dict(enumerate(CHARACTERS))
    meta = {
        "vocab_size": len(CHARACTERS),
        "itos": table,
        "stoi": {character: token for token, character in table.items()},
    }
    (FOLDER / "meta.pkl").write_bytes(pickle.dumps(meta))
    with torch.no_grad():
        np.savez(
            FOLDER / "logits.npz", ids=ids.numpy().astype("uint32"), logits=model(ids)[..., : len(CHARACTERS)].numpy()
        )


if __name__ == "__main__":
    main()
