"""Optimizer state in flat arrays, and spans of parameters that one launch can update."""

import dataclasses
from collections.abc import Callable, Container

from pygpt.nn.parameters import Weights
from pygpt.ops import fill
from pygpt.tensor.tensor import Tensor, empty


class FlatState:
    """One number for each element of some parameters, initially zero.

    `values` is a flat tensor, and `by_name` its parts by parameter name. They are in the order of the weights: adjacent
    parameters are adjacent here.
    """

    def __init__(self, weights: Weights, names: Container[str]):
        sizes = {name: padded_size(weights.by_name[name].size) for name in weights.order if name in names}
        self.values = empty(weights.values.device, (sum(sizes.values()),), weights.values.dtype)
        # The gaps between parameters are zero too, and stay zero.
        fill(out=self.values, value=0.0)
        self.by_name: dict[str, Tensor] = {}
        end = 0
        for name, size in sizes.items():
            self.by_name[name] = self.values.slice(end, weights.by_name[name].shape)
            end += size


@dataclasses.dataclass
class Span:
    """Adjacent parameters in the flat array that are updated alike: their names, their number of elements including the
    gaps, and how many of these elements, counted from the first, decay."""

    names: list[str]
    length: int = 0
    decayed: int = 0

    def of(self, placed: Weights | FlatState) -> Tensor:
        """The slice of a Weights or a FlatState with these parameters."""
        return placed.values.slice(placed.by_name[self.names[0]].offset, (self.length,))


def padded_size(size: int) -> int:
    """The number of elements of a parameter in a flat array, including the gap after it."""
    return -(-size // 64) * 64


def spans(weights: Weights, names: Container[str], decays: Callable[[str], bool]) -> list[Span]:
    """Group the named parameters into spans; `decays(name)` returns whether a parameter decays."""
    groups: list[Span] = []
    end = None
    for name in weights.order:
        if name not in names:
            continue
        placed, length = weights.by_name[name], padded_size(weights.by_name[name].size)
        extends = placed.offset == end and (groups[-1].decayed == groups[-1].length or not decays(name))
        if not extends:
            groups.append(Span([]))
        groups[-1].names.append(name)
        groups[-1].length += length
        groups[-1].decayed += length if decays(name) else 0
        end = placed.offset + length
    return groups
