"""What an optimizer keeps beside the parameters, flat, and runs of neighbours that one launch can step."""

import dataclasses

from pygpt.nn.parameters import Weights
from pygpt.ops import fill
from pygpt.tensor.tensor import Tensor, empty


class FlatState:
    """Room for a number beside each element of some parameters, zeros at first.

    `values` is a flat tensor, `named` its parts by the parameters' names. They stand in the order of the weights, and what
    neighbours there are neighbours here.
    """

    def __init__(self, weights: Weights, names):
        sizes = {name: padded_size(weights.named[name].size) for name in weights.order if name in names}
        self.values = empty(weights.values.device, (sum(sizes.values()),), weights.values.dtype)
        # Zeros also lie in the gaps between parameters, and stay there.
        fill(out=self.values, value=0.0)
        self.named, end = {}, 0
        for name, size in sizes.items():
            self.named[name] = self.values.slice(end, weights.named[name].shape)
            end += size


@dataclasses.dataclass
class Span:
    """Neighbours in the flat array that are treated alike: their names, how many elements they take together with the gaps,
    and how many of these, from the first on, decay."""

    names: list
    length: int = 0
    decayed: int = 0

    def of(self, placed) -> Tensor:
        """The part of flat weights, or of slots, that stands for these parameters."""
        return placed.values.slice(placed.named[self.names[0]].offset, (self.length,))


def padded_size(size: int) -> int:
    """The elements that a parameter takes up in a flat array, with the gap after it."""
    return -(-size // 64) * 64


def spans(weights: Weights, names, decays) -> list[Span]:
    """The named parameters as spans; `decays` says of a name whether it decays."""
    found, end = [], None
    for name in weights.order:
        if name not in names:
            continue
        placed, length = weights.named[name], padded_size(weights.named[name].size)
        follows = placed.offset == end and (found[-1].decayed == found[-1].length or not decays(name))
        if not follows:
            found.append(Span([]))
        found[-1].names.append(name)
        found[-1].length += length
        found[-1].decayed += length if decays(name) else 0
        end = placed.offset + length
    return found
