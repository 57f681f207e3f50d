"""The optimizers: what is done with a gradient, over one flat array of parameters.

All clip the gradient's global norm first, read the step size from a table on the device, and take a few launches for the
whole model, since neighbours in the flat array that are treated alike are one.
"""

import dataclasses

from pygpt.nn import Weights
from pygpt.ops import adamw, blend, clip_scale, descend, fill, momentum, pack, square_sum
from pygpt.tensor import Tensor, empty, tensor


class Slots:
    """Room for a number beside each element of some parameters, zeros at first.

    `values` is a flat tensor, `named` its parts by the parameters' names. They stand in the order of the weights, and what
    neighbours there are neighbours here.
    """

    def __init__(self, weights: Weights, names):
        sizes = {name: room(weights.named[name].size) for name in weights.order if name in names}
        self.values = empty(weights.values.device, (sum(sizes.values()),), weights.values.dtype)
        # Zeros also lie in the gaps between parameters, and stay there.
        fill(out=self.values, value=0.0)
        self.named, end = {}, 0
        for name, size in sizes.items():
            self.named[name] = self.values.slice(end, weights.named[name].shape)
            end += size


@dataclasses.dataclass
class Span:
    """Neighbours in the flat array that are treated alike: the first one's name, how many elements they take together with
    the gaps, and how many of these, from the first on, decay."""

    first: str
    length: int = 0
    decayed: int = 0

    def of(self, placed) -> Tensor:
        """The part of flat weights, or of slots, that stands for these parameters."""
        return placed.values.slice(placed.named[self.first].offset, (self.length,))


def room(size: int) -> int:
    """The elements that a parameter takes up in a flat array, with the gap after it."""
    return -(-size // 64) * 64


def spans(weights: Weights, names, decays) -> list[Span]:
    """The named parameters as spans; `decays` says of a name whether it decays."""
    found, end = [], None
    for name in weights.order:
        if name not in names:
            continue
        placed, length = weights.named[name], room(weights.named[name].size)
        follows = placed.offset == end and (found[-1].decayed == found[-1].length or not decays(name))
        if not follows:
            found.append(Span(name))
        found[-1].length += length
        found[-1].decayed += length if decays(name) else 0
        end = placed.offset + length
    return found


def remembered(config, shapes: dict) -> dict:
    """What is kept from step to step beside a run's weights: by name, for which of the parameters (names and shapes).

    With an average, the run's weights are the averaged ones, which answer, and "trained" are those that learn.
    """
    kept = {"trained": list(shapes)} if config.ema else {}
    if config.name != "sgd":
        return {**kept, "first_moment": list(shapes), "second_moment": list(shapes)}
    return {**kept, "velocity": list(shapes)} if config.momentum else kept


class Optimizer:
    """The optimizer that a configuration asks for.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device. The gradients
    are handed over in `gradients`: tensors by the parameters' names, parts of one flat tensor, which an update may
    write over. `memory` holds what it keeps from step to step, as Slots by name. `average`, where `shares` is the table of
    `average_table`, holds an average of the weights over the steps.
    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101, for AdamW; torch.optim.Adam and
        torch.optim.SGD, whose decay is a part of the gradient.
    """

    def __init__(self, weights: Weights, config, schedule: Tensor, step: Tensor, shares: Tensor | None = None):
        self.weights, self.config = weights, config
        self.schedule, self.step, self.shares = schedule, step, shares
        shapes = {name: placed.shape for name, placed in weights.named.items()}
        self.memory = {group: Slots(weights, names) for group, names in remembered(config, shapes).items() if group != "trained"}
        self.average = Slots(weights, weights.order) if shares else None
        if self.average:
            pack(weights.values, out=self.average.values)
        self.gradient = Slots(weights, weights.order)
        self.gradients = self.gradient.named
        self._one = tensor(weights.values.device, [1.0], dtype=weights.values.dtype)

    def update(self) -> None:
        """One step along the gradients."""
        scale, _ = clip_scale(square_sum(self.gradient.values), max_norm=self.config.grad_clip)
        for span in spans(self.weights, self.weights.order, self._decays):
            if self.config.name == "sgd":
                self._sgd(span, scale)
            else:
                self._adam(span, scale)
        if self.average:
            blend(self.weights.values, self.shares, self.step, out=self.average.values)

    def _decays(self, name):
        if self.config.decay_groups == "all":
            return True
        matrix = len(self.weights.named[name].shape) > 1
        return matrix and not (self.config.decay_groups == "linear" and name in self.weights.embeddings)

    def _adam(self, span, scale):
        config = self.config
        adamw(span.of(self.gradient), scale, self.schedule, self.step,
              out=(span.of(self.weights), span.of(self.memory["first_moment"]), span.of(self.memory["second_moment"])),
              beta1=config.beta1, beta2=config.beta2, epsilon=config.epsilon, weight_decay=config.weight_decay,
              decayed=span.decayed, coupled=config.name == "adam")

    def _sgd(self, span, scale):
        config, direction = self.config, span.of(self.gradient)
        decay = {"weight_decay": config.weight_decay, "decayed": span.decayed}
        if config.momentum:
            momentum(span.of(self.weights), scale, out=(direction, span.of(self.memory["velocity"])), beta=config.momentum,
                     nesterov=config.nesterov, **decay)
            scale, decay = self._one, {"weight_decay": 0.0, "decayed": 0}
        descend(direction, scale, self.schedule, self.step, out=span.of(self.weights), **decay)
