"""Layers, and how their parameters get onto a device.

A layer declares its parameters as `Parameter`s: shape and how to draw the first values, nothing allocated. `Weights`
then walks a whole model, gives every parameter a place in one flat tensor, and puts tensors where the declarations
stood. So a model can be counted and checked before a byte is taken, and the optimizer sees one array.
"""

import dataclasses
import math
from array import array

from pygpt.ops import activation, dropout, embedding, fill, gate, gelu, layernorm, matmul, normal, rmsnorm
from pygpt.ops.threefry import DROPOUT, INIT
from pygpt.tensor.tensor import ARRAY_CODE, Node, Tensor, empty


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter that is not placed yet: its shape, and its first values (normal with `std`, or all `value`)."""

    shape: tuple
    std: float = 0.0
    value: float = 0.0

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class Constant:
    """A table that is no parameter: it is worked out on the host, in double precision, and never changes.

    `make` gives its values, flat. `tensor` is where it lies once `Weights` has placed it.
    """

    def __init__(self, shape: tuple, make):
        self.shape, self.make = shape, make
        self.tensor = None

    def place(self, device, dtype: str) -> None:
        """Bring it onto the device, unless it is there: layers may share one."""
        if self.tensor is None:
            self.tensor = empty(device, self.shape, dtype)
            if not device.abstract:  # a plan has no use for the values, which take a while
                device.write(self.tensor, array(ARRAY_CODE[dtype], self.make()))


@dataclasses.dataclass(frozen=True)
class Chance:
    """Where dropout gets its randomness: two uint32 tensors of one element. No chance, no dropout."""

    seed: Tensor
    step: Tensor


class Module:
    """A layer or a model: parameters, and other modules, as attributes."""

    def named_parameters(self, prefix: str = ""):
        """Yield (dotted name, owner, attribute, parameter) for every parameter, in the order of declaration."""
        for attribute, value in vars(self).items():
            name = f"{prefix}{attribute}"
            if isinstance(value, (Parameter, Tensor)):
                yield name, self, attribute, value
            elif isinstance(value, Module):
                yield from value.named_parameters(f"{name}.")
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    yield from item.named_parameters(f"{name}.{index}.")

    def constants(self):
        """Yield every constant; one that layers share comes as often as it is held."""
        for value in vars(self).values():
            if isinstance(value, Constant):
                yield value
            elif isinstance(value, Module):
                yield from value.constants()
            elif isinstance(value, list):
                for item in value:
                    yield from item.constants()

    @property
    def parameter_count(self) -> int:
        """The number of trainable numbers."""
        return sum(parameter.size for _, _, _, parameter in self.named_parameters())


class Linear(Module):
    """y = x @ weight + bias. Shapes: x (..., n_in), weight (n_in, n_out), bias (n_out,) or none."""

    def __init__(self, n_in: int, n_out: int, bias: bool, std: float):
        self.weight = Parameter((n_in, n_out), std=std)
        self.bias = Parameter((n_out,)) if bias else None

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        return matmul(x, self.weight, self.bias, out=out)


class LayerNorm(Module):
    """Zero mean and unit variance over the last dimension, then a learned scale (and shift)."""

    def __init__(self, size: int, scale: bool, bias: bool):
        self.weight = Parameter((size,), value=1.0) if scale else Constant((size,), lambda: [1.0] * size)
        self.bias = Parameter((size,)) if bias else None

    def __call__(self, x: Tensor) -> Tensor:
        weight = self.weight.tensor if isinstance(self.weight, Constant) else self.weight
        return layernorm(x, weight, self.bias)[0]


class RMSNorm(Module):
    """A mean square of one over the last dimension, then a learned scale if there is one."""

    def __init__(self, size: int, scale: bool):
        self.weight = Parameter((size,), value=1.0) if scale else None

    def __call__(self, x: Tensor) -> Tensor:
        return rmsnorm(x, self.weight)[0]


class Identity(Module):
    """Nothing is done."""

    def __call__(self, x: Tensor) -> Tensor:
        return x


def make_norm(config, wanted: bool = True) -> Module:
    """The norm a ModelConfig asks for, or none where none is wanted."""
    if config.norm == "none" or not wanted:
        return Identity()
    if config.norm == "rmsnorm":
        return RMSNorm(config.n_embd, config.norm_scale)
    return LayerNorm(config.n_embd, config.norm_scale, config.bias)


class Embedding(Module):
    """A row of `tokens` for each id, plus a row of `positions` for each place if there are positions.

    Positions are learned, or a table made once. The first id of a row is at position `start`, a tensor, or at 0.
    """

    def __init__(self, vocab_size: int, size: int, positions: Parameter | Constant | None, std: float):
        self.tokens = Parameter((vocab_size, size), std=std)
        self.positions = positions

    def __call__(self, ids: Tensor, start: Tensor | None = None) -> Tensor:
        if isinstance(self.positions, Constant):
            return embedding(ids, self.tokens, self.positions.tensor, start)
        return embedding(ids, self.tokens, self.positions, start if self.positions is not None else None)


def sinusoids(length: int, size: int) -> list:
    """Sines and cosines of each position at wavelengths from 2 pi to 10,000 times 2 pi, side by side: (length, size), flat.

    Source: Vaswani et al., "Attention Is All You Need", arXiv 1706.03762, section 3.5.
    """
    table = []
    for position in range(length):
        for channel in range(size):
            angle = position / 10000.0 ** ((channel - channel % 2) / size)
            table.append(math.cos(angle) if channel % 2 else math.sin(angle))
    return table


class Dropout(Module):
    """Zero a share of the activations. `site` tells this place in the model from every other."""

    def __init__(self, rate: float, site: int):
        self.rate = rate
        self.purpose = DROPOUT + site

    def __call__(self, x: Tensor, chance: Chance | None) -> Tensor:
        return x if self.is_off(chance) else self.drop(x, chance)

    def drop(self, x: Tensor, chance: Chance, residual: Tensor | None = None) -> Tensor:
        """x with a share of it zeroed, plus the residual if there is one."""
        return dropout(x, chance.seed, chance.step, residual, rate=self.rate, purpose=self.purpose)

    def is_off(self, chance: Chance | None) -> bool:
        """Whether nothing is dropped: while a model is evaluated or sampled from, or where the rate is 0."""
        return chance is None or self.rate == 0.0


class Projection(Linear):
    """The last layer of a branch: its outcome, after dropout, is added to the residual stream.

    Where nothing is dropped, the product adds the stream itself, which saves a pass over memory.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool, std: float, rate: float, site: int):
        super().__init__(n_in, n_out, bias, std)
        self.dropout = Dropout(rate, site)

    def __call__(self, x: Tensor, stream: Tensor, chance: Chance | None) -> Tensor:
        if self.dropout.is_off(chance):
            return matmul(x, self.weight, self.bias, stream)
        return self.dropout.drop(matmul(x, self.weight, self.bias), chance, stream)


class MLP(Module):
    """Wider, an activation, and back. A gated one multiplies the activation of one layer by another layer.

    Source of the gated ones: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
    """

    def __init__(self, config, residual_std: float, site: int):
        size, hidden = config.n_embd, config.hidden_size
        self.kind = config.mlp
        self.expand = Linear(size, hidden, config.bias, config.init_std)
        self.factor = Linear(size, hidden, config.bias, config.init_std) if config.gated_mlp else None
        self.contract = Projection(hidden, size, config.bias, residual_std, config.dropout, site)

    def __call__(self, x: Tensor, stream: Tensor, chance: Chance | None) -> Tensor:
        return self.contract(self.activate(x), stream, chance)

    def activate(self, x: Tensor) -> Tensor:
        """The hidden layer, activated."""
        hidden = self.expand(x)
        if self.factor is not None:
            return gate(hidden, self.factor(x), kind={"swiglu": "silu", "geglu": "gelu"}[self.kind])
        return gelu(hidden) if self.kind == "gelu" else activation(hidden, kind=self.kind)


class Weights:
    """All parameters of a model in one flat tensor, drawn from a seed, or zeros without one.

    `values` is the flat tensor, `named` the parameters as slices of it, `embeddings` the names of those that are looked up,
    not multiplied. Matrices come first: they usually decay. Every parameter starts at a multiple of 64 elements (a GPU binds slices at 256 bytes); the gaps
    hold zeros.
    """

    def __init__(self, device, model: Module, seed: Tensor | None, dtype: str = "float32"):
        declared = list(model.named_parameters())
        # A stable sort: matrices first, the order of declaration within each group.
        ordered = sorted(declared, key=lambda entry: len(entry[3].shape) < 2)
        starts, end = {}, 0
        for name, _, _, parameter in ordered:
            starts[name] = end
            end += -(-parameter.size // 64) * 64
        self.values = empty(device, (end,), dtype)
        fill(out=self.values, value=0.0)
        self.named = {}
        for site, (name, owner, attribute, parameter) in enumerate(declared):
            placed = self.values.slice(starts[name], parameter.shape)
            if parameter.std and seed is not None:
                normal(seed, out=placed, std=parameter.std, purpose=INIT + site)
            elif parameter.value:
                fill(out=placed, value=parameter.value)
            placed.node = Node()
            setattr(owner, attribute, placed)
            self.named[name] = placed
        for constant in model.constants():
            constant.place(device, dtype)
        self.order = [name for name, _, _, _ in ordered]
        self.embeddings = {name for name, owner, _, _ in ordered if isinstance(owner, Embedding)}


def with_parameters(model: Module, named: dict) -> Module:
    """A model that was only declared, with tensors by name for its parameters; none of them takes part in a gradient."""
    for name, owner, attribute, _ in list(model.named_parameters()):
        setattr(owner, attribute, named[name].detached())
    some = next(iter(named.values()))
    for constant in model.constants():
        constant.place(some.device, some.dtype)
    return model
