"""Parameters, and their allocation on a device.

A layer declares its parameters as `Parameter`s: a shape and how to draw the initial values. `Weights` then walks a
model, places all parameters in one flat tensor, and replaces the declarations with tensors. A model can therefore be
counted and checked before any memory is allocated, and the optimizer has one array to update.
"""

import dataclasses
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pygpt.ops import fill, normal
from pygpt.ops.threefry import INIT
from pygpt.tensor.tensor import ARRAY_CODE, Device, Node, Shape, Tensor, empty


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter that is not allocated yet: its shape and initial values (normal with `std`, or all `value`)."""

    shape: Shape
    std: float = 0.0
    value: float = 0.0

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


def new_parameter(shape: Shape, std: float = 0.0, value: float = 0.0) -> Tensor:
    """Declare a parameter of a layer: a `Parameter`, until `Weights` puts a tensor in its place."""
    return Parameter(shape, std, value)  # type: ignore[return-value]  # layers run after that


class Constant:
    """A constant table, computed on the host in double precision.

    `make` returns its values, flat. `tensor` is None until `Weights` has placed the table on a device.
    """

    def __init__(self, shape: Shape, make: Callable[[], Iterable[float]]):
        self.shape, self.make = shape, make
        self.tensor: Tensor | None = None

    def place(self, device: Device, dtype: str) -> None:
        """Upload the table unless it is on the device already: layers can share one."""
        if self.tensor is None:
            self.tensor = empty(device, self.shape, dtype)
            if not device.stores_no_data:  # a plan does not need the values, which take a while to compute
                device.write(self.tensor, array(ARRAY_CODE[dtype], self.make()))


@dataclasses.dataclass(frozen=True)
class RngState:
    """The random state of dropout: two uint32 tensors of one element. Without it, nothing is dropped."""

    seed: Tensor
    step: Tensor


class Module:
    """A layer or a model, with parameters and other modules as attributes. `is_lookup` marks parameters that are lookup
    tables, not matrices of a product."""

    is_lookup = False

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, "Module", str, Parameter | Tensor]]:
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

    def constants(self) -> Iterator[Constant]:
        """Yield every constant; one that layers share is yielded once per layer."""
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
        """The number of trainable values."""
        return sum(parameter.size for _, _, _, parameter in self.named_parameters())


AnyModule = TypeVar("AnyModule", bound=Module)


class Weights:
    """All parameters of a model in one flat tensor. Random values are drawn from `seed`; without one they are zeros.

    `values` is the flat tensor, `by_name` the parameters as slices of it, `embeddings` the names of the lookup tables.
    Matrices come first, since they usually decay. Every parameter starts at a multiple of 64 elements (a GPU binds
    slices at 256 bytes); the gaps hold zeros.
    """

    def __init__(self, device: Device, model: Module, seed: Tensor | None, dtype: str = "float32"):
        declared = list(model.named_parameters())
        # A stable sort: matrices first, the order of declaration within each group.
        ordered = sorted(declared, key=lambda entry: len(entry[3].shape) < 2)
        starts: dict[str, int] = {}
        end = 0
        for name, _, _, parameter in ordered:
            starts[name] = end
            end += -(-parameter.size // 64) * 64
        self.values = empty(device, (end,), dtype)
        fill(out=self.values, value=0.0)
        self.by_name: dict[str, Tensor] = {}
        for site, (name, owner, attribute, parameter) in enumerate(declared):
            assert isinstance(parameter, Parameter)  # a model is placed once
            placed = self.values.slice(starts[name], parameter.shape)
            if parameter.std and seed is not None:
                normal(seed, out=placed, std=parameter.std, purpose=INIT + site)
            elif parameter.value:
                fill(out=placed, value=parameter.value)
            placed.node = Node()
            setattr(owner, attribute, placed)
            self.by_name[name] = placed
        for constant in model.constants():
            constant.place(device, dtype)
        self.order = [name for name, _, _, _ in ordered]
        self.embeddings = {name for name, owner, _, _ in ordered if owner.is_lookup}


def with_parameters(model: AnyModule, named: Mapping[str, Tensor]) -> AnyModule:
    """Give a declared model the tensors in `by_name` as its parameters, without gradients; return the model."""
    for name, owner, attribute, _ in list(model.named_parameters()):
        setattr(owner, attribute, named[name].detached())
    example = next(iter(named.values()))
    for constant in model.constants():
        constant.place(example.device, example.dtype)
    return model
