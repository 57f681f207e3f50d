"""GPT: a decoder-only transformer as in GPT-2 and nanoGPT.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); karpathy/nanoGPT, model.py.
"""

import math

from pygpt.nn import MLP, Chance, Dropout, Embedding, LayerNorm, Linear, Module, Projection
from pygpt.ops import attention, matmul
from pygpt.tensor import Tensor


class SelfAttention(Module):
    """Every token looks at itself and what came before it, through `n_head` heads."""

    def __init__(self, config, residual_std: float, site: int):
        self.qkv = Linear(config.n_embd, 3 * config.n_embd, config.bias, config.init_std)
        self.projection = Projection(config.n_embd, config.n_embd, config.bias, residual_std, config.dropout, site + 1)
        self.n_head = config.n_head
        self.dropout = Dropout(config.dropout, site)

    def __call__(self, x: Tensor, stream: Tensor, chance: Chance | None) -> Tensor:
        qkv = self.qkv(x)                                                # (B, T, 3C)
        if self.dropout.is_off(chance):
            y = attention(qkv, n_head=self.n_head)[0]                    # (B, T, C)
        else:
            y = attention(qkv, chance.seed, chance.step, n_head=self.n_head, rate=self.dropout.rate,
                          purpose=self.dropout.purpose)[0]
        return self.projection(y, stream, chance)


class Block(Module):
    """Attention, then an MLP, each on a normalised copy of the residual stream and added back to it."""

    def __init__(self, config, residual_std: float, site: int):
        self.norm_1 = LayerNorm(config.n_embd, config.bias)
        self.attention = SelfAttention(config, residual_std, site)
        self.norm_2 = LayerNorm(config.n_embd, config.bias)
        self.mlp = MLP(config.n_embd, config.bias, config.init_std, residual_std, config.dropout, site + 2)

    def __call__(self, x: Tensor, chance: Chance | None) -> Tensor:
        x = self.attention(self.norm_1(x), x, chance)
        return self.mlp(self.norm_2(x), x, chance)


class GPT(Module):
    """Embeddings, blocks, a last norm, and a head that scores every token of the vocabulary."""

    def __init__(self, vocab_size: int, config):
        self.vocab_size = vocab_size
        self.block_size = config.block_size
        # Each block adds to the residual stream twice; shrinking those layers keeps its variance from growing with depth.
        residual_std = config.init_std / math.sqrt(2 * config.n_layer)
        self.embedding = Embedding(vocab_size, config.n_embd, config.block_size, config.init_std)
        self.dropout = Dropout(config.dropout, 0)
        self.blocks = [Block(config, residual_std, 1 + 3 * layer) for layer in range(config.n_layer)]
        self.norm = LayerNorm(config.n_embd, config.bias)
        # GPT-2's head has no bias, whatever the other layers have.
        self.head = None if config.tie_weights else Linear(config.n_embd, vocab_size, False, config.init_std)

    def logits(self, ids: Tensor, chance: Chance | None = None) -> Tensor:
        """ids (B, T) -> (B, T, V)."""
        x = self.dropout(self.embedding(ids), chance)                    # (B, T, C)
        for block in self.blocks:
            x = block(x, chance)
        x = self.norm(x)
        if self.head is None:
            return matmul(x, self.embedding.tokens, transpose_w=True)    # (B, T, V)
        return self.head(x)
