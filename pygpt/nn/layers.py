"""Layers: linear, embedding, dropout, residual projection, MLP. Attention is in pygpt/models/gpt.py."""

from typing import TypeGuard

from pygpt.nn.activations import ACTIVATIONS
from pygpt.nn.parameters import Constant, Module, RngState, new_parameter
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.ops import dropout, embedding, matmul
from pygpt.ops.threefry import DROPOUT
from pygpt.tensor.tensor import Tensor


class Linear(Module):
    """y = x @ weight + bias. Shapes: x (..., n_in), weight (n_in, n_out), bias (n_out,) or none."""

    def __init__(self, n_in: int, n_out: int, bias: bool, std: float):
        self.weight = new_parameter((n_in, n_out), std=std)
        self.bias = new_parameter((n_out,)) if bias else None

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        return matmul(x, self.weight, self.bias, out=out)


class Embedding(Module):
    """A row of `tokens` for each id, plus a row of `positions` for its position if there are position embeddings.

    Position embeddings are learned or constant. The first id of a row is at position `start`, a tensor, or at 0.
    """

    is_lookup = True

    def __init__(self, vocab_size: int, size: int, positions: Tensor | Constant | None, std: float):
        self.tokens = new_parameter((vocab_size, size), std=std)
        self.positions = positions

    def __call__(self, ids: Tensor, start: Tensor | None = None) -> Tensor:
        if isinstance(self.positions, Constant):
            return embedding(ids, self.tokens, self.positions.tensor, start)
        return embedding(ids, self.tokens, self.positions, start if self.positions is not None else None)


class Dropout(Module):
    """Zero a fraction of the activations. `site` is a number unique to this layer of the model."""

    def __init__(self, rate: float, site: int):
        self.rate = rate
        self.purpose = DROPOUT + site

    def __call__(self, x: Tensor, rng: RngState | None) -> Tensor:
        return self.drop(x, rng) if self.is_on(rng) else x

    def drop(self, x: Tensor, rng: RngState, residual: Tensor | None = None) -> Tensor:
        """x with dropout, plus the residual if given."""
        return dropout(x, rng.seed, rng.step, residual, rate=self.rate, purpose=self.purpose)

    def is_on(self, rng: RngState | None) -> TypeGuard[RngState]:
        """Whether anything is dropped: not in evaluation and sampling, and not at a rate of 0."""
        return rng is not None and self.rate != 0.0


class Projection(Module):
    """The last layer of a branch: its output, after dropout, is added to the residual stream.

    Without dropout, the matrix product adds the stream itself, which saves a pass over memory.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool, std: float, rate: float, site: int):
        self.weight = new_parameter((n_in, n_out), std=std)
        self.bias = new_parameter((n_out,)) if bias else None
        self.dropout = Dropout(rate, site)

    def __call__(self, x: Tensor, stream: Tensor, rng: RngState | None) -> Tensor:
        if self.dropout.is_on(rng):
            return self.dropout.drop(matmul(x, self.weight, self.bias), rng, stream)
        return matmul(x, self.weight, self.bias, stream)


class MLP(Module):
    """Two linear layers with an activation between them. A gated MLP multiplies the activation of one layer by another.

    Source for gated MLPs: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
    """

    def __init__(self, config: ModelSettings, residual_std: float, site: int):
        size, hidden = config.n_embd, config.hidden_size
        self.activation = ACTIVATIONS[config.mlp]
        self.expand = Linear(size, hidden, config.bias, config.init_std)
        self.factor = Linear(size, hidden, config.bias, config.init_std) if self.activation.gated else None
        self.contract = Projection(hidden, size, config.bias, residual_std, config.dropout, site)

    def __call__(self, x: Tensor, stream: Tensor, rng: RngState | None) -> Tensor:
        return self.contract(self.activate(x), stream, rng)

    def activate(self, x: Tensor) -> Tensor:
        """The hidden layer after the activation."""
        hidden = self.expand(x)
        return self.activation.function(hidden, *(() if self.factor is None else (self.factor(x),)))
