"""GPT: a decoder-only transformer as in GPT-2 and nanoGPT.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); karpathy/nanoGPT, model.py.
"""

import math

from pygpt.nn import MLP, Chance, Dropout, Embedding, LayerNorm, Linear, Module, Projection
from pygpt.ops import attention, attention_cached, linear_cross_entropy, matmul
from pygpt.tensor import Tensor, empty


class SelfAttention(Module):
    """Every token looks at itself and what came before it, through `n_head` heads."""

    def __init__(self, config, residual_std: float, site: int):
        self.qkv = Linear(config.n_embd, 3 * config.n_embd, config.bias, config.init_std)
        self.projection = Projection(config.n_embd, config.n_embd, config.bias, residual_std, config.dropout, site + 1)
        self.n_head = config.n_head
        self.dropout = Dropout(config.dropout, site)

    def __call__(self, x: Tensor, stream: Tensor, chance: Chance | None, cache: Tensor | None,
                 position: Tensor | None) -> Tensor:
        if position is not None:
            y = empty(x.device, x.shape, x.dtype)                        # (B, 1, C)
            attention_cached(self.qkv(x), position, out=(cache, y), n_head=self.n_head)
            return self.projection(y, stream, chance)
        # The rows of a cache are these rows as they are, so the product may write them there.
        kept = None if cache is None else cache.slice(0, (*x.shape[:2], cache.shape[2]))
        qkv = self.qkv(x, out=kept)                                      # (B, T, 3C)
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

    def __call__(self, x: Tensor, chance: Chance | None, cache: Tensor | None, position: Tensor | None) -> Tensor:
        x = self.attention(self.norm_1(x), x, chance, cache, position)
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

    def new_cache(self) -> list[Tensor]:
        """Room for what each block's attention keeps of the tokens it has seen: their q, k and v, (1, T, 3C)."""
        width = 3 * self.embedding.tokens.shape[1]
        return [empty(self.embedding.tokens.device, (1, self.block_size, width)) for _ in self.blocks]

    def hidden(self, ids: Tensor, chance: Chance | None = None, cache: list[Tensor] | None = None,
               position: Tensor | None = None) -> Tensor:
        """ids (B, T) -> what the last block makes of them, (B, T, C).

        A cache without a position is filled with what attention keeps of ids (1, T), from its first row on. With a
        position, ids (1, 1) is the token there: it sees the tokens before it in the cache, and is added to it.
        """
        x = self.dropout(self.embedding(ids, position), chance)          # (B, T, C)
        for block, kept in zip(self.blocks, cache or [None] * len(self.blocks), strict=True):
            x = block(x, chance, kept, position)
        return x

    def logits(self, ids: Tensor, chance: Chance | None = None, cache: list[Tensor] | None = None,
               position: Tensor | None = None) -> Tensor:
        """ids (B, T) -> (B, T, V). For cache and position see `hidden`."""
        x = self.norm(self.hidden(ids, chance, cache, position))
        if self.head is None:
            return matmul(x, self.embedding.tokens, transpose_w=True)    # (B, T, V)
        return self.head(x)

    def losses(self, ids: Tensor, targets: Tensor, chance: Chance | None = None) -> Tensor:
        """ids, targets (B, T) -> the loss of each prediction, (B T,), without the whole logits of a large vocabulary."""
        x = self.norm(self.hidden(ids, chance))
        if self.head is None:
            return linear_cross_entropy(x, self.embedding.tokens, targets, transpose_w=True)[0]
        return linear_cross_entropy(x, self.head.weight, targets)[0]
