"""GPT: a decoder-only transformer as in GPT-2 and nanoGPT.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); karpathy/nanoGPT, model.py.
"""

import math
from collections.abc import Sequence

from pygpt.models.model import Model
from pygpt.nn.layers import MLP, Dropout, Embedding, Linear, Projection
from pygpt.nn.norms import make_norm
from pygpt.nn.parameters import Constant, Module, RngState, new_parameter
from pygpt.nn.positions import POSITIONS
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.ops import attention, attention_cached, gate, linear_cross_entropy, matmul, qk_norm, rope, scale, softcap
from pygpt.ops.attention_scores import attention_pairs
from pygpt.tensor.tensor import Attributes, Tensor, empty


class SelfAttention(Module):
    """Causal self-attention: `n_head` query heads, which can share key/value heads.

    One product gives queries, keys and values side by side: (B, T, (H + 2 K) D). Queries and keys can be normalised and
    rotated by their positions (`rope_table`); the output can be gated.
    Source: Ainslie et al., "GQA", arXiv 2305.13245; Su et al., "RoFormer", arXiv 2104.09864; Henry et al., "Query-Key
    Normalization", arXiv 2010.04245; Qwen Team, "Qwen3 Technical Report", arXiv 2505.09388, for its scales; Qiu et al.,
    "Gated Attention", arXiv 2505.06708.
    """

    def __init__(self, config: ModelSettings, residual_std: float, site: int, rotation: Constant | None):
        size = config.n_embd
        self.heads: Attributes = {"n_head": config.n_head, "n_kv_head": config.kv_heads}
        self.settings: Attributes = {
            **self.heads,
            "window": config.window,
            "cap": config.attention_cap,
            **POSITIONS[config.positions].attention,
        }
        self.width = config.heads_width
        self.normed = config.qk_norm
        self.epsilon = config.norm_epsilon
        self.rope_table = rotation
        self.qkv = Linear(size, config.qkv_size, config.bias or config.qkv_bias, config.init_std)
        scaled = config.qk_norm and config.qk_norm_scale
        self.qk_scale = new_parameter((2 * config.head_size,), value=1.0) if scaled else None
        self.sinks = new_parameter((config.n_head,)) if config.attention_sinks else None
        self.gate = Linear(size, self.width, config.bias, config.init_std) if config.attention_gate else None
        self.projection = Projection(self.width, size, config.bias, residual_std, config.dropout, site + 1)
        self.dropout = Dropout(_rate(config.dropout_attention, config), site)

    def __call__(
        self, x: Tensor, stream: Tensor, rng: RngState | None, cache: Tensor | None, position: Tensor | None
    ) -> Tensor:
        if position is not None:
            assert cache is not None  # a position is one in a cache
            y = empty(x.device, (*x.shape[:2], self.width), x.dtype)  # (B, 1, H D)
            attention_cached(self.project_qkv(x, position), position, self.sinks, out=(cache, y), **self.settings)
        else:
            rows = None if cache is None else cache.slice(0, (*x.shape[:2], cache.shape[2]))
            qkv = self.project_qkv(x, None, rows)  # (B, T, (H + 2 K) D)
            if self.dropout.is_on(rng):
                dropped: Attributes = {"rate": self.dropout.rate, "purpose": self.dropout.purpose}
                y = attention(qkv, rng.seed, rng.step, self.sinks, **self.settings, **dropped)[0]  # (B, T, H D)
            else:
                y = attention(qkv, None, None, self.sinks, **self.settings)[0]
        if self.gate is not None:
            y = gate(self.gate(x), y, kind="sigmoid")
        return self.projection(y, stream, rng)

    def project_qkv(self, x: Tensor, position: Tensor | None, out: Tensor | None = None) -> Tensor:
        """Queries, keys and values of x, whose first row is at `position`, or at 0; also written to `out` if given."""
        changed = self.normed or self.rope_table is not None
        qkv = self.qkv(x, out=None if changed else out)
        if self.normed:
            qkv = qk_norm(qkv, self.qk_scale, **self.heads, epsilon=self.epsilon)[0]
        if self.rope_table is not None:
            qkv = rope(qkv, self.rope_table.tensor, position, **self.heads)
        return scale(qkv, factor=1.0, out=out) if changed and out is not None else qkv


class Block(Module):
    """Attention, then an MLP, each added to the residual stream. Norms come before each branch or after each sum."""

    def __init__(self, config: ModelSettings, residual_std: float, site: int, rotation: Constant | None):
        self.norm_1 = make_norm(config)
        self.attention = SelfAttention(config, residual_std, site, rotation)
        self.norm_2 = make_norm(config)
        self.mlp = MLP(config, residual_std, site + 2)
        self.post = config.norm_place == "post"

    def __call__(self, x: Tensor, rng: RngState | None, cache: Tensor | None, position: Tensor | None) -> Tensor:
        if self.post:
            x = self.norm_1(self.attention(x, x, rng, cache, position))
            return self.norm_2(self.mlp(x, x, rng))
        x = self.attention(self.norm_1(x), x, rng, cache, position)
        return self.mlp(self.norm_2(x), x, rng)


class GPT(Model):
    """Embeddings, blocks, a final norm, and an output layer over the vocabulary."""

    help = "a decoder-only transformer"
    has_blocks = True

    def __init__(self, vocab_size: int, config: ModelSettings):
        super().__init__(vocab_size, config)
        self.logit_cap = config.logit_cap
        # Each block adds to the residual stream twice; smaller weights there keep its variance from growing with depth.
        residual_std = config.init_std / math.sqrt(2 * config.n_layer)
        scheme = POSITIONS[config.positions]
        self.embedding = Embedding(vocab_size, config.n_embd, scheme.embedding(config), config.init_std)
        self.norm_embedding = make_norm(config, config.norm_embedding)
        self.dropout = Dropout(_rate(config.dropout_embedding, config), 0)
        rotation = scheme.rotation(config)
        self.blocks = [Block(config, residual_std, 1 + 3 * layer, rotation) for layer in range(config.n_layer)]
        self.norm = make_norm(config, config.norm_final)
        # The output layer never has a bias, as in GPT-2.
        self.head = None if config.tie_weights else Linear(config.n_embd, vocab_size, False, config.init_std)
        self.cache_width = config.qkv_size

    def new_cache(self) -> list[Tensor]:
        """Allocate the cache of each block's attention: q, k and v of the tokens so far, (1, T, (H + 2 K) D)."""
        tokens = self.embedding.tokens
        return [empty(tokens.device, (1, self.block_size, self.cache_width), tokens.dtype) for _ in self.blocks]

    def fill_cache(self, ids: Tensor, cache: list[Tensor]) -> None:
        """Fill the cache with the first tokens of a sequence, ids (1, T)."""
        self.hidden(ids, cache=cache)

    def hidden(
        self,
        ids: Tensor,
        rng: RngState | None = None,
        cache: list[Tensor] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) -> the output of the last block, (B, T, C).

        Without a position, a cache is filled with q, k and v of ids (1, T), from its first row. With a position, ids
        (1, 1) is the token there: it attends to the tokens before it in the cache, and is added to the cache.
        """
        x = self.dropout(self.norm_embedding(self.embedding(ids, position)), rng)  # (B, T, C)
        caches: Sequence[Tensor | None] = cache or [None] * len(self.blocks)
        for block, block_cache in zip(self.blocks, caches, strict=True):
            x = block(x, rng, block_cache, position)
        return x

    def logits(
        self,
        ids: Tensor,
        rng: RngState | None = None,
        cache: list[Tensor] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) -> (B, T, V). For cache and position see `hidden`."""
        x = self.norm(self.hidden(ids, rng, cache, position))
        weight, transposed = self._head()
        y = matmul(x, weight, transpose_w=transposed)  # (B, T, V)
        return softcap(y, cap=self.logit_cap) if self.logit_cap else y

    def losses(
        self, ids: Tensor, targets: Tensor, rng: RngState | None = None, smoothing: float = 0.0, z_loss: float = 0.0
    ) -> Tensor:
        """ids, targets (B, T) -> the loss of each prediction, (B T,), without storing all logits of a large vocabulary.

        For the options see `linear_cross_entropy`.
        """
        x = self.norm(self.hidden(ids, rng))
        weight, transposed = self._head()
        return linear_cross_entropy(
            x, weight, targets, transpose_w=transposed, cap=self.logit_cap, smoothing=smoothing, z_loss=z_loss
        )[0]

    @staticmethod
    def forward_flops(config: ModelSettings, batch_size: int, vocab_size: int) -> int:
        """Floating-point operations of the matrix products and the attention in a forward pass over a batch.

        A multiply-add is two. Only unmasked attention counts: row t attends to t + 1 keys, or to a window of them.
        Norms, activations and the softmax are left out, as usual; they are a few percent, and peak rates do not refer
        to them. Source: Kaplan et al., "Scaling Laws for Neural Language Models" (2020), table 1, except for the mask.
        """
        rows, width = batch_size * config.block_size, config.n_embd
        attention = width * (config.qkv_size + (1 + config.attention_gate) * config.heads_width)
        mlp = (2 + config.gated_mlp) * width * config.hidden_size
        weights = (attention + mlp) * config.n_layer + width * vocab_size
        pairs = batch_size * attention_pairs(config.block_size, config.window)
        return 2 * rows * weights + 4 * pairs * config.heads_width * config.n_layer

    @staticmethod
    def describe(config: ModelSettings, vocab_size: int) -> str:
        """Describe the sizes in a few words."""
        layers, heads = (
            f"{n} {word}{'s' * (n != 1)}" for n, word in ((config.n_layer, "layer"), (config.n_head, "head"))
        )
        return f"{layers}, {heads}, width {config.n_embd}, context {config.block_size}"

    def _head(self) -> tuple[Tensor, bool]:
        """The output layer's weight, and whether it is (V, C): the token embedding if the weights are tied."""
        return (self.embedding.tokens, True) if self.head is None else (self.head.weight, False)


def _rate(rate: float, config: ModelSettings) -> float:
    """A dropout rate; a negative one stands for `dropout`."""
    return config.dropout if rate < 0 else rate
